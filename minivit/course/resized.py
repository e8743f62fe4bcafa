"""The same case with one length changed: longer, so that a loop over it is seen, or 1, where much is broadcast.

In a case no two lengths are equal, so wherever one of them stands, it is the same axis. What cannot be changed alone
(a width that parameters have too) the reference refuses.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Task, Trial
from minivit.course.outputs import named_outputs
from minivit.course.trial import make_trial
from minivit.nests import mapped

TIMES = 8


class Resized(NamedTuple):
    """A trial of which all axes of one length have another; ``places`` are those of the forward's arguments.

    Where an option has grown with them (more heads, in more width), ``length`` is what it was.
    """

    trial: Trial
    length: int
    places: list[tuple[int, int]]
    option: str = ""


def resized(task: Task, case: Case, rng: Generator, change: Callable[[ndarray, int], ndarray]) -> Iterator[Resized]:
    """The case with each of its lengths in turn changed, by ``change(array, axis)`` in all its places."""
    arrays = [(i, arg) for i, arg in enumerate(case.args) if isinstance(arg, ndarray)]
    for length in sorted({n for _, array in arrays for n in array.shape} - {1}):
        other = task.fitting(Case(*mapped(partial(changed, length, change), (case.args, case.kwargs))))
        places = [(i, axis) for i, array in arrays for axis, n in enumerate(array.shape) if n == length]
        for fitting in (other, *(with_longer_sides(other, length) if change is longer else ())):
            with suppress(ValueError, TypeError):
                trial = trial_of(task, fitting, rng)
                if all(np.size(output) for output in named_outputs(task.kind, *[trial.expected] * 2).values()):
                    yield Resized(trial, length, places)
                break
        for option, value in case.kwargs.items() if change is longer else ():
            if type(value) is int and value > 1:
                with suppress(ValueError, TypeError):
                    trial = trial_of(task, other._replace(kwargs={**other.kwargs, option: TIMES * value}), rng)
                    yield Resized(trial, value, places, option)


def with_longer_sides(case: Case, length: int) -> Iterator[Case]:
    """The case with one number of an option that is a pair so many times as large.

    If the length that has grown is a side of a map, it is this side, and no other one of which as many windows come;
    if it is none (their number), any side will do: windows come from a larger map.
    """
    pairs = {option: value for option, value in case.kwargs.items() if isinstance(value, tuple)}
    sides = [(option, i) for option, value in pairs.items() for i in range(len(value))]
    for option, i in [(option, i) for option, i in sides if pairs[option][i] == length] or sides:
        value = pairs[option]
        longer_value = *value[:i], TIMES * value[i], *value[i + 1 :]
        yield case._replace(kwargs={**case.kwargs, option: longer_value})


def changed(length: int, change: Callable[[ndarray, int], ndarray], leaf: Any) -> Any:
    """An array with each axis of this length changed; anything else as it is."""
    for axis in range(leaf.ndim if isinstance(leaf, ndarray) else 0):
        leaf = change(leaf, axis) if leaf.shape[axis] == length else leaf
    return leaf


def trial_of(task: Task, case: Case, rng: Generator) -> Trial:
    """As :func:`make_trial`, of this case."""
    return make_trial(task, lambda _: case, rng)


def longer(array: ndarray, axis: int) -> ndarray:
    """Some times as long."""
    return np.concatenate([array] * TIMES, axis)


def of_one(array: ndarray, axis: int) -> ndarray:
    """Its first index only."""
    return array.take([0], axis)
