"""The recurrent encoder-decoder with attention (RNNsearch).

Source: Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.layers.attention_decoder import AttentionDecoder, AttentionDecoderCache
from minivit.layers.embedding import Embedding
from minivit.layers.recurrent import GRU, GRUCache
from minivit.models.model import Model
from minivit.ops.embedding import PAD, EmbeddingCache
from minivit.types import Count, Float, Int, Positive, ndarray


class RNNSearchCache(NamedTuple):
    """Caches of the steps of :class:`RNNSearch`, in order. ``decoder.alignment`` is what each token looked at."""

    embed: EmbeddingCache
    ahead: GRUCache
    back: GRUCache
    decoder: AttentionDecoderCache


class RNNSearch(Model):
    """Two recurrent nets read a sequence, one from each end; a third writes another and looks at what they have read.

    Each place of the source becomes a vector, its state in both nets: what was read up to there, and from behind.
    Tokens that are 0 are padding: they are not read, and not looked at.

    Parameters
    ----------
    vocab_size : int
        How many tokens there are, in source and target together.
    embed_dim : int
        Width of tokens and of each of the three states.
    attention : bool
        False: the decoder gets the last state of either net, and nothing else to look at (the paper's RNNencdec, after
        Cho et al. 2014). All that it may know of the source has to pass through this one vector.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or of another type.

    Notes
    -----
    The paper's model is larger (width 1000, 620 for tokens) and has a maxout layer before its logits.
    """

    def __init__(
        self,
        *,
        vocab_size: Positive = 13,
        embed_dim: Positive = 64,
        attention: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.attention = attention
        self.embed = Embedding(vocab_size, embed_dim)
        self.ahead = GRU(embed_dim, embed_dim)
        self.back = GRU(embed_dim, embed_dim, reverse=True)
        self.decoder = AttentionDecoder(vocab_size, embed_dim, 2 * embed_dim)
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return tuple(new((batch, length), np.intp) for _ in range(2))

    @checked
    def forward(
        self, source: Int[ndarray, "B S"], before: Int[ndarray, "B T"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B T V"], RNNSearchCache]:
        """Logits (B, T, vocab_size) of each next token, of a source (B, S) and the tokens before (B, T)."""
        mask = source != PAD
        x, c_embed = self.embed.forward(source)
        ahead, c_ahead = self.ahead.forward(x, mask=mask)
        back, c_back = self.back.forward(x, mask=mask)
        memory = np.concatenate((ahead, back), axis=2)  # (B, S, 2D)
        if not self.attention:
            memory, mask = np.concatenate((ahead[:, -1:], back[:, :1]), axis=2), None  # (B, 1, 2D): both last states
        logits, c_decoder = self.decoder.forward(memory, before, mask=mask)
        return logits, RNNSearchCache(embed=c_embed, ahead=c_ahead, back=c_back, decoder=c_decoder)

    def backward(self, dlogits: Float[ndarray, "B T V"], cache: RNNSearchCache) -> None:
        """Add to the gradient of every parameter; tokens, which are integers, have none."""
        dmemory = self.decoder.backward(dlogits, cache.decoder)
        if not self.attention:  # forward: np.concatenate((ahead[:, -1:], back[:, :1]), axis=2)
            B, S, D = len(dlogits), len(cache.ahead.cell), self.ahead.dim
            dlast, dmemory = dmemory, np.zeros_like(dmemory, shape=(B, S, 2 * D))
            dmemory[:, -1:, :D], dmemory[:, :1, D:] = np.split(dlast, 2, axis=2)
        dahead, dback = np.split(dmemory, 2, axis=2)
        dx = self.ahead.backward(dahead, cache.ahead) + self.back.backward(dback, cache.back)
        self.embed.backward(dx, cache.embed)
