"""What a function must leave alone, remember nothing of, and add to."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.course.asked import Asked
from minivit.course.compare import CheckFailedError, compare_shapes, largest_number
from minivit.course.explain import same, worst_place
from minivit.course.outputs import flatten, named_outputs
from minivit.course.trial import make_trial

LARGE = 10_000  # times dy
NUMBERS = ndarray, np.generic, int, float


def check_manners(asked: Asked, rng: Generator) -> None:
    """Inputs stay as they were, the same call gives the same bits, and no call changes what another has returned."""
    asked.fickle = False
    for draw in asked.task.cases.values():
        trial = make_trial(asked.task, draw, rng)
        before = asked.arguments(trial)
        first = asked.returned(asked.call(trial), trial)
        for (name, old), new in zip(before.items(), asked.became(first, len(before)), strict=False):
            now = flatten(new, f"{name}.")
            for path, array in flatten(old, f"{name}.").items():
                if isinstance(array, ndarray):
                    _unchanged(path.removeprefix("options."), now[path], array, asked.task.is_layer)
        second = asked.value(trial)
        one, two = (named_outputs(asked.task.kind, value, trial.expected) for value in (first.value, second))
        for name, value in one.items():
            if isinstance(value, NUMBERS) and not np.array_equal(value, two[name], equal_nan=True):
                asked.fickle = np.shape(value) == np.shape(two[name])
                raise CheckFailedError(
                    f"the same call gives another {name} the second time: something is remembered, or drawn"
                )
        if asked.task.kind == "plain":
            outlives(*(named_outputs("plain", value, trial.expected) for value in asked.twice(trial)))


def outlives(first: dict[str, Any], later: dict[str, Any]) -> None:
    """What one call has returned is not touched by another."""
    for name, array in first.items():
        if isinstance(array, ndarray) and not np.array_equal(np.asarray(later[name]), array, equal_nan=True):
            raise CheckFailedError(
                f"a later call writes into the {name} that an earlier one has returned: make a new array in each call"
            )


def _unchanged(path: str, now: Any, array: ndarray, of_layer: bool) -> None:
    parameter = path.removeprefix("params.")
    if of_layer and parameter != path and not np.array_equal(now, array, equal_nan=True):
        raise CheckFailedError(
            f"you changed the parameter {parameter}: a layer reads its own, only an optimizer changes them"
        )
    if np.shape(now) != array.shape:
        raise CheckFailedError(f"you modified {path} in place: it has shape {np.shape(now)} afterwards")
    if not np.array_equal(array, np.asarray(now), equal_nan=array.dtype.kind in "fc"):
        place = f"\n  {worst_place(path, np.asarray(now), array)}" if array.dtype.kind in "fc" else ""
        raise CheckFailedError(f"you modified {path} in place; make a new array ({path} = {path} - ..., not -=){place}")


def check_linear(asked: Asked, rng: Generator) -> None:
    """A backward is linear in dy."""
    trial = make_trial(asked.task, asked.first, rng)

    def grads(dy: Any) -> dict[str, Any]:
        value = asked.value(trial._replace(dy=dy, args=(dy, *trial.args[1:])))
        return {name: got for name, (got, _) in compare_shapes(asked.task, value, trial).items()}

    other = random_like(rng, trial.dy)
    one, two, both = grads(trial.dy), grads(other), grads(trial.dy - LARGE * other)
    arrays = [name for name, grad in one.items() if isinstance(grad, ndarray)]
    largest = max((largest_number(both[name]) for name in arrays), default=0.0)
    for name in arrays:
        error = np.abs(one[name] - LARGE * two[name] - both[name]).max(initial=0)
        scale = max(largest_number(both[name]), largest_number(two[name]), 1e-3 * largest, 1e-6)  # as of all numbers
        if not error <= 1e-9 * scale:
            raise CheckFailedError(
                f"{name} is not linear in dy (off by {error:.3g}): a gradient is a matrix times dy, so twice dy "
                "gives twice the gradient"
            )


def check_adds(asked: Asked, rng: Generator) -> None:
    """The gradients of parameters are added to those that are there: a layer may be used twice."""
    trial = make_trial(asked.task, asked.first, rng)
    params = trial.args[2]
    start = {name: random_like(rng, value) for name, value in params.items()}
    found = named_outputs("backward", asked.value(trial, start), trial.expected)
    for name, before in start.items():
        got, grad = np.asarray(found[f"d{name}"]), trial.expected[name]
        if same(got, before + grad):
            continue
        if same(got, before):
            raise CheckFailedError(f"d{name} stays as it was: nothing is added to it")
        if not same(got, grad):
            raise CheckFailedError(
                "wrong as well" if asked.said else f"d{name} is wrong where a gradient is there already"
            )
        raise CheckFailedError(
            f"d{name} is assigned where a gradient is there already; add to it (add_grad): a layer that is used twice "
            "gets the sum of both gradients"
        )
