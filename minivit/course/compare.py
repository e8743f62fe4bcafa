"""Compare what was returned with what was expected, name by name, and say what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.check.reals import is_complex
from minivit.course.exercise import Task, Trial
from minivit.course.explain import SMALL, exchanged, known_mistakes, wrong_shape, wrong_values
from minivit.course.outputs import Kind, MalformedError, cache_note, describe, is_whole, named_outputs


class Tolerance(NamedTuple):
    """How far numbers may be off: ``error`` of the largest number of their array, or of ``least`` of that of all."""

    error: float
    least: float


FLOAT64 = Tolerance(1e-9, SMALL)  # right answers are near 1e-15
FLOAT32 = Tolerance(1e-3, 1.0)  # the reference itself is off by 1e-6


@dataclass(eq=False)
class Compared:
    """What a function returned for a trial, and was held against what is expected.

    ``own_cache``: it was given the cache of the solution's own forward, which is not known here. ``raised``: what it
    raised, if that was all.
    """

    task: Task
    trial: Trial
    value: Any
    tolerance: Tolerance = FLOAT64
    own_cache: bool = False
    raised: str = ""

    @property
    def pairs(self) -> dict[str, tuple[Any, Any]]:
        """Pairs (got, expected) by name; None where nothing came."""
        found, wanted = outputs_of(self.task, self.value, self.trial)
        return {name: (found.get(name), expected) for name, expected in wanted.items()}

    @property
    def wrong(self) -> list[str]:
        """Names of those pairs of numbers that differ, in their shapes or in their numbers."""
        if self.raised:
            return []
        try:
            pairs = self.pairs
        except MalformedError:  # what a property has called is not looked at as a whole
            return []
        numbers = {name: pair for name, pair in pairs.items() if all(map(is_numeric, pair))}
        alike = {name: pair for name, pair in numbers.items() if np.shape(pair[0]) == np.shape(pair[1])}
        wrong = wrong_numbers(self.task.kind, alike, self.tolerance)[1]
        return [name for name in numbers if name not in alike or name in wrong]


class CheckFailedError(Exception):
    """A check that does not hold; ``compared`` is what it has compared, if it did."""

    def __init__(self, message: str, compared: Compared | None = None) -> None:
        super().__init__(message)
        self.compared = compared


class NotWrittenError(Exception):
    """The function is not there yet."""


def compare_shapes(task: Task, value: Any, trial: Trial, tolerance: Tolerance = FLOAT64) -> dict[str, tuple[Any, Any]]:
    """Pairs (got, expected) by name, when each has the shape that it should have."""
    with comparing(Compared(task, trial, value, tolerance)):
        return _same_shapes(task, value, trial)


def outputs_of(task: Task, value: Any, trial: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was returned, and what of it is expected, by name."""
    found = named_outputs(task.kind, value, trial.expected)
    wanted = named_outputs(task.kind, trial.expected, trial.expected)
    wanted = {name: expected for name, expected in wanted.items() if name not in task.free}
    if task.kind == "forward" and cache_note(value[1], trial.expected[1]):
        wanted = {"y": wanted["y"]}
    return found, wanted


def _same_shapes(task: Task, value: Any, trial: Trial) -> dict[str, tuple[Any, Any]]:
    found, wanted = outputs_of(task, value, trial)
    for name, got in found.items():
        if isinstance(got, ndarray) and got.dtype.kind not in "biufc":
            raise CheckFailedError(f"{name} must be an array of numbers; it has the type {got.dtype}")
    if names := exchanged(found, wanted):
        known = _known(found, task, trial) if task.kind == "backward" else {}
        by_accident = known.keys() >= {*names}  # of boxes that touch, say
        said = f"{', '.join(names[:-1])} and {names[-1]} are exchanged"
        raise CheckFailedError(next(iter(known.values())) if by_accident else said)
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
    known = [*_known(found, task, trial).values()]
    return f"{known[0]}\n  {message}" if known else message


def _known(found: dict[str, Any], task: Task, trial: Trial) -> dict[str, str]:
    """The first known mistake that each output shows, of those that show one, in the order of how much they explain."""
    arrays = {other: got for other, got in found.items() if isinstance(got, ndarray)}
    known: dict[str, str] = {}
    for name, says in known_mistakes(arrays, task, trial):
        known.setdefault(name, says)
    return known


def compare_values(task: Task, value: Any, trial: Trial, said: list[str], right: Sequence[Trial] = ()) -> float:
    """The largest relative error, if it is small enough.

    ``said`` is what was found wrong in other cases, and ``right`` are those in which nothing was.
    """
    pairs = compare_shapes(task, value, trial)
    with comparing(Compared(task, trial, value)):
        for name, (got, expected) in pairs.items():
            if is_whole(task.kind, expected) and isinstance(got, (float, np.floating)):
                raise CheckFailedError(
                    f"{name} is {float(got)}, and must be a whole number: // gives one, / does not, nor np.floor"
                )
        worst, wrong = wrong_numbers(task.kind, pairs)
        if wrong:
            raise CheckFailedError(wrong_values(wrong, task, trial, said, right))
        arrays = arrays_of(pairs)
        for name, (got, expected) in pairs.items():
            if name not in arrays and got != expected and not _close(got, expected):
                raise CheckFailedError(f"{name} is {got!r}; it should be {expected!r}")
    return worst


@contextmanager
def comparing(compared: Compared) -> Iterator[None]:
    """While it lasts, a check that fails tells what it has compared."""
    try:
        yield
    except CheckFailedError as failure:
        failure.compared = failure.compared or compared
        raise


def compared_in(failure: Exception) -> Compared | None:
    """What was compared, if that is what has failed."""
    return failure.compared if isinstance(failure, CheckFailedError) else None


def wrong_numbers(
    kind: Kind, pairs: Mapping[str, tuple[Any, Any]], tolerance: Tolerance = FLOAT64
) -> tuple[float, dict[str, tuple[ndarray, ndarray]]]:
    """The largest relative error, and those pairs (got, expected) of equal shapes whose numbers are too far apart."""
    arrays = arrays_of(pairs)
    largest = max((largest_number(expected) for _, expected in arrays.values()), default=1.0)
    worst, wrong = 0.0, {}
    for name, (got, expected) in arrays.items():
        got, expected = np.asarray(got), np.asarray(expected)
        scale = max(largest_number(expected), tolerance.least * largest) or 1.0
        with np.errstate(all="ignore"):
            error = np.where(got == expected, 0, np.abs(got - expected)).max(initial=0) / scale
        if not error <= tolerance.error:  # "not <=" also catches nan
            wrong[name] = got, expected
        worst = max(worst, float(error))
    wrong |= {  # whole numbers are right to the unit
        name: (np.asarray(got), np.asarray(expected))
        for name, (got, expected) in pairs.items()
        if is_whole(kind, expected) and got != expected
    }
    return worst, wrong


def arrays_of(pairs: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Those pairs of which an array is expected."""
    return {name: pair for name, pair in pairs.items() if isinstance(pair[1], (ndarray, np.generic))}


def is_numeric(value: Any) -> bool:
    """Whether it is a number, or an array of numbers."""
    return isinstance(value, (ndarray, np.generic, int, float)) and np.asarray(value).dtype.kind in "biufc"


def _close(got: Any, expected: Any) -> bool:
    return isinstance(expected, float) and isinstance(got, float) and bool(np.isclose(got, expected, rtol=1e-12))


def largest_number(a: Any) -> float:
    """The largest finite number."""
    a = np.asarray(a)
    a = np.abs(a if is_complex(a) else a.astype(np.float64))
    return float(a[np.isfinite(a)].max(initial=0))
