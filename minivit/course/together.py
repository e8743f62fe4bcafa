"""A forward and its backward as a pair: the cache of the one goes into the other, and the numbers are judged."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.course.asked import Asked, every_task
from minivit.course.compare import CheckFailedError, NotWrittenError, compare_values, compared_in
from minivit.course.exercise import Trial
from minivit.course.explain import same
from minivit.course.manners import outlives
from minivit.course.outputs import MalformedError, named_outputs
from minivit.course.trial import argument_names, make_trial
from minivit.nests import mapped

STEP = 1e-6
SLOPE_TOLERANCE = 1e-6


def check_together(asked: Asked, rng: Generator) -> str:
    """The gradients are right with the cache of the solution's own forward, with ours standing in and without.

    A forward that is wrong by itself has been told so, and costs nothing here.
    """
    assert asked.partner
    for draw in asked.task.cases.values():
        trial = make_trial(asked.task, draw, rng)
        outcome = asked.together(trial)
        if outcome.status == "not implemented":
            raise NotWrittenError(outcome.message)
        try:
            judge(asked, trial, asked.returned(outcome, trial).value)
            if asked.task.uses:
                judge_alone(asked, trial, rng)
        except (CheckFailedError, MalformedError) as failure:
            if is_right(Asked(asked.partner, asked.runner), rng):
                what = "wrong as well" if asked.said else failure
                words = f"given the cache of your {asked.task.forward}: {what}"
                raise CheckFailedError(words, compared_in(failure)) from None
            is_pair = outcome.status == "returned" and is_its_gradient(asked, trial, outcome.value[1], rng)
            words = " (though your backward is its gradient)" * is_pair
            return f"your {asked.task.forward} is wrong{words}: mend that first"
    return "its cache is your own" * asked.with_own_cache


def judge(asked: Asked, trial: Trial, value: Any) -> None:
    """Hold y and the gradients against the reference's, those of a second call against the first, and what became."""
    y, grads, again, (last_y, last) = value
    compare_values(asked.task, grads, trial, [])
    if not same(np.asarray(y), np.asarray(trial.y)):
        raise CheckFailedError("its y is wrong here")
    first, second, after = (named_outputs("backward", each, trial.expected) for each in (grads, again, last))
    for name, array in first.items():
        if isinstance(array, ndarray) and not same(np.asarray(second[name]), array):
            raise CheckFailedError(f"a second call with the same cache gives another {name}: it is changed in place")
    outlives(first | {"y": y}, after | {"y": last_y})


def judge_alone(asked: Asked, trial: Trial, rng: Generator) -> None:
    """The same with the other functions of the solution in place of ours, if they are right.

    A function that is right by itself may still return something else than what stands in for it during a check.
    """
    try:
        y, grads, *_ = asked.returned(asked.together(trial, alone=True), trial).value
        compare_values(asked.task, grads, trial, [])
        if not same(np.asarray(y), np.asarray(trial.y)):
            raise CheckFailedError("y is another")
    except (CheckFailedError, MalformedError) as failure:
        assert asked.partner
        used = {*asked.task.uses, *asked.partner.uses}
        if all(is_right(Asked(task, asked.runner), rng) for task in every_task() if task.name in used):
            words = f"right with ours of {', '.join(sorted(used))}, wrong with yours: {failure}"
            raise CheckFailedError(words, compared_in(failure)) from None


def is_right(asked: Asked, rng: Generator) -> bool:
    """Whether the numbers are right; if not, that function is told so itself."""
    asked.choose_cache(rng)
    try:
        for draw in asked.task.cases.values():
            trial = make_trial(asked.task, draw, rng)
            compare_values(asked.task, asked.value(trial), trial, [])
    except (CheckFailedError, MalformedError):
        return False
    return True


@np.errstate(all="ignore")
def is_its_gradient(asked: Asked, trial: Trial, grads: Any, rng: Generator) -> bool:
    """Whether these are the gradients of the solution's own forward, wrong as it may be: one numerical slope."""
    assert asked.partner
    names = ["x", "params"] if asked.task.is_layer else argument_names(asked.partner)
    direction = mapped(lambda leaf: direction_of(leaf, rng), trial.inputs)
    ends = []
    for step in (STEP, -STEP):
        moved = mapped(lambda leaf, t, step=step: leaf if t is None else leaf + step * t, trial.inputs, direction)
        outcome = asked.runner.call(asked.task.forward, moved, trial.case.kwargs, "value", asked.partner.given)
        if outcome.status != "returned":
            return False
        ends.append(np.asarray(outcome.value[0]))
    if ends[0].shape != np.shape(trial.dy):
        return False
    slope = inner(trial.dy, (ends[0] - ends[1]) / (2 * STEP))
    given = dict(zip(names, direction, strict=False))
    parts = {**given, **given.pop("params", {})} if asked.task.is_layer else given
    try:
        found = named_outputs("backward", grads, trial.expected)
        claimed = sum(inner(found[f"d{name}"], t) for name, t in parts.items() if isinstance(t, ndarray))
    except (KeyError, ValueError, TypeError):
        return False
    return bool(abs(claimed - slope) <= SLOPE_TOLERANCE * (abs(slope) + np.sqrt(trial.dy.size)))


def direction_of(leaf: Any, rng: Generator) -> ndarray | None:
    """A random direction, where a gradient is asked for."""
    return random_like(rng, leaf) if isinstance(leaf, ndarray) and leaf.dtype.kind in "fc" else None


def inner(da: Any, t: Any) -> float:
    """How fast a loss grows along ``t`` whose gradient is ``da``: of complex numbers, both parts count."""
    return float(np.real(np.vdot(da, t)))
