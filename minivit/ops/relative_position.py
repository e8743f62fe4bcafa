"""Relative positions: a bias for each pair of tokens that depends on how they lie to each other, learned in a table."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import TableGrad
from minivit.types import Float, Int, Real, Size, ndarray, pair


def relative_position_index(rows: int, columns: int) -> Int[ndarray, "N N"]:
    """Which entry of the table the pair (query, key) of a window reads: (N, N), N = rows * columns.

    The entries are numbered by the way from key to query, row by row: first rows - 1 up, ..., last rows - 1 down, and
    for each of these columns - 1 to the left, ..., columns - 1 to the right.
    """
    y, x = np.divmod(np.arange(rows * columns), columns)  # of each token
    down, right = y[:, None] - y, x[:, None] - x  # query minus key
    return (down + rows - 1) * (2 * columns - 1) + (right + columns - 1)


class RelativePositionBiasCache(NamedTuple):
    """What ``relative_position_bias_backward`` needs."""

    window_size: tuple[int, int]


@checked
def relative_position_bias_forward(
    table: Float[ndarray, "P H"], *, window_size: Size
) -> tuple[Float[ndarray, "H N N"], RelativePositionBiasCache]:
    r"""The bias of each head for every pair of tokens of a window, read from a table of relative positions.

    .. math:: B_{h,n,m} = \hat B_{r(n, m),\, h}, \qquad
              r(n, m) = (y_n - y_m + M - 1)(2 M - 1) + (x_n - x_m + M - 1)

    A window of M x M tokens has M^4 pairs, but only (2M - 1)^2 different ways from one token to another.

    Parameters
    ----------
    table : (P, H)
        One row for each way: P = (2 rows - 1) * (2 columns - 1).
    window_size : int or (rows, columns)

    Returns
    -------
    bias : (H, N, N)
        To be added to the scores: row n is of query n.
    cache : RelativePositionBiasCache

    Raises
    ------
    ValueError
        If the table is for another window.

    References
    ----------
    Liu et al. 2021, "Swin Transformer", section 3.2, equation 4.
    """
    rows, columns = pair(window_size)
    ways = (2 * rows - 1) * (2 * columns - 1)
    if len(table) != ways:
        raise ValueError(
            f"relative_position_bias: the table has {len(table)} rows; a window of {rows} x {columns} needs "
            f"(2*{rows} - 1) * (2*{columns} - 1) = {ways}"
        )
    bias = np.take(table.T, relative_position_index(rows, columns), axis=1)  # (H, N, N)
    return bias, RelativePositionBiasCache((rows, columns))


@checked
def relative_position_bias_backward(dy: Real[ndarray, "H N N"], cache: RelativePositionBiasCache) -> TableGrad:
    """Gradient of :func:`relative_position_bias_forward`: an entry gets the sum over all pairs that have read it."""
    rows, columns = cache.window_size
    N, ways = rows * columns, (2 * rows - 1) * (2 * columns - 1)
    check_shape("relative_position_bias_backward: dy", dy, (len(dy), N, N))
    index = relative_position_index(rows, columns).ravel()
    dtable = np.empty_like(dy, shape=(ways, len(dy)))
    for h, dbias in enumerate(dy):  # formula: bias[h, n, m] = table[index[n, m], h]
        dtable[:, h] = np.bincount(index, dbias.ravel(), minlength=ways)  # np.add.at would add in dy's dtype
    return TableGrad(dtable)
