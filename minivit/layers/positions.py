"""Where a token stands in a sequence: a table of waves, or a learned one, is added."""

import numpy as np
from numpy.random import Generator

from minivit.checked import checked
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.positions import (
    AddPositionsCache,
    add_positions_backward,
    add_positions_forward,
    sincos_positions_1d,
)
from minivit.types import Float, ndarray


class SinusoidalPositions(Layer):
    """Add sines and cosines of the place: nothing is learned, and no sequence is too long.

    Source: Vaswani et al. 2017, section 3.5.
    """

    @checked
    def forward(self, x: Float[ndarray, "B N D"], *, rng: Generator | None = None) -> tuple[ndarray, AddPositionsCache]:
        _, N, D = x.shape
        return add_positions_forward(x, sincos_positions_1d(N, D, like=x).astype(x.dtype))

    def backward(self, dy: ndarray, cache: AddPositionsCache) -> ndarray:
        dx, _ = add_positions_backward(dy, cache)
        return dx


class LearnedPositions(Layer):
    """Add a learned row for each of the first ``max_length`` places.

    Source: Gehring et al. 2017, "Convolutional Sequence to Sequence Learning", section 3.1.
    """

    def __init__(self, max_length: int, dim: int) -> None:
        self.table = Param((max_length, dim), "position width", normal(0.02))

    @checked
    def forward(self, x: Float[ndarray, "B N D"], *, rng: Generator | None = None) -> tuple[ndarray, AddPositionsCache]:
        N, most = x.shape[1], len(self.table.value)
        if most < N:
            raise ValueError(f"a sequence has {N} tokens, and there are learned positions for {most}")
        return add_positions_forward(x, self.table.value[:N])

    def backward(self, dy: ndarray, cache: AddPositionsCache) -> ndarray:
        dx, dpositions = add_positions_backward(dy, cache)
        dtable = np.zeros_like(dy, shape=self.table.shape)
        dtable[: len(dpositions)] = dpositions  # forward: self.table.value[:N]
        self.table.add_grad(dtable)
        return dx
