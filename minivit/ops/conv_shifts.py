"""Dense convolution with stride 1: the horizontal neighbours of every pixel side by side, one product per kernel row.

A matrix with a row for each window holds every pixel P * Q times. Here it is held Q times: what the kernel's next row
meets is the same array, one row of the map further down.
"""

from collections.abc import Iterator
from functools import reduce
from operator import iadd

import numpy as np

from minivit.ops.rows import column_sum, token_product
from minivit.ops.sliding import Sliding, spread, windows
from minivit.types import Float, ndarray


def conv_shifts(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], window: Sliding
) -> Float[ndarray, "B Yo Xo O"]:
    """Every row of the kernel, as a matrix, times the neighbours that it meets."""
    return _convolve(_neighbours(x, window), weight, window)


def conv_shifts_gradients(
    dy: Float[ndarray, "B Yo Xo O"], x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], window: Sliding
) -> tuple[Float[ndarray, "B Y X C"], Float[ndarray, "P Q C O"]]:
    """Gradients of ``x`` and ``weight``, both from the neighbours of dy.

    The kernel turned by 180 degrees meets, around a pixel, the gradients of all outputs in which the pixel had a part.
    So the gradient of x is a convolution too; and what the turned kernel meets, times x, is its own gradient.
    """
    turned = _turned(weight)
    P, Q, O, C = turned.shape
    neighbours = _neighbours(spread(dy, window), window.back)
    dx = _convolve(neighbours, turned, window.back)
    pixels = x.reshape(len(x), x.shape[1] * x.shape[2], C)
    products = (token_product(met, pixels) for met in _met(neighbours, window.back))  # (B, QO, C) each
    dturned = [column_sum(product.reshape(len(x), Q * O * C)) for product in products]
    return dx, _turned(np.stack(dturned).reshape(P, Q, O, C))


def _turned(weight: Float[ndarray, "P Q C O"]) -> Float[ndarray, "P Q O C"]:
    return weight[::-1, ::-1].mT


def _neighbours(x: Float[ndarray, "B Y X C"], window: Sliding) -> Float[ndarray, "B Yp Xo QC"]:
    """For every row of the padded map what a row of the kernel meets: a copy, as BLAS takes no rows that overlap."""
    rows = windows(x, window._replace(kernel=(1, window.kernel[1])))
    return np.ascontiguousarray(rows.reshape(*rows.shape[:3], window.kernel[1] * x.shape[3]), like=x)


def _convolve(
    neighbours: Float[ndarray, "B Yp Xo QC"], weight: Float[ndarray, "P Q C O"], window: Sliding
) -> Float[ndarray, "B Yo Xo O"]:
    """One product for each row of the kernel, and their sum."""
    P, Q, C, O = weight.shape
    matrices = weight.reshape(P, Q * C, O)
    y = reduce(iadd, (met @ matrix for met, matrix in zip(_met(neighbours, window), matrices, strict=True)))
    return y.reshape(len(neighbours), *window.out, O)


def _met(neighbours: Float[ndarray, "B Yp Xo QC"], window: Sliding) -> Iterator[Float[ndarray, "B YX QC"]]:
    """For every row of the kernel what it meets at all positions: views, each some rows further down."""
    (Yo, Xo), down = window.out, window.dilation[0]
    for p in range(window.kernel[0]):
        yield neighbours[:, down * p : down * p + Yo].reshape(len(neighbours), Yo * Xo, neighbours.shape[3])
