"""Pooling attention: in every head the map of queries is pooled, and the maps of keys and values, before they meet."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import check_heads, join_heads
from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.pool import AvgPool2d, MaxPool2d
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.attention import AttentionCache
from minivit.ops.heads import (
    SplitHeadsCache,
    merge_heads_forward,
    multi_head_attention_backward,
    multi_head_attention_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.relative_logits import (
    RelativeLogitsCache,
    relative_index,
    relative_logits_backward,
    relative_logits_forward,
)
from minivit.ops.sliding import sliding
from minivit.types import Size, pair

MODES = ("conv", "max", "avg")


class PoolingAttentionCache(NamedTuple):
    """Caches of the steps of :class:`PoolingAttention`; ``attention.weights`` is (B, H, N, S)."""

    qkv: LinearCache
    split: SplitHeadsCache
    pool_q: Any
    norm_q: LayerNormCache | IdentityCache
    pool_k: Any
    norm_k: LayerNormCache | IdentityCache
    pool_v: Any
    norm_v: LayerNormCache | IdentityCache
    relative_logits: RelativeLogitsCache | None
    attention: AttentionCache
    proj: LinearCache


class PoolingAttention(Layer):
    r"""Self-attention of a map whose queries, keys and values are pooled, in each head, after they were made.

    .. math:: Y = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{K}} + E\right) V + Q, \qquad
              Q = \operatorname{Norm}(\operatorname{Pool}(X W^Q)), \quad \text{likewise } K, V

    Queries that are pooled with a stride make the map smaller that comes out; pooled keys and values make attention
    cheaper. E are the scores of relative positions, rows and columns apart, which the pooled query decides
    (:func:`minivit.ops.relative_logits_forward`).

    Parameters
    ----------
    dim, dim_out, num_heads : int
        Width of what comes in; of queries, keys, values and what comes out.
    map_size : (rows, columns)
        Of the map that comes in.
    num_prefix_tokens : int
        So many tokens stand in front of the map: they are not pooled, and have no relative position.
    mode : "conv", "max" or "avg"
        How it is pooled: by a convolution of each channel by itself, the kernels of which all heads share, and a norm
        of the width of a head; by the largest number or the mean of a window, without a norm.
    kernel_q, kernel_kv, stride_q, stride_kv : int or (rows, columns)
        Of pooling; with a kernel and a stride of 1 there is none, nor a norm. Half a kernel of zeros is around a map.
    rel_pos : bool
        Whether there is E.
    residual_pooling : bool
        Whether the pooled queries are added to what attention found; without them no path leads around the pooling.
    qkv_bias : bool
    norm_eps : float

    Notes
    -----
    The columns of ``qkv`` are [q; k; v], and heads inside each. What is added to the scores takes the query as it is,
    not divided by the root. Of a map that is not square, there is a table for the longer ways of each axis; timm and
    the official code take square maps only. All tokens, a class token among them, get their query by residual pooling,
    as in timm and in MViTv2's own code.

    References
    ----------
    Fan et al. 2021, "Multiscale Vision Transformers", section 3.1; E and residual pooling: Li et al. 2022, "MViTv2",
    section 4.1, equations 2 to 5.
    """

    def __init__(
        self,
        dim: int,
        dim_out: int,
        num_heads: int,
        map_size: tuple[int, int],
        *,
        num_prefix_tokens: int = 0,
        mode: str = "conv",
        kernel_q: Size = 3,
        kernel_kv: Size = 3,
        stride_q: Size = 1,
        stride_kv: Size = 1,
        rel_pos: bool = True,
        residual_pooling: bool = True,
        qkv_bias: bool = True,
        norm_eps: float = 1e-6,
    ) -> None:
        check_heads(dim_out, num_heads)
        self.num_heads, self.num_prefix_tokens = num_heads, num_prefix_tokens
        self.map_size, self.residual_pooling = map_size, residual_pooling
        width = dim_out // num_heads
        self.qkv = Linear(dim, 3 * dim_out, bias=qkv_bias)
        self.pool_q, self.norm_q, self.q_size = _pooling(mode, width, map_size, kernel_q, stride_q, norm_eps)
        self.pool_k, self.norm_k, self.kv_size = _pooling(mode, width, map_size, kernel_kv, stride_kv, norm_eps)
        self.pool_v, self.norm_v, _ = _pooling(mode, width, map_size, kernel_kv, stride_kv, norm_eps)
        ways = [2 * max(queries, keys) - 1 for queries, keys in zip(self.q_size, self.kv_size, strict=True)]
        tables = [Param((n, width), "way width", normal(0.02), grid=(n, 1)) for n in ways] if rel_pos else [None, None]
        self.rel_pos_h, self.rel_pos_w = tables
        self.proj = Linear(dim_out, dim_out)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PoolingAttentionCache]:
        """(B, P + Y*X, D) -> (B, P + Yq*Xq, dim_out), with P tokens in front of the map."""
        h, c_qkv = self.qkv.forward(x)
        heads, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)  # (B, 3H, P + Y*X, K)
        q, k, v = np.split(heads, 3, axis=-3)
        sizes = {"map_size": self.map_size, "num_prefix_tokens": self.num_prefix_tokens}
        q, c_pool_q = pool_tokens(self.pool_q, q, **sizes)
        q, c_norm_q = self.norm_q.forward(q)  # (B, H, N, K)
        k, c_pool_k = pool_tokens(self.pool_k, k, **sizes)
        k, c_norm_k = self.norm_k.forward(k)  # (B, H, S, K)
        v, c_pool_v = pool_tokens(self.pool_v, v, **sizes)
        v, c_norm_v = self.norm_v.forward(v)  # (B, H, S, K)
        bias, c_relative_logits = self.relative_logits(q)
        h, c_attention = multi_head_attention_forward(q, k, v, bias)  # (B, N, dim_out)
        if self.residual_pooling:
            merged, _ = merge_heads_forward(q)
            h = h + merged
        y, c_proj = self.proj.forward(h)
        return y, PoolingAttentionCache(
            qkv=c_qkv,
            split=c_split,
            pool_q=c_pool_q,
            norm_q=c_norm_q,
            pool_k=c_pool_k,
            norm_k=c_norm_k,
            pool_v=c_pool_v,
            norm_v=c_norm_v,
            relative_logits=c_relative_logits,
            attention=c_attention,
            proj=c_proj,
        )

    def backward(self, dy: ndarray, cache: PoolingAttentionCache) -> ndarray:
        """Add to the gradients of the parameters; return that of ``x``."""
        dh = self.proj.backward(dy, cache.proj)
        dq, dk, dv, dbias = multi_head_attention_backward(dh, cache.attention)
        if self.residual_pooling:  # the gradient of the sum goes both ways
            dheads, _ = split_heads_forward(dh, num_heads=self.num_heads)
            dq = dq + dheads
        if dbias is not None:
            dq = self.relative_logits_backward(dq, dbias, cache.relative_logits)
        sizes = {"map_size": self.map_size, "num_prefix_tokens": self.num_prefix_tokens}
        dv = self.norm_v.backward(dv, cache.norm_v)
        dv = pool_tokens_backward(self.pool_v, dv, cache.pool_v, pooled_size=self.kv_size, **sizes)
        dk = self.norm_k.backward(dk, cache.norm_k)
        dk = pool_tokens_backward(self.pool_k, dk, cache.pool_k, pooled_size=self.kv_size, **sizes)
        dq = self.norm_q.backward(dq, cache.norm_q)
        dq = pool_tokens_backward(self.pool_q, dq, cache.pool_q, pooled_size=self.q_size, **sizes)
        (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)
        return self.qkv.backward(dh, cache.qkv)

    def relative_logits(self, q: ndarray) -> tuple[ndarray | None, RelativeLogitsCache | None]:
        """E (B, H, N, S): of places of the map; 0 for tokens in front of it, as queries and as keys."""
        if not (self.rel_pos_h and self.rel_pos_w):
            return None, None
        P = self.num_prefix_tokens
        indices = [relative_index(queries, keys) for queries, keys in zip(self.q_size, self.kv_size, strict=True)]
        tables = self.rel_pos_h.value, self.rel_pos_w.value
        logits, cache = relative_logits_forward(q[..., P:, :], *tables, row_index=indices[0], column_index=indices[1])
        if not P:
            return logits, cache
        *B, N, S = logits.shape
        bias = np.zeros_like(logits, shape=(*B, P + N, P + S))
        bias[..., P:, P:] = logits
        return bias, cache

    def relative_logits_backward(self, dq: ndarray, dbias: ndarray, cache: RelativeLogitsCache | None) -> ndarray:
        """Add to the gradients of the tables; return that of q, with what comes from its relative positions added."""
        if not (self.rel_pos_h and self.rel_pos_w and cache):
            return dq
        P = self.num_prefix_tokens
        dlogits = dbias[..., P:, P:]  # forward: bias[..., P:, P:] = logits
        dplaces, drows, dcolumns = relative_logits_backward(dlogits, cache)
        self.rel_pos_h.add_grad(drows)
        self.rel_pos_w.add_grad(dcolumns)
        dq = dq.copy()
        dq[..., P:, :] += dplaces
        return dq


def _pooling(
    mode: str, width: int, map_size: tuple[int, int], kernel: Size, stride: Size, norm_eps: float
) -> tuple[Layer, Layer, tuple[int, int]]:
    """What pools the map of a head, the norm behind it, and the sides of what it makes; none of both for one pixel."""
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; expected one of {', '.join(MODES)}")
    if pair(kernel) == pair(stride) == (1, 1):
        return Identity(), Identity(), map_size
    P, Q = pair(kernel)
    half = P // 2, Q // 2
    size = sliding("pooling attention", map_size, kernel, stride=stride, padding=half).out
    if mode == "conv":
        conv = Conv2d(width, width, kernel, stride=stride, padding=half, groups=width, bias=False)
        return conv, LayerNorm(width, eps=norm_eps), size
    pool = MaxPool2d if mode == "max" else AvgPool2d
    return pool(kernel, stride=stride, padding=half), Identity(), size


def pool_tokens(pool: Layer, x: ndarray, *, map_size: tuple[int, int], num_prefix_tokens: int) -> tuple[ndarray, Any]:
    """Pool the map that tokens make, in each head: (..., P + Y*X, K) -> (..., P + Yo*Xo, K). The first P stay."""
    if isinstance(pool, Identity):
        return pool.forward(x)
    P, (*lead, _, K) = num_prefix_tokens, x.shape
    maps, cache = pool.forward(x[..., P:, :].reshape(prod(lead), *map_size, K))
    pooled = maps.reshape(*lead, prod(maps.shape[1:3]), K)
    return np.concatenate((x[..., :P, :], pooled), axis=-2), cache


def pool_tokens_backward(
    pool: Layer,
    dy: ndarray,
    cache: Any,
    *,
    map_size: tuple[int, int],
    pooled_size: tuple[int, int],
    num_prefix_tokens: int,
) -> ndarray:
    """Gradient of :func:`pool_tokens`; ``pooled_size`` are the sides of the map that it made."""
    if isinstance(pool, Identity):
        return pool.backward(dy, cache)
    P, (*lead, _, K) = num_prefix_tokens, dy.shape
    dmaps = pool.backward(dy[..., P:, :].reshape(prod(lead), *pooled_size, K), cache)
    return np.concatenate((dy[..., :P, :], dmaps.reshape(*lead, prod(map_size), K)), axis=-2)
