"""What all tasks have in common: a loss as a pair, what it is a mean over, and a score."""

from typing import Any

import numpy as np

from minivit.nests import mapped
from minivit.types import Scalar


class Task:
    """Joins a model to data: ``loss, cache = forward(outputs, targets)`` and ``doutputs = backward(dloss, cache)``.

    A loss is a mean over something: images, boxes, masked patches; :meth:`over` says how many there are. A batch is
    computed in shards, and each counts for its share of them, so that losses and gradients of the shards add up to
    those of the whole batch, however unevenly the somethings lie in them.
    """

    coupled = False
    """Whether every part of the loss depends on all samples of the batch. The step then computes all outputs first,
    takes the loss of the whole batch, and runs each shard forward again before its backward."""

    def over(self, targets: Any) -> int:
        """How many the loss of samples with these targets is a mean over; by default, the samples."""
        return number_of(targets)

    def forward(self, outputs: Any, targets: Any) -> tuple[Scalar, Any]:
        """The loss of samples that have something to take a mean over, and the cache for :meth:`backward`."""
        raise NotImplementedError

    def backward(self, dloss: Scalar, cache: Any) -> Any:
        """Gradient of the outputs: an array, or a nest of arrays if these are one."""
        raise NotImplementedError

    def score(self, outputs: Any, targets: Any) -> float:
        """How good the outputs are; 1 is perfect."""
        raise NotImplementedError


# Inputs, targets and outputs are arrays or lists with an entry for each sample, or tuples and dicts of such.
STRUCTURES = (tuple, dict)


def number_of(nest: Any) -> int:
    """How many samples there are."""
    while isinstance(nest, STRUCTURES):
        nest = next(iter(nest.values() if isinstance(nest, dict) else nest))
    return len(nest)


def part_of(nest: Any, shard: slice) -> Any:
    """The same of some samples only."""
    return mapped(lambda entries: entries[shard], nest, nests=STRUCTURES)


def joined(parts: list[Any]) -> Any:
    """The outputs of all shards as those of the whole batch: the inverse of :func:`part_of`, for arrays."""
    return mapped(lambda *arrays: np.concatenate(arrays), *parts, nests=STRUCTURES)
