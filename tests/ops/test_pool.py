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


def test_a_dropped_place_gets_nothing_even_of_infinity():
    _, cache = max_pool2d_forward(np.arange(4.0).reshape(1, 2, 2, 1), kernel_size=2)
    dx = max_pool2d_backward(np.full((1, 1, 1, 1), np.inf), cache).x
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 0], [0, np.inf]])


@pytest.mark.parametrize("tokens", [3_000, 100_000])
def test_the_mean_of_many_keeps_its_digits(tokens):
    x = 1 + np.random.default_rng(0).standard_normal((1, tokens, 16), np.float32)
    np.testing.assert_allclose(mean_pool_forward(x)[0], x.mean(1, dtype=np.float64), rtol=2e-7)
    y, _ = avg_pool2d_forward(x.reshape(1, tokens // 50, 50, 16), kernel_size=(tokens // 50, 50))
    np.testing.assert_allclose(y[:, 0, 0], x.mean(1, dtype=np.float64), rtol=2e-7)


def test_there_is_no_mean_of_no_tokens():
    with pytest.raises(ValueError, match=r"mean_pool: there are no tokens to take a mean of, x has shape \(2, 0, 3\)"):
        mean_pool_forward(np.ones((2, 0, 3)))
