"""PyTorch's order of axes: (out, in) for a linear map, (out, in, rows, columns) for a convolution.

A transposed convolution, whose kernel goes "down" and to the "right" from one place, is (in, out, rows, columns).
"""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from minivit.layers.param import Param


def torch_axes(param: Param) -> tuple[int, ...]:
    """Our axes in PyTorch's order: in a linear map "out" and "in" come first, the places after; all else is as ours."""
    first = ("out", "in") if param.is_linear_map else ()
    if {"down", "right"} <= {*param.axes}:
        first = ("in", "out")
    names = [*first, *(name for name in param.axes if name not in first)]
    return tuple(map(param.axes.index, names))


def torch_shape(param: Param) -> tuple[int, ...]:
    """The shape that PyTorch keeps this parameter in."""
    return tuple(param.shape[axis] for axis in torch_axes(param))


def in_our_order(array: ndarray, axes: Sequence[int]) -> ndarray:
    """An array, whose axes are these of ours, with its axes in our order."""
    return array.transpose(np.argsort(axes))


def from_torch(array: ndarray, param: Param) -> ndarray:
    """PyTorch's array with its axes in our order."""
    return in_our_order(array, torch_axes(param))


def to_torch(param: Param) -> ndarray:
    """The inverse of :func:`from_torch`: a copy of the value."""
    return np.array(param.value.transpose(torch_axes(param)), order="C")
