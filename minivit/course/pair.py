"""A function, or a forward and its backward, called as a training would: what one call returns outlives the next."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minivit.nests import mapped


def twice(function: Callable, args: tuple, other: tuple, other_options: dict[str, Any], /, **options: Any) -> tuple:
    """What a call returns, what that is after a call with other arguments and options, and what this returns."""
    value = function(*args, **options)
    first = copy.deepcopy(value)
    later = function(*other, **other_options)
    return first, value, later


def together(forward: Callable, backward: Callable, dy: Any, args: tuple, other: tuple, **options: Any) -> tuple:
    """``y`` and the gradients, twice from the same cache; then both once more, as they are after calls for others.

    In between, forward is called with ``other`` arguments: what it keeps elsewhere than in the cache is of that call.
    """
    y, cache = forward(*args, **options)
    first = copy.deepcopy(y)
    _, other_cache = forward(*other, **options)
    grads = backward(dy, cache)
    once, twice = copy.deepcopy(grads), copy.deepcopy(backward(dy, cache))
    backward(mapped(np.negative, dy), other_cache)
    return first, once, twice, (y, grads)
