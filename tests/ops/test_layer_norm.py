import numpy as np
import pytest

from minivit.ops import layer_norm_backward, layer_norm_forward, layer_norm_sample_backward, layer_norm_sample_forward

RNG = np.random.default_rng(0)
X = 3 + 2 * RNG.standard_normal((2, 3, 5))


def test_each_token_has_mean_0_and_variance_1():
    y, _ = layer_norm_forward(X, np.ones(5), np.zeros(5), eps=0.0)
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-15)
    np.testing.assert_allclose(y.var(-1), 1, rtol=1e-13)


def test_each_sample_has_mean_0_and_variance_1():
    y, _ = layer_norm_sample_forward(X, np.ones(5), np.zeros(5), eps=0.0)
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-15)
    np.testing.assert_allclose(y.var((1, 2)), 1, rtol=1e-13)


def test_a_sample_is_a_token_of_all_its_numbers():
    gamma, beta, dy = RNG.standard_normal((3, 5)), RNG.standard_normal((3, 5)), RNG.standard_normal(X.shape)
    y, cache = layer_norm_sample_forward(X, gamma, beta)
    flat, flat_cache = layer_norm_forward(X.reshape(2, 15), gamma.ravel(), beta.ravel())
    np.testing.assert_allclose(y, flat.reshape(X.shape), rtol=1e-12)
    grads = layer_norm_sample_backward(dy, cache)
    expected = layer_norm_backward(dy.reshape(2, 15), flat_cache)
    for grad, flat_grad in zip(grads, expected, strict=True):
        np.testing.assert_allclose(grad, flat_grad.reshape(grad.shape), rtol=1e-12, atol=1e-14)


def test_gradient_of_x_has_no_part_along_ones_and_along_xhat():
    _, cache = layer_norm_forward(X, RNG.standard_normal(5), RNG.standard_normal(5), eps=0.0)
    dx = layer_norm_backward(RNG.standard_normal(X.shape), cache).x
    np.testing.assert_allclose(dx.sum(-1), 0, atol=1e-14)
    np.testing.assert_allclose((dx * cache.xhat).sum(-1), 0, atol=1e-14)


@pytest.mark.parametrize(("gamma", "beta"), [((3,), (3,)), ((5,), (3, 5))])
def test_wrong_shape_of_gamma(gamma, beta):
    with pytest.raises(ValueError, match=r"both must be \(D,\) = \(5,\) or \(N, D\) = \(3, 5\)"):
        layer_norm_sample_forward(X, np.ones(gamma), np.ones(beta))


@pytest.mark.parametrize("shape", [(1,), (3, 5), ()])
def test_gamma_is_one_number_per_place_of_a_row(shape):
    with pytest.raises(ValueError, match=r"layer_norm: gamma has shape .*; expected \(D,\)"):
        layer_norm_forward(X, np.ones(shape), np.zeros(5))
    with pytest.raises(ValueError, match=r"layer_norm: beta has shape .*; expected \(D,\)"):
        layer_norm_forward(X, np.ones(5), np.zeros(shape))


def test_gradients_of_gamma_and_beta_over_many_rows_keep_their_digits():
    x = RNG.standard_normal((25_000, 16)).astype(np.float32)
    dy = (1 + RNG.standard_normal(x.shape)).astype(np.float32)
    _, cache = layer_norm_forward(x, np.ones(16, np.float32), np.zeros(16, np.float32))
    np.testing.assert_allclose(layer_norm_backward(dy, cache).beta, dy.sum(0, dtype=np.float64), rtol=2e-7)
