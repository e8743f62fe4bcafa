"""What stands in CycleMLP where others attend: a linear map of channels, each of which looks a step further."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_no_mask, check_range
from minivit.layers.basic import Linear
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache
from minivit.layers.split_attention import SplitAttention, SplitAttentionLayerCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.shift_channels import (
    ShiftChannelsCache,
    cycle_offsets,
    shift_channels_backward,
    shift_channels_forward,
)
from minivit.types import Float

STEPS = 3


class CycleFCCache(NamedTuple):
    """Caches of the steps of :class:`CycleFC`."""

    shift: ShiftChannelsCache
    linear: LinearCache


class CycleFC(Linear):
    r"""A linear map of channels that takes the first from where it is, the next from one place on, then one before.

    .. math::
        y_{b,i,j,o} = \sum_c W_{co}\, x_{b,\; i + \delta_c,\; j,\; c} + b_o, \qquad \delta_c = (c + 1) \bmod 3 - 1

    or :math:`j + \delta_c`. It costs what the map of one place costs, (in, out), and takes images of any size. Beyond
    the edge there are zeros. ``along`` 0 steps through rows, 1 through columns. The weight is a kernel of 1 x 1.

    Source: Chen et al. 2022, "CycleMLP: A MLP-like Architecture for Dense Prediction", section 3.2, where the first
    channel is from one place before; in its code it is from where it is.
    """

    def __init__(self, in_chans: int, out_chans: int, *, along: int) -> None:
        check_range("along", along, at_least=0, at_most=1)
        super().__init__(in_chans, out_chans, kernel_size=(1, 1))
        self.along = along

    def forward(  # type: ignore[override]
        self, x: Float[ndarray, "B Y X C"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X O"], CycleFCCache]:
        offsets = cycle_offsets(x.shape[-1], steps=STEPS, along=self.along)
        h, c_shift = shift_channels_forward(x, offsets=offsets, repeat=False)
        y, c_linear = super().forward(h)
        return y, CycleFCCache(c_shift, c_linear)

    def backward(self, dy: ndarray, cache: CycleFCCache) -> ndarray:  # type: ignore[override]
        dh = super().backward(dy, cache.linear)
        (dx,) = shift_channels_backward(dh, cache.shift)
        return dx


class CycleMixingCache(NamedTuple):
    """Caches of the steps of :class:`CycleMixing`, in order."""

    sfc_h: CycleFCCache
    sfc_w: CycleFCCache
    mlp_c: LinearCache
    reweight: SplitAttentionLayerCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache


class CycleMixing(Layer):
    r"""Along the columns, along the rows, and in place: three maps of a map, added up in shares that differ by image.

    .. math:: Y = \Big(\sum_{k=1}^{3} a_k \odot X_k\Big) W + b

    The :math:`X_k` are the three maps (B, Y, X, C), the :math:`a_k` (B, 1, 1, C) the shares of split attention.

    The names of its parts are the code's, where ``sfc_h`` is the one that steps through columns.

    Source: Chen et al. 2022, "CycleMLP", section 3.3 and its code.
    """

    def __init__(self, dim: int, *, qkv_bias: bool = False, proj_drop: float = 0.0) -> None:
        self.sfc_h = CycleFC(dim, dim, along=1)
        self.sfc_w = CycleFC(dim, dim, along=0)
        self.mlp_c = Linear(dim, dim, bias=qkv_bias)
        self.reweight = SplitAttention(dim, dim // 4, 3, total=False, branch_last=True)
        self.proj = Linear(dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self, x: Float[ndarray, "B Y X C"], *, mask: None = None, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X C"], CycleMixingCache]:
        check_no_mask("CycleMixing", mask)
        B, Y, X, C = x.shape
        h, c_sfc_h = self.sfc_h.forward(x)
        w, c_sfc_w = self.sfc_w.forward(x)
        c, c_mlp_c = self.mlp_c.forward(x)
        y, c_reweight = self.reweight.forward(np.stack((h, w, c), axis=1).reshape(B, 3, Y * X, C))
        y, c_proj = self.proj.forward(y.reshape(B, Y, X, C))
        y, c_proj_drop = self.proj_drop.forward(y, rng=rng)
        return y, CycleMixingCache(
            sfc_h=c_sfc_h, sfc_w=c_sfc_w, mlp_c=c_mlp_c, reweight=c_reweight, proj=c_proj, proj_drop=c_proj_drop
        )

    def backward(self, dy: Float[ndarray, "B Y X C"], cache: CycleMixingCache) -> Float[ndarray, "B Y X C"]:
        B, Y, X, C = dy.shape
        dh = self.proj_drop.backward(dy, cache.proj_drop)
        dh = self.proj.backward(dh, cache.proj).reshape(B, Y * X, C)  # forward: y.reshape(B, Y, X, C)
        dbranches = self.reweight.backward(dh, cache.reweight)
        dbranches = dbranches.reshape(B, 3, Y, X, C)  # forward: np.stack((h, w, c), axis=1).reshape(B, 3, Y * X, C)
        dx = self.sfc_h.backward(dbranches[:, 0], cache.sfc_h)
        dx += self.sfc_w.backward(dbranches[:, 1], cache.sfc_w)
        dx += self.mlp_c.backward(dbranches[:, 2], cache.mlp_c)
        return dx
