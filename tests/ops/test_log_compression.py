import numpy as np

from minivit.ops import log_compression_backward, log_compression_forward


def test_numbers_far_apart_come_together():
    x = np.array([[0, 1, 3, np.e**9 - 1], [0, -1, -3, 1 - np.e**9]])
    y, _ = log_compression_forward(x)
    np.testing.assert_allclose(y, 2 * [[0, np.log(2), np.log(4), 9]], rtol=1e-14)


def test_small_numbers_keep_their_digits():
    """log(1 + x) would round 1 + x first."""
    x = np.array([[1e-6]], np.float32)
    y, cache = log_compression_forward(x)
    assert abs(y[0, 0] / x[0, 0] - 1) < 1e-5
    assert y.dtype == log_compression_backward(y, cache).x.dtype == np.float32


def test_nothing_passes_where_it_has_a_kink():
    """PyTorch, too, has 0 for the slope of |x| at 0: what a ReLU has cut off stays cut off."""
    _, cache = log_compression_forward(np.zeros((2, 3)))
    np.testing.assert_array_equal(log_compression_backward(np.ones((2, 3)), cache).x, 0)
