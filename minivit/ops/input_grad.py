"""The gradients that all ops with one differentiable argument return: ``x``, or a table that is read."""

from typing import NamedTuple

from minivit.types import Float, ndarray


class InputGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``x``: as an array of its shape and dtype."""

    x: Float[ndarray, "..."]


class TableGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``table``: as an array of its shape and dtype."""

    table: Float[ndarray, "..."]
