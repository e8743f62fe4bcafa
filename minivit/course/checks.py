"""What is asked of each function, in order: it is there, it runs, shapes, numbers, manners, properties, speed."""

import inspect
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.check.draw import Case
from minivit.course.call import Outcome, shortest_time
from minivit.course.compare import CheckFailedError, compare_shapes, compare_values, largest_number
from minivit.course.exercise import Draw, Property, Task
from minivit.course.explain import worst_place, wrong_shape
from minivit.course.outputs import MalformedError, clip, describe, flatten, named_outputs
from minivit.course.runner import CannotRunError, Runner
from minivit.course.trial import make_trial, reference
from minivit.threads import keep_freed_memory, one_blas_thread

TRIALS = 3  # random cases for each check of numbers
SLOWEST = 25  # times the reference: a loop over rows is hundreds of times slower
REPEATS, ATTEMPTS = 5, 4

Status = Literal["passed", "failed", "not implemented", "skipped"]


class Result(NamedTuple):
    """How one check of one function went. ``message`` is for people."""

    task: str
    check: str
    status: Status
    message: str = ""


def check_task(task: Task, runner: Runner, seed: int, *, timed: bool = True) -> Iterator[Result]:
    """Run every check of one function; one that breaks off costs only itself.

    The first is a gate: where nothing can be called, or what comes back has no names, the others are skipped.

    Raises
    ------
    CannotRunError
        If the solution cannot be loaded any more.
    """
    for result in _check_task(task, runner, seed, timed):
        yield result._replace(message=clip(result.message))  # in which there is text of the solution's


def _check_task(task: Task, runner: Runner, seed: int, timed: bool) -> Iterator[Result]:
    runs = _judge(task, runner, "runs", lambda rng: _runs(task, runner, rng), seed)
    yield runs
    if runs.status != "passed":
        later = "not implemented" if runs.status == "not implemented" else "skipped"
        yield from (Result(task.name, name, later) for name in check_names(task)[1:])
        return
    yield _judge(task, runner, "shapes", lambda rng: _shapes(task, runner, rng), seed)
    yield _judge(task, runner, "dtype", lambda rng: _dtype(task, runner, rng), seed)
    said: list[str] = []
    for label, draw in task.cases.items():
        result = _judge(
            task, runner, _values_name(label), lambda rng, draw=draw: _values(task, runner, draw, rng, said), seed
        )
        said.append(result.message.partition("\n")[0])
        yield result
    yield _judge(task, runner, "leaves its inputs alone", lambda rng: _manners(task, runner, rng), seed)
    if task.kind == "backward":
        yield _judge(task, runner, "linear in dy", lambda rng: _linear(task, runner, rng), seed)
    for item in task.properties:
        yield _judge(task, runner, item.name, lambda rng, item=item: _property(task, item, runner, rng), seed)
    if task.big and timed:
        yield _judge(task, runner, _speed_name(task), lambda rng: _speed(task, runner, rng), seed)


def check_names(task: Task) -> list[str]:
    """The checks of a function, in order."""
    names = ["runs", "shapes", "dtype", *map(_values_name, task.cases), "leaves its inputs alone"]
    names += ["linear in dy"] if task.kind == "backward" else []
    return [*names, *(item.name for item in task.properties), *([_speed_name(task)] if task.big else [])]


def _values_name(label: str) -> str:
    return f"numbers {label}".strip()


def _speed_name(task: Task) -> str:
    return "without another loop" if task.keep_loops else "without loops"


def _judge(task: Task, runner: Runner, name: str, check: Any, seed: int) -> Result:
    """One check; once more in a fresh process where another function may have spoilt this one: none pays for that."""
    result = _judge_once(task, name, check, seed)
    untouched = result.message == f"{task.name}: write this"
    if result.status != "passed" and not untouched and runner.is_shared(task.name):
        runner.close()
        result = _judge_once(task, name, check, seed)
    return result


def _judge_once(task: Task, name: str, check: Any, seed: int) -> Result:
    rng = np.random.default_rng([seed, *f"{task.name} {name}".encode()])
    try:
        return Result(task.name, name, "passed", check(rng) or "")
    except NotWrittenError as error:
        return Result(task.name, name, "not implemented", str(error))
    except (CheckFailedError, MalformedError) as failure:
        return Result(task.name, name, "failed", str(failure))
    except CannotRunError:
        raise
    except Exception as error:  # what was returned may be anything: strings for numbers, and the like
        return Result(task.name, name, "failed", f"what it returned cannot be compared: {error}")


