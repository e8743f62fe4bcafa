"""What a student reads: the messages of some typical mistakes, word by word."""

import numpy as np
import pytest

from minivit.course.call import load_source
from minivit.course.checks import check_task
from minivit.course.exercises import EXERCISES
from minivit.course.explain import in_words, worst_place, wrong_shape
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source

TASKS = {task.name: (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks}


def messages(task_name, *changes):
    """Messages of the checks that fail when these pieces of the reference are exchanged."""
    exercise, task = TASKS[task_name]
    source = solved_source(exercise)
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    results = check_task(task, InPlaceRunner(load_source(source, "solution.py")), 0, timed=False)
    return [result.message for result in results if result.status == "failed"]


def test_a_factor_is_named_with_its_reason():
    first = messages("attention_backward", ("dq *= scale\n", "\n"))[0]
    pattern, worst = first.splitlines()
    assert pattern.startswith("dq is ")
    assert "times too large = sqrt(" in pattern
    assert pattern.endswith("), the head width: the forward divides the scores by it")
    assert worst.startswith("  worst: dq[")


def test_a_factor_below_one_is_named_too():
    said = "\n".join(messages("attention_backward", ("dq *= scale\n", "\n")))
    assert "dq is 3.333 times too large = 1 / 0.3, one over scale: the forward multiplies the scores by scale" in said


@pytest.mark.parametrize(
    ("task", "old", "new", "says"),
    [
        ("linear_backward", "rows.T @ drows", "drows.T @ rows", "it equals the transpose of the expected"),
        ("linear_backward", "column_sum(drows) if", "drows.mean(0) if", "the rows: averaged over it instead of summed"),
        ("attention_backward", "dk *= scale\n", "dk *= scale; dk[:, 2:3] *= 0\n", "nothing reaches the third head"),
        ("layer_norm_backward", "dx *= rstd", "dx *= rstd; dy *= 1.5", "you modified dy in place"),
        ("softmax_backward", "dx = dy - row_dot(dy, y)", "dx = dy - (dy * y).sum((0, -1), keepdims=True)",
         "right for one sample, wrong for a batch"),
        ("SelfAttention.forward", "h, c_merge = merge_heads_forward(h)",
         "h, c_merge = h.reshape(x.shape), MergeHeadsCache(self.num_heads)", "right with one head, wrong for several"),
    ],
)  # fmt: skip
def test_patterns_in_the_students_words(task, old, new, says):
    assert any(says in message for message in messages(task, (old, new)))


def test_an_error_names_the_line_of_the_solution():
    said = messages("adam_update", ("beta1, beta2 = betas", "beta1, beta2 = beta"))[0]
    assert "NameError: name 'beta' is not defined" in said
    assert "in adam_update, line " in said


def test_shapes():
    wide = np.arange(6.0).reshape(2, 3)
    assert "transpose" in wrong_shape("dW", wide.T, wide)
    assert "not summed yet" in wrong_shape("db", wide, wide.sum(0))
    assert "must be summed" in wrong_shape("db", wide, wide.sum(0, keepdims=True))
    assert "axis that must stay" in wrong_shape("db", wide.sum(0, keepdims=True), wide)
    assert "only the shape is not" in wrong_shape("db", wide.reshape(3, 2), wide)


def test_axes_have_names():
    axes = "sample head query width"
    assert in_words("nothing reaches index 2 of axis 1", axes, 4) == "nothing reaches the third head"
    assert (
        in_words("right except at indices 0 to 2 of axis 2", axes, 4)
        == "right except at the query axis at indices 0 to 2"
    )
    assert in_words("reversed along axis 0", "", 1) == "reversed along axis 0"


def test_the_worst_place_may_be_nan():
    assert worst_place("y", np.array([1, np.nan]), np.array([1.0, 2.0])) == "worst: y[1] is nan, it should be 2"
