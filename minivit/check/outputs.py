"""What a forward returns: one array, or several in a nest, each with a cotangent in a nest of the same type."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.nests import NESTS, mapped, named_leaves


def has_gradient(output: Any) -> bool:
    """Whether it is made of floating-point numbers; None, integers and bools have none, and their cotangent is None."""
    return np.asarray(output).dtype.kind in "fc"


def parts(nest: Any, name: str) -> list[tuple[str, ndarray]]:
    """Outputs that have a gradient, or their cotangents, with their paths: ``dy``, of several ``dy.first``."""
    return [(path, np.asarray(leaf)) for path, leaf in named_leaves(nest, name) if has_gradient(leaf)]


def flat(nest: Any, place: int | None = None) -> ndarray:
    """All :func:`parts` as one flat array, or only that at ``place``."""
    if not isinstance(nest, NESTS):
        return np.ravel(nest)
    arrays = [np.ravel(array) for _, array in parts(nest, "")]
    return np.concatenate(arrays) if place is None else arrays[place]


def cotangent(rng: Generator, y: Any) -> Any:
    """A random cotangent of every output; zero where it is infinite, as what is masked may be."""

    def of_one(y: Any) -> Any:
        if not has_gradient(y):
            return None
        dy = random_like(rng, np.asarray(y))
        dy = dy if np.isfinite(y).all() else np.where(np.isfinite(y), dy, np.zeros_like(dy))
        return float(dy) if type(y) is float else dy

    return mapped(of_one, y)


def on_cotangents(function: Callable[..., Any], dy: Any, *others: Any) -> Any:
    """``function`` of each cotangent, or of those of several nests; None stays None."""
    return mapped(lambda leaf, *more: None if leaf is None else function(leaf, *more), dy, *others)


def only(dy: Any, place: int) -> Any:
    """The same cotangents, all of them zero but that at ``place``."""
    places = iter(range(len(parts(dy, ""))))
    return on_cotangents(lambda leaf: leaf if next(places) == place else _zero(leaf), dy)


def _zero(leaf: Any) -> Any:
    return 0.0 if type(leaf) is float else np.zeros_like(leaf)[()]
