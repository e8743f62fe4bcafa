"""The gradient that all ops with one differentiable argument ``x`` return."""

from typing import NamedTuple

from minivit.types import Float, ndarray


class InputGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``x``: as an array of its shape and dtype."""

    x: Float[ndarray, "..."]