class NotWrittenError(Exception):
    """The function is not there yet."""


def _returned(outcome: Outcome) -> Outcome:
    if outcome.status != "returned":
        raise CheckFailedError(outcome.message)
    return outcome


def _call(task: Task, runner: Runner, args: tuple, kwargs: dict[str, Any], repeats: int = 0) -> Outcome:
    return runner.call(task.name, args, kwargs, repeats, task.given)


def _runs(task: Task, runner: Runner, rng: Generator) -> None:
    """It returns something with the right parts, whatever stands in them."""
    trial = make_trial(task, next(iter(task.cases.values())), rng)
    outcome = _call(task, runner, trial.args, trial.kwargs)
    if outcome.status == "not implemented":
        raise NotWrittenError(outcome.message)
    named_outputs(task.kind, _returned(outcome).value, trial.expected)


def _shapes(task: Task, runner: Runner, rng: Generator) -> None:
    for draw in task.cases.values():
        trial = make_trial(task, draw, rng)
        outcome = _returned(_call(task, runner, trial.args, trial.kwargs))
        compare_shapes(task, outcome.value, trial)


def _dtype(task: Task, runner: Runner, rng: Generator) -> None:
    trial = make_trial(task, next(iter(task.cases.values())), rng, np.float32)
    found = named_outputs(task.kind, _returned(_call(task, runner, trial.args, trial.kwargs)).value, trial.expected)
    for name, expected in named_outputs(task.kind, trial.expected, trial.expected).items():
        got = found.get(name)
        if isinstance(expected, (ndarray, np.generic)) and isinstance(got, (ndarray, np.generic, float, int)):
            dtype = np.asarray(got).dtype
            if dtype != expected.dtype:
                own = ". np.zeros(n), np.eye(n), np.sqrt(2) are float64: add dtype=x.dtype, use math.sqrt"
                raise CheckFailedError(
                    f"from float32 comes {name} in {dtype}; what goes in as float32 must come out as float32"
                    + own * (dtype == np.float64)
                )


def _values(task: Task, runner: Runner, draw: Draw, rng: Generator, said: list[str]) -> str:
    worst = 0.0
    for _ in range(TRIALS):
        trial = make_trial(task, draw, rng)
        outcome = _returned(_call(task, runner, trial.args, trial.kwargs))
        try:
            worst = max(worst, compare_values(task, outcome.value, trial, said))
        except CheckFailedError as failure:
            raise CheckFailedError(str(failure) + _simpler(task, runner, draw, trial.case, rng)) from None
    return f"largest error {worst:.0e}"


def _simpler(task: Task, runner: Runner, draw: Draw, failed: Case, rng: Generator) -> str:
    """Is an easier case right, also that of the case that failed? Then that is the most helpful thing to know."""
    for words, simplify in task.simpler.items():
        cases = [simplify(case) for case in (failed, *(draw(rng) for _ in range(TRIALS - 1)))]
        if any(case is None for case in cases):
            continue
        for case in cases:
            trial = make_trial(task, lambda _, case=case: case, rng)  # type: ignore[misc, return-value]
            outcome = _call(task, runner, trial.args, trial.kwargs)
            try:
                compare_values(task, _returned(outcome).value, trial, [])
            except (CheckFailedError, MalformedError):
                break
        else:
            return f"\n  right {words}, wrong for {SEVERAL.get(words, 'the whole')}"
    return ""


SEVERAL = {"for one sample": "a batch", "for one head": "several heads", "with one head": "several heads"}


def _manners(task: Task, runner: Runner, rng: Generator) -> None:
    """Inputs stay as they were, and the same call gives the same bits."""
    trial = make_trial(task, next(iter(task.cases.values())), rng)
    names = _argument_names(task)
    first = _returned(_call(task, runner, trial.args, trial.kwargs))
    for name, (before, after) in zip(names, zip(trial.args, first.args, strict=True), strict=False):
        now = flatten(after, f"{name}.")
        for path, array in flatten(before, f"{name}.").items():
            if isinstance(array, ndarray) and np.shape(now[path]) != array.shape:
                raise CheckFailedError(f"you modified {path} in place: it has shape {np.shape(now[path])} afterwards")
            if isinstance(array, ndarray) and not np.array_equal(array, np.asarray(now[path]), equal_nan=True):
                raise CheckFailedError(
                    f"you modified {path} in place; make a new array ({path} = {path} - ..., not -=)\n"
                    f"  {worst_place(path, np.asarray(now[path]), array)}"
                )
    second = _returned(_call(task, runner, trial.args, trial.kwargs))
    one, two = (named_outputs(task.kind, outcome.value, trial.expected) for outcome in (first, second))
    for name, value in one.items():
        if isinstance(value, ndarray) and not np.array_equal(value, two[name], equal_nan=True):
            raise CheckFailedError(
                f"the same call gives another {name} the second time: something is remembered, or drawn"
            )


