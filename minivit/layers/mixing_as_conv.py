"""MLP-Mixer as a convolutional network, and a weird one: the same numbers, written with kernels.

Mixing channels is what a convolution with a kernel of 1 x 1 does. Mixing tokens is a depthwise convolution whose kernel
is as large as the map, so that it has one place to be at, with one more oddity: all channels share their kernels.

Source: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", section 1.
"""

import numpy as np

from minivit.layers.basic import Mlp
from minivit.ops.conv import conv2d_forward
from minivit.types import Float, ndarray


def channel_mixing_conv(mlp: Mlp, x: Float[ndarray, "B Y X D"]) -> Float[ndarray, "B Y X D"]:
    """What an MLP makes of every token of a map: two convolutions with kernels of 1 x 1."""
    h, _ = conv2d_forward(x, mlp.fc1.weight.value[None, None], mlp.fc1.bias.value)  # (B, Y, X, F)
    h, _ = mlp.act.forward(h)
    y, _ = conv2d_forward(h, mlp.fc2.weight.value[None, None], mlp.fc2.bias.value)  # (B, Y, X, D)
    return y


def token_mixing_conv(mlp: Mlp, x: Float[ndarray, "B Y X D"]) -> Float[ndarray, "B Y X D"]:
    """What an MLP over tokens makes of a map: convolutions in D groups, a channel each, with D times the same kernels.

    Each channel is weighed by F kernels of the size of the map, which gives F numbers for each; in the second
    convolution, of 1 x 1, the N outputs of a group are the places of its channel. Nothing here but the repeating of
    kernels ties the channels together: see :func:`minivit.cost.formulas.token_mixing_params` for what it saves.
    """
    B, Y, X, D = x.shape
    F = mlp.fc1.weight.shape[1]
    kernels = np.tile(mlp.fc1.weight.value.reshape(Y, X, 1, F), D)  # (Y, X, 1, D * F)
    h, _ = conv2d_forward(x, kernels, np.tile(mlp.fc1.bias.value, D), groups=D)  # (B, 1, 1, D * F)
    h, _ = mlp.act.forward(h)
    kernels = np.tile(mlp.fc2.weight.value[None, None], D)  # (1, 1, F, D * N)
    y, _ = conv2d_forward(h, kernels, np.tile(mlp.fc2.bias.value, D), groups=D)  # (B, 1, 1, D * N)
    return y.reshape(B, D, Y, X).transpose(0, 2, 3, 1)
