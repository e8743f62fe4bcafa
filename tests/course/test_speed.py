"""Loops are counted, not timed: the same in every run, one axis after the other."""

import builtins
import gc
import math

import numpy as np
import pytest
from numpy import ndarray

from minivit.check.draw import Case
from minivit.checked import checked
from minivit.course.call import load_source, perform
from minivit.course.exercises import EXERCISES
from minivit.course.resized import TIMES, longer, of_one, resized
from minivit.course.speed import fewest_of_a_loop, most_different
from minivit.course.steps import MOST, count_steps
from minivit.ops.rows import token_sum
from minivit.types import Float

TASKS = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}


@checked
def looks_at_its_arguments(x: Float[ndarray, "N D"]) -> ndarray:
    return np.array([*map(ndarray.sum, x)])


LOOPS = {
    "below a look at the arguments": looks_at_its_arguments,
    "in a line": lambda x: np.array([row.sum() for row in x]),
    "in C": lambda x: np.array([*map(np.ndarray.sum, x)]),
    "in a generator": lambda x: sum(row.sum() for row in x),
    "in NumPy": lambda x: np.apply_along_axis(lambda row: row.sum(), 1, x),
    "in NumPy, of a function of NumPy's": lambda x: np.apply_along_axis(np.ndarray.sum, 1, x),
    "of numbers, in NumPy": lambda x: np.vectorize(math.erf)(x),
    "of numbers, as a ufunc": lambda x: np.frompyfunc(math.erf, 1, 1)(x),
    "over pairs of rows": lambda x: np.array([x[i : i + 2].sum() for i in range(0, len(x), 2)]),
    "of many steps": lambda x: [sum(row) for row in x for _ in range(MOST // 100)],
}
STRAIGHT = {
    "a sum": lambda x: x.sum(1),
    "products": lambda x: np.einsum("nd,ed->ne", x, x) + np.tensordot(x, x, (1, 1)),
    "a sum of ours": lambda x: token_sum(np.tile(x, (200, 1))),
    "parts of NumPy's": lambda x: np.stack(np.split(x, len(x))),
    "plain arrays only": lambda x: x.sum(1) if type(x) is np.ndarray else 1 / 0,
}


def growth(function):
    few, many, again = (count_steps(function, (np.ones((n, 3)),), {}) for n in (4, 32, 32))
    assert many == again
    return many - few


@pytest.mark.parametrize("how", LOOPS)
def test_a_loop_takes_more_steps_the_longer_its_axis(how):
    assert growth(LOOPS[how]) >= fewest_of_a_loop(4)


def test_what_dies_elsewhere_meanwhile_is_no_step():
    """Garbage is collected now and then, whoever has left it."""

    def dies(phase, info):
        for _ in range(1_000):
            pass

    gc.callbacks.append(dies)
    try:
        steps = count_steps(lambda x: [[] for _ in x], (np.ones(4 * gc.get_threshold()[0]),), {})
    finally:
        gc.callbacks.remove(dies)
    assert gc.isenabled()
    assert steps < 2 * 4 * gc.get_threshold()[0]


@pytest.mark.parametrize("how", STRAIGHT)
def test_what_has_no_loop_takes_as_many_steps(how):
    assert growth(STRAIGHT[how]) == 0


@pytest.mark.parametrize("how", ["steps", "seconds"])
def test_print_is_no_loop_and_comes_back(how):
    before = builtins.print
    module = load_source("def f(x):\n    print(*x)\n    return x\n", "solution.py")
    counts = [perform(module, "f", (np.ones(n),), {}, how) for n in (2, 2000)]
    assert {outcome.status for outcome in counts} == {"returned"}
    assert counts[0].value == counts[1].value
    assert builtins.print is before


def test_all_places_of_a_length_are_one_axis():
    task = TASKS["attention_forward"]
    case = Case(tuple(np.ones(shape) for shape in ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7))), {})
    larger = {other.length: other for other in resized(task, case, np.random.default_rng(0), longer)}
    assert larger[6].places == [(1, 2), (2, 2)]
    assert larger[6].trial.expected[1].weights.shape == (2, 3, 4, 48)
    ones = {other.length: other for other in resized(task, case, np.random.default_rng(0), of_one)}
    assert ones[2].trial.expected[0].shape == (1, 3, 4, 7)


def test_a_length_that_cannot_be_changed_alone_is_left():
    """The width of a layer is one of its parameters' and an option."""
    task = TASKS["SelfAttention.forward"]
    case = most_different(task.cases[""], np.random.default_rng(0))
    B, N, _ = case.args[0].shape
    assert {other.length for other in resized(task, case, np.random.default_rng(0), longer)} == {B, N}


def test_the_side_of_the_map_that_has_grown_is_told_to_the_layer():
    """And no other one, of which as many windows come."""
    task = TASKS["WindowAttention.forward"]
    case = task.cases[""](np.random.default_rng(0))
    B, Y, X, _ = case.args[0].shape
    larger = {other.length: other.trial for other in resized(task, case, np.random.default_rng(0), longer)}
    assert larger.keys() == {B, Y, X}
    assert larger[Y].kwargs["map_size"] == (TIMES * Y, X) == larger[Y].args[0].shape[1:3]
    assert larger[X].kwargs["map_size"] == (Y, TIMES * X) == larger[X].args[0].shape[1:3]


def test_windows_grow_with_the_map_that_they_make():
    """Their number cannot be changed alone; it can with a side of the map."""
    task = TASKS["window_reverse_forward"]
    case = most_different(task.cases[""], np.random.default_rng(0))
    B, W, _, C = case.args[0].shape
    larger = {other.length: other.trial for other in resized(task, case, np.random.default_rng(0), longer)}
    assert larger.keys() == {B, W, C}
    assert larger[W].kwargs["map_size"] == (TIMES * case.kwargs["map_size"][0], case.kwargs["map_size"][1])
    assert larger[W].args[0].shape[1] == TIMES * W
