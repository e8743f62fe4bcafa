"""MLP-Mixer as a convolutional network, and a weird one: its two MLPs, the same numbers, written with kernels.

Mixing channels is what a convolution with a kernel of 1 x 1 does. Mixing tokens is a depthwise convolution whose kernel
is as large as the map, so that it has one place to be at, with one more oddity: all channels share their kernels.

Source: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", section 1.
"""

import numpy as np

from minivit.ops.activations import gelu_forward
from minivit.ops.conv import conv2d_forward
from minivit.types import Float, ndarray


def channel_mixing_conv(
    x: Float[ndarray, "B Y X D"],
    weight1: Float[ndarray, "D F"],
    bias1: Float[ndarray, " F"],
    weight2: Float[ndarray, "F D"],
    bias2: Float[ndarray, " D"],
) -> Float[ndarray, "B Y X D"]:
    """What an MLP makes of every token of a map: two convolutions with kernels of 1 x 1, and GELU between them."""
    h, _ = conv2d_forward(x, weight1[None, None], bias1)  # (B, Y, X, F)
    h, _ = gelu_forward(h)
    y, _ = conv2d_forward(h, weight2[None, None], bias2)  # (B, Y, X, D)
    return y


def token_mixing_conv(
    x: Float[ndarray, "B Y X D"],
    weight1: Float[ndarray, "N E"],
    bias1: Float[ndarray, " E"],
    weight2: Float[ndarray, "E N"],
    bias2: Float[ndarray, " N"],
) -> Float[ndarray, "B Y X D"]:
    """What an MLP over N = Y X tokens makes of a map: two convolutions in D groups, one channel in each.

    The E columns of ``weight1`` are kernels of the size of the map. Each channel is weighed by all of them, which gives
    E numbers for each. In the second convolution, of 1 x 1, the N outputs of a group are the places of its channel.

    Nothing but the repeating ties the channels together. (What kernels of each channel's own would cost says
    :func:`minivit.cost.formulas.token_mixing_params`.)
    """
    B, Y, X, D = x.shape
    kernels = weight1.reshape(Y, X, 1, -1)  # (Y, X, 1, E)
    h, _ = conv2d_forward(x, np.tile(kernels, D), np.tile(bias1, D), groups=D)  # (B, 1, 1, D * E)
    h, _ = gelu_forward(h)
    y, _ = conv2d_forward(h, np.tile(weight2[None, None], D), np.tile(bias2, D), groups=D)  # (B, 1, 1, D * N)
    return y.reshape(B, D, Y, X).transpose(0, 2, 3, 1)
