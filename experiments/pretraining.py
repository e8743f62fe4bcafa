"""Pre-training on more images, then fine-tuning: a ViT, a ResNet and a hybrid of the same MACs, on parts of CIFAR-10.

    python experiments/pretraining.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/pretraining.py               # the table

Each learns five classes, of none or 25,000 images, and then the five others of 500 images, seen twenty times: at the
learning rate of its pre-training or a quarter of it, as 2,500 further images say that are held back. It writes
results/pretraining.json.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from cifar import MODELS, RATES, SEEN, accuracy, main, markdown, part, recipe_for, scores, trained
from record import SEEDS, record, runs_of

from minivit.data import LabeledImages
from minivit.data.dataset import Dataset

NETS, BEFORE, AFTER, HELD_BACK = ("ViT", "ResNet", "hybrid"), (0, 25_000), 500, 2_500
FIRST, OTHERS = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
"""Airplane, automobile, bird, cat, deer; dog, frog, horse, ship, truck."""


def of_classes(dataset: Dataset, classes: tuple[int, ...]) -> Dataset:
    """What is left of a data set if there are these classes alone."""

    def kept(examples: LabeledImages) -> LabeledImages:
        of_these = examples.take(np.flatnonzero(np.isin(examples.labels, classes)))
        return LabeledImages(of_these.images, np.searchsorted(classes, of_these.labels))

    names = tuple(dataset.class_names[c] for c in classes)
    return replace(dataset, train=kept(dataset.train), test=kept(dataset.test), class_names=names)


def measure_all(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""
    first, others = of_classes(dataset, FIRST), of_classes(dataset, OTHERS)

    def measure(*, net: str, before: int, seed: int) -> dict[str, Any]:
        drawn = part(others, AFTER + HELD_BACK, seed)
        few = replace(drawn, train=drawn.train.take(slice(AFTER)))
        held_back = drawn.train.take(slice(AFTER, None))
        with TemporaryDirectory() as folder:
            init = None
            if before:
                init = str(Path(folder) / "pretrained.safetensors")
                trained(recipe_for(net, before, seed=seed), part(first, before, seed)).save(init)
            found = {}
            for lr in (RATES[net], RATES[net] / 4):
                trainer = trained(recipe_for(net, AFTER, seed=seed, seen=20 * AFTER, lr=lr, init=init), few)
                found[lr] = {"held back": accuracy(trainer, held_back), **scores(trainer, others)}
        best = max(found, key=lambda lr: found[lr]["held back"])
        return {"lr": best, **found[best]}

    about = {"command": "python experiments/pretraining.py DATA_DIR", "seen before": SEEN, "images after": AFTER}
    about |= {"models": {net: MODELS[net] for net in NETS}, "lr": {net: RATES[net] for net in NETS}}
    runs = [{"net": net, "before": before, "seed": seed} for seed in SEEDS for before in BEFORE for net in NETS]
    record("pretraining", about, runs, measure)


def table() -> str:
    """Mean and spread of the test accuracy after fine-tuning, in Markdown."""
    return markdown(runs_of("pretraining"), lambda run: f"{run['before']:,} images before", lambda run: run["net"])


if __name__ == "__main__":
    main(measure_all, table)
