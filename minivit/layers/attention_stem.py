"""Attention as the first layer: of the same colours, it can take other things at other places of its window."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.attention import check_heads, in_heads
from minivit.layers.basic import Linear
from minivit.layers.initial import he_normal, normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.linear import LinearCache, linear_backward, linear_forward
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.ops.stem_attention import StemAttentionCache, stem_attention_backward, stem_attention_forward


class AttentionStemCache(NamedTuple):
    """Caches of the steps of :class:`AttentionStem`; ``attention.weights`` is (B, Y, X, H, S)."""

    query_conv: LinearCache
    key_conv: LinearCache
    value_conv: list[LinearCache]
    mix: LinearCache
    softmax: SoftmaxCache
    attention: StemAttentionCache


class AttentionStem(Layer):
    r"""Local attention whose values are a mixture of several linear maps, in shares of each place of the window.

    .. math:: y_{ij} = \sum_{ab} \operatorname{softmax}_{ab}\!\left(q_{ij}^\top k_{ab}\right)
              \sum_m p(a, b, m)\, W_V^m x_{ab}, \qquad
              p(a, b, m) = \operatorname{softmax}_m\!\left((r_a + c_b)^\top \nu^m\right)

    r has a vector for each row of the window, c one for each column, and :math:`\nu` one for each map. Scores know
    nothing of places. A window of 4 x 4 has no middle: a place sees two rows above it and one below, and likewise
    columns. Names, and how windows slide, are those of the unofficial PyTorch code, which multiplies query and key
    channel by channel; here, as in the paper, each head has one map of weights.

    Parameters
    ----------
    in_chans, out_chans : int
    kernel_size : int
        Side of the window.
    num_heads : int
    mixtures : int
        How many maps of values there are.

    Raises
    ------
    ValueError
        If ``num_heads`` does not divide ``out_chans``, or a number is less than 1.

    References
    ----------
    Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", section 3.2, "Replacing the Convolutional
    Stem".
    """

    def __init__(
        self, in_chans: int, out_chans: int, *, kernel_size: int = 4, num_heads: int = 8, mixtures: int = 4
    ) -> None:
        check_heads(out_chans, num_heads)
        for name, number in {"kernel_size": kernel_size, "mixtures": mixtures}.items():
            check_range(name, number, at_least=1)
        self.kernel_size, self.num_heads = kernel_size, num_heads
        before, behind = kernel_size // 2, (kernel_size - 1) // 2
        self.padding = (before, behind), (before, behind)
        self.query_conv, self.key_conv, *self.value_conv = (
            Linear(in_chans, out_chans, kernel_size=(1, 1), bias=False, initial=he_normal) for _ in range(2 + mixtures)
        )
        self.emb_a = Param((kernel_size, out_chans), "row width", normal(1))
        self.emb_b = Param((kernel_size, out_chans), "column width", normal(1))
        self.emb_mix = Param((out_chans, mixtures), "in out", normal(1))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AttentionStemCache]:
        """(B, Y, X, in_chans) -> (B, Y, X, out_chans): compare; say who has which share where; mix and gather."""
        q, c_query_conv = self.query_conv.forward(x)  # (B, Y, X, C)
        k, c_key_conv = self.key_conv.forward(x)
        values, c_value_conv = zip(*(conv.forward(x) for conv in self.value_conv), strict=True)
        places = self.emb_a.value[:, None] + self.emb_b.value  # (P, Q, C)
        logits, c_mix = linear_forward(places.reshape(-1, places.shape[-1]), self.emb_mix.value)
        shares, c_softmax = softmax_forward(logits)  # (S, M)
        h, c_attention = stem_attention_forward(
            in_heads(q, self.num_heads),
            in_heads(k, self.num_heads),
            in_heads(np.stack(values), self.num_heads),
            shares.T,
            kernel_size=self.kernel_size,
            padding=self.padding,
        )
        return h.reshape(q.shape), AttentionStemCache(
            query_conv=c_query_conv,
            key_conv=c_key_conv,
            value_conv=[*c_value_conv],
            mix=c_mix,
            softmax=c_softmax,
            attention=c_attention,
        )

    def backward(self, dy: ndarray, cache: AttentionStemCache) -> ndarray:
        """Add to the gradient of every parameter; return that of ``x``."""
        dq, dk, dvalues, dshares = stem_attention_backward(in_heads(dy, self.num_heads), cache.attention)
        (dlogits,) = softmax_backward(np.ascontiguousarray(dshares.T), cache.softmax)
        dplaces, dmix, _ = linear_backward(dlogits, cache.mix)
        self.emb_mix.add_grad(dmix)
        dplaces = dplaces.reshape(self.kernel_size, self.kernel_size, -1)
        # forward: places = self.emb_a.value[:, None] + self.emb_b.value
        self.emb_a.add_grad(dplaces.sum(1))
        self.emb_b.add_grad(dplaces.sum(0))
        dx = self.query_conv.backward(dq.reshape(dy.shape), cache.query_conv)
        dx = dx + self.key_conv.backward(dk.reshape(dy.shape), cache.key_conv)
        for conv, dv, c_conv in zip(self.value_conv, dvalues, cache.value_conv, strict=True):
            dx = dx + conv.backward(dv.reshape(dy.shape), c_conv)
        return dx
