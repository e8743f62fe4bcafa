"""Every family for images side by side: about half a million parameters, ten minutes on CIFAR-10, two cores.

    python experiments/gallery.py speed DATA_DIR     # seconds per step, on a machine that does nothing else
    python experiments/gallery.py twins DATA_DIR     # the same beside PyTorch and timm, where these are installed
    python experiments/gallery.py rates DATA_DIR     # each of three learning rates, for 15,000 images
    python experiments/gallery.py train DATA_DIR     # ten minutes for each; can be stopped and goes on
    python experiments/gallery.py page DATA_DIR      # writes docs/gallery.md and its pictures

Each makes what is not yet in its file of results/. A learning rate is the best of RATES, after one pass through 15,000
images, on 5,000 others; both are of the training. Images to test with are looked at at the end only. Models are kept in
runs/. iGPT reads pixels of 16 x 16 and no label: what it is right for is what a linear probe of its middle block finds.
"""

# pyright: reportMissingImports=false

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from inspect import getfile
from pathlib import Path
from typing import Any, NamedTuple

import logistic  # noqa: F401 (its preset is a row like any other)
import numpy as np
from cifar import accuracy, blind, cifar, to_the_end
from gallery_pictures import Special, special_of
from numpy import ndarray
from record import RUNS, how_measured, record, runs_of
from timed import OF_STEPS, SPARE, THREADS, seconds_of, speed_of, trained_for

import minivit as mv
from minivit.data.dataset import Dataset
from minivit.data.resized import resized
from minivit.look.influence import influence
from minivit.models import MODELS, PRESETS, ImageGPT, MaskedViT
from minivit.plot import save
from minivit.plot.family_tree import family_tree
from minivit.plot.influence import influences
from minivit.train import Recipe, Trainer
from minivit.train.kinds import kind_of
from minivit.train.recipes import recipe_of
from minivit.types import pair

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

PAIRS = 20
RATES, MINUTES = (1e-3, 4e-3, 16e-3), 10
TRIED, HELD_BACK = 15_000, 5_000
BASELINE, BATCH_SIZE = "logistic_regression_32", Recipe.batch_size
DOCS = Path(__file__).parent.parent / "docs"
SHOWN = 7  # the image of the test that influence is asked on: an airplane

SETTINGS: dict[str, dict[str, str]] = {
    "ViT": {"embed_dim": "120"},
    "Swin": {"embed_dim": "40", "depths": "2,2,2"},
    "Mixer": {"num_blocks": "4"},
    "ResNet": {"channels": "20,40,88"},
    "HybridViT": {"embed_dim": "112"},
    "SamViT": {"embed_dim": "100"},
    "SASA": {"stem": "7x7"},
    "LRNet": {"stem": "7x7"},
    "AttentionAugmentedResNet": {"augment_from": "2"},
}
"""What makes half a million parameters of presets that have fewer, or more. Attention in place of convolutions, and
beside them, is on maps of 8 x 8 and less here: on larger ones ten minutes would be an epoch."""


AHEAD = 0.1  # of logistic regression

WHY_NOT: dict[str, str] = {
    "ImageGPT": "It is told no class: what counts is what a linear probe finds in vectors that have learned to "
    "foretell the next pixel, after one pass; the paper's models learn from a million batches of 128 images (section "
    "3.3).",
    "HybridViT": "It learns slowly: after as many of 50,000 images a ViT is seven points ahead of such a hybrid, too "
    "([lecture 11](../notebooks/11_training_better.ipynb), with three seeds), and its steps take 1.7 times as long.",
}
"""Of families that are not so far ahead, the reason."""

HERE: dict[str, str] = {
    "SASA": "Its stem is a convolution here, and attention has maps of 8 x 8 and less.",
    "LRNet": "Its stem is a local relation layer of 7 x 7 with stride 2, as in the paper; the blocks here have maps of "
    "8 x 8 and less.",
    "AttentionAugmentedResNet": "Attention is beside the convolutions of the last stage alone here, on maps of 8 x 8.",
}
"""How the model here differs from what is said of its family."""


