import numpy as np
import pytest

from minivit.ops import layer_scale_backward, layer_scale_forward

RNG = np.random.default_rng(0)


def test_each_channel_has_a_factor_of_its_own():
    x, gamma = RNG.standard_normal((2, 3, 4)), RNG.standard_normal(4)
    y, cache = layer_scale_forward(x, gamma)
    dy = RNG.standard_normal(y.shape)
    dx, dgamma = layer_scale_backward(dy, cache)
    for d in range(4):
        np.testing.assert_array_equal(y[..., d], x[..., d] * gamma[d])
        np.testing.assert_array_equal(dx[..., d], dy[..., d] * gamma[d])
        np.testing.assert_allclose(dgamma[d], sum(dy[b, n, d] * x[b, n, d] for b in range(2) for n in range(3)))


def test_one_factor_is_not_enough():
    with pytest.raises(ValueError, match=r"gamma has shape \(1,\); expected \(D,\), with D as in x"):
        layer_scale_forward(np.zeros((2, 3, 4)), np.zeros(1))
    _, cache = layer_scale_forward(np.zeros((2, 3, 4)), np.zeros(4))
    with pytest.raises(ValueError, match=r"dy has shape \(2, 1, 4\); expected \(2, 3, 4\)"):
        layer_scale_backward(np.zeros((2, 1, 4)), cache)
