"""Local attention whose values depend on the place in the window, beside what it is made of."""

import numpy as np
import pytest

from minivit.ops import conv2d_forward, local_attention_forward, stem_attention_forward

RNG = np.random.default_rng(0)
Q, K, V = (RNG.standard_normal((2, 5, 6, 3, width)) for width in (4, 4, 2))
WINDOW = {"kernel_size": 3, "padding": 1}


def test_one_map_with_the_same_share_everywhere_is_local_attention():
    y, cache = stem_attention_forward(Q, K, V[None], np.ones((1, 9)), **WINDOW)
    expected, of_local = local_attention_forward(Q, K, V, **WINDOW)
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    np.testing.assert_array_equal(cache.weights, of_local.weights)


def test_without_keys_it_is_a_convolution():
    """All places have the weight 1/9 then, and shares of maps of one channel each are a kernel of any numbers."""
    x, kernel = RNG.standard_normal((2, 5, 6, 2)), RNG.standard_normal((3, 3, 2, 1))
    v = np.moveaxis(x, 3, 0)[..., None, None]  # a map for each channel
    shares = np.moveaxis(kernel[..., 0], 2, 0).reshape(2, 9)
    y, _ = stem_attention_forward(Q[:, :, :, :1], 0 * K[:, :, :, :1], v, 9 * shares, **WINDOW)
    expected, _ = conv2d_forward(x, kernel, padding=1)
    np.testing.assert_allclose(y[..., 0, :], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("q", "shares", "message"),
    [
        (Q[:, :4], np.ones((1, 9)), r"stem_attention: q has shape \(2, 4, 6, 3, 4\); expected \(2, 5, 6, 3, 4\)"),
        (Q, np.ones((1, 8)), r"stem_attention: shares has shape \(1, 8\); expected \(1, 9\)"),
    ],
)
def test_shapes_that_do_not_fit(q, shares, message):
    with pytest.raises(ValueError, match=message):
        stem_attention_forward(q, K, V[None], shares, **WINDOW)
