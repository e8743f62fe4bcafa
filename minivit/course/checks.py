"""What is asked of each function, in order: it is there, it runs, manners, shapes, numbers, properties, speed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.asked import Asked, partner
from minivit.course.compare import (
    FLOAT32,
    CheckFailedError,
    Compared,
    NotWrittenError,
    compare_shapes,
    compare_values,
    compared_in,
    comparing,
    wrong_numbers,
)
from minivit.course.complex_numbers import wrong_dtype
from minivit.course.errors import check_errors, promised
from minivit.course.exercise import Draw, Property, Task, Trial
from minivit.course.forms import other_forms
from minivit.course.manners import check_adds, check_linear, check_manners
from minivit.course.outputs import MalformedError, clip, form_note, named_outputs
from minivit.course.properties import check_property
from minivit.course.resized import of_one, resized
from minivit.course.runner import CannotRunError, Runner
from minivit.course.speed import axis_name, check_loops, check_time
from minivit.course.together import check_together, is_right
from minivit.course.trial import make_trial
from minivit.threads import one_blas_thread

TRIALS = 3  # random cases for each check of numbers

FICKLE = "the same call gives another answer each time (as said above), so of these numbers nothing can be said"

Status = Literal["passed", "failed", "not implemented", "skipped"]
Check = Callable[[Asked, Generator], str | None]
"""Returns what is to be said of a check that holds, if anything, or raises what is wrong."""


class Result(NamedTuple):
    """How one check of one function went. ``message`` is for people; ``compared`` is what was wrong, in numbers."""

    task: str
    check: str
    status: Status
    message: str = ""
    compared: Compared | None = None


def check_task(task: Task, runner: Runner, seed: int, *, timed: bool = True) -> Iterator[Result]:
    """Run every check of one function; one that breaks off costs only itself.

    The first is a gate: where nothing can be called, or what comes back has no names, the others are skipped.

    Raises
    ------
    CannotRunError
        If the solution cannot be loaded any more.
    """
    with one_blas_thread():  # of small products several make threads wait for one another, most of the time
        for result in _check_task(task, runner, seed, timed):
            yield result._replace(message=clip(result.message))  # in which there is text of the solution's


def _check_task(task: Task, runner: Runner, seed: int, timed: bool) -> Iterator[Result]:
    asked = Asked(task, runner)
    later = ""
    for name, check in checks_of(task).items():
        if later:
            yield Result(task.name, name, later)
        elif (check is not check_time or timed) and (check is not check_together or asked.paired):
            result = _judge(asked, name, check, seed)
            if check is _runs and result.status != "passed":
                later = "not implemented" if result.status == "not implemented" else "skipped"
            yield result


def checks_of(task: Task) -> dict[str, Check]:
    """The checks of a function by name, in order."""
    is_backward = task.kind == "backward"
    checks: dict[str, Check] = {"runs": _runs, "leaves its inputs alone": check_manners, "shapes": _shapes}
    checks |= {"dtype": _dtype} if task.has_arrays or returns_arrays(task) else {}
    checks |= {f"numbers {label}".strip(): Numbers(draw) for label, draw in task.cases.items()}
    if task.has_arrays:
        checks |= {"numbers where an axis has length 1": _axes_of_one, "numbers in float32": _in_float32}
        checks |= {"numbers in other forms": _in_other_forms}
    checks |= {"with your forward": check_together} if is_backward and partner(task) else {}
    checks |= {"adds to the gradients": check_adds} if is_backward and task.is_layer else {}
    checks |= {"linear in dy": check_linear} if is_backward else {}
    checks |= {item.name: Holds(item) for item in task.properties}
    checks |= {"raises what it promises": check_errors} if promised(task) else {}
    if task.big or (task.has_arrays and not (task.keep_loops or task.is_layer)):
        checks |= {"without another loop" if task.keep_loops else "without loops": check_loops}
    return checks | ({"speed": check_time} if task.big else {})


def check_names(task: Task) -> list[str]:
    """The checks of a function, in order."""
    return [*checks_of(task)]


def _judge(asked: Asked, name: str, check: Check, seed: int) -> Result:
    """One check; once more in a fresh process where another function may have spoilt this one: none pays for that."""
    result = _judge_once(asked, name, check, seed)
    untouched = result.message == f"{asked.task.name}: write this"
    if result.status != "passed" and not untouched and asked.runner.is_shared(asked.names):
        asked.runner.close()
        result = _judge_once(asked, name, check, seed)
    return result


def _judge_once(asked: Asked, name: str, check: Check, seed: int) -> Result:
    task = asked.task.name
    rng = np.random.default_rng([seed, *f"{task} {name}".encode()])
    try:
        return Result(task, name, "passed", check(asked, rng) or "")
    except NotWrittenError as error:
        return Result(task, name, "not implemented", str(error))
    except (CheckFailedError, MalformedError) as failure:
        if (asked.excuse or asked.fickle) and isinstance(check, Numbers):
            return Result(task, name, "failed", asked.excuse or FICKLE)  # of which numbers tell nothing
        compared = compared_in(failure)
        if compared:
            compared.own_cache = asked.with_own_cache or check is check_together
        return Result(task, name, "failed", "\n  ".join(filter(None, (asked.excuse, str(failure)))), compared)
    except CannotRunError:
        raise
    except Exception as error:  # what was returned may be anything: strings for numbers, and the like
        return Result(task, name, "failed", f"what it returned cannot be compared: {error}")


def _runs(asked: Asked, rng: Generator) -> str:
    """It returns something with the right parts, whatever stands in them; what else there is to say of its form."""
    asked.choose_cache(rng)
    if asked.partner and asked.with_own_cache and not is_right(Asked(asked.partner, asked.runner), rng):
        asked.excuse = f"judged with the cache of your {asked.partner.name}, which is wrong: mend that first"
    trial = make_trial(asked.task, asked.first, rng)
    outcome = asked.call(trial)
    if outcome.status == "not implemented":
        raise NotWrittenError(outcome.message)
    value = asked.returned(outcome, trial).value
    named_outputs(asked.task.kind, value, trial.expected)
    how = f"judged with the cache of your {asked.task.forward}" * asked.with_own_cache
    return "; ".join(filter(None, (form_note(asked.task.kind, value, trial.expected), how)))


def _shapes(asked: Asked, rng: Generator) -> None:
    for draw in asked.task.cases.values():
        trial = make_trial(asked.task, draw, rng)
        compare_shapes(asked.task, asked.value(trial), trial)


LIFTED = (
    ". np.sqrt or np.log of one number is a float64 that lifts float32 arrays: use math.sqrt, math.log (of np.prod, of "
    "a mean, of what was taken out of an array, use float(...)); np.zeros(n), np.full and np.eye(n) are float64, and "
    "integers make float64 of float32: add dtype=x.dtype"
)


def _dtype(asked: Asked, rng: Generator) -> None:
    """What comes out has the dtype of what went in; what happens in between is nobody's business."""
    for draw in asked.task.cases.values():
        for dtype in (np.float32, np.float64):
            trial = make_trial(asked.task, draw, rng, dtype)
            value = asked.value(trial)
            found = named_outputs(asked.task.kind, value, trial.expected)
            found |= {"y": value} if isinstance(value, ndarray) and is_float(trial.expected) else {}  # True is no 1
            for name, expected in named_outputs(asked.task.kind, trial.expected, trial.expected).items():
                got = found.get(name)
                if not isinstance(expected, (ndarray, np.generic)) or not isinstance(got, (ndarray, np.generic)):
                    continue  # a number of Python's lifts nothing
                lifted = expected.dtype.kind == "f" and has_floats(trial)  # by ours: then the other one is as right
                whole = expected.dtype.kind == got.dtype.kind == "i"  # of any width: they count, or are numbers of rows
                if not whole and got.dtype not in (expected.dtype, *[np.dtype(dtype)] * lifted):
                    raise CheckFailedError(_another_dtype(name, got.dtype, expected.dtype, trial, dtype))


