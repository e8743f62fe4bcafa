"""Multi-head attention: of a sequence to itself, and of one sequence to another."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_type
from minivit.layers.basic import Linear
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache
from minivit.ops.attention import AttentionCache, attention_backward, attention_forward
from minivit.ops.dropout import DropoutCache
from minivit.ops.heads import (
    MergeHeadsCache,
    SplitHeadsCache,
    merge_heads_backward,
    merge_heads_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.linear import LinearCache


class SelfAttentionCache(NamedTuple):
    """Caches of the steps of :class:`SelfAttention`; ``attention.weights`` is the attention map (B, H, N, N)."""

    qkv: LinearCache
    split: SplitHeadsCache
    attention: AttentionCache
    merge: MergeHeadsCache
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
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, SelfAttentionCache]:
        """(B, N, D) -> (B, N, D): project to q, k, v; split heads; attend; merge heads; project; drop."""
        h, c_qkv = self.qkv.forward(x)  # (B, N, 3D)
        heads, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)  # (B, 3H, N, K)
        q, k, v = np.split(heads, 3, axis=1)  # (B, H, N, K) each, views
        h, c_attention = attention_forward(q, k, v, mask=mask)
        h, c_merge = merge_heads_forward(h)  # (B, N, D)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        return h, SelfAttentionCache(
            qkv=c_qkv, split=c_split, attention=c_attention, merge=c_merge, proj=c_proj, proj_drop=c_proj_drop
        )

    def backward(self, dy: ndarray, cache: SelfAttentionCache) -> ndarray:
        """Add to the gradients of ``qkv`` and ``proj``; return that of ``x``. The steps of forward, last first."""
        dh = self.proj_drop.backward(dy, cache.proj_drop)
        dh = self.proj.backward(dh, cache.proj)
        (dh,) = merge_heads_backward(dh, cache.merge)
        dq, dk, dv, _ = attention_backward(dh, cache.attention)
        (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)
        return self.qkv.backward(dh, cache.qkv)


class CrossAttentionCache(NamedTuple):
    """Caches of the steps of :class:`CrossAttention`; ``attention.weights`` is (B, H, N, S)."""

    q: LinearCache
    kv: LinearCache
    split_q: SplitHeadsCache
    split_kv: SplitHeadsCache
    attention: AttentionCache
    merge: MergeHeadsCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache


class CrossAttention(Layer):
    """Tokens of ``x`` ask, tokens of ``context`` answer: queries from one sequence, keys and values from another.

    Source: Vaswani et al. 2017, section 3.2.3 ("encoder-decoder attention").
    """

    def __init__(
        self, dim: int, num_heads: int, *, context_dim: int | None = None, qkv_bias: bool = True, proj_drop: float = 0.0
    ) -> None:
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.q = Linear(dim, dim, bias=qkv_bias)
        self.kv = Linear(dim if context_dim is None else context_dim, 2 * dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self, x: ndarray, context: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, CrossAttentionCache]:
        """(B, N, D) and (B, S, context_dim) -> (B, N, D)."""
        h, c_q = self.q.forward(x)
        q, c_split_q = split_heads_forward(h, num_heads=self.num_heads)  # (B, H, N, K)
        h, c_kv = self.kv.forward(context)
        heads, c_split_kv = split_heads_forward(h, num_heads=2 * self.num_heads)  # (B, 2H, S, K)
        k, v = np.split(heads, 2, axis=1)
        h, c_attention = attention_forward(q, k, v, mask=mask)
        h, c_merge = merge_heads_forward(h)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        return h, CrossAttentionCache(
            q=c_q,
            kv=c_kv,
            split_q=c_split_q,
            split_kv=c_split_kv,
            attention=c_attention,
            merge=c_merge,
            proj=c_proj,
            proj_drop=c_proj_drop,
        )

    def backward(self, dy: ndarray, cache: CrossAttentionCache) -> tuple[ndarray, ndarray]:
        """Add to the gradients of the parameters; return those of ``x`` and ``context``."""
        dh = self.proj_drop.backward(dy, cache.proj_drop)
        dh = self.proj.backward(dh, cache.proj)
        (dh,) = merge_heads_backward(dh, cache.merge)
        dq, dk, dv, _ = attention_backward(dh, cache.attention)
        (dh,) = split_heads_backward(join_heads(dk, dv), cache.split_kv)
        dcontext = self.kv.backward(dh, cache.kv)
        (dh,) = split_heads_backward(dq, cache.split_q)
        return self.q.backward(dh, cache.q), dcontext


def check_heads(dim: int, num_heads: int) -> None:
    """Say it in one sentence when the heads do not divide the width."""
    check_type("num_heads", num_heads, int)
    if num_heads < 1 or dim % num_heads:
        raise ValueError(f"width {dim} is not divisible by num_heads {num_heads}: every head needs the same width")


def join_heads(*parts: ndarray) -> ndarray:
    """Undo ``np.split(heads, ...)``: (B, H, N, K) each -> (B, sum of H, N, K).

    The result lies in memory as (B, N, H, K), so that merging its heads, which always follows, copies nothing.
    """
    B, _, N, K = parts[0].shape
    joined = np.empty((B, N, sum(part.shape[1] for part in parts), K), parts[0].dtype)
    return np.concatenate(parts, axis=1, out=joined.transpose(0, 2, 1, 3))
