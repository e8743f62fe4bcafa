"""The same call in the other forms that a signature allows: other axes, an option left out, small integers, views."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any, get_type_hints

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.checked import axes_of, ranges_of
from minivit.course.exercise import Task, Trial
from minivit.course.resized import trial_of
from minivit.course.trial import forward_names, reference, without_options
from minivit.nests import mapped

Calls = list[dict[str, Any]]
"""The arguments of each kind of call by name."""

PLAIN_ENDS = 0, 1  # of a range: at others, such as a temperature of 10,000, right ways round differently


def other_forms(task: Task, rng: Generator) -> Iterator[tuple[str, Trial]]:
    """Each form of each kind of call in words, with the trial; not those that the reference refuses."""
    names, hints = forward_names(task), {} if task.is_layer else hints_of(task)
    cases = [draw(rng) for draw in task.cases.values()]
    calls = [given_in(names, case) for case in cases]
    for case in cases:
        others = chain(
            with_other_axes(names, case, hints, calls),
            with_small_integers(names, case, calls),
            at_the_ends(names, case, hints),
        )
        for words, other in others:
            with suppress(TypeError, ValueError):
                yield words, trial_of(task, other, rng)
        trial = trial_of(task, case, rng)
        left_out = () if task.keep_loops else without_options(task, trial)  # loops do not see what does not fit
        for name, args, kwargs in left_out:
            with suppress(TypeError, ValueError):
                less = trial_of(task, Case(args, kwargs), rng)
                used = case._replace(kwargs={**case.kwargs, **defaults_of(task, name)})
                yield f"without {name}, which then has its default", less._replace(case=used)
        turned = {
            part: mapped(in_columns, getattr(trial, part)) for part in ("inputs", "args", "kwargs", "dy", "cache")
        }
        yield "with arrays that are views: their numbers stand in memory by columns", trial._replace(**turned)


def defaults_of(task: Task, name: str) -> dict[str, Any]:
    """The default of an option, by its name: a factor may be made of it."""
    parameter = inspect.signature(reference(task)).parameters.get(name)
    return {} if parameter is None else {name: parameter.default}


def hints_of(task: Task) -> dict[str, Any]:
    """The annotations of a function's arguments; of a backward those of its forward."""
    function = reference(replace(task, name=task.forward) if task.kind == "backward" else task)
    return get_type_hints(inspect.unwrap(function), include_extras=True)


def with_other_axes(names: list[str], case: Case, hints: dict[str, Any], calls: Calls) -> Iterator[tuple[str, Case]]:
    """Without the axes of which there may be any number (``"*B D"``), and with one of them more.

    Not where all calls have as many: then their number may be relied on.
    """
    axes = {name: found for name in names if (found := axes_of(hints.get(name)))}
    several = [name for name in names if len({array.ndim for array in arrays_in(calls, name)}) > 1]
    letters = sorted({a.names[a.variadic] for name, a in axes.items() if a.variadic is not None and name in several})
    for some in (*({letter} for letter in letters), *([{*letters}] if letters[1:] else [])):
        for change in (without_axes, with_one_more):
            args, shapes = [], []
            for name, arg in zip(names, case.args, strict=False):
                its = axes.get(name)
                if isinstance(arg, ndarray) and its and its.variadic is not None and its.names[its.variadic] in some:
                    arg = change(arg, its.variadic, arg.ndim - len(its.names) + 1)
                    shapes.append(f"{name} of shape {arg.shape}")
                args.append(arg)
            if all(np.ndim(arg) for arg in args if isinstance(arg, ndarray)):  # one number is no array to many
                yield f"with {' and '.join(shapes)}", Case(tuple(args), case.kwargs)


def arrays_in(calls: Calls, name: str) -> list[ndarray]:
    """An argument in each kind of call in which it is an array."""
    return [call[name] for call in calls if isinstance(call.get(name), ndarray)]


def without_axes(array: ndarray, start: int, count: int) -> ndarray:
    """The first of all along these axes."""
    return array[(slice(None),) * start + (0,) * count]


def with_one_more(array: ndarray, start: int, count: int) -> ndarray:
    """The same twice, along an axis before these."""
    return np.stack((array, array), start)


def with_small_integers(names: list[str], case: Case, calls: Calls) -> Iterator[tuple[str, Case]]:
    """With integers of a byte each, as labels are often stored; with a sign where some of any call are negative."""
    for name, value in given_in(names, case).items():
        if isinstance(value, ndarray) and value.dtype.kind == "i" and value.size and np.abs(value).max() < 128:
            may_be_negative = min(array.min(initial=0) for array in arrays_in(calls, name)) < 0
            small = value.astype(np.int8 if may_be_negative else np.uint8)
            yield f"with {name} of {small.dtype}", with_another(names, case, name, small)


def at_the_ends(names: list[str], case: Case, hints: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    """With a number at an end of its range."""
    for name, value in given_in(names, case).items():
        ends = {end for its in ranges_of(hints.get(name)) for end in (its.at_least, its.at_most) if end in PLAIN_ENDS}
        for end in sorted(ends) if isinstance(value, (int, float)) else ():
            yield f"with {name}={end}", with_another(names, case, name, type(value)(end))


def given_in(names: list[str], case: Case) -> dict[str, Any]:
    """All arguments of a call by name."""
    return {**dict(zip(names, case.args, strict=False)), **case.kwargs}


def with_another(names: list[str], case: Case, name: str, value: Any) -> Case:
    """The call with another value of one argument."""
    given = {**given_in(names, case), name: value}
    return Case(tuple(given.pop(key) for key in names[: len(case.args)]), given)


def in_columns(leaf: Any) -> Any:
    """An array whose first axis is the one along which numbers are neighbours in memory; anything else as it is."""
    return np.asfortranarray(leaf) if isinstance(leaf, ndarray) and leaf.ndim > 1 else leaf