def _another_dtype(name: str, came: np.dtype, went: np.dtype, trial: Trial, dtype: type[np.floating]) -> str:
    if "c" in came.kind + went.kind:
        return wrong_dtype(name, np.dtype(dtype), came, went)
    lifted = LIFTED * (came == np.float64 and went == np.float32)
    if not has_floats(trial) or went != dtype:
        return f"{name} is of {came}; it must be of {went}{lifted}"
    return f"from {went} comes {name} in {came}; what goes in as {went} must come out as {went}{lifted}"


def returns_arrays(task: Task) -> bool:
    """Whether an output is an array: it has a dtype, though no argument may have one."""
    expected = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0)).expected
    return any(isinstance(output, ndarray) for output in named_outputs(task.kind, expected, expected).values())


def has_floats(trial: Trial) -> bool:
    """Whether an argument has a precision."""
    return any(map(is_float, (*trial.inputs, *trial.kwargs.values())))


def is_float(value: object) -> bool:
    """Whether it is an array that has a precision."""
    return isinstance(value, ndarray) and value.dtype.kind in "fc"


class Numbers(NamedTuple):
    """The check that the numbers of one kind of call are right."""

    draw: Draw

    def __call__(self, asked: Asked, rng: Generator) -> str:
        worst = 0.0
        said = list(asked.said)  # of other cases
        trials: list[Trial] = []
        try:
            for _ in range(TRIALS):
                trial = make_trial(asked.task, self.draw, rng)
                value = asked.value(trial)
                try:
                    worst = max(worst, compare_values(asked.task, value, trial, said, [*asked.right, *trials]))
                except CheckFailedError as failure:
                    simpler = _simpler(asked, self.draw, trial.case, rng)
                    raise CheckFailedError(str(failure) + simpler, failure.compared) from None
                trials.append(trial)
        except (CheckFailedError, MalformedError) as failure:
            asked.said.append(str(failure).partition("\n")[0])
            raise
        asked.right += trials
        return f"largest error {worst:.0e}"


