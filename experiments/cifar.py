"""What the trainings on parts of CIFAR-10 share: models of about 22 million MACs, recipe, images, scores, tables.

They are small so that each takes minutes, and there are three of each: a mean says little without its spread. What
results/ has of CIFAR-10 is of a copy of its images that had been stored as JPEG.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np
from numpy import ndarray
from record import RUNS, spread

import minivit as mv
from minivit.data import LabeledImages
from minivit.data.dataset import Dataset
from minivit.storage import checksum
from minivit.tasks.classification import Classification
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import recipe_of

SEEN, BATCH_SIZE, THREADS = 100_000, 125, 1
"""Images that a training sees, each as often as there is time; 125 divides all numbers of images here. Two trainings
side by side are done sooner than one after the other in two threads each."""

SAVE_SECONDS = 60
"""Between two checkpoints of a training that is under way."""

MODELS: dict[str, dict[str, Any]] = {
    "ViT": {"name": "vit_micro_patch4_32"},
    "ResNet": {"name": "resnet20_32", "layers": (1, 2, 2)},
    "hybrid": {"name": "vit_tiny_r8_s4_32", "channels": (16, 32, 64), "embed_dim": 104, "depth": 3},
    "Swin": {"name": "swin_tiny_patch2_32", "embed_dim": 40, "depths": (2, 2, 2)},
}
"""Of about the same number of MACs for an image, 22 million."""

RATES = {"ViT": 2e-3, "ResNet": 32e-3, "hybrid": 2e-3, "Swin": 2e-3}
"""Learning rates, found by learning_rates.py."""


def recipe_for(net: str, images: int, *, seed: int, seen: int = SEEN, **choices: Any) -> Recipe:
    """That of ``minivit train --data cifar10`` for so many images, seen so often that ``seen`` are reached.

    Parameters
    ----------
    net : str
        Of ``MODELS``.
    images, seen, seed : int
    **choices
        What differs: options of the model as ``options``, a recipe's name as ``named``, and choices of ``Recipe``.
    """
    options = {name: value for name, value in MODELS[net].items() if name != "name"} | choices.pop("options", {})
    if seen > images and seen % images:
        raise ValueError(f"{seen} images cannot be seen in whole passes through {images}")
    epochs = max(1, seen // images)
    given = {"lr": RATES[net], "epochs": epochs, "batch_size": BATCH_SIZE, "warmup_epochs": epochs / 20, **choices}
    recipe = recipe_of("cifar10", model=MODELS[net]["name"], seed=seed, **given)
    return replace(recipe, options={**recipe.options, **options})


def options_for(net: str) -> dict[str, Any]:
    """Name and options of what a training by :func:`recipe_for` begins with: the presets have class tokens besides."""
    recipe = recipe_for(net, SEEN, seed=0)
    return {"name": recipe.model, **recipe.options}


def part(dataset: Dataset, images: int, seed: int) -> Dataset:
    """So many of the training images, others for each seed; fewer of a seed are among the more of it."""
    order = np.random.default_rng(seed).permutation(len(dataset.train))
    return replace(dataset, train=dataset.train.take(order[:images]))


def trained(recipe: Recipe, dataset: Dataset) -> Trainer:
    """A training that has come to its end."""
    return to_the_end(Trainer(recipe, blind(dataset), threads=THREADS))


def blind(dataset: Dataset) -> Dataset:
    """With a single image to test with: a score after each of many epochs would take most of the time."""
    return replace(dataset, test=dataset.test.take(slice(1)))


def to_the_end(trainer: Trainer) -> Trainer:
    """The same, trained; what was stopped on the way goes on from there when it is asked for again."""
    path = RUNS / f"under-way-{name_of(trainer)}.safetensors"
    if path.is_file():
        trainer.resume(path)
    saved = monotonic()
    for _ in trainer.run():
        if monotonic() - saved > SAVE_SECONDS:
            RUNS.mkdir(exist_ok=True)
            trainer.save(path)
            saved = monotonic()
    path.unlink(missing_ok=True)
    return trainer


def name_of(trainer: Trainer) -> str:
    """Another one for each training that would end in other weights."""
    return checksum({}, {**trainer.identity(), **trainer.fingerprints})


def accuracy(trainer: Trainer, examples: LabeledImages) -> float:
    """Share of the images that get the right class."""
    return right(predict(trainer.finished(), trainer.normalize(examples.images), threads=THREADS), examples)


def right(logits: ndarray, examples: LabeledImages) -> float:
    """Share of the images whose class has the largest logit."""
    return round(Classification().score(logits, examples.labels), 4)


def scores(trainer: Trainer, dataset: Dataset) -> dict[str, float]:
    """Accuracy on the images of the training (at most 5,000 of them), and on those of the test."""
    seen = trainer.dataset.train.take(slice(5_000))
    return {"train": accuracy(trainer, seen), "test": accuracy(trainer, dataset.test)}


def markdown(
    runs: Iterable[dict[str, Any]], row: Callable[[Any], str], column: Callable[[Any], str], value: str = "test"
) -> str:
    """A table with mean and standard deviation of the runs that have the same row and column."""
    cells: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        cells.setdefault(row(run), {}).setdefault(column(run), []).append(run[value])
    columns = [*dict.fromkeys(name for cell in cells.values() for name in cell)]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name, cell in cells.items():
        lines.append(f"| {name} | {' | '.join(spread(cell.get(c, [])) for c in columns)} |")
    return "\n".join(lines)


def cifar(data_dir: str) -> Dataset:
    """CIFAR-10 from a folder that has it."""
    return mv.data.load_dataset("cifar10", data_dir=data_dir)


def main(measure_all: Callable[[Dataset], None], table: Callable[[], str]) -> None:
    """``python experiments/NAME.py DATA_DIR`` makes the runs, ``python experiments/NAME.py`` prints their table."""
    if sys.argv[1:]:
        measure_all(cifar(sys.argv[1]))
    else:
        print(table())
