"""What does iGPT learn from pixels, without labels? A linear probe on each of its blocks, before and after training.

    python experiments/probe_pixels.py        # the table; first the runs that are not in results/probe_pixels.json yet

A run draws shapes of its own, of 16 x 16 pixels, trains ``imagegpt_tiny_16`` to say the next pixel, told no class, and
fits logistic regression to features that stay as they are: the mean over all places of what enters each block, behind
its first norm, and of what leaves the last (Chen et al. 2020, section 3.4; there the middle is best). The mean colour
of an image, and all its pixels, are what a model has to be better than.

``bits`` are those of a pixel of the test images, where all colours are equally likely 6.
"""

from typing import Any

import numpy as np
from numpy import ndarray
from record import SEEDS, record, runs_of, spread

from minivit import data
from minivit.data.resized import resized
from minivit.models import ImageGPT
from minivit.train import Trainer, linear_probe
from minivit.train.recipes import recipe_of

SETTINGS: dict[str, Any] = {"n_train": 20_000, "n_test": 2_000, "probed_on": 5_000, "penalty": 1e-3, "epochs": 1}


def measure(*, seed: int) -> dict[str, Any]:
    """Test accuracy of the probes before and after training, and the bits of a pixel after it."""
    images = resized(data.shapes(SETTINGS["n_train"], SETTINGS["n_test"], seed=seed), 16)
    recipe = recipe_of("shapes", model="imagegpt_tiny_16", epochs=SETTINGS["epochs"], seed=seed)
    trainer = Trainer(recipe, images)
    model: Any = trainer.model
    found: dict[str, Any] = {
        "mean_color": probed(images, lambda pixels: pixels.mean((1, 2))[None] / 255)[0],
        "pixels": probed(images, lambda pixels: pixels.reshape(1, len(pixels), -1) / 255)[0],
        "before": probed_layers(model, images),
    }
    for _ in trainer.run():
        pass
    bits = (1 - trainer.test_score()) * np.log2(model.start)
    return found | {"after": probed_layers(model, images), "bits": bits}


def probed_layers(model: ImageGPT, images: data.Dataset) -> list[float]:
    """Test accuracy of a probe on what enters each block, and on what leaves the last."""
    return probed(images, lambda pixels: model.features(model.encode(pixels)))


def probed(images: data.Dataset, features_of: Any) -> list[float]:
    """Test accuracies of logistic regression on each of several kinds of features of images, (kinds, B, D)."""
    splits = images.train.take(slice(SETTINGS["probed_on"])), images.test
    train, test = (np.concatenate([features_of(part) for part in chunks(split.images)], axis=1) for split in splits)
    labels, answers = (split.labels for split in splits)
    return [
        linear_probe(known, labels, penalty=SETTINGS["penalty"]).accuracy(new, answers)
        for known, new in zip(train, test, strict=True)
    ]


def chunks(images: ndarray) -> list[ndarray]:
    """A few images at a time: what is said of all their pixels takes much memory."""
    return np.array_split(images, -(-len(images) // 16))


def table() -> str:
    """Test accuracy of each probe in percent, mean and standard deviation over the seeds, in Markdown."""
    runs = runs_of("probe_pixels")
    lines = ["| what the probe reads | untrained | trained |", "|---|---:|---:|"]
    for name, what in {"mean_color": "the mean colour", "pixels": "all pixels"}.items():
        lines.append(f"| {what} | {spread([run[name] for run in runs])} | |")
    last = len(runs[0]["after"]) - 1
    for i in range(last + 1):
        shares = (spread([run[when][i] for run in runs]) for when in ("before", "after"))
        lines.append(f"| what {f'enters block {i + 1}' if i < last else 'leaves the last'} | {' | '.join(shares)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    record("probe_pixels", {"settings": SETTINGS}, ({"seed": seed} for seed in SEEDS), measure)
    print(table())
