"""Relative logits: what a query says of a place, rows and columns apart, as scores of their own."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.embedding import EmbeddingCache, embedding_backward, embedding_forward
from minivit.ops.rows import row_sum, token_product
from minivit.types import Float, Int, Positive, ndarray


class RelativeLogitsCache(NamedTuple):
    """What ``relative_logits_backward`` needs: ``rows`` and ``columns`` are looked up, one for each query and key."""

    q: Float[ndarray, "*B Y X K"]
    rows: Float[ndarray, "Y U K"]
    columns: Float[ndarray, "X V K"]
    c_rows: EmbeddingCache
    c_columns: EmbeddingCache


class RelativeLogitsGrads(NamedTuple):
    """Gradients of the arguments of ``relative_logits_forward``, by name."""

    q: Float[ndarray, "*B N K"]
    rows: Float[ndarray, "P K"]
    columns: Float[ndarray, "Q K"]


@checked
def relative_logits_forward(
    q: Float[ndarray, "*B N K"],
    rows: Float[ndarray, "P K"],
    columns: Float[ndarray, "Q K"],
    *,
    row_index: Int[ndarray, "Y U"],
    column_index: Int[ndarray, "X V"],
) -> tuple[Float[ndarray, "*B N S"], RelativeLogitsCache]:
    r"""Scores of queries for where keys lie, whatever the keys are.

    .. math:: S_{(y,x),\,(u,v)} = q_{(y,x)} \cdot R_{i(y,u)} + q_{(y,x)} \cdot C_{j(x,v)}

    A table of all ways from one place of a map to another has a vector for each of them, (2Y - 1)(2X - 1); here there
    is one for each way down and one for each way to the right, (2Y - 1) + (2X - 1), and their scores are added. They
    are a bias of :func:`minivit.ops.attention_forward`, but one that the query decides.

    Parameters
    ----------
    q : (..., N, K)
        Queries of a map of Y x X places, row by row: N = Y*X.
    rows, columns : (P, K), (Q, K)
        A vector for each way up or down, and for each to the left or right.
    row_index : integers (Y, U)
        Which of ``rows`` stands for the way between row y of the queries and row u of the keys: see
        :func:`relative_index`.
    column_index : integers (X, V)
        The same of columns.

    Returns
    -------
    logits : (..., N, S)
        For keys of a map of U x V places, row by row: S = U*V.
    cache : RelativeLogitsCache

    Raises
    ------
    ValueError
        If there are not Y*X queries, or an index is that of no vector.
    TypeError
        If an index is no integer.

    Notes
    -----
    The first to have them (Bello et al. 2019) take the scaled query, q / sqrt(K), as for the keys themselves; MViTv2
    and SAM take the query as it is.

    References
    ----------
    Bello et al. 2019, "Attention Augmented Convolutional Networks", section 3.1, equation 2; Li et al. 2022, "MViTv2",
    section 4.1, equation 4.
    """
    *B, N, K = q.shape
    (Y, U), (X, V) = row_index.shape, column_index.shape
    if N != Y * X:
        raise ValueError(f"relative_logits: q has {N} queries; the indices are for a map of {Y} x {X}")
    q = q.reshape(*B, Y, X, K)
    r, c_rows = embedding_forward(row_index, rows)  # (Y, U, K)
    c, c_columns = embedding_forward(column_index, columns)  # (X, V, K)
    of_rows = q @ r.mT  # (..., Y, X, U)
    of_columns = (q.swapaxes(-3, -2) @ c.mT).swapaxes(-3, -2)  # (..., Y, X, V)
    logits = of_rows[..., :, None] + of_columns[..., None, :]  # (..., Y, X, U, V)
    return logits.reshape(*B, N, U * V), RelativeLogitsCache(q, r, c, c_rows, c_columns)


@checked
def relative_logits_backward(dy: Float[ndarray, "*B N S"], cache: RelativeLogitsCache) -> RelativeLogitsGrads:
    r"""Gradients of :func:`relative_logits_forward`.

    The score of a way down stands in every column of the keys, so its gradient is the sum over these, and likewise:

    .. math:: \bar S^R_{(y,x),u} = \sum_v \bar S_{(y,x),(u,v)}, \qquad \bar S^C_{(y,x),v} = \sum_u \bar S_{(y,x),(u,v)}

    Each is a product of queries and vectors, and a vector gets the sum over all pairs of rows that it stands for:

    .. math::
        \bar q_{(y,x)} = \sum_u \bar S^R_{(y,x),u}\, R_{i(y,u)} + \sum_v \bar S^C_{(y,x),v}\, C_{j(x,v)}, \qquad
        \bar R_p = \sum_{y,u:\, i(y,u) = p}\ \sum_x \bar S^R_{(y,x),u}\, q_{(y,x)}

    (summed over the leading axes, too).
    """
    q, r, c, c_rows, c_columns = cache
    *B, Y, X, K = q.shape
    U, V = r.shape[1], c.shape[1]
    check_shape("relative_logits_backward: dy", dy, (*B, Y * X, U * V))
    dlogits = dy.reshape(*B, Y, X, U, V)  # forward: logits.reshape(*B, N, U * V)
    dof_rows = row_sum(dlogits)[..., 0]  # formula: S^R stands in all columns of the keys
    dof_columns = row_sum(dlogits.swapaxes(-2, -1))[..., 0]  # formula: S^C stands in all rows of the keys
    dq = dof_rows @ r  # forward: of_rows = q @ r.mT
    dq += (dof_columns.swapaxes(-3, -2) @ c).swapaxes(-3, -2)  # formula: of_columns = q @ c.mT, columns in front
    dr = _per_row(dof_rows, q)  # forward: of_rows = q @ r.mT
    dc = _per_row(dof_columns.swapaxes(-3, -2), q.swapaxes(-3, -2))  # formula: of_columns = q @ c.mT
    (drows,) = embedding_backward(dr, c_rows)  # forward: r, c_rows = embedding_forward(row_index, rows)
    (dcolumns,) = embedding_backward(dc, c_columns)  # forward: c, c_columns = embedding_forward(column_index, columns)
    return RelativeLogitsGrads(dq.reshape(*B, Y * X, K), drows, dcolumns)


def _per_row(dlogits: Float[ndarray, "*B Y X U"], q: Float[ndarray, "*B Y X K"]) -> Float[ndarray, "Y U K"]:
    """For each row of the queries the sum over its columns, and over the leading axes."""
    in_front = [np.moveaxis(a, -3, 0).reshape(a.shape[-3], -1, a.shape[-1]) for a in (dlogits, q)]
    return token_product(*in_front)


@checked
def relative_index(queries: Positive, keys: Positive) -> Int[ndarray, "queries keys"]:
    """Which vector stands for the way from a key to a query: the first for the longest way up, or to the left.

    Where there are fewer keys than queries (or fewer queries), the smaller map is spread over the larger one, and ways
    are those of the larger, cut off to whole places where one number does not divide the other. So there are
    2 max(queries, keys) - 1 vectors; where keys are spread, no way is as long as the last of them.

    References
    ----------
    Li et al. 2022, "MViTv2", its code (``cal_rel_pos_spatial``), step by step and in float32, as there: where neither
    number divides the other, a way that should be whole may be rounded down to the one before. Of equal maps it is that
    of a query minus a key.
    """
    apart, keys_apart = max(keys / queries, 1.0), max(queries / keys, 1.0)  # neighbours, on the larger map
    way = np.arange(queries, dtype=np.float32)[:, None] * apart - np.arange(keys, dtype=np.float32) * keys_apart
    return (way + (keys - 1) * keys_apart).astype(int)


def relative_logits_loops(
    q: Float[ndarray, "N K"],
    rows: Float[ndarray, "P K"],
    columns: Float[ndarray, "Q K"],
    *,
    row_index: Int[ndarray, "Y U"],
    column_index: Int[ndarray, "X V"],
) -> Float[ndarray, "N S"]:
    """The same for one head of one image, pair by pair, as the formula says it."""
    (Y, U), (X, V) = row_index.shape, column_index.shape
    logits = np.empty_like(q, shape=(Y, X, U, V))
    for y, x, u, v in np.ndindex(Y, X, U, V):
        query = q[y * X + x]
        logits[y, x, u, v] = query @ rows[row_index[y, u]] + query @ columns[column_index[x, v]]
    return logits.reshape(Y * X, U * V)
