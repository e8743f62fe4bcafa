"""What is special about the transposed convolution."""

import numpy as np

from minivit.ops import (
    conv2d_backward,
    conv2d_forward,
    conv_transpose2d_forward,
)
from minivit.ops.conv_transpose import conv_transpose2d_loops

RNG = np.random.default_rng(0)


def test_it_is_its_definition():
    x, weight = RNG.standard_normal((2, 3, 5, 4)), RNG.standard_normal((2, 3, 4, 6))
    y, _ = conv_transpose2d_forward(x, weight)
    np.testing.assert_allclose(y, conv_transpose2d_loops(x, weight), rtol=1e-12)
    bias = RNG.standard_normal(6)
    np.testing.assert_allclose(conv_transpose2d_forward(x, weight, bias)[0], y + bias, rtol=1e-12)


def test_it_is_the_way_back_of_a_convolution_with_a_stride():
    """With its kernel's inputs and outputs exchanged: what is asked for is its transpose."""
    image, kernel = RNG.standard_normal((2, 6, 10, 4)), RNG.standard_normal((2, 2, 4, 3))
    y, cache = conv2d_forward(image, kernel, stride=2)
    dy = RNG.standard_normal(y.shape)
    up, _ = conv_transpose2d_forward(dy, kernel.transpose(0, 1, 3, 2).copy())
    np.testing.assert_allclose(up, conv2d_backward(dy, cache).x, rtol=1e-12)
