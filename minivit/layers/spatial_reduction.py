"""Attention with few keys: queries of all places of a map, keys and values of a smaller one made from it."""

from math import prod
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import check_heads, join_heads
from minivit.layers.basic import Activation, LayerNorm, Linear
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.pool import AdaptiveAvgPool2d
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.activations import GeluCache
from minivit.ops.adaptive_pool import AdaptiveAvgPool2dCache
from minivit.ops.attention import AttentionCache
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.heads import (
    SplitHeadsCache,
    multi_head_attention_backward,
    multi_head_attention_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache

POOLED_SIZE = 7
"""Sides of the map that attention of linear cost looks at."""


class SpatialReductionAttentionCache(NamedTuple):
    """Caches of the steps of :class:`SpatialReductionAttention`; ``attention.weights`` is (B, H, N, S)."""

    q: LinearCache
    pool: AdaptiveAvgPool2dCache | IdentityCache
    sr: Conv2dCache | IdentityCache
    norm: LayerNormCache | IdentityCache
    act: GeluCache | IdentityCache
    kv: LinearCache
    split: SplitHeadsCache
    attention: AttentionCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache


class SpatialReductionAttention(Layer):
    r"""Every place of a map asks; R x R places together are one key and one value.

    .. math:: \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{K}}\right) V, \qquad
              Q = X W^Q, \quad [K, V] = \operatorname{SR}(X)\, W^{KV}, \quad
              \operatorname{SR}(X) = \operatorname{Norm}(\operatorname{Conv}_{R,R}(X))

    There are N = Y X queries and S = N / R^2 keys, so the two products cost R^2 times less than those of attention to
    all. With R = 1 it is that.

    Parameters
    ----------
    dim, num_heads : int
    sr_ratio : int
        R, the side and the stride of the convolution. Where it does not divide the map, the last rows and columns have
        no say in keys and values.
    linear : bool
        The map is pooled to 7 x 7 by its mean instead, whatever its size and R, then mapped by a convolution of 1 x 1,
        normalised, and goes through GELU: cost grows like N, not like N^2 / R^2.
    qkv_bias, proj_drop
        As in :class:`minivit.layers.attention.SelfAttention`.
    norm_eps : float

    Notes
    -----
    The columns of ``kv`` are [k; v], and heads inside each, as in timm and the official code; transformers have a
    matrix for each.

    References
    ----------
    Wang et al. 2021, "Pyramid Vision Transformer", section 3.3, equations 1 to 3; ``linear``: Wang et al. 2022,
    "PVT v2", section 3.1.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        sr_ratio: int = 1,
        linear: bool = False,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
        norm_eps: float = 1e-5,
    ) -> None:
        check_heads(dim, num_heads)
        self.num_heads, self.sr_ratio = num_heads, 1 if linear else sr_ratio
        reduces = linear or sr_ratio > 1
        self.q = Linear(dim, dim, bias=qkv_bias)
        self.pool: Layer = AdaptiveAvgPool2d(POOLED_SIZE) if linear else Identity()
        self.sr: Layer = Conv2d(dim, dim, self.sr_ratio, stride=self.sr_ratio) if reduces else Identity()
        self.norm: Layer = LayerNorm(dim, eps=norm_eps) if reduces else Identity()
        self.act: Layer = Activation("gelu") if linear else Identity()
        self.kv = Linear(dim, 2 * dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, SpatialReductionAttentionCache]:
        """(B, Y, X, D) -> (B, Y, X, D); where nothing is reduced, tokens (B, N, D) are taken, too.

        ``mask`` is broadcastable to (B, H, N, S): true where a query may look at a key.
        """
        check_reduction(x.shape[1:-1], self.sr_ratio)
        q, c_q = self.q.forward(x)
        h, c_pool = self.pool.forward(x)
        h, c_sr = self.sr.forward(h)  # (B, Y / R, X / R, D)
        h, c_norm = self.norm.forward(h)
        h, c_act = self.act.forward(h)
        kv, c_kv = self.kv.forward(h)  # (B, Y / R, X / R, 2D)
        q, c_split = split_heads_forward(_as_tokens(q), num_heads=self.num_heads)  # (B, H, N, K)
        kv, _ = split_heads_forward(_as_tokens(kv), num_heads=2 * self.num_heads)  # (B, 2H, S, K)
        k, v = np.split(kv, 2, axis=-3)  # (B, H, S, K) each, views
        h, c_attention = multi_head_attention_forward(q, k, v, mask=mask)  # (B, N, D)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        return h.reshape(x.shape), SpatialReductionAttentionCache(
            q=c_q,
            pool=c_pool,
            sr=c_sr,
            norm=c_norm,
            act=c_act,
            kv=c_kv,
            split=c_split,
            attention=c_attention,
            proj=c_proj,
            proj_drop=c_proj_drop,
        )

    def backward(self, dy: ndarray, cache: SpatialReductionAttentionCache) -> ndarray:
        """Add to the gradients of the parameters; return that of ``x``, which made queries as well as keys."""
        dh = self.proj_drop.backward(_as_tokens(dy), cache.proj_drop)  # the steps of forward, last first
        dh = self.proj.backward(dh, cache.proj)
        dq, dk, dv, _ = multi_head_attention_backward(dh, cache.attention)
        dkv = join_heads(dk, dv)  # forward: k, v = np.split(kv, 2, axis=-3)
        (dkv,) = split_heads_backward(dkv, cache.split)  # (B, S, 2D)
        (dq,) = split_heads_backward(dq, cache.split)  # (B, N, D)
        dh = self.kv.backward(dkv.reshape(*cache.kv.x.shape[:-1], dkv.shape[-1]), cache.kv)
        dh = self.act.backward(dh, cache.act)
        dh = self.norm.backward(dh, cache.norm)
        dh = self.sr.backward(dh, cache.sr)
        dh = self.pool.backward(dh, cache.pool)
        return dh + self.q.backward(dq.reshape(dy.shape), cache.q)


def check_reduction(map_size: tuple[int, ...], sr_ratio: int, where: str = "") -> None:
    """ValueError where not one key could be made; ``where``, if anything is to be said in front, ends in a space."""
    if min(map_size, default=0) < sr_ratio and sr_ratio > 1:
        size = " x ".join(map(str, map_size))
        raise ValueError(f"{where}a map of {size} is smaller than sr_ratio {sr_ratio}: there would be no key")


def _as_tokens(x: ndarray) -> ndarray:
    """(B, Y, X, D) -> (B, Y * X, D), a view; tokens stay as they are."""
    return x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])
