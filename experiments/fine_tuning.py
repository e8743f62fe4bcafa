"""Where a training may begin: from scratch, from hidden patches, from smaller images.

    python experiments/fine_tuning.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/fine_tuning.py               # the tables

Hidden patches: a ViT with patches of 8 x 8 learns CIFAR-10 of 2,000 labeled images, seen twenty times. Before, it may
have learned what is on hidden patches of all 50,000 images, which needs no label, by each of the four targets. It is
probed with a frozen body, and trained whole; learning rates are chosen by 2,500 further images that are held back.

Higher resolution: a ViT with patches of 4 x 4 learns 20,000 images of 16 x 16 pixels, and then those of 32 x 32, four
times as many tokens, beside trainings on the large images alone. It writes results/fine_tuning.json and
results/fine_tuning_higher_resolution.json.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cifar import (
    BATCH_SIZE,
    MODELS,
    RATES,
    SEEN,
    THREADS,
    accuracy,
    blind,
    main,
    markdown,
    part,
    recipe_for,
    scores,
    to_the_end,
    trained,
)
from record import SEEDS, record, runs_of

from minivit.data import LabeledImages
from minivit.data.dataset import Dataset
from minivit.train import Trainer
from minivit.train.recipes import recipe_of

LABELED, HELD_BACK, PATCHES_OF_8 = 2_000, 2_500, {"patch_size": 8, "fc_norm": False}
TARGETS = ("nothing", "mean", "downsized", "pixels", "rgb")
MASKED = {"epochs": 4, "batch_size": BATCH_SIZE, "lr": 1e-3, "warmup_epochs": 0.2}
WAYS = {"probe": {"freeze": True, "rates": (4e-3, 2e-2)}, "whole": {"freeze": False, "rates": (2e-3, 5e-4)}}


def pretrained(target: str, dataset: Dataset, seed: int) -> Trainer:
    """A model that has learned what is on hidden patches; of nothing, one that has learned nothing."""
    if target == "nothing":
        recipe = recipe_for("ViT", LABELED, seed=seed, options=PATCHES_OF_8)
        return Trainer(recipe, dataset, threads=THREADS)
    recipe = recipe_of("cifar10", [("target", target)], model="masked_vit_micro_patch8_32", seed=seed, **MASKED)
    return to_the_end(Trainer(recipe, blind(dataset), threads=THREADS))


def measure_hidden_patches(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""

    def measure(*, target: str, seed: int) -> dict[str, Any]:
        drawn = part(dataset, LABELED + HELD_BACK, seed)
        few = replace(drawn, train=drawn.train.take(slice(LABELED)))
        held_back = drawn.train.take(slice(LABELED, None))
        result: dict[str, Any] = {}
        with TemporaryDirectory() as folder:
            init = str(Path(folder) / "pretrained.safetensors")
            pretrained(target, dataset, seed).save(init)
            for way, how in WAYS.items():
                found = {}
                for lr in how["rates"]:
                    choices = {"lr": lr, "init": init, "freeze": how["freeze"], "options": PATCHES_OF_8}
                    trainer = trained(recipe_for("ViT", LABELED, seed=seed, seen=20 * LABELED, **choices), few)
                    found[lr] = accuracy(trainer, held_back), accuracy(trainer, dataset.test)
                best = max(found, key=lambda lr: found[lr])
                result |= {f"{way} lr": best, way: found[best][1]}
        return result

    about = {"command": "python experiments/fine_tuning.py DATA_DIR", "model": MODELS["ViT"], "options": PATCHES_OF_8}
    about |= {"labeled": LABELED, "pretraining": MASKED, "ways": WAYS}
    record("fine_tuning", about, [{"target": target, "seed": seed} for seed in SEEDS for target in TARGETS], measure)


IMAGES = 20_000
STEPS: dict[str, tuple[tuple[int, int], ...]] = {
    "16 x 16": ((16, SEEN),),
    "16 x 16, then 32 x 32": ((16, SEEN), (32, SEEN // 5)),
    "32 x 32, nine tenths of the MACs": ((32, 2 * SEEN // 5),),
    "32 x 32, as many images": ((32, SEEN),),
}
"""Sides of the images, and how many of them are seen. Those of 16 x 16 have a quarter of the tokens, so 100,000 of them
and 20,000 of the others cost as much as 43,400 of these: twice through 20,000 images is nine tenths of it."""


def at_side(dataset: Dataset, side: int) -> Dataset:
    """Each pixel the mean of those that it stands for."""

    def small(examples: LabeledImages) -> LabeledImages:
        B, Y, X, C = examples.images.shape
        tiles = examples.images.reshape(B, side, Y // side, side, X // side, C).mean((2, 4))
        return LabeledImages(tiles.round().astype(examples.images.dtype), examples.labels)

    return replace(dataset, train=small(dataset.train), test=small(dataset.test))


def measure_higher_resolution(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""

    def measure(*, row: str, seed: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        with TemporaryDirectory() as folder:
            init = None
            for side, seen in STEPS[row]:
                lr = RATES["ViT"] / (4 if init else 1)
                resized = at_side(part(dataset, IMAGES, seed), side)
                recipe = recipe_for("ViT", IMAGES, seed=seed, seen=seen, lr=lr, init=init, crop_padding=side // 8)
                trainer = trained(recipe, resized)
                init = str(Path(folder) / f"{side}.safetensors")
                trainer.save(init)
                result = scores(trainer, resized)
        return result

    about = {"command": "python experiments/fine_tuning.py DATA_DIR", "model": MODELS["ViT"], "images": IMAGES}
    about |= {"side and images seen": STEPS}
    record(
        "fine_tuning_higher_resolution", about, [{"row": row, "seed": seed} for seed in SEEDS for row in STEPS], measure
    )


def measure_all(dataset: Dataset) -> None:
    """Both kinds of trainings."""
    measure_hidden_patches(dataset)
    measure_higher_resolution(dataset)


def tables() -> str:
    """Mean and spread of the test accuracy, in Markdown."""
    runs = runs_of("fine_tuning")
    hidden = [{"what": run["target"], "way": way, "test": run[way]} for run in runs for way in WAYS]
    first = markdown(hidden, lambda run: run["what"], lambda run: run["way"])
    return (
        first
        + "\n\n"
        + markdown(runs_of("fine_tuning_higher_resolution"), lambda run: run["row"], lambda run: "test accuracy")
    )


if __name__ == "__main__":
    main(measure_all, tables)
