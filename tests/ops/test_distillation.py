import re

import numpy as np
import pytest

from minivit.ops import (
    cross_entropy_forward,
    distillation_backward,
    distillation_forward,
    label_weights,
    smoothed,
    softmax_forward,
    taught_backward,
    taught_forward,
)
from minivit.tasks.distillation import Distillation, Taught
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
LOGITS, TEACHER = RNG.standard_normal((2, 3, 5))


@pytest.mark.parametrize("reverse", [False, True])
def test_it_is_zero_only_from_itself(reverse):
    np.testing.assert_allclose(distillation_forward(LOGITS, LOGITS + 7, reverse=reverse)[0], 0, atol=1e-15)
    assert distillation_forward(LOGITS, 2 * LOGITS, reverse=reverse)[0] > 0


def test_with_temperature_it_is_the_formula():
    p, q = softmax_forward(TEACHER / 4)[0], softmax_forward(LOGITS / 4)[0]
    loss, _ = distillation_forward(LOGITS, TEACHER, temperature=4.0)
    np.testing.assert_allclose(loss, 16 * (p * np.log(p / q)).sum() / 3, rtol=1e-12)
    loss, _ = distillation_forward(LOGITS, TEACHER, temperature=4.0, reverse=True)
    np.testing.assert_allclose(loss, 16 * (q * np.log(q / p)).sum() / 3, rtol=1e-12)
    loss, _ = distillation_forward(LOGITS, TEACHER, temperature=4.0, per_class=True)
    np.testing.assert_allclose(loss, 16 * (p * np.log(p / q)).sum() / 15, rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_hot_gradient_is_that_of_squared_logits(reverse):
    """Hinton et al. 2015, equation 4: for a high temperature, (z - v) / (N K), of logits with mean zero."""
    z, v = (logits - logits.mean(-1, keepdims=True) for logits in (LOGITS, TEACHER))
    _, cache = distillation_forward(z, v, temperature=1e4, reverse=reverse)
    np.testing.assert_allclose(distillation_backward(1.0, cache).logits, (z - v) / 15, rtol=1e-3, atol=1e-7)


def test_what_a_student_holds_for_impossible_is_pulled_up_in_one_direction_only():
    """KL(teacher || student) covers all that the teacher says; the reverse one is content with a part of it."""
    student, teacher = np.array([[0.0, 0.0, -30.0]]), np.zeros((1, 3))
    forward, reverse = (distillation_forward(student, teacher, reverse=way)[1] for way in (False, True))
    np.testing.assert_allclose(distillation_backward(1.0, forward).logits, [[1 / 6, 1 / 6, -1 / 3]], atol=1e-12)
    assert np.abs(distillation_backward(1.0, reverse).logits).max() < 1e-11


def test_what_cannot_be_counts_for_nothing():
    """0 log 0 is 0: a class that one of them forbids costs nothing where the other does not ask for it."""
    logits, teacher = np.array([[0, -np.inf, 1]]), np.array([[1, -np.inf, 0]])
    difference = softmax_forward(logits)[0] - softmax_forward(teacher)[0]
    for reverse in (False, True):
        loss, cache = distillation_forward(logits, teacher, reverse=reverse)
        np.testing.assert_allclose(loss, (np.e - 1) / (np.e + 1), rtol=1e-15)  # 0.462117
        gradient = distillation_backward(1.0, cache).logits
        assert gradient[0, 1] == 0
        if not reverse:
            np.testing.assert_allclose(gradient, difference, atol=1e-15)
    assert distillation_forward(logits, np.zeros((1, 3)))[0] == np.inf  # the teacher holds possible what cannot be
    assert np.isfinite(distillation_forward(logits, np.zeros((1, 3)), reverse=True)[0])
    assert distillation_forward(np.zeros((1, 3)), teacher, reverse=True)[0] == np.inf


def test_wrong_teacher():
    with pytest.raises(ValueError, match=r"teacher_logits has shape \(3, 4\); expected \(..., C\), with C as in"):
        distillation_forward(LOGITS, LOGITS[:, 1:])


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf, 1e-320, 9e-4, 10_001.0, 1e30, 1e200])
def test_a_temperature_that_would_leave_no_digits_is_refused(temperature):
    """Logits by less leave the range of numbers; of a divergence, times more squared, nothing but rounding is left."""
    message = rf"^distillation: temperature is {re.escape(str(temperature))}; expected at least 0\.001 and at most "
    with pytest.raises(ValueError, match=message + "10000$"):
        distillation_forward(LOGITS, TEACHER, temperature=temperature)
    with pytest.raises(ValueError, match=message + "100$"):
        distillation_forward(LOGITS.astype(np.float32), TEACHER.astype(np.float32), temperature=temperature)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("dtype", "hottest", "rtol"), [(np.float32, 100.0, 1e-3), (np.float64, 1e4, 1e-5)])
def test_at_the_ends_of_the_range_the_loss_has_digits(dtype, hottest, rtol, reverse):
    """Held against the limit, which has no cancellation: half the variance of the differences over the classes."""
    student, teacher = np.random.default_rng(0).standard_normal((2, 1000, 10))
    loss, cache = distillation_forward(
        student.astype(dtype), teacher.astype(dtype), temperature=hottest, reverse=reverse
    )
    np.testing.assert_allclose(loss, (teacher - student).var(-1).mean() / 2, rtol=rtol)
    assert np.isfinite(distillation_backward(1.0, cache).logits).all()
    exact, _ = distillation_forward(student, teacher, temperature=0.001, reverse=reverse)
    cold, cache = distillation_forward(student.astype(dtype), teacher.astype(dtype), temperature=0.001, reverse=reverse)
    np.testing.assert_allclose(cold, exact, rtol=1e-5)
    assert np.isfinite(distillation_backward(1.0, cache).logits).all()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_teacher_that_holds_all_for_impossible_is_refused(reverse):
    """It says nothing that could be learned: a loss of 0 with a gradient that is not would be the answer."""
    teacher = TEACHER.copy()
    teacher[1] = -np.inf
    message = "^distillation: teacher_logits has a row of nothing but -inf; expected a class that is possible$"
    with pytest.raises(ValueError, match=message):
        distillation_forward(LOGITS, teacher, reverse=reverse)