def _argument_names(task: Task) -> list[str]:
    if task.kind == "backward":
        return ["dy", "cache", "params"]
    if task.is_layer:
        return ["x", "params"]
    code = inspect.unwrap(reference(task)).__code__
    return list(code.co_varnames[: code.co_argcount])


def _linear(task: Task, runner: Runner, rng: Generator) -> None:
    trial = make_trial(task, next(iter(task.cases.values())), rng)

    def grads(dy: Any) -> dict[str, Any]:
        outcome = _returned(_call(task, runner, (dy, *trial.args[1:]), trial.kwargs))
        return {name: got for name, (got, _) in compare_shapes(task, outcome.value, trial).items()}

    other = random_like(rng, trial.dy)
    one, two, both = grads(trial.dy), grads(other), grads(trial.dy - 3 * other)
    for name, grad in one.items():
        if isinstance(grad, ndarray):
            error = np.abs(grad - 3 * two[name] - both[name]).max(initial=0)
            if not error <= 1e-9 * max(largest_number(grad), largest_number(two[name]), 1e-6):
                raise CheckFailedError(
                    f"{name} is not linear in dy (off by {error:.3g}): a gradient is a matrix times dy, so twice dy "
                    "gives twice the gradient"
                )


def _property(task: Task, item: Property, runner: Runner, rng: Generator) -> None:
    def call(*args: Any, **kwargs: Any) -> Any:
        value = _returned(_call(task, runner, args, kwargs)).value
        pair = isinstance(value, (tuple, list)) and bool(value) and isinstance(value[0], (ndarray, np.generic))
        if task.kind == "forward" and not pair:
            raise CheckFailedError(f"it must return the pair (y, cache); it returned {describe(value)}")
        expected = reference(task)(*args, **kwargs)
        y, right = (value[0], expected[0]) if task.kind == "forward" else (value, expected)
        found, wanted = named_outputs("plain", y, right), named_outputs("plain", right, right)
        for name, array in wanted.items():
            if np.shape(found[name]) != np.shape(array):  # to compare these could fill the memory
                raise CheckFailedError(wrong_shape(name, np.asarray(found[name]), np.asarray(array), wanted))
        return value._asdict() if hasattr(value, "_asdict") else value  # type: ignore[union-attr]

    with np.errstate(all="ignore"):
        sentence = item.holds(call, rng)
    if sentence:
        raise CheckFailedError(sentence)


def _speed(task: Task, runner: Runner, rng: Generator) -> str:
    """The time on a large batch as a multiple of ours in the same run; the best of some attempts counts.

    A busy machine makes a fast function slow for a moment; ours is timed before and after, so that it does not make a
    slow one look fast.
    """
    assert task.big
    trial = make_trial(task, task.big, rng, np.float32)

    def ours() -> float:
        return shortest_time(reference(task), trial.args, trial.kwargs, REPEATS)

    ratio = np.inf
    keep_freed_memory()  # otherwise large arrays can make ours slow, and a loop look fast beside it
    for _ in range(ATTEMPTS):
        with one_blas_thread(), np.errstate(all="ignore"):
            our_seconds = ours()
            outcome = _call(task, runner, trial.args, trial.kwargs, REPEATS)
            our_seconds = min(our_seconds, ours())
        if outcome.status == "too slow":
            raise CheckFailedError(f"{outcome.message} On a large batch the reference takes {our_seconds * 1e3:.1f} ms")
        ratio = min(ratio, _returned(outcome).seconds / our_seconds)
        if ratio <= SLOWEST:
            return f"{ratio:.1f} times the reference's time"
    raise CheckFailedError(
        f"{ratio:.0f} times as long as the reference on a large batch: a loop over rows, samples or numbers, "
        "where one NumPy call can do them all"
    )
