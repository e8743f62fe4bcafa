"""A function of a solution, and how it is called: alone, or, where its cache is its own, with its forward."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.course.call import THEN, How, Outcome
from minivit.course.compare import CheckFailedError, Compared, compare_values
from minivit.course.exercise import Draw, Task, Trial
from minivit.course.outputs import MalformedError, cache_note, flatten
from minivit.course.runner import Runner
from minivit.course.trial import argument_names, forward_names, make_trial
from minivit.nests import mapped


class Asked:
    """One task, the solution that is asked, what was found wrong so far (``said``), and where all was ``right``.

    A backward is ``paired`` if its forward is asked of the solution, too. It is judged ``with_own_cache`` if the cache
    of that forward has another form than the given one (or is another where that is free), and the given one is of no
    use to it; ``excuse`` is what is to be said first then if that forward is wrong. One that answers otherwise when
    it is asked again is ``fickle``.
    """

    def __init__(self, task: Task, runner: Runner) -> None:
        self.task, self.runner = task, runner
        self.said: list[str] = []
        self.right: list[Trial] = []
        self.partner = partner(task)
        self.paired = self.partner is not None and runner.has(self.partner.name)
        self.pair = f"{task.forward}{THEN}{task.name}"
        self.with_own_cache = False
        self.excuse = ""
        self.fickle = False

    @property
    def first(self) -> Draw:
        """The plain kind of call."""
        return next(iter(self.task.cases.values()))

    @property
    def names(self) -> str:
        """Of the functions that are called."""
        return self.pair if self.paired else self.task.name

    def returned(self, outcome: Outcome, trial: Trial | None = None) -> Outcome:
        """An outcome that is one, or CheckFailedError; of an error with the options of the call."""
        if outcome.status != "returned":
            if trial and outcome.status == "raised":
                compared = Compared(self.task, trial, None, raised=outcome.message)
                raise CheckFailedError(outcome.message + options_of(self.task, trial), compared)
            raise CheckFailedError(outcome.message)
        return outcome

    def call(self, trial: Trial, start: Any = None) -> Outcome:
        """Call the function; what a backward gets is the cache of the reference, or its own.

        The gradients of a layer's parameters begin with ``start``, if it is given.
        """
        if not self.with_own_cache:
            return self._call(trial, "value", start)
        outcome = self._call_pair(trial, "value", self._given, start)
        return outcome._replace(value=outcome.value[1]) if outcome.status == "returned" else outcome

    def value(self, trial: Trial, start: Any = None) -> Any:
        """What the call returns, or CheckFailedError."""
        return self.returned(self.call(trial, start), trial).value

    def together(self, trial: Trial, *, alone: bool = False) -> Outcome:
        """Call its forward and give its cache to the function; ``alone`` without any of ours that stand in."""
        return self._call_pair(trial, "value", () if alone else self._given)

    def twice(self, trial: Trial, other: Trial) -> tuple[Any, Any, Any]:
        """What a call returns, what became of that by another one, and what the other one returned."""
        name = f"{self.task.name}{THEN}{self.task.name}"
        args = trial.args, other.args, other.kwargs
        return self.returned(self.runner.call(name, args, trial.kwargs, "value", self.task.given)).value

    def steps(self, trial: Trial) -> int:
        """Steps of Python that a call takes."""
        return self.returned(self._call(trial, "steps")).value

    def timed(self, trial: Trial) -> Outcome:
        """How long a call takes."""
        return self._call(trial, "seconds")

    def arguments(self, trial: Trial) -> dict[str, Any]:
        """All that a call could write into, in the order of its arguments; the options come last."""
        if self.with_own_cache:
            return {"dy": trial.dy} | ({"params": trial.args[2]} if self.task.is_layer else {})
        return dict(zip(argument_names(self.task), trial.args, strict=False)) | {"options": trial.kwargs}

    def became(self, outcome: Outcome, count: int) -> tuple[Any, ...]:
        """What those so many arguments were after the call."""
        args = outcome.args if isinstance(outcome.args, tuple) else ()
        if self.with_own_cache and len(args) > 1 and isinstance(args[1], tuple):
            args = (args[0], *args[1][1:])  # dy, (x, params)
        if len(args) < count:
            raise CheckFailedError("it is not told what became of the arguments")
        return args

    def choose_cache(self, rng: Generator) -> None:
        """Find out whether the function must be judged with the cache of its own forward."""
        if not self.paired:
            return
        assert self.partner
        trials = [make_trial(self.task, draw, rng) for draw in self.task.cases.values()]
        if any(self._has_another_cache(trial) for trial in trials):
            try:
                for trial in trials:
                    compare_values(self.task, self.value(trial), trial, [])
            except (CheckFailedError, MalformedError):
                self.with_own_cache = True

    def _has_another_cache(self, trial: Trial) -> bool:
        """Whether the forward of the solution returns another cache than ours: in its form, or where it is free."""
        assert self.partner
        outcome = self.runner.call(self.task.forward, trial.inputs, trial.case.kwargs, "value", self.partner.given)
        value = outcome.value
        if outcome.status != "returned" or not isinstance(value, (tuple, list)) or len(value) != 2:
            return False
        return bool(cache_note(value[1], trial.cache)) or differs(self.partner, value[1], trial.cache)

    def _call(self, trial: Trial, how: How, start: Any = None) -> Outcome:
        if self.with_own_cache:
            return self._call_pair(trial, how, self._given)
        args = trial.args if start is None else (*trial.args, start)
        return self.runner.call(self.task.name, args, trial.kwargs, how, self.task.given)

    def _call_pair(self, trial: Trial, how: How, given: tuple[str, ...], start: Any = None) -> Outcome:
        args = trial.dy, trial.inputs, mapped(other_numbers, trial.inputs), *(() if start is None else (start,))
        return self.runner.call(self.pair, args, trial.case.kwargs, how, given)

    @property
    def _given(self) -> tuple[str, ...]:
        assert self.partner
        return (*self.partner.given, *self.task.given)


def options_of(task: Task, trial: Trial) -> str:
    """What tells a call from others, if anything, as a line of a message: arguments that are no arrays."""
    return called_with(dict(zip(forward_names(task), trial.inputs, strict=False)) | trial.case.kwargs)


def called_with(given: dict[str, Any]) -> str:
    """Those of the arguments that are no arrays, if any, as a line of a message."""
    said = [f"{name}={value!r}" for name, value in given.items() if isinstance(value, (int, float, str, tuple))]
    return f"\n  called with {', '.join(said)}" if said else ""


def other_numbers(value: Any) -> Any:
    """For floating-point numbers others, of the same shape; anything else as it is."""
    is_float = isinstance(value, ndarray) and value.dtype.kind in "fc"
    return random_like(np.random.default_rng(value.size), value) if is_float else value


def differs(forward: Task, cache: Any, expected: Any) -> bool:
    """Whether what is free in a cache is something else than ours."""
    found, wanted = flatten(cache, "cache."), flatten(expected, "cache.")
    return any(not np.array_equal(np.asarray(found.get(name)), np.asarray(wanted.get(name))) for name in forward.free)


def every_task() -> Iterator[Task]:
    """The tasks of all exercises."""
    exercises = import_module("minivit.course.exercises").EXERCISES.values()  # which imports this package, too
    return (task for exercise in exercises for task in exercise.tasks)


def partner(task: Task) -> Task | None:
    """The forward of a backward, if an exercise asks for it, too."""
    return next((other for other in every_task() if task.kind == "backward" and other.name == task.forward), None)
