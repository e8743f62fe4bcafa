"""How far one hour goes: CIFAR-10 from a fresh start, on two cores, and what led there.

    python experiments/one_hour.py speed DATA_DIR     # seconds per step, on a machine that does nothing else
    python experiments/one_hour.py path DATA_DIR      # ten minutes for each change; can be stopped and goes on
    python experiments/one_hour.py hour DATA_DIR      # an hour for what was the best
    python experiments/one_hour.py                    # the tables

Changes are judged by 5,000 images that are held back from the training; there is one seed of each. It writes
results/one_hour_speed.json, one_hour_path.json and one_hour.json.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from cifar import cifar, right
from quick_cnn import whitened
from record import RUNS, record, runs_of
from timed import OF_STEPS, THREADS, seconds_of, speed_of, trained_for

from minivit.data.dataset import Dataset
from minivit.train import Recipe, Trainer, predict
from minivit.train.kinds import kind_of
from minivit.train.recipes import recipe_of

TRY, WHOLE = 10, 60  # minutes
TRIED, ALL = 45_000, 50_000  # images to train on

SWIN = {"model": "swin_tiny_patch2_32", "lr": 2e-3}
SMALL_SWIN = {**SWIN, "settings": {"embed_dim": "40", "depths": "2,2,2"}}
PVT = {"model": "pvt_v2_tiny_32", "lr": 2e-3}
MVIT = {"model": "mvitv2_tiny_patch2_32", "lr": 2e-3}
RESNET = {"model": "resnet20_32", "lr": 32e-3}
WIDE = {**RESNET, "settings": {"channels": "16,64,128", "layers": "1,1,1"}}
SMALL_MAPS = {**RESNET, "settings": {"stem_chans": "32", "channels": "32,64,128,256", "layers": "0,1,1,1"}}
QUICK = {"model": "quick_cnn_32", "lr": 32e-3}
PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "attention in every block": {
        "a ViT, as minivit train has it": {},
        "a Swin": SWIN,
        "a Swin of half the MACs, twice as long": SMALL_SWIN,
        "a PVT v2": PVT,
        "an MViT v2": MVIT,
    },
    "any model": {
        "a ResNet-20": RESNET,
        "wider, with a third of the blocks": WIDE,
        "wider still, with blocks on smaller maps": SMALL_MAPS,
        "the same, with a quarter of the learning rate": {**SMALL_MAPS, "lr": 8e-3},
        "whitened patches, and pooling before what stands behind it": QUICK,
    },
}
"""What is tried, each by itself, in whatever else as ``minivit train`` has it."""


def recipe_for(choices: dict[str, Any], dataset: Dataset) -> Recipe:
    """That of ``minivit train --data cifar10`` with these choices, and ``settings`` of its model.

    The patches of a ``QuickCnn`` are whitened by the first 5,000 images.
    """
    given = dict(choices)
    recipe = recipe_of("cifar10", [*given.pop("settings", {}).items()], **given)
    if recipe.model != QUICK["model"]:
        return recipe
    RUNS.mkdir(exist_ok=True)
    images = kind_of(dataset).normalize(dataset.train.images[:5_000])
    return replace(recipe, init=whitened(RUNS / "whitened.safetensors", images))


def tries() -> Iterator[dict[str, Any]]:
    """Goal, change and choices of each."""
    for goal, path in PATHS.items():
        for change, choices in path.items():
            yield {"goal": goal, "change": change, "choices": choices}


def measure_speed(dataset: Dataset) -> None:
    """Seconds per step of each training."""

    def measure(*, choices: dict[str, Any]) -> dict[str, Any]:
        return speed_of(recipe_for(choices, dataset), dataset)

    about = {"command": "python experiments/one_hour.py speed DATA_DIR", "threads": THREADS, **OF_STEPS}
    record("one_hour_speed", about, [{"choices": one["choices"]} for one in tries()], measure)


def learned(minutes: float, choices: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The accuracies after as many epochs as fit into the time."""
    trainer = trained_for(minutes, recipe_for(choices, dataset), dataset, seconds_of("one_hour", choices=choices))
    found = {"params": trainer.model.num_params, "epochs": trainer.recipe.epochs}
    return found | scores(trainer, dataset)


def scores(trainer: Trainer, dataset: Dataset) -> dict[str, float]:
    """Of each image by itself, and of the sum of the logits of an image and its mirror image."""
    images, model = trainer.normalize(dataset.test.images), trainer.finished()
    logits = predict(model, images, threads=THREADS)
    mirrored = logits + predict(model, np.ascontiguousarray(images[:, :, ::-1]), threads=THREADS)
    return {"test": right(logits, dataset.test), "mirrored": right(mirrored, dataset.test)}


def measure_path(dataset: Dataset) -> None:
    """Every change that is not in the results yet, on images that are held back."""
    train = dataset.train
    held_back = replace(dataset, train=train.take(slice(TRIED)), test=train.take(slice(TRIED, ALL)))

    def measure(*, goal: str, change: str, choices: dict[str, Any]) -> dict[str, Any]:
        return learned(TRY, choices, held_back)

    about = {"command": "python experiments/one_hour.py path DATA_DIR", "minutes": TRY, "threads": THREADS}
    record("one_hour_path", about, tries(), measure)


def measure_hour(dataset: Dataset) -> None:
    """The best of each path, for an hour, on all images."""
    best: dict[str, dict[str, Any]] = {}
    for run in runs_of("one_hour_path"):
        if run["test"] > best.get(run["goal"], {"test": 0})["test"]:
            best[run["goal"]] = run

    def measure(*, goal: str, choices: dict[str, Any]) -> dict[str, Any]:
        return learned(WHOLE, choices, dataset)

    about = {"command": "python experiments/one_hour.py hour DATA_DIR", "minutes": WHOLE, "threads": THREADS}
    record("one_hour", about, [{"goal": goal, "choices": run["choices"]} for goal, run in best.items()], measure)


def tables() -> str:
    """The path and where it leads, in Markdown, as far as it is measured.

    Minutes are those of the steps, by their seconds as they were measured last: a training has as many epochs as fitted
    in when it was made.
    """
    found, changes = [], {str(run["choices"]): run["change"] for run in runs_of("one_hour_path")}
    for name, head, score, images in (
        ("one_hour_path", f"in {TRY} minutes", "images held back", TRIED),
        ("one_hour", "in an hour", "test accuracy", ALL),
    ):
        if runs := runs_of(name):
            lines = [
                f"| {head} | parameters | epochs | minutes | {score} | and mirrored |",
                "|---|---:|---:|---:|---:|---:|",
            ]
            for run in runs:
                words = f"{run['goal']}: {changes[str(run['choices'])]}"
                steps = run["epochs"] * (images // recipe_of("cifar10").batch_size)
                minutes = f"{steps * seconds_of('one_hour', choices=run['choices']) / 60:.0f}"
                mirrored = f"{run['mirrored']:.1%}" if "mirrored" in run else ""
                cells = words, f"{run['params']:,}", str(run["epochs"]), minutes, f"{run['test']:.1%}", mirrored
                lines.append(f"| {' | '.join(cells)} |")
            found.append("\n".join(lines))
    return "\n\n".join(found)


if __name__ == "__main__":
    if sys.argv[1:]:
        {"speed": measure_speed, "path": measure_path, "hour": measure_hour}[sys.argv[1]](cifar(sys.argv[2]))
    else:
        print(tables())
