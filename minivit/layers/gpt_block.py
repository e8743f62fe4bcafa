"""The block of GPT-2 and iGPT: every token looks at itself and at those before it. Parameters as transformers has them.

Its ``Conv1D`` is our :class:`~minivit.layers.basic.Linear`, ``Y = X W + b``, with W of shape (in, out), too.
"""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import check_heads, join_heads
from minivit.layers.basic import ACTIVATIONS, Linear, RMSNorm, check_act_layer, mlp_width
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.ops.attention import AttentionCache
from minivit.ops.attention_chunked import (
    AttentionChunkedCache,
    attention_chunked_backward,
    attention_chunked_forward,
)
from minivit.ops.heads import (
    MergeHeadsCache,
    SplitHeadsCache,
    merge_heads_backward,
    merge_heads_forward,
    multi_head_attention_backward,
    multi_head_attention_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.linear import LinearCache
from minivit.ops.rms_norm import RmsNormCache


class CausalAttentionCache(NamedTuple):
    """Caches of the steps of :class:`CausalAttention`.

    ``attention.k`` and ``attention.v`` are the keys and values of all tokens so far, (B, H, S, K): what tokens behind
    them need.
    """

    c_attn: LinearCache
    split: SplitHeadsCache
    attention: AttentionCache | AttentionChunkedCache
    c_proj: LinearCache


class CausalAttention(Layer):
    """Every token asks itself and those before it; ``num_heads`` conversations run side by side.

    ``c_attn`` makes [q; k; v], and heads inside each, as in :class:`~minivit.layers.attention.SelfAttention`. With
    ``chunk_size`` the keys pass by in blocks of so many, and no N x N matrix is made; the outcome is the same.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3.
    """

    def __init__(self, dim: int, num_heads: int, *, chunk_size: int | None = None, proj_std: float = 0.02) -> None:
        check_heads(dim, num_heads)
        self.num_heads, self.chunk_size = num_heads, chunk_size
        self.c_attn = Linear(dim, 3 * dim, initial=normal(0.02))
        self.c_proj = Linear(dim, dim, initial=normal(proj_std))

    def forward(
        self, x: ndarray, *, past: CausalAttentionCache | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, CausalAttentionCache]:
        """(B, N, D) -> (B, N, D); ``past`` is the cache of the tokens before these, whose keys and values are kept."""
        h, c_c_attn = self.c_attn.forward(x)  # (B, N, 3D)
        heads, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)  # (B, 3H, N, K)
        q, k, v = np.split(heads, 3, axis=-3)  # (B, H, N, K) each, views
        if past is not None:
            k, v = (np.concatenate(pair, axis=-2) for pair in ((past.attention.k, k), (past.attention.v, v)))
        if self.chunk_size is None:
            N, S = q.shape[-2], k.shape[-2]
            seen = np.tri(N, S, S - N, dtype=bool, like=x)  # the queries are the last N of the S places
            h, c_attention = multi_head_attention_forward(q, k, v, mask=seen)  # (B, N, D)
        else:
            h, c_attention = attention_chunked_forward(q, k, v, causal=True, block_size=self.chunk_size)
            h, _ = merge_heads_forward(h)  # (B, N, D)
        h, c_c_proj = self.c_proj.forward(h)
        return h, CausalAttentionCache(c_attn=c_c_attn, split=c_split, attention=c_attention, c_proj=c_c_proj)

    def backward(self, dy: ndarray, cache: CausalAttentionCache) -> ndarray:
        """Add to the gradients of both maps; return that of ``x``. Of tokens with a past there is none."""
        kept, new = cache.attention.k.shape[-2], cache.attention.q.shape[-2]
        if kept != new:
            raise ValueError(f"there are {new} tokens and {kept - new} of the past; backward is for tokens without one")
        dh = self.c_proj.backward(dy, cache.c_proj)
        if isinstance(cache.attention, AttentionChunkedCache):
            (dh,) = merge_heads_backward(dh, MergeHeadsCache(self.num_heads))
            dq, dk, dv, _ = attention_chunked_backward(dh, cache.attention)
        else:
            dq, dk, dv, _ = multi_head_attention_backward(dh, cache.attention)
        (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)
        return self.c_attn.backward(dh, cache.c_attn)


