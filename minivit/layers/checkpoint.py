"""Activation checkpointing: keep only the input, compute the rest again when backward needs it."""

import copy
from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer


class CheckpointCache(NamedTuple):
    """All that is kept: the input, and the generator as it was, so that the same numbers are dropped again."""

    x: ndarray
    rng: Generator | None


class Checkpoint(Layer):
    """A layer that trades time for memory: one more forward pass in backward, next to no cache.

    The parameters keep the names they have in ``layer``.

    Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def _walk(self, prefix: str):
        return self.layer._walk(prefix)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, CheckpointCache]:
        kept = copy.deepcopy(rng)
        y, _ = self.layer.forward(x, rng=rng)
        return y, CheckpointCache(x, kept)

    def backward(self, dy: ndarray, cache: CheckpointCache) -> ndarray:
        # a copy again: backward must not use up the cache's generator, or a second backward would drop other numbers
        _, c_layer = self.layer.forward(cache.x, rng=copy.deepcopy(cache.rng))
        return self.layer.backward(dy, c_layer)


def checkpointed(model: Layer) -> Layer:
    """A replica of a model in which every block (every layer of a list) is in a :class:`Checkpoint`.

    It computes the same bits and keeps of each block its input: the way to predict, where no backward follows, and
    faster, because the memory of one block serves the next.
    """
    twin = model.replica()
    for name, item in list(vars(twin).items()):
        if isinstance(item, list):
            setattr(twin, name, [Checkpoint(block) for block in item])
    return twin