def _simpler(asked: Asked, draw: Draw, failed: Case, rng: Generator) -> str:
    """Is an easier case right, also that of the case that failed? Then that is the most helpful thing to know."""
    for words, simplify in asked.task.simpler.items():
        cases = [simplify(case) for case in (*turned(failed), *(draw(rng) for _ in range(TRIALS - 1)))]
        if any(case is None for case in cases):
            continue
        for case in cases:
            try:
                trial = make_trial(asked.task, lambda _, case=case: case, rng)  # type: ignore[misc, return-value]
                compare_values(asked.task, asked.value(trial), trial, [])
            except (CheckFailedError, MalformedError, ValueError):  # ours may refuse a part of a case
                break
        else:
            return f"\n  right {words}, wrong for {SEVERAL.get(words, 'the whole')}"
    return ""


def turned(case: Case) -> list[Case]:
    """The case with each of its rows first once: the trouble may be in any of them."""
    count = len(case.args[0]) if isinstance(case.args[0], ndarray) and case.args[0].ndim > 1 else 1
    rows = [arg for arg in case.args if isinstance(arg, ndarray) and arg.ndim > 1 and len(arg) == count]

    def rolled(arg: Any, shift: int) -> Any:
        return np.roll(arg, shift, 0) if any(arg is row for row in rows) else arg

    return [case._replace(args=tuple(rolled(arg, shift) for arg in case.args)) for shift in range(count)]


SEVERAL = {"for one sample": "a batch", "for one head": "several heads", "with one head": "several heads"}


def _axes_of_one(asked: Asked, rng: Generator) -> None:
    """An axis of length 1 stays one: it is no scalar, and nothing is squeezed away."""
    others = resized(asked.task, asked.first(rng), rng, of_one)
    _right_in_all(asked, ((f"where {axis_name(asked.task, other)} has length 1", other.trial) for other in others))


def _in_float32(asked: Asked, rng: Generator) -> None:
    """As good as float32 can be; not so where small differences of large numbers are taken."""
    for draw in asked.task.cases.values():
        trial = make_trial(asked.task, draw, rng, np.float32)
        value = asked.value(trial)
        pairs = compare_shapes(asked.task, value, trial, FLOAT32)
        with comparing(Compared(asked.task, trial, value, FLOAT32)):
            for name in wrong_numbers(asked.task.kind, pairs, FLOAT32)[1]:
                raise CheckFailedError(
                    "wrong as well"
                    if asked.said
                    else f"{name} is right in float64 and wrong in float32: a numerical derivative, a difference of "
                    "large numbers, or strides of 8 bytes?"
                )


def _in_other_forms(asked: Asked, rng: Generator) -> None:
    """Whatever the signature allows is a call as any other."""
    _right_in_all(asked, other_forms(asked.task, rng))


def _right_in_all(asked: Asked, trials: Iterable[tuple[str, Trial]]) -> None:
    """The first call that is wrong is told, with the words that say what it is."""
    for words, trial in trials:
        try:
            compare_values(asked.task, asked.value(trial), trial, [])
        except (CheckFailedError, MalformedError) as failure:
            where = f"{failure}\n  {words}"
            raise CheckFailedError("wrong as well" if asked.said else where, compared_in(failure)) from None


class Holds(NamedTuple):
    """The check that a property holds."""

    item: Property

    def __call__(self, asked: Asked, rng: Generator) -> None:
        check_property(asked, self.item, rng)
