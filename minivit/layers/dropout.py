"""Dropout and stochastic depth as layers; at rate 0 they are steps left out."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity
from minivit.ops.dropout import (
    DropoutCache,
    DropPathCache,
    drop_path_backward,
    drop_path_forward,
    dropout_backward,
    dropout_forward,
)


class Dropout(Layer):
    """Drop single numbers, when ``forward`` is given a generator."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, DropoutCache]:
        return dropout_forward(x, rate=self.rate, rng=rng)

    def backward(self, dy: ndarray, cache: DropoutCache) -> ndarray:
        (dx,) = dropout_backward(dy, cache)
        return dx


class DropPath(Layer):
    """Drop whole samples (stochastic depth), when ``forward`` is given a generator."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, DropPathCache]:
        return drop_path_forward(x, rate=self.rate, rng=rng)

    def backward(self, dy: ndarray, cache: DropPathCache) -> ndarray:
        (dx,) = drop_path_backward(dy, cache)
        return dx


def dropout(rate: float) -> Layer:
    """:class:`Dropout`, or nothing at rate 0."""
    return Dropout(rate) if rate else Identity()


def drop_path(rate: float) -> Layer:
    """:class:`DropPath`, or nothing at rate 0."""
    return DropPath(rate) if rate else Identity()


def stage_rates(drop_path_rate: float, depths: Sequence[int]) -> list[list[float]]:
    """Stochastic depth of each block, stage by stage: it grows linearly, from 0 in the first of all to the whole rate.

    As timm has it. In Huang et al. 2016, "Deep Networks with Stochastic Depth", section 3, the first block of L is
    dropped with 1 / L of the rate already.

    >>> from minivit.layers.dropout import stage_rates
    >>> stage_rates(0.5, (2, 0, 3))
    [[0.0, 0.125], [], [0.25, 0.375, 0.5]]
    """
    rates = iter(np.linspace(0, drop_path_rate, sum(depths)).tolist())
    return [[next(rates) for _ in range(depth)] for depth in depths]
