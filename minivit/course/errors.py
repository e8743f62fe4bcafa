"""The errors that a docstring promises: calls that the reference refuses, made of those that it takes."""

import inspect
import re
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit import checked
from minivit.course.asked import Asked
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Task, Trial
from minivit.course.trial import argument_names, make_trial, our_answer, reference, unused

OF_NO_NUMBERS = {" finite": ("=inf", "=nan"), "nan": (" with nan in it",), "-inf": (" -inf in it", " but -inf")}
"""How calls end of which nothing is promised where the docstring has no such word: an order, say, has no nan."""
MOST = 10  # promises that are not kept, of those that are told
OF_SHAPES = ("ValueError", "IndexError")  # which of the two NumPy raises of a wrong shape depends on the call


class Wrong(NamedTuple):
    """A call that must fail: in words, its arguments, and the errors of which one is right."""

    words: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kinds: tuple[str, ...] = ()


def promised(task: Task) -> list[str]:
    """The kinds of errors under "Raises" in the docstring of a function that is no backward."""
    return [kind for kinds in alternatives(task) for kind in kinds]


def alternatives(task: Task) -> list[list[str]]:
    """The same, those together of which one is as good as another: they stand in one line."""
    lines = re.findall(r"^(\w+Error(?:, \w+Error)*)$", raises(task), re.MULTILINE) if task.kind != "backward" else []
    return [line.split(", ") for line in lines]


def raises(task: Task) -> str:
    """What stands under "Raises" in the docstring of a function."""
    text = inspect.getdoc(inspect.unwrap(reference(task))) or "" if not task.is_layer else ""
    section = re.search(r"^Raises\n-+\n((?:.*\n?)*?)(?=^\w.*\n-+\n|\Z)", text, re.MULTILINE)
    return section[1] if section else ""


def check_errors(asked: Asked, rng: Generator) -> None:
    """Each wrong call raises what is promised; of each kind that does not, one is told, and all at once."""
    missing: dict[str, str] = {}
    who = "README.md" if asked.task.hides_docstring else "its docstring"
    for wrong, ours in refused_calls(asked.task, rng):
        outcome = asked.runner.call(asked.task.name, wrong.args, wrong.kwargs, given=asked.task.given)
        if outcome.status == "raised" and not {*wrong.kinds}.isdisjoint(outcome.value or ()):
            continue
        did = "it returned" if outcome.status == "returned" else f"yours: {outcome.message}"
        told = f"with {wrong.words} it must raise a {wrong.kinds[0]}, as {who} promises; {did}\n  ours says: {ours}"
        missing.setdefault(re.sub(r"\d+", "", ours), told)
    if missing:
        raise CheckFailedError("\n".join([*missing.values()][:MOST]))


def refused_calls(task: Task, rng: Generator) -> Iterator[tuple[Wrong, str]]:
    """Calls that the reference refuses as its docstring promises, and what it says.

    Not those that would do no harm: an empty axis, say, of which everything could be computed. They are refused by
    ``@checked``, and who writes the function without it need not think of them.
    """
    lines, text, seen = alternatives(task), raises(task), set()
    unsaid = [end for said, ends in OF_NO_NUMBERS.items() if said not in text for end in ends]
    trials = (make_trial(task, draw, rng, dtype) for draw in task.cases.values() for dtype in (np.float64, np.float32))
    for trial in trials if lines else ():
        for wrong in wrong_calls(task, trial):
            call = wrong.words, *map(kind_of, (*wrong.args, *wrong.kwargs.values()))
            if call in seen or any(map(wrong.words.endswith, unsaid)):
                continue
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                    our_answer(task, wrong.args, wrong.kwargs)
            except Exception as error:
                kind = type(error).__name__
                as_good = [other for line in lines if kind in line for other in line]
                if as_good and is_meant(error) and not does_no_harm(task, wrong):
                    seen.add(call)
                    words = wrong.words + " in float32" * any(map(is_float32, wrong.args))
                    right = dict.fromkeys((kind, *as_good, *wrong.kinds))
                    yield wrong._replace(words=words, kinds=tuple(right)), str(error)


def is_float32(value: Any) -> bool:
    """Whether its precision is the one that is told."""
    return isinstance(value, ndarray) and value.dtype == np.float32


def kind_of(value: Any) -> Any:
    """Of which kind an array's numbers are: soft targets are another kind of call than classes, and so is no bias."""
    return value.dtype.kind if isinstance(value, ndarray) else type(value)


def is_meant(error: Exception) -> bool:
    """Whether one of our lines raises it: what NumPy happens to refuse on our way, it may not on another one."""
    return (traceback.extract_tb(error.__traceback__)[-1].line or "").startswith("raise")


def does_no_harm(task: Task, wrong: Wrong) -> bool:
    """Whether something is empty, and the bare reference computes something of it nevertheless.

    Or would, if what it calls did not look at its own arguments: who goes another way need not refuse them.
    """
    if not any(np.size(arg) == 0 for arg in (*wrong.args, *wrong.kwargs.values()) if isinstance(arg, ndarray)):
        return False
    try:
        with np.errstate(all="ignore"):
            inspect.unwrap(reference(task))(*unused(wrong.args), **wrong.kwargs)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return (where.filename, where.name) == (checked.__file__, "call")
    return True


