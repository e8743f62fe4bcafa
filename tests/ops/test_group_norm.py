import numpy as np
import pytest

from minivit.ops import (
    batch_norm_forward,
    group_norm_backward,
    group_norm_forward,
    layer_norm_forward,
    layer_norm_sample_backward,
    layer_norm_sample_forward,
)

RNG = np.random.default_rng(0)
X = 3 + 2 * RNG.standard_normal((2, 4, 5, 6))
ONES, ZEROS = np.ones(6), np.zeros(6)


@pytest.mark.parametrize("num_groups", [1, 2, 3, 6])
def test_each_group_of_neighbouring_channels_has_mean_0_and_variance_1(num_groups):
    y, cache = group_norm_forward(X, ONES, ZEROS, num_groups=num_groups, eps=0.0)
    for group in np.split(y, num_groups, axis=-1):
        np.testing.assert_allclose(group.mean((1, 2, 3)), 0, atol=1e-14)
        np.testing.assert_allclose(group.var((1, 2, 3)), 1, rtol=1e-13)
    assert cache.rstd.shape == (2, num_groups, 1)


def test_one_group_is_the_whole_sample():
    x, dy = X.reshape(2, 20, 6), RNG.standard_normal((2, 20, 6))
    gamma, beta = RNG.standard_normal((2, 6))
    y, cache = group_norm_forward(x, gamma, beta, num_groups=1, eps=1e-6)
    expected, expected_cache = layer_norm_sample_forward(x, gamma, beta)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)
    for grad, theirs in zip(
        group_norm_backward(dy, cache), layer_norm_sample_backward(dy, expected_cache), strict=True
    ):
        np.testing.assert_allclose(grad, theirs, rtol=1e-12, atol=1e-13)


def test_of_one_sample_a_group_for_each_channel_is_batch_norm():
    gamma, beta = RNG.standard_normal((2, 6))
    y, _ = group_norm_forward(X[:1], gamma, beta, num_groups=6)
    np.testing.assert_allclose(y, batch_norm_forward(X[:1], gamma, beta)[0], rtol=1e-12, atol=1e-14)


def test_without_places_one_group_is_layer_norm():
    gamma, beta = RNG.standard_normal((2, 6))
    y, _ = group_norm_forward(X[0, 0], gamma, beta, num_groups=1)
    np.testing.assert_allclose(y, layer_norm_forward(X[0, 0], gamma, beta, eps=1e-5)[0], rtol=1e-12, atol=1e-14)


def test_no_sample_sees_another():
    y, cache = group_norm_forward(X, ONES, ZEROS, num_groups=3)
    alone, _ = group_norm_forward(X[:1], ONES, ZEROS, num_groups=3)
    np.testing.assert_array_equal(alone, y[:1])
    dy = np.zeros_like(y)
    dy[0] = RNG.standard_normal(y[0].shape)
    np.testing.assert_array_equal(group_norm_backward(dy, cache).x[1], 0)


def test_groups_of_one_number_become_the_shift():
    beta = RNG.standard_normal(6)
    y, cache = group_norm_forward(X[0, 0], ONES, beta, num_groups=6)
    np.testing.assert_array_equal(y, np.broadcast_to(beta, (5, 6)))
    np.testing.assert_array_equal(group_norm_backward(y, cache).x, 0)


def test_no_samples():
    y, cache = group_norm_forward(X[:0], ONES, ZEROS, num_groups=3)
    dx, dgamma, dbeta = group_norm_backward(y, cache)
    assert y.shape == dx.shape == (0, 4, 5, 6)
    np.testing.assert_array_equal([dgamma, dbeta], 0)


@pytest.mark.parametrize("num_groups", [-1, 0, 4, 12])
def test_groups_must_divide_the_channels(num_groups):
    with pytest.raises(ValueError, match=f"group_norm: 6 channels are not divisible by num_groups {num_groups}"):
        group_norm_forward(X, ONES, ZEROS, num_groups=num_groups)


def test_no_places():
    with pytest.raises(ValueError, match=r"group_norm: there are no places to normalise, x has shape \(2, 4, 0, 6\)"):
        group_norm_forward(X[:, :, :0], ONES, ZEROS, num_groups=3)


def test_many_places_keep_their_digits():
    x = (5 + RNG.standard_normal((2, 300, 200, 4))).astype(np.float32)
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    dy = (1 + RNG.standard_normal(x.shape)).astype(np.float32)
    y, cache = group_norm_forward(x, ones, zeros, num_groups=2)
    exact, exact_cache = group_norm_forward(*(a.astype(np.float64) for a in (x, ones, zeros)), num_groups=2)
    np.testing.assert_allclose(y, exact, atol=2e-6)
    expected = group_norm_backward(dy.astype(np.float64), exact_cache)
    np.testing.assert_allclose(group_norm_backward(dy, cache).beta, expected.beta, rtol=2e-7)
    np.testing.assert_allclose(group_norm_backward(dy, cache).x, expected.x, atol=1e-5)
