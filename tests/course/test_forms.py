"""The other forms of a call: those that a signature allows, and the reference takes."""

import numpy as np
import pytest

from minivit.course.compare import compare_values
from minivit.course.exercises import EXERCISES
from minivit.course.forms import other_forms
from minivit.course.trial import our_answer

TASKS = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}


def forms_of(name):
    return dict(other_forms(TASKS[name], np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("one_hot", "with labels of uint8"),
        ("taught_forward", "with labels of int8"),
        ("taught_forward", "with alpha=1"),
        ("taught_forward", "without temperature, which then has its default"),
        ("smoothed", "with label_smoothing=0"),
        ("upsample_nearest_backward", "with scale=1"),
        ("box_iou_backward", "with a of shape (4,) and b of shape (4,)"),
        ("shift_channels_forward", "with offsets of int8"),
    ],
)
def test_what_is_documented_is_tried(name, says):
    assert says in forms_of(name)


def test_axes_are_as_many_as_they_are_in_all_cases_where_that_is_one_number():
    """Who splits heads of (B, N, D) has read no word of other shapes."""
    assert len({trial.args[0].ndim for trial in forms_of("split_heads_forward").values()}) == 1
    assert len({trial.args[0].ndim for trial in forms_of("batch_norm_forward").values()}) > 2


def test_a_view_has_the_same_numbers_in_another_order():
    trial = forms_of("pixel_shuffle_forward")["with arrays that are views: their numbers stand in memory by columns"]
    (x,) = trial.args
    assert x.flags.f_contiguous
    assert not x.flags.c_contiguous
    task = TASKS["pixel_shuffle_forward"]
    assert compare_values(task, our_answer(task, (x.copy(order="C"),), trial.kwargs), trial, []) == 0


def test_an_option_that_is_left_out_is_known_by_its_default():
    """A wrong factor may be made of it."""
    trial = forms_of("taught_forward")["without alpha, which then has its default"]
    assert trial.case.kwargs["alpha"] == 0.5
    assert "alpha" not in trial.kwargs


def test_loops_are_not_asked_for_defaults_with_which_nothing_fits():
    """A window without its padding stands at fewer places than there are queries: our loops go over the edge."""
    assert not any("default" in words for words in forms_of("local_attention_loops"))
    assert any("default" in words for words in forms_of("local_attention_forward"))
