"""How far one hour goes: CIFAR-10 from a fresh start, on two cores, and what led there.

    python experiments/one_hour.py path DATA_DIR      # a quarter of an hour for each change; can be stopped and goes on
    python experiments/one_hour.py hour DATA_DIR      # an hour for what was the best
    python experiments/one_hour.py                    # the tables

On a machine that does nothing else: a training has as many whole epochs as fit into the time, the building of the model
and the test among it. Each change is kept if it helped on 5,000 images that were held back from the training; there is
one seed of each. It writes results/one_hour_path.json and results/one_hour.json.
"""

import sys
from dataclasses import replace
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from cifar import THREADS, accuracy, blind, cifar, to_the_end
from record import record, runs_of

from minivit.data.dataset import Dataset
from minivit.train import Recipe, Trainer
from minivit.train.recipes import recipe_of

TRY, WHOLE = 15, 60  # minutes
SPARE = 0.97  # of the time is for training: no machine is always as fast as it was at first

SWIN = {"model": "swin_tiny_patch2_32", "lr": 2e-3}
RESNET = {"model": "resnet20_32", "lr": 16e-3}
PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "attention in every block": {
        "a ViT, as minivit train has it": {},
        "a Swin": SWIN,
    },
    "any model": {
        "a ResNet-20": RESNET,
    },
}
"""Each step of a path is a change of what was the best before it."""


def recipe_for(*, settings: dict[str, str] | None = None, **choices: Any) -> Recipe:
    """That of ``minivit train --data cifar10`` with these choices, and settings of its model."""
    return recipe_of("cifar10", [*(settings or {}).items()], **choices)


def trained_for(minutes: float, recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """The accuracy after as many epochs as fit into the time."""
    begin = perf_counter()
    trial = Trainer(replace(recipe, epochs=1), blind(dataset), threads=THREADS)
    ends = [perf_counter() for _, _ in zip(range(13), trial.run(), strict=False)]
    per_step = median(b - a for a, b in pairwise(ends[3:]))
    before = perf_counter()
    accuracy(trial, dataset.test)
    to_test = perf_counter() - before
    left = SPARE * 60 * minutes - (perf_counter() - begin) - to_test
    epochs = max(1, int(left / (per_step * trial.steps_per_epoch)))
    trainer = to_the_end(Trainer(replace(recipe, epochs=epochs), blind(dataset), threads=THREADS))
    found = {"epochs": epochs, "test": accuracy(trainer, dataset.test)}
    return {**found, "params": trainer.model.num_params, "minutes": round((perf_counter() - begin) / 60, 1)}


def measure_path(dataset: Dataset) -> None:
    """Every change that is not in the results yet, on images that are held back."""
    train = dataset.train
    held_back = replace(dataset, train=train.take(slice(45_000)), test=train.take(slice(45_000, 50_000)))

    def measure(*, goal: str, change: str, choices: dict[str, Any]) -> dict[str, Any]:
        return trained_for(TRY, recipe_for(**choices), held_back)

    about = {"command": "python experiments/one_hour.py path DATA_DIR", "minutes": TRY, "threads": THREADS}
    changes = [(goal, change, choices) for goal, path in PATHS.items() for change, choices in path.items()]
    runs = [{"goal": goal, "change": change, "choices": choices} for goal, change, choices in changes]
    record("one_hour_path", about, runs, measure)


def measure_hour(dataset: Dataset) -> None:
    """The best of each path, for an hour, on all images."""
    best: dict[str, dict[str, Any]] = {}
    for run in runs_of("one_hour_path"):
        if run["test"] > best.get(run["goal"], {"test": 0})["test"]:
            best[run["goal"]] = run

    def measure(*, goal: str, choices: dict[str, Any]) -> dict[str, Any]:
        return trained_for(WHOLE, recipe_for(**choices), dataset)

    about = {"command": "python experiments/one_hour.py hour DATA_DIR", "minutes": WHOLE, "threads": THREADS}
    record("one_hour", about, [{"goal": goal, "choices": run["choices"]} for goal, run in best.items()], measure)


def tables() -> str:
    """The path and where it leads, in Markdown."""
    lines = ["| after a quarter of an hour | parameters | epochs | images held back |", "|---|---:|---:|---:|"]
    for run in runs_of("one_hour_path"):
        lines.append(f"| {run['change']} | {run['params']:,} | {run['epochs']} | {run['test']:.1%} |")
    lines += ["", "| after an hour | parameters | epochs | test accuracy |", "|---|---:|---:|---:|"]
    for run in runs_of("one_hour"):
        lines.append(f"| {run['goal']} | {run['params']:,} | {run['epochs']} | {run['test']:.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:]:
        {"path": measure_path, "hour": measure_hour}[sys.argv[1]](cifar(sys.argv[2]))
    else:
        print(tables())
