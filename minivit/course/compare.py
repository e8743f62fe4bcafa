"""Compare what was returned with what was expected, name by name, and say what is wrong with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.check.reals import is_complex
from minivit.course.exercise import Task, Trial
from minivit.course.explain import SMALL, exchanged, known_mistakes, wrong_shape, wrong_values
from minivit.course.outputs import cache_note, describe, is_whole, named_outputs

TOLERANCE = 1e-9  # relative to the largest number; right answers are near 1e-15


class CheckFailedError(Exception):
    """A check that does not hold."""


class NotWrittenError(Exception):
    """The function is not there yet."""


def compare_shapes(task: Task, value: Any, trial: Trial) -> dict[str, tuple[Any, Any]]:
    """Pairs (got, expected) by name, when each has the shape that it should have."""
    found = named_outputs(task.kind, value, trial.expected)
    wanted = named_outputs(task.kind, trial.expected, trial.expected)
    wanted = {name: expected for name, expected in wanted.items() if name not in task.free}
    if task.kind == "forward" and cache_note(value[1], trial.expected[1]):
        wanted = {"y": wanted["y"]}
    for name, got in found.items():
        if isinstance(got, ndarray) and got.dtype.kind not in "biufc":
            raise CheckFailedError(f"{name} must be an array of numbers; it has the type {got.dtype}")
    if names := exchanged(found, wanted):
        raise CheckFailedError(f"{names} are exchanged")
    for name, expected in wanted.items():
        got: Any = found.get(name)
        is_array = isinstance(expected, (ndarray, np.generic))
        should_be = "an array" if is_array else f"the {type(expected).__name__} {expected!r}"
        if expected is None:
            if got is not None:
                raise CheckFailedError(f"{name} must be None where the argument is None")
        elif got is None and any(other.startswith(f"{name}.") for other in found):
            parts = ", ".join(other.removeprefix(f"{name}.") for other in found if other.startswith(f"{name}."))
            raise CheckFailedError(
                f"{name} must be {should_be}; it is a tuple with {parts}: take out what is asked for"
            )
        elif got is None:
            raise CheckFailedError(_with_cause(f"{name} is None; it must be {should_be}", found, task, trial))
        elif isinstance(expected, tuple) and isinstance(got, (list, ndarray)) and _same_numbers(got, expected):
            found[name] = expected
        elif not isinstance(got, (ndarray, np.generic, float, int)) if is_array else isinstance(got, ndarray):
            raise CheckFailedError(f"{name} must be {should_be}; it is {describe(got)}")
        elif is_array and np.shape(got) != np.shape(expected):
            message = wrong_shape(name, np.asarray(got), np.asarray(expected), wanted)
            raise CheckFailedError(_with_cause(message, found, task, trial))
    return {name: (found.get(name), expected) for name, expected in wanted.items()}


def _same_numbers(got: Any, expected: tuple) -> bool:
    """Whether a shape is the expected one: as a list or an array it is as good."""
    return bool(np.array_equal(np.asarray(got), np.asarray(expected)))


def _with_cause(message: str, found: dict[str, Any], task: Task, trial: Trial) -> str:
    """What is wrong with the form of an output; if it, or another one, shows a known mistake, that one is the cause."""
    arrays = {other: got for other, got in found.items() if isinstance(got, ndarray)}
    for _, known in known_mistakes(arrays, task, trial):
        return f"{known}\n  {message}"
    return message


def compare_values(task: Task, value: Any, trial: Trial, said: list[str], right: Sequence[Trial] = ()) -> float:
    """The largest relative error, if it is small enough.

    ``said`` is what was found wrong in other cases, and ``right`` are those in which nothing was.
    """
    pairs = compare_shapes(task, value, trial)
    for name, (got, expected) in pairs.items():
        if is_whole(task.kind, expected) and isinstance(got, (float, np.floating)):
            raise CheckFailedError(
                f"{name} is {float(got)}, and must be a whole number: // gives one, / does not, nor np.floor"
            )
    arrays, largest = arrays_of(pairs)
    worst, wrong = 0.0, {}
    for name, (got, expected) in arrays.items():
        got, expected = np.asarray(got), np.asarray(expected)
        scale = max(largest_number(expected), SMALL * largest) or 1.0
        with np.errstate(all="ignore"):
            error = np.where(got == expected, 0, np.abs(got - expected)).max(initial=0) / scale
        if not error <= TOLERANCE:  # "not <=" also catches nan
            wrong[name] = got, expected
        worst = max(worst, float(error))
    wrong |= {  # whole numbers are right to the unit
        name: (np.asarray(got), np.asarray(expected))
        for name, (got, expected) in pairs.items()
        if is_whole(task.kind, expected) and got != expected
    }
    if wrong:
        raise CheckFailedError(wrong_values(wrong, task, trial, said, right))
    for name, (got, expected) in pairs.items():
        if name not in arrays and got != expected and not _close(got, expected):
            raise CheckFailedError(f"{name} is {got!r}; it should be {expected!r}")
    return worst


def arrays_of(pairs: dict[str, tuple[Any, Any]]) -> tuple[dict[str, tuple[Any, Any]], float]:
    """Those pairs of which an array is expected, and the largest number in any of them."""
    arrays = {name: pair for name, pair in pairs.items() if isinstance(pair[1], (ndarray, np.generic))}
    return arrays, max((largest_number(expected) for _, expected in arrays.values()), default=1.0)


def _close(got: Any, expected: Any) -> bool:
    return isinstance(expected, float) and isinstance(got, float) and bool(np.isclose(got, expected, rtol=1e-12))


def largest_number(a: Any) -> float:
    """The largest finite number."""
    a = np.asarray(a)
    a = np.abs(a if is_complex(a) else a.astype(np.float64))
    return float(a[np.isfinite(a)].max(initial=0))
