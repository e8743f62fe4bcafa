import numpy as np
import pytest

from minivit.ops import avg_pool2d_forward, max_pool2d_backward, max_pool2d_forward, mean_pool_forward

X = np.random.default_rng(0).standard_normal((2, 7, 8, 3))


def test_mean_pool():
    x = X.reshape(2, 56, 3)
    np.testing.assert_allclose(mean_pool_forward(x)[0], x.sum(1) / 56, rtol=1e-12)


@pytest.mark.parametrize(
    ("forward", "reduce"), [(avg_pool2d_forward, np.mean), (max_pool2d_forward, np.max)], ids=["avg", "max"]
)
@pytest.mark.parametrize(("kernel_size", "stride"), [(2, None), (3, 1), ((2, 4), (3, 2))])
def test_loops_agree(forward, reduce, kernel_size, stride):
    y, cache = forward(X, kernel_size=kernel_size, stride=stride)
    (P, Q), (sy, sx) = cache.kernel_size, cache.stride
    assert y.shape == (2, (7 - P) // sy + 1, (8 - Q) // sx + 1, 3)
    for i, j in np.ndindex(y.shape[1:3]):
        window = X[:, i * sy : i * sy + P, j * sx : j * sx + Q]
        np.testing.assert_allclose(y[:, i, j], reduce(window, axis=(1, 2)), rtol=1e-12)


def test_first_of_equal_numbers_wins():
    _, cache = max_pool2d_forward(np.ones((1, 2, 2, 1)), kernel_size=2)
    dx = max_pool2d_backward(np.full((1, 1, 1, 1), 5.0), cache).x
    np.testing.assert_array_equal(dx[0, :, :, 0], [[5, 0], [0, 0]])


@pytest.mark.parametrize("forward", [avg_pool2d_forward, max_pool2d_forward])
def test_window_must_fit(forward):
    with pytest.raises(ValueError, match=r"a window of \(8, 8\) is larger than the map of \(7, 8\)"):
        forward(X, kernel_size=8)
