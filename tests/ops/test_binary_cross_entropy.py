import numpy as np
import pytest

from minivit.ops import (
    binary_cross_entropy_backward,
    binary_cross_entropy_forward,
    cross_entropy_forward,
    sigmoid_forward,
)

RNG = np.random.default_rng(0)
LOGITS, TARGETS = 3 * RNG.standard_normal((5, 7)), RNG.random((5, 7))


def test_the_definition():
    loss, cache = binary_cross_entropy_forward(LOGITS, TARGETS)
    said = sigmoid_forward(LOGITS)[0]
    np.testing.assert_allclose(loss, -np.mean(TARGETS * np.log(said) + (1 - TARGETS) * np.log(1 - said)), rtol=1e-13)
    np.testing.assert_allclose(binary_cross_entropy_backward(1.0, cache).logits, (said - TARGETS) / 35, rtol=1e-13)


def test_it_is_the_cross_entropy_of_two_classes_one_of_which_has_the_logit_0():
    answers = RNG.integers(0, 2, 35)
    both = np.stack((np.zeros(35), LOGITS.ravel()), axis=1)
    expected, _ = cross_entropy_forward(both, answers)
    loss, _ = binary_cross_entropy_forward(LOGITS, answers.reshape(5, 7).astype(float))
    np.testing.assert_allclose(loss, expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits(dtype):
    """Right is 0, wrong costs as much as the logit says; nothing overflows."""
    logits = np.array([[1e4, -1e4], [1e30, -1e30]], dtype)
    right = np.array([[1, 0], [1, 0]], dtype)
    loss, cache = binary_cross_entropy_forward(logits, right)
    assert loss == 0
    np.testing.assert_array_equal(binary_cross_entropy_backward(dtype(1), cache).logits, 0)
    loss, cache = binary_cross_entropy_forward(logits[:1], 1 - right[:1])
    assert loss == 1e4
    np.testing.assert_array_equal(binary_cross_entropy_backward(dtype(1), cache).logits, [[0.5, -0.5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logit", [3.0, 12.0, 20.0, 40.0])
def test_whoever_is_right_and_sure_loses_log_of_1_plus_exp_of_minus_z(logit, dtype):
    """All its digits: log(1 + exp(z)) - z, taken as it stands, is nothing but rounding where z is large."""
    both = np.array([logit, -logit], dtype)
    loss, _ = binary_cross_entropy_forward(both, np.array([1, 0], dtype))
    np.testing.assert_allclose(loss, np.log1p(np.exp(-logit)), rtol=4 * np.finfo(dtype).eps)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"^binary_cross_entropy: targets has shape \(5, 1\)"):
        binary_cross_entropy_forward(LOGITS, TARGETS[:, :1])
    with pytest.raises(ValueError, match=r"^binary_cross_entropy: there is nothing to take a mean of"):
        binary_cross_entropy_forward(LOGITS[:0], TARGETS[:0])
