import numpy as np
import pytest
from scipy.stats import norm

from minivit.ops import (
    OPS,
    gelu_backward,
    gelu_forward,
    gelu_slope,
    gelu_tanh_forward,
    quick_gelu_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
)

X = np.linspace(-6, 6, 101)


def test_relu_at_the_kink():
    y, cache = relu_forward(np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(y, [0, 0, 2])
    np.testing.assert_array_equal(relu_backward(np.ones(3), cache).x, [0, 0, 1])


def test_gelu_is_x_times_the_normal_distribution():
    np.testing.assert_allclose(gelu_forward(X)[0], X * norm.cdf(X), atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_gelu_backward_is_the_literal_slope(dtype, tolerance):
    x = np.linspace(-12, 12, 4001).astype(dtype)  # 0 is among them
    dx = gelu_backward(np.ones_like(x), gelu_forward(x)[1]).x
    np.testing.assert_allclose(dx, gelu_slope(x), rtol=0, atol=tolerance)
    np.testing.assert_allclose(gelu_slope(X), norm.cdf(X) + X * norm.pdf(X), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "quick_gelu"])
def test_slope_of_gelu_where_y_is_no_help(name, dtype):
    """Backward divides y by x; at 0 there is nothing to divide, and far to the left y is 0."""
    x = np.array([-1e4, -0.0, 0.0, np.finfo(dtype).tiny, 1e4], dtype)
    op = OPS[name]
    np.testing.assert_array_equal(op.backward(np.ones(5, dtype), op.forward(x)[1])[0], [0, 0.5, 0.5, 0.5, 1])


def test_gelu_tanh_is_close_to_gelu_and_follows_its_formula():
    y, _ = gelu_tanh_forward(X)
    assert 1e-5 < np.abs(y - gelu_forward(X)[0]).max() < 5e-4
    np.testing.assert_allclose(y, 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))), atol=1e-14)


def test_quick_gelu_is_close_to_gelu_and_follows_its_formula():
    y, _ = quick_gelu_forward(X)
    assert 0.0203 < np.abs(y - gelu_forward(X)[0]).max() < 0.0204
    np.testing.assert_allclose(y, X / (1 + np.exp(-1.702 * X)), atol=1e-14)


def test_sigmoid():
    np.testing.assert_allclose(sigmoid_forward(X)[0], 1 / (1 + np.exp(-X)), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_overflows_nowhere(dtype):
    y, cache = sigmoid_forward(np.array([-1e4, 0, 1e4], dtype))
    np.testing.assert_array_equal(y, [0, 0.5, 1])
    np.testing.assert_array_equal(sigmoid_backward(np.ones(3, dtype), cache).x, [0, 0.25, 0])


def test_the_left_tail_of_sigmoid_keeps_its_digits():
    y, cache = sigmoid_forward(np.array([-40.0, -700.0]))
    np.testing.assert_allclose(y, np.exp([-40.0, -700.0]), rtol=1e-13)  # 4.248354e-18
    np.testing.assert_allclose(sigmoid_backward(np.ones(2), cache).x, y, rtol=1e-13)
    y, cache = sigmoid_forward(np.array([-20.0, -80.0], np.float32))
    np.testing.assert_allclose(y, np.exp([-20.0, -80.0]), rtol=1e-6)  # 2.061154e-9
    np.testing.assert_allclose(sigmoid_backward(np.ones(2, np.float32), cache).x, y, rtol=1e-6)


def test_the_left_tail_of_gelu_keeps_its_digits():
    x = np.linspace(-30, -5, 26)
    np.testing.assert_allclose(gelu_forward(x)[0], x * norm.cdf(x), rtol=1e-12)
    x = x[-15:]
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    np.testing.assert_allclose(gelu_tanh_forward(x)[0], x / (1 + np.exp(-2 * u)), rtol=1e-12)


def test_relu_drops_even_the_infinite():
    x = np.array([-np.inf, -3.0, -0.5, 2.0, np.inf])
    y, cache = relu_forward(x)
    np.testing.assert_array_equal(y, [0, 0, 0, 2, np.inf])
    dx = relu_backward(np.array([-np.inf, -1.0, np.nan, -3.0, 1.0]), cache).x
    np.testing.assert_array_equal(dx, [0, 0, 0, -3, 1])
    assert not np.signbit(y).any()
    assert not np.signbit(dx[:3]).any()
    assert np.isnan(relu_forward(np.array([np.nan]))[0])  # trouble is not hidden


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "far"), [("gelu", 100), ("gelu_tanh", 100), ("quick_gelu", 1000)])
def test_gelu_far_out(name, far, dtype):
    op = OPS[name]
    largest = np.finfo(dtype).max
    x = np.array([-largest, -1e20, -far, far, 1e20, largest], dtype)
    y, cache = op.forward(x)
    np.testing.assert_array_equal(y, [0, 0, 0, *x[3:]])
    np.testing.assert_array_equal(op.backward(np.ones(6, dtype), cache).x, [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "quick_gelu"])
def test_slope_of_gelu_in_float32_is_that_in_float64(name):
    op, x = OPS[name], np.linspace(-12, 12, 4001)
    exact = op.backward(np.ones_like(x), op.forward(x)[1]).x
    x = x.astype(np.float32)
    np.testing.assert_allclose(op.backward(np.ones_like(x), op.forward(x)[1]).x, exact, rtol=0, atol=6e-7)
