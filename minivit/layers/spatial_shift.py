"""What mixes places in S2-MLP: channels are shifted, between two linear maps that see one place each."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_no_mask
from minivit.layers.basic import Linear
from minivit.layers.layer import Layer
from minivit.layers.split_attention import SplitAttention, SplitAttentionLayerCache
from minivit.ops.activations import GeluCache, gelu_backward, gelu_forward
from minivit.ops.linear import LinearCache
from minivit.ops.shift_channels import (
    ShiftChannelsCache,
    shift_channels_backward,
    shift_channels_forward,
    spatial_shifts,
)
from minivit.types import Float


class SpatialShiftCache(NamedTuple):
    """Caches of the steps of :class:`SpatialShift`."""

    fc1: LinearCache
    act: GeluCache
    shift: ShiftChannelsCache
    fc2: LinearCache


class SpatialShift(Layer):
    r"""A linear map of channels, GELU, a shift of each quarter of them another way, and a linear map.

    .. math:: Y = \operatorname{shift}(\operatorname{GELU}(X W_1 + b_1))\, W_2 + b_2

    Source: Yu et al. 2022, "S2-MLP: Spatial-Shift MLP Architecture for Vision", section 3.2, figure 2.
    """

    def __init__(self, dim: int) -> None:
        self.fc1 = Linear(dim, dim)
        self.fc2 = Linear(dim, dim)

    def forward(
        self, x: Float[ndarray, "B Y X C"], *, mask: None = None, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X C"], SpatialShiftCache]:
        check_no_mask("SpatialShift", mask)
        h, c_fc1 = self.fc1.forward(x)
        h, c_act = gelu_forward(h)
        h, c_shift = shift_channels_forward(h, offsets=spatial_shifts(h.shape[-1]))
        y, c_fc2 = self.fc2.forward(h)
        return y, SpatialShiftCache(fc1=c_fc1, act=c_act, shift=c_shift, fc2=c_fc2)

    def backward(self, dy: Float[ndarray, "B Y X C"], cache: SpatialShiftCache) -> Float[ndarray, "B Y X C"]:
        dh = self.fc2.backward(dy, cache.fc2)
        (dh,) = shift_channels_backward(dh, cache.shift)
        (dh,) = gelu_backward(dh, cache.act)
        return self.fc1.backward(dh, cache.fc1)


class SplitShiftCache(NamedTuple):
    """Caches of the steps of :class:`SplitShift`."""

    mlp1: LinearCache
    shift1: ShiftChannelsCache
    shift2: ShiftChannelsCache
    split_attention: SplitAttentionLayerCache
    mlp2: LinearCache


class SplitShift(Layer):
    r"""Three times the channels: one third shifted, one shifted with rows and columns exchanged, one left; added up.

    .. math::
        H_1, H_2, H_3 = X W_1 + b_1, \qquad
        Y = \operatorname{split-attention}(\operatorname{shift}(H_1),\ \operatorname{shift}'(H_2),\ H_3)\, W_2 + b_2

    Source: Yu et al. 2021, "S2-MLPv2: Improved Spatial-Shift MLP Architecture for Vision", section 3.2, figure 2.
    """

    def __init__(self, dim: int) -> None:
        self.mlp1 = Linear(dim, 3 * dim)
        self.split_attention = SplitAttention(dim, dim, 3, total=True, branch_last=False, bias=False)
        self.mlp2 = Linear(dim, dim)

    def forward(
        self, x: Float[ndarray, "B Y X C"], *, mask: None = None, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X C"], SplitShiftCache]:
        check_no_mask("SplitShift", mask)
        B, Y, X, C = x.shape
        h, c_mlp1 = self.mlp1.forward(x)
        h1, h2, h3 = np.split(h, 3, axis=-1)  # views
        h1, c_shift1 = shift_channels_forward(h1, offsets=spatial_shifts(C))
        h2, c_shift2 = shift_channels_forward(h2, offsets=spatial_shifts(C, rows_first=False))
        h = np.stack((h1, h2, h3), axis=1).reshape(B, 3, Y * X, C)
        h, c_split_attention = self.split_attention.forward(h)
        y, c_mlp2 = self.mlp2.forward(h.reshape(B, Y, X, C))
        return y, SplitShiftCache(
            mlp1=c_mlp1, shift1=c_shift1, shift2=c_shift2, split_attention=c_split_attention, mlp2=c_mlp2
        )

    def backward(self, dy: Float[ndarray, "B Y X C"], cache: SplitShiftCache) -> Float[ndarray, "B Y X C"]:
        B, Y, X, C = dy.shape
        dh = self.mlp2.backward(dy, cache.mlp2).reshape(B, Y * X, C)  # forward: h.reshape(B, Y, X, C)
        dh = self.split_attention.backward(dh, cache.split_attention)
        dh = dh.reshape(B, 3, Y, X, C)  # forward: np.stack((h1, h2, h3), axis=1).reshape(B, 3, Y * X, C)
        (dh1,) = shift_channels_backward(dh[:, 0], cache.shift1)
        (dh2,) = shift_channels_backward(dh[:, 1], cache.shift2)
        dh = np.concatenate((dh1, dh2, dh[:, 2]), axis=-1)  # forward: h1, h2, h3 = np.split(h, 3, axis=-1)
        return self.mlp1.backward(dh, cache.mlp1)
