import numpy as np
import pytest

from minivit.ops import layer_norm_backward, layer_norm_forward, rms_norm_backward, rms_norm_forward

RNG = np.random.default_rng(0)
X, GAMMA, DY = 3 + 2 * RNG.standard_normal((2, 3, 5)), RNG.standard_normal(5), RNG.standard_normal((2, 3, 5))


def test_each_token_has_length_root_of_its_width():
    y, _ = rms_norm_forward(X, np.ones(5), eps=0.0)
    np.testing.assert_allclose(np.square(y).sum(-1), 5, rtol=1e-13)
    np.testing.assert_allclose(y / X, np.broadcast_to((y / X)[..., :1], X.shape), rtol=1e-13)  # and its direction


def test_of_rows_of_mean_0_it_is_layer_norm():
    centred = X - X.mean(-1, keepdims=True)
    y, cache = rms_norm_forward(centred, GAMMA, eps=1e-5)
    expected, expected_cache = layer_norm_forward(centred, GAMMA, np.zeros(5), eps=1e-5)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    dx, dgamma = rms_norm_backward(DY, cache)
    expected_dx, expected_dgamma, _ = layer_norm_backward(DY, expected_cache)
    np.testing.assert_allclose(dgamma, expected_dgamma, rtol=1e-12)
    np.testing.assert_allclose(dx - dx.mean(-1, keepdims=True), expected_dx, rtol=1e-11, atol=1e-13)
    assert np.abs(dx - expected_dx).max() > 0.01  # the mean of the gradient stays


def test_gradient_of_x_has_no_part_along_x():
    _, cache = rms_norm_forward(X, GAMMA, eps=0.0)
    np.testing.assert_allclose((rms_norm_backward(DY, cache).x * X).sum(-1), 0, atol=1e-13)


def test_a_row_of_zeros_stays():
    y, cache = rms_norm_forward(np.zeros((2, 5)), GAMMA, eps=1e-5)
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_allclose(rms_norm_backward(DY[0, :2], cache).x, DY[0, :2] * GAMMA / np.sqrt(1e-5), rtol=1e-12)


@pytest.mark.parametrize("eps", [-1e-6, np.nan, np.inf])
def test_eps(eps):
    with pytest.raises(ValueError, match="rms_norm: eps is"):
        rms_norm_forward(X, GAMMA, eps=eps)