class GPTMlpCache(NamedTuple):
    """Caches of the steps of :class:`GPTMlp`, in order."""

    c_fc: LinearCache
    act: Any
    c_proj: LinearCache


class GPTMlp(Layer):
    """Two linear maps with an activation between, as :class:`~minivit.layers.basic.Mlp`, under GPT-2's names."""

    def __init__(self, dim: int, hidden_dim: int, *, act_layer: str = "quick_gelu", proj_std: float = 0.02) -> None:
        check_act_layer(act_layer)
        self.c_fc = Linear(dim, hidden_dim, initial=normal(0.02))
        self.act = ACTIVATIONS[act_layer]
        self.c_proj = Linear(hidden_dim, dim, initial=normal(proj_std))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, GPTMlpCache]:
        h, c_c_fc = self.c_fc.forward(x)
        h, c_act = self.act.forward(h)
        h, c_c_proj = self.c_proj.forward(h)
        return h, GPTMlpCache(c_fc=c_c_fc, act=c_act, c_proj=c_c_proj)

    def backward(self, dy: ndarray, cache: GPTMlpCache) -> ndarray:
        dh = self.c_proj.backward(dy, cache.c_proj)
        (dh,) = self.act.backward(dh, cache.act)
        return self.c_fc.backward(dh, cache.c_fc)


class GPTBlockCache(NamedTuple):
    """Caches of the steps of a block, by name."""

    ln_1: RmsNormCache
    attn: CausalAttentionCache
    ln_2: RmsNormCache
    mlp: GPTMlpCache


class GPTBlock(Layer):
    """Pre-norm block of iGPT: ``x + attn(ln_1(x))``, then ``x + mlp(ln_2(x))``.

    The norms are without a mean, as in OpenAI's code. The last map of each branch begins with numbers smaller by
    sqrt(2 * depth), so that the sum of all branches does not grow with their number.

    Source: Chen et al. 2020, "Generative Pretraining from Pixels", section 3.2; Radford et al. 2019, section 2.3.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        depth: int = 1,
        mlp_ratio: float = 4.0,
        act_layer: str = "quick_gelu",
        norm_eps: float = 1e-5,
        chunk_size: int | None = None,
    ) -> None:
        proj_std = 0.02 / sqrt(2 * depth)
        self.ln_1 = RMSNorm(dim, eps=norm_eps)
        self.attn = CausalAttention(dim, num_heads, chunk_size=chunk_size, proj_std=proj_std)
        self.ln_2 = RMSNorm(dim, eps=norm_eps)
        self.mlp = GPTMlp(dim, mlp_width(dim, mlp_ratio), act_layer=act_layer, proj_std=proj_std)

    def forward(
        self, x: ndarray, *, past: GPTBlockCache | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, GPTBlockCache]:
        """(B, N, D) -> (B, N, D); ``past`` is the cache of the tokens before these."""
        h, c_ln_1 = self.ln_1.forward(x)
        h, c_attn = self.attn.forward(h, past=None if past is None else past.attn)
        x = x + h  # never +=: we do not own x
        h, c_ln_2 = self.ln_2.forward(x)
        h, c_mlp = self.mlp.forward(h)
        return x + h, GPTBlockCache(ln_1=c_ln_1, attn=c_attn, ln_2=c_ln_2, mlp=c_mlp)

    def backward(self, dy: ndarray, cache: GPTBlockCache) -> ndarray:
        dh = self.mlp.backward(dy, cache.mlp)  # the forward, read from the bottom up
        dx = dy + self.ln_2.backward(dh, cache.ln_2)  # forward: x + h; both ways get the gradient
        dh = self.attn.backward(dx, cache.attn)
        return dx + self.ln_1.backward(dh, cache.ln_1)
