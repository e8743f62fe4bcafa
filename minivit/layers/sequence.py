"""Layers one after the other, layers side by side, and the layer that does nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer

Layers = Sequence[Layer] | Mapping[str, Layer]


def run(layers: Layers, x: ndarray, **options: Any) -> tuple[ndarray, Any]:
    """Each layer takes what the one before gives; their caches are a list as they are, or a dict of the same keys."""
    caches = []
    for layer in _in_order(layers):
        x, cache = layer.forward(x, **options)
        caches.append(cache)
    return x, dict(zip(layers, caches, strict=True)) if isinstance(layers, Mapping) else caches


def run_backward(layers: Layers, dy: ndarray, caches: Any) -> ndarray:
    """The mirror of :func:`run`: the gradient goes through the layers from the last to the first."""
    for layer, cache in zip(reversed(_in_order(layers)), reversed(_in_order(caches)), strict=True):
        dy = layer.backward(dy, cache)
    return dy


def _in_order(items: Any) -> Sequence[Any]:
    return [*items.values()] if isinstance(items, Mapping) else items


def run_keeping(layers: Sequence[Layer], x: ndarray, **options: Any) -> tuple[list[ndarray], list[Any]]:
    """As :func:`run`, and what each layer gives is an output: the maps of all stages, from fine to coarse."""
    outputs, caches = [], []
    for layer in layers:
        x, cache = layer.forward(x, **options)
        outputs.append(x)
        caches.append(cache)
    return outputs, caches


def run_keeping_backward(layers: Sequence[Layer], dys: Sequence[ndarray], caches: Sequence[Any]) -> ndarray:
    """The mirror of :func:`run_keeping`: an output has its own gradient, and that of the layer which it went on to."""
    dx: Any = 0
    for layer, dy, cache in zip(reversed(layers), reversed(dys), reversed(caches), strict=True):
        dx = layer.backward(dy + dx, cache)
    return dx


def run_beside(layers: Sequence[Layer], xs: Sequence[ndarray]) -> tuple[list[ndarray], list[Any]]:
    """Layers side by side, each for an array of its own: maps of several sizes."""
    pairs = [layer.forward(x) for layer, x in zip(layers, xs, strict=True)]
    return [y for y, _ in pairs], [cache for _, cache in pairs]


def run_beside_backward(layers: Sequence[Layer], dys: Sequence[ndarray], caches: Sequence[Any]) -> list[ndarray]:
    """The mirror of :func:`run_beside`."""
    return [layer.backward(dy, cache) for layer, dy, cache in zip(layers, dys, caches, strict=True)]


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
