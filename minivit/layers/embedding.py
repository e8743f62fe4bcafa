"""From tokens to vectors, and back to a number for each token that might come."""

from math import sqrt
from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Initial, Param
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.embedding import EmbeddingCache, embedding_backward, embedding_forward
from minivit.ops.linear import LinearCache, linear_backward, linear_forward
from minivit.ops.positions import AddPositionsCache


class Embedding(Layer):
    """A learned row of width ``dim`` for each of ``num_embeddings`` tokens: (...) -> (..., dim).

    Arguments are in PyTorch's order. Its table starts with numbers of size 1, as PyTorch's does, if not said otherwise.

    Source: Vaswani et al. 2017, section 3.4.
    """

    def __init__(self, num_embeddings: int, dim: int, *, initial: Initial | None = None) -> None:
        self.weight = Param((num_embeddings, dim), "token width", initial or normal(1.0))

    def forward(self, tokens: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, EmbeddingCache]:
        return embedding_forward(tokens, self.weight.value)

    def backward(self, dy: ndarray, cache: EmbeddingCache) -> None:
        """Add to the gradient of the table; tokens, which are integers, have none."""
        (dtable,) = embedding_backward(dy, cache)
        self.weight.add_grad(dtable)


class Unembedding(Layer):
    """A number for each token: how well its row of the table fits, ``y = x W^T``. The table is that of an embedding.

    Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".
    """

    def __init__(self, embedding: Embedding) -> None:
        self.weight = embedding.weight

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LinearCache]:
        return linear_forward(x, self.weight.value.T)

    def backward(self, dy: ndarray, cache: LinearCache) -> ndarray:
        dx, dmatrix, _ = linear_backward(dy, cache)
        self.weight.add_grad(dmatrix.T)
        return dx


class TokenEmbedCache(NamedTuple):
    """Caches of the steps of :class:`TokenEmbed`."""

    embed: EmbeddingCache
    positions: AddPositionsCache
    drop: DropoutCache | IdentityCache


class TokenEmbed(Layer):
    """What enters a Transformer: the row of each token times sqrt(D), plus its position, with dropout.

    The table starts with numbers of size 1 / sqrt(D), which suits :class:`Unembedding`; the factor brings the rows to
    the size of the positions.

    Source: Vaswani et al. 2017, sections 3.4, 3.5 and 5.4.
    """

    def __init__(self, embed: Embedding, positions: Layer, *, drop: float = 0.0) -> None:
        self.embed, self.positions, self.drop = embed, positions, dropout(drop)
        self.scale = sqrt(embed.weight.shape[1])

    def forward(self, tokens: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, TokenEmbedCache]:
        x, c_embed = self.embed.forward(tokens)
        x, c_positions = self.positions.forward(x * self.scale)
        x, c_drop = self.drop.forward(x, rng=rng)
        return x, TokenEmbedCache(c_embed, c_positions, c_drop)

    def backward(self, dy: ndarray, cache: TokenEmbedCache) -> None:
        dx = self.drop.backward(dy, cache.drop)
        dx = self.positions.backward(dx, cache.positions)
        self.embed.backward(dx * self.scale, cache.embed)  # forward: x * self.scale
