"""Adaptive pooling: a grid of as many cells as are wanted is laid over a map, and each becomes its mean."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import token_sum
from minivit.types import Float, Positive, Size, ndarray, pair


class AdaptiveAvgPool2dCache(NamedTuple):
    """What ``adaptive_avg_pool2d_backward`` needs."""

    x_shape: tuple[int, ...]
    output_size: tuple[int, int]


@checked
def adaptive_avg_pool2d_forward(
    x: Float[ndarray, "B Y X C"], *, output_size: Size
) -> tuple[Float[ndarray, "B Yo Xo C"], AdaptiveAvgPool2dCache]:
    r"""Mean of every cell of a grid, each channel alone: a map of any size becomes one of ``output_size``.

    .. math::
        y_{bijc} = \frac{1}{|R_i|\,|C_j|} \sum_{u \in R_i} \sum_{v \in C_j} x_{buvc}, \qquad
        R_i = \{\lfloor i\,Y / Y_o \rfloor, \dots, \lceil (i + 1)\,Y / Y_o \rceil - 1\}

    and likewise its columns C. Where the grid does not divide the map, neighbouring cells share a row or a column, and
    where it is finer than the map, several cells show the same pixel. A mean over rows, and then one over columns, is
    the mean of the cell.

    Parameters
    ----------
    x : (B, Y, X, C)
    output_size : int or (rows, columns)

    References
    ----------
    PyTorch's ``AdaptiveAvgPool2d``, in Wang et al. 2022, "PVT v2: Improved Baselines with Pyramid Vision Transformer",
    section 3.1: attention of linear cost.
    """
    B, Y, X, C = x.shape
    rows, columns = pair(output_size)
    bands = [token_sum(x[:, a:b].reshape(B, b - a, X * C)) / (b - a) for a, b in cells(Y, rows)]
    h = np.stack(bands, axis=1).reshape(B, rows, X, C)
    y = np.stack([token_sum(h[:, :, a:b]) / (b - a) for a, b in cells(X, columns)], axis=2)
    return y, AdaptiveAvgPool2dCache(x.shape, (rows, columns))


@checked
def adaptive_avg_pool2d_backward(dy: Float[ndarray, "B Yo Xo C"], cache: AdaptiveAvgPool2dCache) -> InputGrad:
    r"""Gradient of :func:`adaptive_avg_pool2d_forward`: each cell hands an equal share to each of its pixels.

    .. math:: \bar x_{buvc} = \sum_{i:\, u \in R_i}\ \sum_{j:\, v \in C_j} \frac{\bar y_{bijc}}{|R_i|\,|C_j|}

    A pixel that lies in several cells gets a share from each.
    """
    (B, Y, X, C), (rows, columns) = cache
    check_shape("adaptive_avg_pool2d_backward: dy", dy, (B, rows, columns, C))
    dh = np.zeros_like(dy, shape=(B, rows, X, C))
    for j, (a, b) in enumerate(cells(X, columns)):  # formula: y = mean of the columns of h in each cell
        dh[:, :, a:b] += dy[:, :, j : j + 1] / (b - a)
    dx = np.zeros_like(dy, shape=(B, Y, X, C))
    for i, (a, b) in enumerate(cells(Y, rows)):  # formula: h = mean of the rows of x in each cell
        dx[:, a:b] += dh[:, i : i + 1] / (b - a)
    return InputGrad(dx)


@checked
def cells(length: Positive, count: Positive) -> list[tuple[int, int]]:
    """First place of each cell of an axis, and the first behind it."""
    return [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]


def adaptive_avg_pool2d_loops(x: Float[ndarray, "B Y X C"], rows: int, columns: int) -> Float[ndarray, "B Yo Xo C"]:
    """The same cell by cell, as the formula says it."""
    _, Y, X, _ = x.shape
    y = np.empty_like(x, shape=(len(x), rows, columns, x.shape[3]))
    for i in range(rows):
        for j in range(columns):
            top, bottom = int(np.floor(i * Y / rows)), int(np.ceil((i + 1) * Y / rows))
            left, right = int(np.floor(j * X / columns)), int(np.ceil((j + 1) * X / columns))
            y[:, i, j] = x[:, top:bottom, left:right].mean(axis=(1, 2))
    return y
