"""The layer that turns tokens into vectors."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Initial, Param
from minivit.ops.embedding import EmbeddingCache, embedding_backward, embedding_forward


class Embedding(Layer):
    """A learned row of width ``dim`` for each of ``num_embeddings`` tokens: (...) -> (..., dim).

    Arguments are in PyTorch's order. Its table starts with numbers of size 1, as PyTorch's does.

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
