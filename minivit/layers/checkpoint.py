"""Activation checkpointing: keep only the inputs, compute the rest again when backward needs it."""

import copy
from typing import Any, NamedTuple, TypeVar

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer
from minivit.nests import NESTS, mapped

Model = TypeVar("Model", bound=Layer)


class CheckpointCache(NamedTuple):
    """All that is kept: the inputs, the options, and the generator as it was, so that the same numbers are dropped."""

    inputs: tuple[ndarray, ...]
    options: dict[str, Any]
    rng: Generator | None


class Checkpoint(Layer):
    """A layer that trades time for memory: one more forward pass in backward, next to no cache.

    It takes what ``layer`` takes (a mask, a context), and the parameters keep the names they have in ``layer``.

    Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def _walk(self, prefix: str):
        return self.layer._walk(prefix)

    def forward(
        self, *inputs: ndarray, rng: Generator | None = None, **options: Any
    ) -> tuple[ndarray, CheckpointCache]:
        kept = copy.deepcopy(rng)
        y, _ = self.layer.forward(*inputs, rng=rng, **options)
        return y, CheckpointCache(inputs, options, kept)

    def backward(self, dy: ndarray, cache: CheckpointCache) -> Any:
        # a copy again: backward must not use up the cache's generator, or a second backward would drop other numbers
        _, c_layer = self.layer.forward(*cache.inputs, rng=copy.deepcopy(cache.rng), **cache.options)
        return self.layer.backward(dy, c_layer)

    def absorb(self, cache: CheckpointCache) -> None:
        """As the layer does, from one more forward; so it must be done before its parameters change."""
        _, c_layer = self.layer.forward(*cache.inputs, rng=copy.deepcopy(cache.rng), **cache.options)
        self.layer.absorb(c_layer)


def checkpointed(model: Model) -> Model:
    """A replica of a model in which every block (every layer in a list, tuple or dict) is in a :class:`Checkpoint`.

    It computes the same bits and keeps of each block its input: the way to predict, where no backward follows, and
    faster, because the memory of one block serves the next.
    """
    twin = model.replica()
    for name, item in list(vars(twin).items()):
        if isinstance(item, NESTS):
            setattr(twin, name, mapped(_in_checkpoint, item))
    return twin


def _in_checkpoint(part: Any) -> Any:
    return Checkpoint(part) if isinstance(part, Layer) and not isinstance(part, Checkpoint) else part
