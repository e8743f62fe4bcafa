"""Convolution and attention side by side: some channels of the output look around, the others look everywhere."""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.attention import check_heads
from minivit.layers.basic import Linear
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import he_normal, normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.attention import AttentionCache, attention_backward, attention_forward
from minivit.ops.conv import Conv2dCache
from minivit.ops.heads import MergeHeadsCache, merge_heads_backward, merge_heads_forward, split_heads_forward
from minivit.ops.linear import LinearCache
from minivit.ops.relative_logits import (
    RelativeLogitsCache,
    relative_index,
    relative_logits_backward,
    relative_logits_forward,
)
from minivit.types import Size, pair


class AugmentedConvCache(NamedTuple):
    """Caches of the steps of :class:`AugmentedConv`; ``attention.weights`` is the attention map (B, H, N, N)."""

    conv_out: Conv2dCache
    qkv_conv: Conv2dCache
    relative: RelativeLogitsCache | None
    attention: AttentionCache
    merge: MergeHeadsCache
    attn_out: LinearCache


class AugmentedConv(Layer):
    r"""``[conv(x), attention(x)]``: what both find stands side by side in the channels of the output.

    .. math:: O_h = \operatorname{softmax}\!\left(\frac{Q_h K_h^\top + S^{rows}_h + S^{columns}_h}{\sqrt{K}}\right) V_h,
              \qquad Y = \big[\operatorname{conv}(X),\ [O_1, \dots, O_H]\, W^O\big]

    Every place of the map looks at all others. The relative logits S are what a query says of how many rows and columns
    away a key is; heads share their vectors (section 3.1: "used across heads").

    Unofficial code mixes places and heads: it reads what the heads found, (B, H, N, V), as if channels stood in front
    of places. Here heads stand side by side for each place, as in the paper's figure 3. It also makes queries, keys and
    values by convolutions as large as the other one: that is ``qkv_kernel_size``; in the paper's code it is 1. Names
    are those of the unofficial code.

    Parameters
    ----------
    in_chans, out_chans : int
        ``out_chans`` counts both parts: ``out_chans - dv`` come of the convolution.
    kernel_size : int
        Of the convolution; odd. It is padded to keep the map's size, where there is no stride.
    dk, dv : int
        Width of queries and keys, and of values, of all heads together.
    num_heads : int
    map_size : int or (rows, columns), optional
        Of the output, for relative positions; without it, there are none, and maps may have any size.
    stride : int
        Of both parts. (The paper does not say how it augments convolutions with a stride.)
    qkv_kernel_size : int
        Of the convolution that makes queries, keys and values; odd, too.

    Raises
    ------
    ValueError
        If heads do not divide the widths, ``dv`` leaves nothing of the output to the convolution, a kernel is even, or
        an option is out of range.

    References
    ----------
    Bello et al. 2019, "Attention Augmented Convolutional Networks", section 3 and figures 2 and 3.
    """

    def __init__(
        self,
        in_chans: int,
        out_chans: int,
        kernel_size: int = 3,
        *,
        dk: int,
        dv: int,
        num_heads: int,
        map_size: Size | None = None,
        stride: int = 1,
        qkv_kernel_size: int = 1,
    ) -> None:
        check_heads(dk, num_heads)
        check_heads(dv, num_heads)
        if not 0 < dv < out_chans:
            raise ValueError(f"dv is {dv}; expected at least 1, and fewer than the {out_chans} channels of the output")
        for name, size in (("kernel_size", kernel_size), ("qkv_kernel_size", qkv_kernel_size)):
            check_range(name, size, at_least=1)
            if size % 2 == 0:  # padded by half of it, an even one makes another map
                raise ValueError(f"{name} is {size}; expected an odd number: convolution and attention make one map")
        check_range("stride", stride, at_least=1)
        if map_size is not None:
            check_range("map_size", map_size, at_least=1)
        self.num_heads, self.dk, self.map_size = num_heads, dk, None if map_size is None else pair(map_size)

        def conv(chans: int, size: int) -> Conv2d:
            return Conv2d(in_chans, chans, size, stride=stride, padding=size // 2, initial=he_normal)

        self.conv_out = conv(out_chans - dv, kernel_size)
        self.qkv_conv = conv(2 * dk + dv, qkv_kernel_size)
        self.attn_out = Linear(dv, dv, kernel_size=(1, 1))
        self.key_rel_h = self.key_rel_w = None
        if self.map_size:
            (Y, X), K = self.map_size, dk // num_heads
            self.key_rel_h = Param((2 * Y - 1, K), "way width", normal(K**-0.5))
            self.key_rel_w = Param((2 * X - 1, K), "way width", normal(K**-0.5))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AugmentedConvCache]:
        """(B, Y, X, in_chans) -> (B, Yo, Xo, out_chans): convolve; beside that project, attend, merge and project."""
        y, c_conv_out = self.conv_out.forward(x)  # (B, Yo, Xo, out_chans - dv)
        h, c_qkv_conv = self.qkv_conv.forward(x)  # (B, Yo, Xo, 2 dk + dv)
        B, Y, X, _ = h.shape
        parts = np.split(h.reshape(B, Y * X, h.shape[-1]), (self.dk, 2 * self.dk), axis=-1)
        q, k, v = (split_heads_forward(part, num_heads=self.num_heads)[0] for part in parts)  # (B, H, N, K) each
        q = q / sqrt(q.shape[-1])
        logits, c_relative = None, None
        if self.key_rel_h and self.key_rel_w and self.map_size:
            if self.map_size != (Y, X):
                rows, columns = self.map_size
                raise ValueError(f"queries are of a map of {Y} x {X}; relative positions are for {rows} x {columns}")
            # from a query to a key; relative_index counts from a key to a query
            index = {"row_index": relative_index(Y, Y).T, "column_index": relative_index(X, X).T}
            logits, c_relative = relative_logits_forward(q, self.key_rel_h.value, self.key_rel_w.value, **index)
        h, c_attention = attention_forward(q, k, v, logits, scale=1.0)  # (B, H, N, V)
        h, c_merge = merge_heads_forward(h)  # (B, N, dv)
        h, c_attn_out = self.attn_out.forward(h.reshape(B, Y, X, h.shape[-1]))
        return np.concatenate((y, h), axis=-1), AugmentedConvCache(
            conv_out=c_conv_out,
            qkv_conv=c_qkv_conv,
            relative=c_relative,
            attention=c_attention,
            merge=c_merge,
            attn_out=c_attn_out,
        )

    def backward(self, dy: ndarray, cache: AugmentedConvCache) -> ndarray:
        """Add to the gradient of every parameter; return that of ``x``."""
        B, Y, X, _ = dy.shape
        dconv, dh = np.split(dy, [dy.shape[-1] - self.attn_out.weight.shape[-1]], axis=-1)  # forward: np.concatenate(
        dh = self.attn_out.backward(dh, cache.attn_out)
        dh = dh.reshape(B, Y * X, dh.shape[-1])  # forward: h.reshape(B, Y, X, h.shape[-1])
        (dh,) = merge_heads_backward(dh, cache.merge)
        dq, dk, dv, dlogits = attention_backward(dh, cache.attention)
        if self.key_rel_h and self.key_rel_w and cache.relative and dlogits is not None:
            dq_relative, drows, dcolumns = relative_logits_backward(dlogits, cache.relative)
            self.key_rel_h.add_grad(drows)
            self.key_rel_w.add_grad(dcolumns)
            dq = dq + dq_relative
        dq = dq / sqrt(dq.shape[-1])  # forward: q = q / sqrt(q.shape[-1])
        parts = [merge_heads_forward(part)[0] for part in (dq, dk, dv)]  # formula: heads were split
        dh = np.concatenate(parts, axis=-1)  # forward: np.split(
        dh = dh.reshape(B, Y, X, dh.shape[-1])
        return self.conv_out.backward(dconv, cache.conv_out) + self.qkv_conv.backward(dh, cache.qkv_conv)
