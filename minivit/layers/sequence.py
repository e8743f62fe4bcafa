"""Layers one after the other, layers side by side, and the layer that does nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
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


def run_each(layers: Sequence[Layer], x: ndarray) -> tuple[ndarray, list[Any]]:
    """Layers side by side, each for one token of x (B, N, D), in their order; what they give is (B, N, ...)."""
    pairs = [layer.forward(x[:, n]) for n, layer in enumerate(layers)]
    return np.stack([y for y, _ in pairs], axis=1), [cache for _, cache in pairs]


def run_each_backward(layers: Sequence[Layer], dy: ndarray, caches: Sequence[Any]) -> ndarray:
    """The mirror of :func:`run_each`: each layer hands its gradient to its own token."""
    pairs = zip(layers, caches, strict=True)
    return np.stack([layer.backward(dy[:, n], cache) for n, (layer, cache) in enumerate(pairs)], axis=1)


class IdentityCache(NamedTuple):
    """Backward needs nothing."""


class Identity(Layer):
    """``y = x``: stands where a configuration leaves a step out."""

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, IdentityCache]:
        return x, IdentityCache()

    def backward(self, dy: ndarray, cache: IdentityCache) -> ndarray:
        return dy
