"""What a forward returns: one array, or several in a nest, each with a cotangent in a nest of the same type."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.check.reals import as_reals, is_complex
from minivit.nests import NESTS, mapped, named_leaves


def has_gradient(output: Any) -> bool:
    """Whether it is made of floating-point numbers; None, integers and bools have none, and their cotangent is None."""
    return np.asarray(output).dtype.kind in "fc"


def parts(nest: Any, name: str) -> list[tuple[str, ndarray]]:
    """Outputs that have a gradient, or their cotangents, with their paths: ``dy``, of several ``dy.first``."""
    return [(path, np.asarray(leaf)) for path, leaf in named_leaves(nest, name) if has_gradient(leaf)]


def any_complex(nest: Any) -> bool:
    """Whether any of the outputs is complex."""
    return any(is_complex(array) for _, array in parts(nest, ""))


def form(nest: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Which outputs have a gradient, and their shapes."""
    return [(path, array.shape) for path, array in parts(nest, "y")]


def flat(nest: Any, place: int | None = None, *, split: bool = False) -> ndarray:
    """All :func:`parts` as one flat array, or only that at ``place``.

    ``split``: complex numbers as two real ones. (The complex step makes real outputs complex, and wants them as such.)
    """
    if not isinstance(nest, NESTS):
        return np.ravel(as_reals(nest) if split else nest)
    arrays = [np.ravel(as_reals(array) if split else array) for _, array in parts(nest, "")]
    return np.concatenate(arrays) if place is None else arrays[place]


def for_each(function: Callable[..., Any], nest: Any, *others: Any) -> Any:
    """``function`` of every output that has a gradient, or of its cotangent; None for all else.

    Of several nests of one form it is called with the leaves of all of them. For a Python float it gives one.
    """
    return mapped(partial(_of_one, function), nest, *others)


def _of_one(function: Callable[..., Any], leaf: Any, *others: Any) -> Any:
    if not has_gradient(leaf):
        return None
    value = function(leaf, *others)
    return float(value) if type(leaf) is float else value


def cotangent(rng: Generator, y: Any) -> Any:
    """A random cotangent of every output; zero where it is infinite, as what is masked may be."""
    return for_each(partial(_drawn, rng), y)


def _drawn(rng: Generator, y: Any) -> Any:
    dy = random_like(rng, np.asarray(y))
    return dy if np.isfinite(y).all() else np.where(np.isfinite(y), dy, np.zeros_like(dy))


def only(dy: Any, place: int) -> Any:
    """The same cotangents, all of them zero but that at ``place``."""
    places = count()
    return for_each(lambda leaf: leaf if next(places) == place else np.zeros_like(leaf)[()], dy)
