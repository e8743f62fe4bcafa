"""What all tasks have in common: a loss as a pair, and what it is a mean over."""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray


class LossCache(NamedTuple):
    """What the loss's backward needs: the cache of an op, and the share of the whole loss that this part is."""

    op: Any
    share: ndarray


class Task:
    """Joins a model to data: ``loss, cache = forward(outputs, targets, over)`` and ``doutputs = backward(cache)``.

    A batch is cut into shards, and a loss is a mean over something: images, boxes, masked patches. What that is, and
    how many there are in the whole batch, says :meth:`over`; each shard divides by it, so that the losses and
    gradients of the shards add up to those of the whole batch, however unevenly the somethings lie in them.
    """

    coupled = False
    """Whether every part of the loss depends on all samples of the batch. The step then computes all outputs first,
    takes the loss of the whole batch, and runs each shard forward again before its backward."""

    def over(self, targets: Any) -> float:
        """How many the loss of a batch with these targets is a mean over."""
        return len(targets)

    def forward(self, outputs: Any, targets: Any, over: float) -> tuple[float, Any]:
        """The share that these samples have in the loss of their batch, and the cache for :meth:`backward`."""
        raise NotImplementedError

    def backward(self, cache: Any) -> Any:
        """Gradient of that share with respect to the outputs: an array, or a tuple of arrays if these are one."""
        raise NotImplementedError

    def score(self, outputs: Any, targets: Any) -> float:
        """How good the outputs are, from 0 to 1."""
        raise NotImplementedError


def share_of(part: float, over: float, dtype: Any) -> ndarray:
    """``part / over`` as the gradient that goes into a mean over ``part``; nothing of nothing is 0."""
    return np.asarray(part / over if over else 0, dtype)


def number_of(nest: Any) -> int:
    """How many samples there are in an array or list with one entry for each, or in a tuple or dict of such."""
    if isinstance(nest, tuple | dict):
        return number_of(next(iter(nest.values() if isinstance(nest, dict) else nest)))
    return len(nest)


def part_of(nest: Any, shard: slice) -> Any:
    """The same of some samples only."""
    if isinstance(nest, dict):
        return {key: part_of(item, shard) for key, item in nest.items()}
    if isinstance(nest, tuple):
        parts = [part_of(item, shard) for item in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts)
    return nest[shard]


def joined(parts: list[Any]) -> Any:
    """The outputs of all shards as those of the whole batch: the inverse of :func:`part_of` for arrays."""
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple):
        items = [joined(list(items)) for items in zip(*parts, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else tuple(items)
    return np.concatenate(parts)
