import numpy as np
import pytest

from minivit.ops import linear_backward, linear_forward

RNG = np.random.default_rng(0)


def test_each_row_is_mapped_alone():
    x, weight, bias = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((5, 7)), RNG.standard_normal(7)
    y, _ = linear_forward(x, weight, bias)
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(y[i], x[i] @ weight + bias, rtol=1e-12)


def test_gradient_of_bias_is_none_without_bias():
    y, cache = linear_forward(RNG.standard_normal((3, 5)), RNG.standard_normal((5, 7)))
    assert linear_backward(y, cache).bias is None


def test_wrong_width():
    with pytest.raises(
        ValueError, match=r"weight has shape \(5, 7\); expected \(D, F\), with D as in x, which has shape \(2, 3\)"
    ):
        linear_forward(np.zeros((2, 3)), np.zeros((5, 7)))


def test_wrong_bias():
    with pytest.raises(ValueError, match=r"bias has shape \(5,\); expected \(F,\), with F as in weight"):
        linear_forward(np.zeros((2, 5)), np.zeros((5, 7)), np.zeros(5))


def test_the_gradient_of_a_small_weight_over_many_rows_keeps_its_digits():
    """BLAS adds 25,000 small products one after the other: 20 times PyTorch's error."""
    x, dy = (1 + RNG.standard_normal((2, 25_000, 4))).astype(np.float32)
    _, cache = linear_forward(x, np.eye(4, dtype=np.float32))
    dweight = linear_backward(dy, cache).weight
    exact = x.astype(np.float64).T @ dy.astype(np.float64)
    assert np.abs(dweight - exact).max() < 1e-6 * np.abs(exact).max()
