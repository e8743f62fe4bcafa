"""The recurrent decoder with attention: before each token it looks again at what there is."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from minivit.checked import checked
from minivit.layers.basic import Linear
from minivit.layers.embedding import Embedding
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.recurrent import GRUCell, GRUCellCache
from minivit.ops.activations import TanhCache, tanh_backward, tanh_forward
from minivit.ops.additive_attention import (
    AdditiveAttentionCache,
    additive_attention_backward,
    additive_attention_forward,
)
from minivit.ops.embedding import EmbeddingCache
from minivit.ops.linear import LinearCache
from minivit.types import Bool, Float, Int, ndarray


class AttentionDecoderCache(NamedTuple):
    """Caches of the steps of :class:`AttentionDecoder`; of ``query``, ``attention`` and ``cell`` one for each token."""

    shares: ndarray
    start: LinearCache
    tanh: TanhCache
    key: LinearCache
    embed: EmbeddingCache
    query: list[LinearCache]
    attention: list[AdditiveAttentionCache]
    cell: list[GRUCellCache]
    head: LinearCache

    @property
    def alignment(self) -> ndarray:
        """(B, T, S): row t is what was looked at before token t was written."""
        return np.concatenate([self.shares[:, :0], *(step.weights for step in self.attention)], axis=1)


class AttentionDecoder(Layer):
    r"""Writes tokens one after the other, and looks at a set of vectors :math:`h_1, \dots, h_S` before each.

    .. math::
        e_{ti} = f_{att}(s_{t-1}, h_i) = v_a \cdot \tanh(W_a s_{t-1} + U_a h_i), \qquad
        \alpha_t = \operatorname{softmax}(e_t), \qquad c_t = \sum_i \alpha_{ti} h_i, \\
        s_t = \operatorname{GRU}([y_{t-1}; c_t], s_{t-1}), \qquad p(y_t) = \operatorname{softmax}(W [s_t; c_t] + b)

    The vectors may be the places of a sequence or the cells of a grid, :math:`e_{t,i,j}`: their order does not count.
    One vector alone is looked at whatever the state, so with it this is a decoder without attention.

    Parameters
    ----------
    vocab_size, dim, memory_dim : int
        How many tokens there are; width of tokens, states and scores; width of the vectors.

    Notes
    -----
    The first state is made of the mean of the vectors, as Xu et al. do; Bahdanau et al. take the state of the encoder
    at the first place. Both have more layers between state and logits.

    References
    ----------
    Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", section 3.1; Xu et
    al. 2015, "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention", section 3.1.2.
    """

    def __init__(self, vocab_size: int, dim: int, memory_dim: int) -> None:
        self.start = Linear(memory_dim, dim)
        self.key = Linear(memory_dim, dim)  # U_a
        self.embed = Embedding(vocab_size, dim)
        self.query = Linear(dim, dim, bias=False)  # W_a
        self.vector = Param((dim,), "in", normal(dim**-0.5))  # v_a
        self.cell = GRUCell(dim + memory_dim, dim)
        self.head = Linear(dim + memory_dim, vocab_size)

    @checked
    def forward(
        self,
        memory: Float[ndarray, "B S M"],
        tokens: Int[ndarray, "B T"],
        *,
        mask: Bool[ndarray, "B S"] | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, AttentionDecoderCache]:
        """Vectors (B, S, memory_dim) and the tokens before (B, T) -> logits (B, T, vocab_size).

        ``mask`` (B, S) is False where there is no vector but padding. Teacher forcing: the tokens before are given, so
        what the decoder itself holds for likely does not come back to it.
        """
        B, S, _ = memory.shape
        mask = np.ones_like(memory, bool, shape=(B, S)) if mask is None else mask
        shares = mask / np.maximum(mask.sum(1, keepdims=True), 1)
        shares = shares.astype(memory.dtype)[:, None]  # (B, 1, S), the same for all vectors
        s, c_start = self.start.forward((shares @ memory)[:, 0])  # (B, D)
        s, c_tanh = tanh_forward(s)
        keys, c_key = self.key.forward(memory)  # (B, S, D), once for all steps
        x, c_embed = self.embed.forward(tokens)  # (B, T, D)
        T, D = tokens.shape[1], s.shape[1]
        read = np.empty_like(s, shape=(B, T, D + memory.shape[2]))
        c_query, c_attention, c_cell = [], [], []
        for t in range(T):
            query, c = self.query.forward(s)
            c_query.append(c)
            context, c = additive_attention_forward(
                query[:, None], keys, memory, self.vector.value, mask=mask[:, None]
            )  # (B, 1, memory_dim)
            c_attention.append(c)
            s, c = self.cell.forward(np.concatenate((x[:, t], context[:, 0]), axis=1), s)
            c_cell.append(c)
            read[:, t] = np.concatenate((s, context[:, 0]), axis=1)
        logits, c_head = self.head.forward(read)
        return logits, AttentionDecoderCache(
            shares=shares,
            start=c_start,
            tanh=c_tanh,
            key=c_key,
            embed=c_embed,
            query=c_query,
            attention=c_attention,
            cell=c_cell,
            head=c_head,
        )

    def backward(self, dlogits: ndarray, cache: AttentionDecoderCache) -> ndarray:
        """Add to the gradients of the parameters; return that of the vectors. Tokens, being integers, have none.

        Backwards through time: a state is read by the head, by the next cell and by the next query; vectors and keys
        are read at every step, so their gradients are sums over the steps.
        """
        D = self.query.weight.shape[0]
        dread = self.head.backward(dlogits, cache.head)  # (B, T, D + memory_dim)
        B, T, _ = dread.shape
        dx = np.empty_like(dread, shape=(B, T, D))
        ds = np.zeros_like(dread, shape=(B, D))
        S, M = cache.shares.shape[2], dread.shape[2] - D
        dkeys, dmemory = np.zeros_like(dread, shape=(B, S, D)), np.zeros_like(dread, shape=(B, S, M))
        for t in reversed(range(T)):
            ds = ds + dread[:, t, :D]  # forward: read[:, t] = np.concatenate((s, context[:, 0]), axis=1)
            dinput, ds = self.cell.backward(ds, cache.cell[t])
            dx[:, t] = dinput[:, :D]  # forward: np.concatenate((x[:, t], context[:, 0]), axis=1)
            dcontext = dinput[:, D:] + dread[:, t, D:]
            dquery, dk, dv, dvector = additive_attention_backward(dcontext[:, None], cache.attention[t])
            self.vector.add_grad(dvector)
            dkeys += dk
            dmemory += dv
            ds = ds + self.query.backward(dquery[:, 0], cache.query[t])
        self.embed.backward(dx, cache.embed)
        (ds,) = tanh_backward(ds, cache.tanh)
        dmean = self.start.backward(ds, cache.start)
        return dmemory + self.key.backward(dkeys, cache.key) + cache.shares.mT * dmean[:, None]
