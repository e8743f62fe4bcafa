"""What a function must leave alone, remember nothing of, and add to."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.course.asked import Asked
from minivit.course.compare import (
    CheckFailedError,
    Compared,
    compare_shapes,
    compare_values,
    comparing,
    largest_number,
)
from minivit.course.exercise import Draw, Task, Trial
from minivit.course.explain import same, worst_place
from minivit.course.outputs import MalformedError, flatten, named_outputs
from minivit.course.trial import make_trial, our_answer, without_options
from minivit.nests import mapped

LARGE = 10_000  # times dy
NUMBERS = ndarray, np.generic, int, float


def check_manners(asked: Asked, rng: Generator) -> None:
    """Inputs stay as they were, the same call gives the same bits, and no call changes what another has returned."""
    asked.fickle = False
    for label, draw in asked.task.cases.items():
        trial = make_trial(asked.task, draw, rng)
        before = asked.arguments(trial)
        try:
            first = asked.returned(asked.call(trial), trial)
        except CheckFailedError as failure:
            raise CheckFailedError(f"{label}: {failure}" if label else str(failure), failure.compared) from None
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
                    f"the same call gives another {name} the second time: something is remembered, drawn, or never "
                    "written (np.empty holds what was in that memory before)"
                )
        for change in (with_smaller_numbers, without_an_option) if may_be_changed(asked.task, trial) else ():
            if other := change(asked.task, trial):
                first_value, after, later = asked.twice(trial, other)
                outlives(*(named_outputs(asked.task.kind, value, trial.expected) for value in (first_value, after)))
                if is_kept(asked.task, trial, first_value, other, later) and (
                    is_right_alone(asked, draw, rng, change) or is_deaf(asked, trial, first_value)
                ):  # else it is wrong by itself: it does not use the option, say, or the numbers but for the largest
                    raise CheckFailedError(KEPT)


SHARES = 0.43, 0.44  # no half, which may make a number equal to a limit, where right ways differ; not one share of all
DRAWS = 5  # of which one has most often a shape that was not there before
KEPT = (
    "right in a first call, wrong in one with other numbers or options after it: something is kept of the first (in a "
    "global variable, a dict of results, a default that is changed)"
)


def may_be_changed(task: Task, trial: Trial) -> bool:
    """Whether such a call can be made with other arguments: not of a backward, a layer, or where something is drawn."""
    return task.kind != "backward" and not task.is_layer and not any(isinstance(arg, Generator) for arg in trial.args)


def with_smaller_numbers(task: Task, trial: Trial) -> Trial | None:
    """The call with a share of all numbers: those of positive ones are positive, of ascending ones ascending."""
    args, kwargs = mapped(smaller, (trial.args, trial.kwargs))
    return called_so(task, trial, args, kwargs) if task.has_arrays else None


def without_an_option(task: Task, trial: Trial) -> Trial | None:
    """The call with a share of all numbers and without the first argument that may be left out."""
    calls = (
        called_so(task, trial, *mapped(smaller, (args, kwargs))) for _, args, kwargs in without_options(task, trial)
    )
    return next(filter(None, calls), None)


def called_so(task: Task, trial: Trial, args: Any, kwargs: Any) -> Trial | None:
    """The trial with these arguments, if they are allowed."""
    with suppress(TypeError, ValueError):  # an option that must be given, numbers that must sum to 1
        return trial._replace(args=args, inputs=args, kwargs=kwargs, expected=our_answer(task, args, kwargs))
    return None


def smaller(value: Any) -> Any:
    """Of an array of floating-point numbers a share of each: slightly more of later ones, so that directions change."""
    if not (isinstance(value, ndarray) and value.dtype.kind in "fc"):
        return value
    return value * np.linspace(*SHARES, value.size).reshape(value.shape).astype(value.dtype)


def is_kept(task: Task, trial: Trial, value: Any, other: Trial, later: Any) -> bool:
    """Whether the later call returns something of the first one, which was right, and should return something else."""
    if not agrees(task, value, trial) or agrees(task, later, other):
        return False
    first, second, expected = (
        named_outputs(task.kind, a, b.expected) for a, b in ((value, trial), (later, other), (other.expected, other))
    )
    return any(
        isinstance(array, ndarray)
        and array.dtype.kind in "fc"
        and same(np.asarray(second.get(name)), array)
        and not same(np.asarray(expected.get(name)), array)
        for name, array in first.items()
    )


def is_right_alone(asked: Asked, draw: Draw, rng: Generator, change: Callable[[Task, Trial], Trial | None]) -> bool:
    """Whether such another call is right where none of its shape came before it: then it is not wrong by itself."""
    others = (change(asked.task, make_trial(asked.task, draw, rng)) for _ in range(DRAWS))
    return any(agrees(asked.task, asked.value(other), other) for other in others if other)


def is_deaf(asked: Asked, trial: Trial, value: Any) -> bool:
    """Whether the call with its numbers in another order has the same answer as the call, and should have another."""
    args, kwargs = mapped(upside_down, (trial.args, trial.kwargs))
    other = called_so(asked.task, trial, args, kwargs)
    return other is not None and is_kept(asked.task, trial, value, other, asked.value(other))


def upside_down(value: Any) -> Any:
    """An array of floating-point numbers with the last row first."""
    return np.flip(value, 0) if isinstance(value, ndarray) and value.ndim and value.dtype.kind in "fc" else value


def agrees(task: Task, value: Any, trial: Trial) -> bool:
    """Whether what was returned is right."""
    try:
        compare_values(task, value, trial, [])
    except (CheckFailedError, MalformedError):
        return False
    return True


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
            if np.array_equal(one[name], two[name]):
                raise CheckFailedError(
                    f"{name} is the same whatever dy is: dy is not used, or something is kept of an earlier call (in a "
                    "global variable, a dict of results)"
                )
            raise CheckFailedError(
                f"{name} is not linear in dy (off by {error:.3g}): a gradient is a matrix times dy, so twice dy "
                "gives twice the gradient"
            )


def check_adds(asked: Asked, rng: Generator) -> None:
    """The gradients of parameters are added to those that are there: a layer may be used twice."""
    trial = make_trial(asked.task, asked.first, rng)
    params = {name: value for name, value in trial.args[2].items() if name in trial.expected}  # what is learned
    start = {name: random_like(rng, value) for name, value in params.items()}
    value = asked.value(trial, start)
    found = named_outputs("backward", value, trial.expected)
    sums = {name: before + trial.expected[name] for name, before in start.items()}
    added = trial._replace(args=(*trial.args, start), expected={**trial.expected, **sums})
    with comparing(Compared(asked.task, added, value)):
        for name, before in start.items():
            got, grad = np.asarray(found[f"d{name}"]), trial.expected[name]
            if same(got, sums[name]):
                continue
            if same(got, before):
                raise CheckFailedError(f"d{name} stays as it was: nothing is added to it")
            if not same(got, grad):
                raise CheckFailedError(
                    "wrong as well" if asked.said else f"d{name} is wrong where a gradient is there already"
                )
            raise CheckFailedError(
                f"d{name} is assigned where a gradient is there already; add to it (add_grad): a layer that is used "
                "twice gets the sum of both gradients"
            )