@pytest.mark.parametrize("per_class", [False, True])
def test_a_mean_over_nothing_is_no_number(per_class):
    with pytest.raises(
        ValueError, match="distillation: there is nothing to take a mean of, the arguments have no rows"
    ):
        distillation_forward(LOGITS[:0], LOGITS[:0], per_class=per_class)


# Smoothed targets


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_smoothed_targets_sum_to_one(others, smoothing):
    soft = RNG.dirichlet(np.ones(5), 4)
    np.testing.assert_allclose(smoothed(soft, smoothing, others=others).sum(-1), 1, rtol=1e-14)


def test_smoothing_of_all_is_that_of_the_cross_entropy():
    labels = np.array([4, 0, 2])
    loss, _ = cross_entropy_forward(LOGITS, labels, label_smoothing=0.1)
    np.testing.assert_allclose(cross_entropy_forward(LOGITS, smoothed(np.eye(5)[labels], 0.1))[0], loss, rtol=1e-14)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_smoothing_of_the_others_is_more_smoothing_of_all(classes):
    target = np.eye(classes)[:2]
    more = 0.1 * classes / (classes - 1)
    np.testing.assert_allclose(smoothed(target, 0.1, others=True), smoothed(target, more), atol=1e-15)
    assert smoothed(target, 0.1, others=True)[0, 0] == 0.9


def test_smoothing_that_is_none():
    with pytest.raises(ValueError, match=r"smoothed: label_smoothing is 1\.5; expected at least 0 and at most 1"):
        smoothed(np.eye(5), 1.5)
    with pytest.raises(ValueError, match="smoothed: there is 1 class; expected others to spread the smoothing over"):
        smoothed(np.ones((3, 1)), 0.1, others=True)


def test_labels_that_are_none():
    with pytest.raises(ValueError, match=r"^label_weights: labels have shape \(\); expected \(B,\) or \(B, C\)$"):
        label_weights(np.array(3))
    with pytest.raises(TypeError, match=r"^label_weights: labels is \[1, 2\], of type list; expected a NumPy array$"):
        without_annotations(label_weights)([1, 2])
    assert label_weights(np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("temperature", [-1e-6, 0.0, float("nan"), float("inf")])
def test_a_temperature_is_one_whether_it_is_needed_or_not(temperature, hard):
    message = rf"^taught: temperature is {temperature}; expected at least 0\.001 and at most 10000$"
    with pytest.raises(ValueError, match=message):
        taught_forward(LOGITS, TEACHER, np.array([0, 1, -1]), temperature=temperature, hard=hard)


@pytest.mark.parametrize("hard", [False, True])
def test_what_has_no_weight_has_no_say_however_large_it_is(hard):
    """0 times an infinite loss is 0 here, not nan."""
    student, teacher, labels = np.array([[0.0, -np.inf]]), np.array([[0.0, 1]]), np.array([1])
    task = Distillation(lambda images: teacher, method="hard" if hard else "soft", alpha=0.0)
    loss, cache = taught_forward(student, teacher, np.array([0]), alpha=0.0, hard=hard)
    np.testing.assert_array_equal(loss, 0)
    np.testing.assert_array_equal(taught_backward(1.0, cache).logits, 0)
    np.testing.assert_array_equal(task.forward(student, Taught(np.array([0]), teacher, np.ones(1)))[0], 0)
    task = Distillation(lambda images: teacher, method="hard" if hard else "soft", alpha=1.0)
    loss, cache = taught_forward(student, student, labels, alpha=1.0, hard=hard)
    np.testing.assert_array_equal(loss, 0)
    np.testing.assert_array_equal(taught_backward(1.0, cache).logits, 0)
    np.testing.assert_array_equal(task.forward(student, Taught(labels, student, np.ones(1)))[0], 0)
    assert taught_forward(student, teacher, labels, hard=hard)[0] == np.inf


@pytest.mark.parametrize("row", [[-np.inf] * 3, [0.0, np.nan, 1.0]], ids=str)
def test_a_teacher_that_holds_no_class_for_likeliest_teaches_none(row):
    """The place of the first -inf or nan was taught for a class."""
    message = r"^taught: teacher_logits has a row of nothing but -inf, or with nan; expected a class that is likeliest$"
    with pytest.raises(ValueError, match=message):
        taught_forward(np.zeros((2, 3)), np.array([[0.0, 1.0, 2.0], row]), np.array([0, 1]), hard=True)


def test_a_batch_of_none_is_taught_nothing():
    with pytest.raises(ValueError, match=r"^taught: there is nothing to take a mean of, the arguments have no rows$"):
        taught_forward(LOGITS[:0], TEACHER[:0], np.zeros(0, int))


@pytest.mark.parametrize(
    "labels", [np.array([0.0, 1.0]), np.array([True, False]), np.zeros((2, 3), int), np.zeros((2, 3), bool)]
)
def test_weights_of_what_is_neither_class_numbers_nor_shares_are_refused(labels):
    with pytest.raises(TypeError, match=r"label_weights: labels of shape .* have dtype .*; expected"):
        label_weights(labels)