def wrong_calls(task: Task, trial: Trial) -> Iterator[Wrong]:
    """Calls with one argument changed, of which many are wrong."""
    names = argument_names(task)[: len(trial.args)]
    given = dict(zip(names, trial.args, strict=True)) | trial.kwargs
    first = trial.args[0] if trial.args else None
    count = len(first) if isinstance(first, ndarray) and first.ndim > 1 else -1
    none = tuple(arg[:0] if isinstance(arg, ndarray) and len(arg) == count else arg for arg in trial.args)
    yield Wrong("no rows", none, trial.kwargs)
    for i, (name, value) in enumerate(given.items()):
        for words, new, kinds in (*changed(name, value), *broadcast(name, value, first if i else None)):
            args = tuple(new if other == name else given[other] for other in names)
            yield Wrong(words, args, {**trial.kwargs, **({name: new} if name in trial.kwargs else {})}, kinds)


def broadcast(name: str, value: Any, first: Any) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """An array that NumPy takes for one that fits the first one, in words; the first itself with an axis more."""
    if not isinstance(value, ndarray):
        return
    axes = 2, *(1,) * (np.ndim(first) - value.ndim), *value.shape
    yield f"{name} with an axis too many", np.broadcast_to(value, axes), OF_SHAPES
    if first is None:
        if value.dtype.kind == "i":
            yield f"{name} that are no integers", value.astype(float), ()
        return
    for axis in filled_axes(value):
        yield f"{place_of(name, value, axis)} has length 1", value.take([0], axis), OF_SHAPES
    if value.dtype.kind == "i" and value.shape == first.shape[:-1]:
        yield f"{name} of integers, one for each number", np.broadcast_to(value[..., None], first.shape), OF_SHAPES
        yield f"{name} that are no integers, one for each row", value.astype(first.dtype), OF_SHAPES


def changed(name: str, value: Any) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Another value of one argument, in words."""
    if isinstance(value, ndarray):
        for axis in filled_axes(value):
            where = place_of(name, value, axis)
            yield f"{where} is too long", np.concatenate((value, value.take([0], axis)), axis), OF_SHAPES
            yield (
                f"{where} is twice as long",
                np.concatenate((value, value), axis),
                OF_SHAPES,
            )  # which a reshape divides
            yield f"{where} is empty", value.take([], axis), ()
            if axis and value.shape[axis - 1] != value.shape[axis]:  # as many numbers, and a reshape takes them
                words = f"the axes {axis - 1} and {axis} of {name} exchanged"
                yield words, value.swapaxes(axis - 1, axis), OF_SHAPES
        if value.dtype.kind == "f" and value.size > 1:
            first = np.arange(value.size).reshape(value.shape) == 0
            yield f"{name} with -1 in it", np.where(first, -1, value).astype(value.dtype), ()
            yield f"{name} whose first two are equal", np.where(first, value.flat[1], value), ()
            yield f"{name} with nan in it", np.where(first, np.nan, value).astype(value.dtype), ()
            yield f"{name} with -inf in it", np.where(first, -np.inf, value).astype(value.dtype), ()
            row = np.arange(value.size).reshape(value.shape) < value.shape[-1]
            yield f"{name} with a row of nothing but -inf", np.where(row, -np.inf, value).astype(value.dtype), ()
        if value.dtype.kind == "b":
            yield f"{name} of integers", value.astype(int), ()
        if value.dtype.kind == "i" and value.size:
            yield f"{name} with a number that is too large", np.where(value == value.max(), 10**4, value), ()
            yield f"{name} with {value.max() + 1} in it", np.where(value == value.max(), value.max() + 1, value), ()
            yield f"{name} with -1 in it", np.where(value == value.max(), -1, value), ()
            yield f"{name} of bool", value > 0, ()
    elif isinstance(value, bool):
        yield f"{name}={not value}", not value, ()
    elif isinstance(value, int):
        yield from ((f"{name}={new}", new, ()) for new in (value + 1, value + 3, 10 * value, 1, 0, -value))
    elif isinstance(value, tuple):
        for i, number in enumerate(value):
            for new in (number + 1, 0, -number):
                numbers = (*value[:i], new, *value[i + 1 :])
                several = getattr(value, "_make", tuple)(numbers)
                yield f"{name}={several}", several, ()
    elif isinstance(value, str):
        yield f"{name}='no_such_name'", "no_such_name", ()
    elif isinstance(value, float):
        yield from ((f"{name}={new}", new, ()) for new in (-0.5, 0.0, 1e-4, 1.5, 1e3, 1e5, np.inf, np.nan))


def filled_axes(value: ndarray) -> list[int]:
    """Axes of which there is something to take."""
    return [axis for axis in range(value.ndim) if value.shape[axis]]


def place_of(name: str, value: ndarray, axis: int) -> str:
    """An axis of an argument, in words."""
    return f"{name} whose last axis" if axis == value.ndim - 1 else f"{name} whose axis {axis}"
