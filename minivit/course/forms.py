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

PLAIN_ENDS = 0, 1  # of a range: at others, such as a temperature of 10,000, right ways round differently


def other_forms(task: Task, case: Case, rng: Generator) -> Iterator[tuple[str, Trial]]:
    """Each form in words, with the trial; not those that the reference refuses."""
    hints = {} if task.is_layer else hints_of(task)
    others = chain(with_other_axes(task, case, hints), with_small_integers(task, case), at_the_ends(task, case, hints))
    for words, other in others:
        with suppress(TypeError, ValueError):
            yield words, trial_of(task, other, rng)
    trial = trial_of(task, case, rng)
    left_out = () if task.keep_loops else without_options(task, trial)  # loops do not see that something does not fit
    for name, args, kwargs in left_out:
        with suppress(TypeError, ValueError):
            less = trial_of(task, Case(args, kwargs), rng)
            used = case._replace(kwargs={**case.kwargs, **defaults_of(task, name)})
            yield f"without {name}, which then has its default", less._replace(case=used)
    turned = {name: mapped(in_columns, getattr(trial, name)) for name in ("inputs", "args", "kwargs", "dy", "cache")}
    yield "with arrays that are views: their numbers stand in memory by columns", trial._replace(**turned)


def defaults_of(task: Task, name: str) -> dict[str, Any]:
    """The default of an option, by its name: a factor may be made of it."""
    parameter = inspect.signature(reference(task)).parameters.get(name)
    return {} if parameter is None else {name: parameter.default}


def hints_of(task: Task) -> dict[str, Any]:
    """The annotations of a function's arguments; of a backward those of its forward."""
    function = reference(replace(task, name=task.forward) if task.kind == "backward" else task)
    return get_type_hints(inspect.unwrap(function), include_extras=True)


def with_other_axes(task: Task, case: Case, hints: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    """Without the axes of which there may be any number (``"*B D"``), and with one of them more."""
    axes = {name: found for name in forward_names(task) if (found := axes_of(hints.get(name)))}
    letters = sorted({a.names[a.variadic] for name, a in axes.items() if a.variadic is not None and varies(task, name)})
    for some in (*({letter} for letter in letters), *([{*letters}] if letters[1:] else [])):
        for change in (without_axes, with_one_more):
            args, shapes = [], []
            for name, arg in zip(forward_names(task), case.args, strict=False):
                its = axes.get(name)
                if isinstance(arg, ndarray) and its and its.variadic is not None and its.names[its.variadic] in some:
                    arg = change(arg, its.variadic, arg.ndim - len(its.names) + 1)
                    shapes.append(f"{name} of shape {arg.shape}")
                args.append(arg)
            if all(np.ndim(arg) for arg in args if isinstance(arg, ndarray)):  # one number is no array to many
                yield f"with {' and '.join(shapes)}", Case(tuple(args), case.kwargs)


def in_all_cases(task: Task, name: str) -> list[ndarray]:
    """An argument in each kind of call in which it is given."""
    rng = np.random.default_rng(0)
    cases = (draw(rng) for draw in task.cases.values())
    calls = ({**dict(zip(forward_names(task), args, strict=False)), **kwargs} for args, kwargs in cases)
    return [call[name] for call in calls if isinstance(call.get(name), ndarray)]


def varies(task: Task, name: str) -> bool:
    """Whether an argument has more axes in some kinds of call than in others: else their number may be relied on."""
    return len({array.ndim for array in in_all_cases(task, name)}) > 1


def without_axes(array: ndarray, start: int, count: int) -> ndarray:
    """The first of all along these axes."""
    return array[(slice(None),) * start + (0,) * count]


def with_one_more(array: ndarray, start: int, count: int) -> ndarray:
    """The same twice, along an axis before these."""
    return np.stack((array, array), start)


def with_small_integers(task: Task, case: Case) -> Iterator[tuple[str, Case]]:
    """With integers of a byte each, as labels are often stored."""
    for i, (name, arg) in enumerate(zip(forward_names(task), case.args, strict=False)):
        for words, small in in_bytes(task, name, arg):
            yield words, Case((*case.args[:i], small, *case.args[i + 1 :]), case.kwargs)
    for name, value in case.kwargs.items():
        for words, small in in_bytes(task, name, value):
            yield words, Case(case.args, {**case.kwargs, name: small})


def in_bytes(task: Task, name: str, value: Any) -> Iterator[tuple[str, ndarray]]:
    """The array with integers of a byte each, in words, if they fit in; with a sign where some are negative."""
    if isinstance(value, ndarray) and value.dtype.kind == "i" and value.size and np.abs(value).max() < 128:
        may_be_negative = min(array.min(initial=0) for array in in_all_cases(task, name)) < 0
        small = value.astype(np.int8 if may_be_negative else np.uint8)
        yield f"with {name} of {small.dtype}", small


def at_the_ends(task: Task, case: Case, hints: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    """With a number at an end of its range."""
    names = forward_names(task)[: len(case.args)]
    given = dict(zip(names, case.args, strict=True)) | case.kwargs
    for name, value in given.items():
        ends = {end for its in ranges_of(hints.get(name)) for end in (its.at_least, its.at_most) if end in PLAIN_ENDS}
        for end in sorted(ends) if isinstance(value, (int, float)) else ():
            other = {**given, name: type(value)(end)}
            yield f"with {name}={end}", Case(tuple(other.pop(key) for key in names), other)


def in_columns(leaf: Any) -> Any:
    """An array whose first axis is the one along which numbers are neighbours in memory; anything else as it is."""
    return np.asfortranarray(leaf) if isinstance(leaf, ndarray) and leaf.ndim > 1 else leaf
