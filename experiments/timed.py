"""Trainings that are given minutes, not epochs, so that different models can be compared.

A training has as many whole epochs as fit into its time, by the seconds of its steps, which are measured beforehand on
a machine that does nothing else. So what it learns does not depend on what else the machine does meanwhile.
"""

from dataclasses import replace
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from cifar import blind, to_the_end
from record import runs_of

from minivit.data.dataset import Dataset
from minivit.train import Recipe, Trainer

THREADS = 2
STEPS = 30  # that are timed
OF_STEPS: dict[str, Any] = {"steps": STEPS, "seconds": "median"}
"""How seconds of a step were found, for files of results. Older ones have the fastest step, so that a training took by
the clock up to a tenth longer than it was given."""
SPARE = 0.96  # of the time is for training, the rest for the data, the start, and the test


def speed_of(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """Seconds of a step, the median of so many, and the number of parameters."""
    trainer = Trainer(recipe, blind(dataset), threads=THREADS)
    times = [perf_counter() for _, _ in zip(range(STEPS + 1), trainer.run(), strict=False)]
    seconds = median(after - before for before, after in pairwise(times))
    return {"seconds_per_step": round(seconds, 4), "params": trainer.model.num_params}


def seconds_of(name: str, **which: Any) -> float:
    """Of a step, as results/NAME_speed.json has it for the one run with these arguments."""
    found = [run["seconds_per_step"] for run in runs_of(f"{name}_speed") if which.items() <= run.items()]
    if len(found) != 1:
        raise SystemExit(f"how long a step of {which} takes is not known: python experiments/{name}.py speed finds out")
    return found[0]


def epochs_in(minutes: float, recipe: Recipe, images: int, seconds_per_step: float) -> int:
    """How many whole epochs of so many images fit into the time; at least one."""
    return max(1, int(SPARE * 60 * minutes / (seconds_per_step * (images // recipe.batch_size))))


def trained_for(minutes: float, recipe: Recipe, dataset: Dataset, seconds_per_step: float) -> Trainer:
    """A training of as many epochs as fit into the time, at its end."""
    epochs = epochs_in(minutes, recipe, len(dataset.train), seconds_per_step)
    return to_the_end(Trainer(replace(recipe, epochs=epochs), blind(dataset), threads=THREADS))
