"""Reflection padding: a map goes on behind its edges as in a mirror."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, ndarray, pair

Sides = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]
"""Pixels around a map: on all sides, (rows, columns), or ((top, bottom), (left, right))."""


class ReflectPadCache(NamedTuple):
    """What ``reflect_pad_backward`` needs."""

    x_shape: tuple[int, ...]
    padding: tuple[tuple[int, int], tuple[int, int]]


@checked
def reflect_pad_forward(
    x: Float[ndarray, "B Y X C"], *, padding: Sides
) -> tuple[Float[ndarray, "B Yo Xo C"], ReflectPadCache]:
    r"""Mirror a map at its edges; the pixels of the edges themselves are not repeated.

    .. math:: y_{b,\, t + i,\, \cdot} = x_{b,\, \rho(i),\, \cdot}, \qquad
              \rho(i) = \begin{cases} -i & i < 0 \\ i & 0 \le i < Y \\ 2 (Y - 1) - i & i \ge Y \end{cases}

    with t rows of padding at the top, and likewise columns. (PyTorch's and NumPy's mode "reflect"; MATLAB's
    "symmetric" repeats the edge.)

    Parameters
    ----------
    x : (B, Y, X, C)
    padding : int, (rows, columns), or ((top, bottom), (left, right))

    Returns
    -------
    y : (B, top + Y + bottom, left + X + right, C)
    cache : ReflectPadCache

    Raises
    ------
    ValueError
        If a number is negative, or there are not more rows or columns than are to be mirrored, as PyTorch refuses, too.
    """
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    sides = pair(rows), pair(columns)
    for name, size, ends in zip(("rows", "columns"), x.shape[1:3], sides, strict=True):
        if min(ends) < 0:
            raise ValueError(f"reflect_pad: padding is {padding}; expected 0 or more")
        if max(ends) >= size:
            raise ValueError(f"reflect_pad: x has {size} {name}; expected more than the {max(ends)} to be mirrored")
    for axis, (before, after) in enumerate(sides, start=1):
        x = _mirrored(x, axis, before, after)
    return x, ReflectPadCache(_inner(x.shape, sides), sides)


@checked
def reflect_pad_backward(dy: Float[ndarray, "B Yo Xo C"], cache: ReflectPadCache) -> InputGrad:
    r"""Gradient of :func:`reflect_pad_forward`: a pixel gets what comes back to it, and to all of its images.

    .. math:: \bar x_{b u \cdot} = \sum_{i:\, \rho(i) = u} \bar y_{b,\, t + i,\, \cdot}
    """
    (B, Y, X, C), sides = cache
    (top, bottom), (left, right) = sides
    check_shape("reflect_pad_backward: dy", dy, (B, top + Y + bottom, left + X + right, C))
    dx = _folded(dy, 2, left, right)  # forward: x = _mirrored(x, axis, before, after)
    return InputGrad(_folded(dx, 1, top, bottom))


def _inner(shape: tuple[int, ...], sides: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, ...]:
    B, Y, X, C = shape
    return B, Y - sum(sides[0]), X - sum(sides[1]), C


def _mirrored(x: ndarray, axis: int, before: int, after: int) -> ndarray:
    """Along one axis: the numbers behind the first, turned round; all; the numbers in front of the last, turned."""
    line = np.moveaxis(x, axis, 0)
    n = len(line)
    ends = line[1 : 1 + before][::-1], line, line[n - 1 - after : n - 1][::-1]
    return np.moveaxis(np.concatenate(ends), 0, axis)


def _folded(dy: ndarray, axis: int, before: int, after: int) -> ndarray:
    """The way back: both ends are turned round again, and added where they came from."""
    line = np.moveaxis(dy, axis, 0)
    n = len(line) - before - after
    dx = line[before : before + n].copy()
    dx[1 : 1 + before] += line[:before][::-1]
    dx[n - 1 - after : n - 1] += line[before + n :][::-1]
    return np.moveaxis(dx, 0, axis)
