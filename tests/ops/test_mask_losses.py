"""What is special about losses of masks."""

import numpy as np
import pytest

from minivit.ops import (
    binary_cross_entropy_forward,
    dice_loss_backward,
    dice_loss_forward,
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
)

RNG = np.random.default_rng(0)
LOGITS, TRUTH = 3 * RNG.standard_normal((4, 11)), RNG.random((4, 11)) < 0.4


def test_without_focus_it_is_the_logistic_loss():
    even, _ = sigmoid_focal_loss_forward(LOGITS, TRUTH, alpha=0.5, gamma=0.0)
    for row, logits, truth in zip(even, LOGITS, TRUTH, strict=True):
        expected, _ = binary_cross_entropy_forward(logits[None], truth[None].astype(float))
        np.testing.assert_allclose(row, expected / 2, rtol=1e-12)


def test_what_is_right_counts_for_little():
    """A pixel with probability 0.9 of what is true counts a hundred times less than by the logistic loss."""
    logits, truth = np.full((1, 1), np.log(9)), np.ones((1, 1), bool)
    focal, plain = (sigmoid_focal_loss_forward(logits, truth, gamma=gamma)[0][0] for gamma in (2.0, 0.0))
    np.testing.assert_allclose(plain / focal, 100, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_logits_give_no_nan(dtype):
    logits = np.array([[1e4, -1e4, 80, -80, 0]], dtype)
    for truth in (np.ones((1, 5), bool), np.zeros((1, 5), bool)):
        for gamma in (0.0, 0.5, 2.0):
            loss, cache = sigmoid_focal_loss_forward(logits, truth, gamma=gamma)
            assert np.isfinite(loss).all()
            assert loss.dtype == dtype
            assert np.isfinite(sigmoid_focal_loss_backward(np.ones_like(loss), cache).logits).all()
        loss, cache = dice_loss_forward(logits, truth)
        assert np.isfinite(dice_loss_backward(np.ones_like(loss), cache).logits).all()


def test_dice_of_the_same_mask_and_of_another():
    sure = np.where(TRUTH, 50.0, -50.0)
    np.testing.assert_allclose(dice_loss_forward(sure, TRUTH)[0], 0, atol=1e-12)
    n = TRUTH.sum(1)
    np.testing.assert_allclose(dice_loss_forward(-sure, TRUTH)[0], 1 - 1 / (11 + 1), rtol=1e-12)
    empty = np.zeros_like(TRUTH)
    np.testing.assert_allclose(dice_loss_forward(sure, empty)[0], 1 - 1 / (n + 1), rtol=1e-12)
    np.testing.assert_allclose(dice_loss_forward(np.full_like(sure, -50), empty)[0], 0, atol=1e-12)


def test_a_small_mask_counts_as_much_as_a_large_one_for_dice_alone():
    large, small = np.zeros((2, 1, 100), bool)
    large[0, :50], small[0, :2] = True, True
    missed = np.full((1, 100), -9.0)
    dice, focal = (
        [op(missed, truth)[0][0] for truth in (large, small)] for op in (dice_loss_forward, sigmoid_focal_loss_forward)
    )
    assert dice[1] > 0.6 * dice[0]
    assert focal[1] < 0.1 * focal[0]


def test_each_mask_alone():
    for forward, backward in (
        (dice_loss_forward, dice_loss_backward),
        (sigmoid_focal_loss_forward, sigmoid_focal_loss_backward),
    ):
        _, cache = forward(LOGITS, TRUTH)
        dlogits = backward(np.array([0, 1.0, 0, 0]), cache).logits
        assert np.flatnonzero(dlogits.any(1)).tolist() == [1]


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"dice_loss: there are no pixels, logits have shape \(2, 0\)"):
        dice_loss_forward(np.zeros((2, 0)), np.zeros((2, 0), bool))
    with pytest.raises(ValueError, match="sigmoid_focal_loss: gamma is -1; expected at least 0 and finite"):
        sigmoid_focal_loss_forward(LOGITS, TRUTH, gamma=-1)
