import numpy as np
import pytest

from minivit.ops import (
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    mean_pool_forward,
    patch_tokens_forward,
    prefix_tokens_forward,
)

X = np.random.default_rng(0).standard_normal((2, 7, 8, 3))


def test_mean_pool():
    x = X.reshape(2, 56, 3)
    np.testing.assert_allclose(mean_pool_forward(x)[0], x.sum(1) / 56, rtol=1e-12)


def test_prefix_tokens():
    x = X.reshape(2, 56, 3)
    np.testing.assert_array_equal(prefix_tokens_forward(x, num_prefix_tokens=2)[0], x[:, :2])
    with pytest.raises(ValueError, match=r"prefix_tokens: x has shape \(2, 1, 3\); expected at least 2 tokens"):
        prefix_tokens_forward(x[:, :1], num_prefix_tokens=2)


def test_patch_tokens():
    x = X.reshape(2, 56, 3)
    np.testing.assert_array_equal(patch_tokens_forward(x, num_prefix_tokens=2)[0], x[:, 2:])
    assert patch_tokens_forward(x, num_prefix_tokens=56)[0].shape == (2, 0, 3)
    with pytest.raises(ValueError, match=r"patch_tokens: x has shape \(2, 1, 3\); expected at least 2 tokens"):
        patch_tokens_forward(x[:, :1], num_prefix_tokens=2)


@pytest.mark.parametrize(
    ("forward", "reduce"), [(avg_pool2d_forward, np.mean), (max_pool2d_forward, np.max)], ids=["avg", "max"]
)
@pytest.mark.parametrize(("kernel_size", "stride"), [(2, None), (3, 1), ((2, 4), (3, 2))])
@pytest.mark.parametrize("padding", [0, 1, (0, 1), ((1, 0), (0, 1))])
def test_loops_agree(forward, reduce, kernel_size, stride, padding):
    y, cache = forward(X, kernel_size=kernel_size, stride=stride, padding=padding)
    (P, Q), (sy, sx) = cache.window.kernel, cache.window.stride
    padded = np.pad(
        X, ((0, 0), *cache.window.padding, (0, 0)), constant_values=-np.inf if reduce is np.max else 0
    )  # zeros count in a mean
    assert y.shape == (2, (padded.shape[1] - P) // sy + 1, (padded.shape[2] - Q) // sx + 1, 3)
    for i, j in np.ndindex(y.shape[1:3]):
        window = padded[:, i * sy : i * sy + P, j * sx : j * sx + Q]
        np.testing.assert_allclose(y[:, i, j], reduce(window, axis=(1, 2)), rtol=1e-12, atol=1e-15)


def test_first_of_equal_numbers_wins():
    _, cache = max_pool2d_forward(np.ones((1, 2, 2, 1)), kernel_size=2)
    dx = max_pool2d_backward(np.full((1, 1, 1, 1), 5.0), cache).x
    np.testing.assert_array_equal(dx[0, :, :, 0], [[5, 0], [0, 0]])


@pytest.mark.parametrize("forward", [avg_pool2d_forward, max_pool2d_forward])
def test_window_must_fit(forward):
    with pytest.raises(ValueError, match=r"pool2d: a window of \(8, 8\) is larger than the map of \(7, 8\)"):
        forward(X, kernel_size=8)


@pytest.mark.parametrize("forward", [avg_pool2d_forward, max_pool2d_forward])
def test_no_window_lies_outside(forward):
    for kernel_size, padding in [(2, 2), (3, (0, 2)), ((3, 2), ((0, 0), (0, 2))), (1, 1)]:
        with pytest.raises(ValueError, match=r"pool2d: padding is .*; expected at most half of the window"):
            forward(X, kernel_size=kernel_size, padding=padding)
    with pytest.raises(ValueError, match="pool2d: padding is -1; expected 0 or more"):
        forward(X, kernel_size=3, padding=-1)


def test_padding_never_wins_not_even_against_minus_infinity():
    y, cache = max_pool2d_forward(np.full((1, 2, 2, 1), -np.inf), kernel_size=2, stride=2, padding=1)
    np.testing.assert_array_equal(y[0, :, :, 0], np.full((2, 2), -np.inf))
    dx = max_pool2d_backward(np.arange(1.0, 5).reshape(1, 2, 2, 1), cache).x
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2], [3, 4]])


def test_what_is_not_a_number_is_seen():
    x = X.copy()
    x[1, 3, 4, 2] = np.nan
    y, _ = max_pool2d_forward(x, kernel_size=3, padding=1, stride=1)
    np.testing.assert_array_equal(np.argwhere(np.isnan(y)).min(0), [1, 2, 3, 2])
    assert np.isnan(y).sum() == 9


def test_the_winner_takes_a_byte_unless_there_are_more_places():
    x = np.arange(2 * 13 * 11.0).reshape(1, 13, 22, 1)
    for kernel_size, dtype in [((11, 11), np.int8), ((13, 11), np.int16)]:
        y, cache = max_pool2d_forward(x, kernel_size=kernel_size)
        assert cache.winner.dtype == dtype
        dx = max_pool2d_backward(y, cache).x  # each maximum stands in the last corner of its window
        np.testing.assert_array_equal(dx[dx != 0], y.ravel())
        np.testing.assert_array_equal(x[dx != 0], y.ravel())


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
