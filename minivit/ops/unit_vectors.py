"""Unit vectors: of each vector its direction, whatever its length."""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import row_dot
from minivit.types import Float, ndarray

SHORTEST = 1e-12
"""What a shorter vector is divided by, as in PyTorch: so zeros stay zeros."""


class UnitVectorsCache(NamedTuple):
    """What ``unit_vectors_backward`` needs: the output, and what was divided by."""

    y: Float[ndarray, "*B D"]
    length: Float[ndarray, "*B 1"]


@checked
def unit_vectors_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], UnitVectorsCache]:
    r"""Divide each vector of the last axis by its length.

    .. math:: y = \frac{x}{\max(\lVert x \rVert, 10^{-12})}, \qquad \lVert x \rVert = \sqrt{\textstyle\sum_j x_j^2}

    PyTorch's ``F.normalize``.
    """
    length = np.sqrt(row_dot(x, x))
    length = np.where(np.real(length) < SHORTEST, x.dtype.type(SHORTEST), length)  # nan stays nan
    y = x / length
    return y, UnitVectorsCache(y, length)


@checked
def unit_vectors_backward(dy: Float[ndarray, "*B D"], cache: UnitVectorsCache) -> InputGrad:
    r"""Gradient of :func:`unit_vectors_forward`: what points along the vector would only make it longer.

    .. math:: \bar x = \frac{\bar y - y\, (y \cdot \bar y)}{\lVert x \rVert}

    (A vector shorter than 1e-12 is divided by a constant, so there :math:`\bar x = \bar y / 10^{-12}`.)
    """
    y, length = cache
    along = np.where(np.real(length) > SHORTEST, row_dot(dy, y), 0)  # formula: max, of which one is a constant
    dx = dy - y * along  # formula: dy - y (y . dy)
    dx /= length  # forward: y = x / length
    return InputGrad(dx)
