"""Any convolution as one matrix product: a row for every window ("im2col"), a column for every number in it."""

import numpy as np

from minivit.ops.rows import token_product
from minivit.ops.sliding import Sliding, from_windows, windows
from minivit.types import Float, ndarray


def conv_columns(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q CG O"], window: Sliding
) -> Float[ndarray, "B Yo Xo O"]:
    """All windows times the kernel, group by group."""
    y = _columns(x, weight, window) @ _matrices(weight, x.shape[3])
    return _side_by_side(y).reshape(len(x), *window.out, weight.shape[3])


def conv_columns_gradients(
    dy: Float[ndarray, "B Yo Xo O"], x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q CG O"], window: Sliding
) -> tuple[Float[ndarray, "B Y X C"], Float[ndarray, "P Q CG O"]]:
    """Gradients of ``x`` and ``weight``: those of a linear map, and then the way back from windows to pixels."""
    matrices = _matrices(weight, x.shape[3])
    groups, _, group_out = matrices.shape
    rows = dy.reshape(-1, groups, group_out).swapaxes(0, 1)  # (G, B*Yo*Xo, O/G)
    dmatrices = token_product(_columns(x, weight, window), rows)  # formula: columns @ matrices
    dcolumns = rows @ matrices.mT  # formula: columns @ matrices
    dwindows = np.moveaxis(dcolumns.reshape(groups, *dy.shape[:3], *weight.shape[:3]), 0, 5)
    dx = from_windows(dwindows.reshape(*dwindows.shape[:5], x.shape[3]), window)  # formula: columns = windows of x
    return dx, _side_by_side(dmatrices).reshape(weight.shape)


def _columns(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q CG O"], window: Sliding
) -> Float[ndarray, "G BYX PQC"]:
    """For each group a row per window, its numbers in the order of the kernel's. Of a 1 x 1 kernel, x itself."""
    P, Q, group_in, _ = weight.shape
    grouped = windows(x, window).reshape(len(x), *window.out, P, Q, x.shape[3] // group_in, group_in)
    columns = np.moveaxis(grouped, 5, 0).reshape(x.shape[3] // group_in, -1, P * Q * group_in)
    return np.ascontiguousarray(columns, like=x)


def _matrices(weight: Float[ndarray, "P Q CG O"], channels: int) -> Float[ndarray, "G PQC OG"]:
    """The kernel of each group as a matrix."""
    P, Q, group_in, O = weight.shape
    groups = channels // group_in
    return weight.reshape(P * Q * group_in, groups, O // groups).swapaxes(0, 1)


def _side_by_side(a: Float[ndarray, "G rows OG"]) -> Float[ndarray, "rows O"]:
    """What the groups have made, as one matrix."""
    groups, rows, width = a.shape
    return a.swapaxes(0, 1).reshape(rows, groups * width)
