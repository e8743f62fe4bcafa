"""Multi-head attention: of a sequence to itself, and of one sequence to others."""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_type
from minivit.layers.basic import Linear
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache
from minivit.ops.attention import AttentionCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.heads import (
    SplitHeadsCache,
    multi_head_attention_backward,
    multi_head_attention_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.linear import LinearCache


class SelfAttentionCache(NamedTuple):
    """Caches of the steps of :class:`SelfAttention`; ``attention.weights`` is the attention map (B, H, N, N)."""

    qkv: LinearCache
    split: SplitHeadsCache
    attention: AttentionCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache


class SelfAttention(Layer):
    """Every token asks (q), offers (k) and carries (v); ``num_heads`` conversations run side by side.

    One matrix makes all three: the columns of ``qkv`` are [q; k; v], and heads inside each, as in timm.

    Source: Vaswani et al. 2017, section 3.2.2; Dosovitskiy et al. 2021, appendix A.
    """

    def __init__(self, dim: int, num_heads: int, *, qkv_bias: bool = True, proj_drop: float = 0.0) -> None:
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.qkv = Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self,
        x: ndarray,
        bias: ndarray | None = None,
        *,
        mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, SelfAttentionCache]:
        """(..., N, D) -> (..., N, D): project to q, k, v; split heads; attend and merge heads; project; drop."""
        h, c_qkv = self.qkv.forward(x)  # (..., N, 3D)
        heads, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)  # (..., 3H, N, K)
        q, k, v = np.split(heads, 3, axis=-3)  # (..., H, N, K) each, views
        h, c_attention = multi_head_attention_forward(q, k, v, bias, mask=mask)  # (..., N, D)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        return h, SelfAttentionCache(
            qkv=c_qkv, split=c_split, attention=c_attention, proj=c_proj, proj_drop=c_proj_drop
        )

    def backward(self, dy: ndarray, cache: SelfAttentionCache) -> Any:
        """Add to the gradients of ``qkv`` and ``proj``; return that of ``x``, and of ``bias`` where one was given."""
        dh = self.proj_drop.backward(dy, cache.proj_drop)  # the steps of forward, last first
        dh = self.proj.backward(dh, cache.proj)
        dq, dk, dv, dbias = multi_head_attention_backward(dh, cache.attention)
        (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)
        dx = self.qkv.backward(dh, cache.qkv)
        return dx if dbias is None else (dx, dbias)


class AttentionLayerCache(NamedTuple):
    """Caches of the steps of :class:`Attention`; ``attention.weights`` is (B, H, N, S)."""

    q: LinearCache
    k: LinearCache
    v: LinearCache
    split: SplitHeadsCache
    attention: AttentionCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache


class Attention(Layer):
    """Tokens of ``query`` ask, tokens of ``key`` offer, those of ``value`` carry: each input has its own projection.

    Cross-attention to a context is ``forward(x, context, context)``; the gradient of the context is the sum of those of
    its two places. ``context_dim`` is the width of keys and values, where it is not that of the queries; ``inner_dim``
    the width of all heads together, where it is not that of what comes in and out.

    PyTorch's ``MultiheadAttention`` has the three weights in one, ``in_proj_weight``, and calls ``proj`` ``out_proj``.

    Source: Vaswani et al. 2017, sections 3.2.2 and 3.2.3 ("encoder-decoder attention").
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        context_dim: int | None = None,
        inner_dim: int | None = None,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
    ) -> None:
        context_dim = dim if context_dim is None else context_dim
        inner_dim = dim if inner_dim is None else inner_dim
        check_heads(inner_dim, num_heads)
        self.num_heads = num_heads
        self.q = Linear(dim, inner_dim, bias=qkv_bias)
        self.k = Linear(context_dim, inner_dim, bias=qkv_bias)
        self.v = Linear(context_dim, inner_dim, bias=qkv_bias)
        self.proj = Linear(inner_dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self,
        query: ndarray,
        key: ndarray,
        value: ndarray,
        bias: ndarray | None = None,
        *,
        mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, AttentionLayerCache]:
        """(B, N, D), (B, S, context_dim) and (B, S, context_dim) -> (B, N, D)."""
        q, c_q = self.q.forward(query)  # (B, N, D)
        k, c_k = self.k.forward(key)  # (B, S, D)
        v, c_v = self.v.forward(value)  # (B, S, D)
        q, c_split = split_heads_forward(q, num_heads=self.num_heads)  # (B, H, N, K)
        k, _ = split_heads_forward(k, num_heads=self.num_heads)  # (B, H, S, K)
        v, _ = split_heads_forward(v, num_heads=self.num_heads)  # (B, H, S, K)
        h, c_attention = multi_head_attention_forward(q, k, v, bias, mask=mask)  # (B, N, D)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        return h, AttentionLayerCache(
            q=c_q, k=c_k, v=c_v, split=c_split, attention=c_attention, proj=c_proj, proj_drop=c_proj_drop
        )

    def backward(self, dy: ndarray, cache: AttentionLayerCache) -> tuple[ndarray, ...]:
        """Add to the gradients of the parameters; return those of the inputs, and of ``bias`` where one was given."""
        dh = self.proj_drop.backward(dy, cache.proj_drop)  # the steps of forward, last first
        dh = self.proj.backward(dh, cache.proj)
        dq, dk, dv, dbias = multi_head_attention_backward(dh, cache.attention)
        dq, dk, dv = (split_heads_backward(dheads, cache.split).x for dheads in (dq, dk, dv))
        dinputs = self.q.backward(dq, cache.q), self.k.backward(dk, cache.k), self.v.backward(dv, cache.v)
        return dinputs if dbias is None else (*dinputs, dbias)


def check_heads(dim: int, num_heads: int) -> None:
    """Say it in one sentence when the heads do not divide the width."""
    check_type("num_heads", num_heads, int)
    if num_heads < 1 or dim % num_heads:
        raise ValueError(f"width {dim} is not divisible by num_heads {num_heads}: every head needs the same width")


def in_heads(x: ndarray, num_heads: int) -> ndarray:
    """(..., C) -> (..., H, K): a view, in which the heads of a place lie side by side."""
    return x.reshape(*x.shape[:-1], num_heads, x.shape[-1] // num_heads)


def join_heads(*parts: ndarray) -> ndarray:
    """Heads of several parts, one after the other: (..., H, N, K) each -> (..., sum of H, N, K).

    The result lies in memory as (..., N, H, K), so that merging its heads, which always follows, copies nothing.
    """
    *B, _, N, K = parts[0].shape
    joined = np.empty_like(parts[0], shape=(*B, N, sum(part.shape[-3] for part in parts), K))
    return np.concatenate(parts, axis=-3, out=joined.swapaxes(-3, -2))
