import numpy as np
import pytest

from minivit.ops import log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward

X = np.random.default_rng(0).standard_normal((2, 3, 5))


def test_rows_are_shares():
    y, _ = softmax_forward(X)
    assert (y > 0).all()
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-14)


def test_shift_changes_nothing():
    np.testing.assert_allclose(softmax_forward(X + 1000)[0], softmax_forward(X)[0], rtol=1e-11)
    np.testing.assert_allclose(log_softmax_forward(X - 1000)[0], log_softmax_forward(X)[0], rtol=1e-11)


def test_large_scores_do_not_overflow():
    x = np.array([[1e4, -1e4, 0]], np.float32)
    np.testing.assert_array_equal(softmax_forward(x)[0], [[1, 0, 0]])
    np.testing.assert_array_equal(log_softmax_forward(x)[0], [[0, -2e4, -1e4]])


def test_row_without_any_allowed_score_is_zero():
    x = X[0].copy()
    x[1] = -np.inf
    x[2, 3:] = -np.inf
    y, cache = softmax_forward(x)
    np.testing.assert_array_equal(y[1], 0)
    np.testing.assert_array_equal(y[2, 3:], 0)
    np.testing.assert_allclose(y[[0, 2]].sum(-1), 1)
    np.testing.assert_array_equal(softmax_backward(np.ones_like(x), cache).x[1], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1, 54, 57, 1000])  # below and above what is shifted first
def test_shifting_is_seen_by_nobody(scale, dtype):
    x = X * dtype(scale / np.abs(X).max())
    x[0, 1] -= 30  # one row far below the others
    exps = np.exp(x.astype(np.longdouble) - x.max(-1, keepdims=True))
    expected = exps / exps.sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax_forward(x)[0], expected, rtol=8 * scale * np.finfo(dtype).eps, atol=1e-37)


def test_softmax_of_nothing_and_of_nan():
    assert softmax_forward(X[:0])[0].shape == (0, 3, 5)
    y, _ = softmax_forward(np.array([[-np.inf, -np.inf], [0, np.nan], [1, 1]]))
    np.testing.assert_array_equal(y, [[0, 0], [np.nan, np.nan], [0.5, 0.5]])


def test_log_softmax_is_the_log_of_softmax():
    np.testing.assert_allclose(log_softmax_forward(X)[0], np.log(softmax_forward(X)[0]), rtol=1e-12)


def test_cotangent_of_ones_sees_nothing():
    """Why the checker draws a random cotangent: under ones even a wrong softmax gradient looks right."""
    _, cache = softmax_forward(X)
    np.testing.assert_allclose(softmax_backward(np.ones_like(X), cache).x, 0, atol=1e-15)


def test_log_softmax_of_what_is_forbidden():
    x = np.array([[-np.inf, -np.inf], [0, -np.inf], [-np.inf, 3]])
    y, cache = log_softmax_forward(x)
    np.testing.assert_array_equal(y, [[-np.inf, -np.inf], [0, -np.inf], [-np.inf, 0]])
    dx = log_softmax_backward(np.ones_like(x), cache).x
    np.testing.assert_array_equal(dx, [[1, 1], [-1, 1], [1, -1]])
    np.testing.assert_array_equal(np.exp(y), softmax_forward(x)[0])
