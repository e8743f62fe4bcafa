"""Layers one after the other, and the layer that does nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer


def run(layers: Sequence[Layer], x: ndarray, **options: Any) -> tuple[ndarray, list[Any]]:
    """Each layer takes what the one before gives; the caches are in the order of the layers."""
    caches = []
    for layer in layers:
        x, cache = layer.forward(x, **options)
        caches.append(cache)
    return x, caches


def run_backward(layers: Sequence[Layer], dy: ndarray, caches: Sequence[Any]) -> ndarray:
    """The mirror of :func:`run`: the gradient goes through the layers from the last to the first."""
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dy = layer.backward(dy, cache)
    return dy


class IdentityCache(NamedTuple):
    """Backward needs nothing."""


class Identity(Layer):
    """``y = x``: stands where a configuration leaves a step out."""

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, IdentityCache]:
        return x, IdentityCache()

    def backward(self, dy: ndarray, cache: IdentityCache) -> ndarray:
        return dy