def families() -> Iterator[str]:
    """The smallest preset for images of 32 x 32, of every classifier that has one, and that of iGPT for 16 x 16."""
    for kind in MODELS.values():
        side = "_16" if kind is ImageGPT else "_32"
        names = [name for name, (of, _) in PRESETS.items() if of is kind and name.endswith(side)]
        if names and kind is not MaskedViT:
            yield min(names, key=lambda name: mv.create_model(name).num_params)


def recipe_for(model: str, **choices: Any) -> Recipe:
    """That of ``minivit train --data cifar10``, for a model of about half a million parameters."""
    kind, _ = PRESETS[model]
    return recipe_of("cifar10", [*SETTINGS.get(kind.__name__, {}).items()], model=model, **choices)


def shown_to(model: str, dataset: Dataset) -> Dataset:
    """The images in the size that the model reads: for most they stay what they are."""
    size = pair(mv.create_model(model).config["img_size"])
    return dataset if dataset.train.images.shape[1:3] == size else resized(dataset, size)


def right_for(trainer: Trainer, dataset: Dataset) -> float:
    """Share of the images to test with whose class is found, by a linear probe where the model says none."""
    if not isinstance(trainer.model, ImageGPT):
        return accuracy(trainer, dataset.test)
    from probe_pixels import probed_layers

    return round(probed_layers(trainer.model, dataset)[trainer.model.config["depth"] // 2], 4)


def about(what: str, **settings: Any) -> dict[str, Any]:
    """How a file of results was made."""
    return {"command": f"python experiments/gallery.py {what} DATA_DIR", "threads": THREADS, **settings}


def measure_speed(dataset: Dataset) -> None:
    """Seconds per step of each."""

    def measure(*, model: str) -> dict[str, Any]:
        return speed_of(recipe_for(model), shown_to(model, dataset))

    record("gallery_speed", about("speed", **OF_STEPS), ({"model": model} for model in families()), measure)


def measure_twins(dataset: Dataset) -> None:
    """How many steps of the same model in PyTorch fit into one, for those that have a twin there."""
    from measure import speed_ratios, spread
    from speed import compare
    from workload import TWINS

    def measure(*, model: str) -> dict[str, Any]:
        options: dict[str, Any] = {**recipe_for(model).options, "drop_path_rate": 0.0}  # both must drop the same
        kept = mv.create_model(model, **options)
        workload = [model, {"family": type(kept).__name__, **kept.config}, BATCH_SIZE]
        ratios = spread(speed_ratios(compare("step", workload, "torch", THREADS, PAIRS)))
        return {"ratio": [round(ratio, 3) for ratio in ratios]}

    runs = ({"model": model} for model in families() if PRESETS[model][0].__name__ in TWINS)
    record("gallery_twins", about("twins", pairs=PAIRS), runs, measure)


def measure_rates(dataset: Dataset) -> None:
    """What is learned at each rate of images that are held back."""
    train = dataset.train
    held_back = replace(dataset, train=train.take(slice(TRIED)), test=train.take(slice(-HELD_BACK, None)))

    def measure(*, model: str, lr: float) -> dict[str, Any]:
        images = shown_to(model, held_back)
        trainer = to_the_end(Trainer(recipe_for(model, lr=lr, epochs=1), blind(images), threads=THREADS))
        return {"held back": round(trainer.score(images.test), 4)}

    runs = ({"model": model, "lr": lr} for model in families() for lr in RATES)
    record("gallery_rates", about("rates", images=TRIED), runs, measure)


def measure_training(dataset: Dataset) -> None:
    """The accuracy after ten minutes at the best rate."""
    found = runs_of("gallery_rates")

    def measure(*, model: str) -> dict[str, Any]:
        best = max((run for run in found if run["model"] == model), key=lambda run: run["held back"])
        images, seconds = shown_to(model, dataset), seconds_of("gallery", model=model)
        trainer = trained_for(MINUTES, recipe_for(model, lr=best["lr"]), images, seconds)
        RUNS.mkdir(exist_ok=True)
        trainer.save(path_of(model))
        return {"lr": best["lr"], "epochs": trainer.recipe.epochs, "test": right_for(trainer, images)}

    record("gallery", about("train", minutes=MINUTES), ({"model": model} for model in families()), measure)


def path_of(model: str) -> Path:
    """Where the trained model is kept."""
    return RUNS / f"gallery-{model}.safetensors"


def influence_of(model: Any, dataset: Dataset) -> dict[str, ndarray]:
    """How much each pixel counts for the middle of the map, after each block, if it becomes its negative."""
    image = dataset.test.images[SHOWN : SHOWN + 1]
    changed = np.repeat(image, image[0, :, :, 0].size, 0)
    pixels = changed.reshape(len(changed), len(changed), -1)
    one_each = np.arange(len(changed))
    pixels[one_each, one_each] = 255 - pixels[one_each, one_each]
    normalize = kind_of(dataset).normalize
    shares = influence(model, normalize(image), normalize(changed))
    return {name: share.reshape(image.shape[1:3]) for name, share in shares.items()}


def pictures_of(model: Any, dataset: Dataset) -> list[Special]:
    """What is special about it; and of a classifier how far it sees."""
    if isinstance(model, ImageGPT):
        return [special_of(model)]
    image, maps = dataset.test.images[SHOWN], influence_of(model, dataset)
    seen = ", ".join(f"{np.count_nonzero(share) / share.size:.0%}" for share in maps.values())
    says = f"Of the pixels have a say, block by block: {seen}."
    field = Special("What counts for the middle of the map", says, influences(image, maps))
    return [special_of(model, image, kind_of(dataset).normalize(image[None])), field]


class Family(NamedTuple):
    """What the file of a model says of it."""

    title: str
    idea: str
    source: str
    year: int
    file: str


def family_of(kind: type) -> Family:
    """From its first sentence, which has a colon behind the name, and from its source."""
    file = Path(getfile(kind))
    text = re.sub(r"\s+", " ", ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")
    ((title, idea, source),) = re.findall(r"^(.+?): (.+?\.) .*?Sources?: (.*)", text)
    (year, *_) = re.findall(r"\b(?:19|20)\d\d\b", source)
    return Family(title, idea[:1].upper() + idea[1:], source, int(year), f"minivit/models/{file.name}")


def row_of(run: dict[str, Any], model: Any, title: str) -> str:
    """What a family costs, and what it has learned."""
    batch = recipe_for(run["model"]).batch_size
    cost = mv.cost.estimate(model, batch=batch, threads=THREADS)
    seconds = seconds_of("gallery", model=run["model"])
    anchor = re.sub(r"[^\w-]", "", title.replace(" ", "-").lower())  # as GitHub makes them
    cells = [f"[{type(model).__name__}](#{anchor})", f"{cost.params:,}"]
    macs = mv.cost.estimate(model).macs_forward  # of one image: Swin V2 computes biases for each shard
    cells += [f"{macs / 1e6:.1f} M", f"{cost.peak_training_bytes / 2**20:.0f} MiB"]
    beside = {twin["model"]: f"{twin['ratio'][1]:.2f}" for twin in runs_of("gallery_twins")}
    cells += [f"{seconds:.3f} s", beside.get(run["model"], "")]
    cells += [f"{run['epochs']}", f"{run['lr']:g}", f"{run['test']:.1%}"]
    return f"| {' | '.join(cells)} |"


def write_page(dataset: Dataset) -> None:
    """docs/gallery.md and docs/images/gallery/."""
    (DOCS / "images" / "gallery").mkdir(parents=True, exist_ok=True)
    save(family_tree(), DOCS / "images" / "gallery" / "family_tree.png")
    head = "parameters | MACs | peak | step | PyTorch / minivit | epochs | rate | test"
    table = [f"| | {head} |", "|---" + "|---:" * 8 + "|"]
    parts: list[str] = []
    runs = {run["model"]: run for run in runs_of("gallery")}
    baseline = runs.pop(BASELINE)["test"]
    for model in sorted(runs, key=lambda model: family_of(PRESETS[model][0]).year):
        run, trained = runs[model], mv.load(path_of(model))
        family = family_of(type(trained))
        table.append(row_of(run, trained, family.title))
        settings = "".join(f" --set {name}={value}" for name, value in SETTINGS.get(type(trained).__name__, {}).items())
        parts += [
            f"## {family.title}",
            f"{family.idea} ([`{family.file}`](../{family.file}); {family.source.rstrip('.')}.)",
            f"    minivit train --data cifar10 --model {model}{settings} --lr {run['lr']:g} --epochs {run['epochs']}",
        ]
        if type(trained).__name__ in HERE:
            parts.append(HERE[type(trained).__name__])
        if (ahead := run["test"] - baseline) < AHEAD:
            where = f"{abs(ahead) * 100:.1f} points {'ahead of' if ahead > 0 else 'behind'} logistic regression"
            parts.append(f"It is {where}. {WHY_NOT[type(trained).__name__]}")
        for name, (title, says, figure) in zip((model, f"{model}_sees"), pictures_of(trained, dataset), strict=False):
            save(figure, DOCS / "images" / "gallery" / f"{name}.png")
            parts += [f"{title}. {says}", f"![{title}](images/gallery/{name}.png)"]
    sizes = {"batch": BATCH_SIZE, "pixels": recipe_for("imagegpt_tiny_16").batch_size}
    at_an_end = sum(runs[model]["lr"] in (min(RATES), max(RATES)) for model in runs)
    sizes |= {"spare": SPARE, "families": len(runs), "at_an_end": at_an_end, **how_measured("gallery_speed")}
    intro = HEAD.format(minutes=MINUTES, tried=TRIED, baseline=baseline, **sizes)
    (DOCS / "gallery.md").write_text("\n\n".join([intro, "\n".join(table), TAIL, *parts]) + "\n", encoding="utf-8")


HEAD = """# Every family side by side

    python experiments/gallery.py speed DATA_DIR     # seconds per step, on a machine that does nothing else
    python experiments/gallery.py twins DATA_DIR     # the same beside PyTorch and timm, where these are installed
    python experiments/gallery.py rates DATA_DIR     # a learning rate for each
    python experiments/gallery.py train DATA_DIR     # {minutes} minutes for each; can be stopped and goes on
    python experiments/gallery.py page DATA_DIR      # this page and its pictures

Each family has a model of about half a million parameters here, which has learned CIFAR-10 for {minutes} minutes on two
cores of an AMD EPYC with AVX-512: as many whole epochs, but one at least, as fit into {spare:.0%} of that time, by the
seconds of a step (the {seconds} of {steps}); the rest is for the data and the test. The rate of learning is the best of
three, tried on {tried:,} images and judged by others that are held back; for {at_an_end} of {families} families it is
the lowest or the highest of them, so there may be a better one beyond. There is one run of each, so that a point or two
are no ranking; and what learns most in {minutes} minutes need not learn most in a day.
Logistic regression on the pixels reaches {baseline:.1%} in the same time. Peak and seconds are those of a step in two
threads, with {batch} images (iGPT: {pixels}). PyTorch / minivit is how long a step of the same model takes in PyTorch,
with {batch} images, the same weights and losses (timm's model, or one as its users write it), divided by how long it
takes here: above 1, minivit is faster.

![Which idea came of which](images/gallery/family_tree.png)"""

TAIL = """Of each family there is a picture of what is special about it, and one of how far it sees: how much each pixel
of an image counts for the middle of the map, after each block, by how far the vector there moves if the pixel becomes
its negative. White pixels have no say at all. So attention, windows, shifts and convolutions can be told apart by what
they look at. Maps are as dark as their largest number; of numbers with a sign blue is more than 0, orange less."""


def main() -> None:
    """What the command says."""
    what, data_dir = sys.argv[1:]
    makers = {"speed": measure_speed, "twins": measure_twins, "rates": measure_rates, "train": measure_training}
    makers |= {"page": write_page}
    makers[what](cifar(data_dir))


if __name__ == "__main__":
    main()
