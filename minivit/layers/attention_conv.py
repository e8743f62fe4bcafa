"""Local self-attention in the place of a convolution, as the only layer of a network that looks around."""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.attention import check_heads, in_heads
from minivit.layers.basic import Linear
from minivit.layers.initial import he_normal, normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.pool import AvgPool2d
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.linear import LinearCache
from minivit.ops.local_attention import (
    LocalAttentionCache,
    PlaceVectorsCache,
    local_attention_backward,
    local_attention_forward,
    place_vectors_backward,
    place_vectors_forward,
)
from minivit.ops.pool import AvgPool2dCache


class AttentionConvCache(NamedTuple):
    """Caches of the steps of :class:`AttentionConv`; ``attention.weights`` is (B, Y, X, H, S)."""

    query_conv: LinearCache
    key_conv: LinearCache
    value_conv: LinearCache
    relative: PlaceVectorsCache
    attention: LocalAttentionCache
    pool: AvgPool2dCache | IdentityCache


class AttentionConv(Layer):
    r"""Every place of a map attends to the window around it.

    .. math:: y_{ij} = \sum_{ab} \operatorname{softmax}_{ab}\!\left(
              q_{ij}^\top k_{ab} + q_{ij}^\top r_{a-i,\,b-j}\right) v_{ab}

    r has a vector of the row in its first half, and one of the column in the other. The scores are not divided by the
    root of their width. Heads share nothing: each has its own channels of q, k, v and r.

    The paper leaves open whether heads share r, and how rows and columns lie in it: here the halves are those of all
    channels together, as in the unofficial PyTorch code (whose names these are), so that of two heads, the first knows
    of rows alone, and the second of columns alone. It leaves open what is around the map: zeros, see
    :func:`minivit.ops.local_attention_forward`. (That code multiplies query and key channel by channel, and takes a
    softmax for each channel: there, each has a map of weights of its own. Here, as in equation 3, a head has one.)

    With a stride, the mean of ``stride x stride`` places follows ("a 2 x 2 average pooling with stride 2 follows the
    attention layer", section 3.2). Maps that it does not divide have zeros around them.

    Parameters
    ----------
    in_chans, out_chans : int
    kernel_size : int
        Side of the window; odd, so that it has a middle.
    num_heads : int
    stride : int

    Raises
    ------
    ValueError
        If ``num_heads`` or 2 does not divide ``out_chans``, the window has no middle, or an option is out of range.

    References
    ----------
    Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", sections 3 and 3.1, equations 2 and 3.
    """

    def __init__(
        self, in_chans: int, out_chans: int, *, kernel_size: int = 7, num_heads: int = 8, stride: int = 1
    ) -> None:
        check_heads(out_chans, num_heads)
        if out_chans % 2:
            raise ValueError(f"out_chans is {out_chans}; expected an even number: half for rows, half for columns")
        check_range("kernel_size", kernel_size, at_least=1)
        check_range("stride", stride, at_least=1)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; expected an odd number: the window has a middle")
        self.kernel_size, self.num_heads = kernel_size, num_heads
        self.query_conv, self.key_conv, self.value_conv = (
            Linear(in_chans, out_chans, kernel_size=(1, 1), bias=False, initial=he_normal) for _ in range(3)
        )
        self.rel_h = Param((kernel_size, out_chans // 2), "row width", normal(1))
        self.rel_w = Param((kernel_size, out_chans // 2), "column width", normal(1))
        self.pool: Layer = AvgPool2d(stride, padding="same") if stride > 1 else Identity()

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AttentionConvCache]:
        """(B, Y, X, in_chans) -> (B, ceil(Y / stride), ceil(X / stride), out_chans)."""
        q, c_query_conv = self.query_conv.forward(x)  # (B, Y, X, C)
        k, c_key_conv = self.key_conv.forward(x)
        v, c_value_conv = self.value_conv.forward(x)
        r, c_relative = place_vectors_forward(self.rel_h.value, self.rel_w.value)  # (S, C)
        h, c_attention = local_attention_forward(
            in_heads(q, self.num_heads),
            in_heads(k, self.num_heads),
            in_heads(v, self.num_heads),
            in_heads(r, self.num_heads).swapaxes(0, 1),  # (H, S, K)
            kernel_size=self.kernel_size,
            padding=self.kernel_size // 2,
        )
        y, c_pool = self.pool.forward(h.reshape(q.shape))
        return y, AttentionConvCache(
            query_conv=c_query_conv,
            key_conv=c_key_conv,
            value_conv=c_value_conv,
            relative=c_relative,
            attention=c_attention,
            pool=c_pool,
        )

    def backward(self, dy: ndarray, cache: AttentionConvCache) -> ndarray:
        """Add to the gradient of every parameter; return that of ``x``."""
        dh = self.pool.backward(dy, cache.pool)
        *dheads, dr, _ = local_attention_backward(in_heads(dh, self.num_heads), cache.attention)
        dq, dk, dv = (part.reshape(dh.shape) for part in dheads)
        drows, dcolumns = place_vectors_backward(_merged(dr), cache.relative)
        self.rel_h.add_grad(drows)
        self.rel_w.add_grad(dcolumns)
        dx = self.query_conv.backward(dq, cache.query_conv)
        dx += self.key_conv.backward(dk, cache.key_conv)
        dx += self.value_conv.backward(dv, cache.value_conv)
        return dx


def _merged(dr: Any) -> ndarray:
    """(H, S, K) -> (S, H*K): the way back of the heads of the vectors."""
    return np.ascontiguousarray(dr.swapaxes(0, 1)).reshape(dr.shape[1], -1)
