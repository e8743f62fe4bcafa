"""Sums over rows and columns, as all ops take them: one pass over memory, no temporary, digits kept.

``(a * b).sum(-1)`` writes a whole product before it sums it. NumPy's own sum over a short last axis is slow, and over
another axis it adds number after number: of 100,000 in float32, it leaves four digits. Here BLAS sums, a limited number
at a time, and then the sums of these blocks. What becomes of a row that lies in one piece (not a column of a transposed
array) depends on that row alone, to the last bit.

And ``x + row`` and ``x * row`` with one row for all, where rows are short.
"""

from math import gcd, prod

import numpy as np

from minivit.types import Float, ndarray

COLUMN_BLOCK = 256  # numbers at most that are added one after the other
ROW_BLOCK = 1024  # here 16 sums at least run side by side
SMALL_PRODUCT = 1024  # numbers in a product of matrices; of larger ones BLAS itself adds the sums of blocks
WIDE_ROW = 256  # numbers at most that several short rows have together


def row_dot(a: Float[ndarray, "... D"], b: Float[ndarray, "... D"]) -> Float[ndarray, "... 1"]:
    """``(a * b).sum(-1, keepdims=True)``. Complex numbers are not conjugated, so the result stays analytic."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return row_sum(a * b)
    if a.shape[-1] <= ROW_BLOCK:
        return np.vecdot(a, b)[..., None]
    starts = range(0, a.shape[-1], ROW_BLOCK)
    return row_sum(np.stack([np.vecdot(a[..., i : i + ROW_BLOCK], b[..., i : i + ROW_BLOCK]) for i in starts], -1))


def row_sum(a: Float[ndarray, "... D"]) -> Float[ndarray, "... 1"]:
    """``a.sum(-1, keepdims=True)``."""
    while a.shape[-1] > ROW_BLOCK:
        blocks, rest = divmod(a.shape[-1], ROW_BLOCK)
        sums = np.einsum("...d->...", a[..., rest:].reshape(*a.shape[:-1], blocks, ROW_BLOCK))
        a = np.concatenate((a[..., :rest], sums), axis=-1)
    return np.einsum("...d->...", a)[..., None]


def column_sum(a: Float[ndarray, "... D"]) -> Float[ndarray, " D"]:
    """Sum over every axis but the last."""
    return token_sum(a.reshape(prod(a.shape[:-1]), a.shape[-1]))


def token_sum(a: Float[ndarray, "*B N D"]) -> Float[ndarray, "*B D"]:
    """``a.sum(-2)``, as a product of ones: of many tokens several sums side by side, then the sum of these."""
    *lead, N, D = a.shape
    if N <= COLUMN_BLOCK:
        return np.ones(N, a.dtype) @ a
    sums = -(-N // COLUMN_BLOCK)
    rows, rest = divmod(N, sums)
    side_by_side = np.ones(rows, a.dtype) @ a[..., rest:, :].reshape(*lead, rows, sums * D)
    total = token_sum(side_by_side.reshape(*lead, sums, D))
    return total + token_sum(a[..., :rest, :]) if rest else total


def token_product(a: Float[ndarray, "*B N D"], b: Float[ndarray, "*B N F"]) -> Float[ndarray, "*B D F"]:
    """``a.mT @ b``, a sum over tokens: of many, into a few numbers, first the sums of blocks, and then their sum."""
    *lead, N, D = a.shape
    F = b.shape[-1]
    if N <= COLUMN_BLOCK or D * F > SMALL_PRODUCT:
        return a.mT @ b
    sums = -(-N // COLUMN_BLOCK)
    rows, rest = divmod(N, sums)
    blocks_a, blocks_b = (c[..., rest:, :].reshape(*lead, sums, rows, c.shape[-1]) for c in (a, b))
    total = token_sum((blocks_a.mT @ blocks_b).reshape(*lead, sums, D * F)).reshape(*lead, D, F)
    return total + a[..., :rest, :].mT @ b[..., :rest, :] if rest else total


def plus_row(x: Float[ndarray, "*B D"], row: Float[ndarray, " D"], *, out: ndarray | None = None) -> ndarray:
    """``x + row``, of the same bits; into ``out``, which may be ``x`` itself, if it is given."""
    return _with_row(np.add, x, row, out)


def times_row(x: Float[ndarray, "*B D"], row: Float[ndarray, " D"], *, out: ndarray | None = None) -> ndarray:
    """``x * row``, of the same bits; into ``out``, which may be ``x`` itself, if it is given."""
    return _with_row(np.multiply, x, row, out)


def _with_row(operation: np.ufunc, x: ndarray, row: ndarray, out: ndarray | None) -> ndarray:
    """``operation(x, row)``. To begin a row takes NumPy longer than 16 numbers do; here, several rows are one."""
    D = x.shape[-1]
    together = gcd(x.size // D, max(1, WIDE_ROW // D))
    if together < 2 or x.size == 0 or not (out is None or out.flags.c_contiguous):
        return operation(x, row, out=out)
    wide = (x.size // D // together, together, D)
    result = operation(x.reshape(wide), row[None].repeat(together, 0), out=None if out is None else out.reshape(wide))
    return result.reshape(x.shape)


def sum_to(a: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Undo broadcasting: sum ``a`` over the axes along which ``shape`` was stretched to ``a.shape``.

    Broadcasting copies one number to many places; its gradient is the sum over those places.
    """
    if a.shape == shape:
        return a.copy()
    whole = (1,) * (a.ndim - len(shape)) + shape
    stretched = [axis for axis in range(a.ndim) if whole[axis] != a.shape[axis] or axis < a.ndim - len(shape)]
    front = np.moveaxis(a, stretched, range(len(stretched)))
    return column_sum(front.reshape(*front.shape[: len(stretched)], prod(shape))).reshape(shape)


def largest(x: Float[ndarray, "*B S"]) -> Float[ndarray, "*B 1"]:
    """The largest number of each row, and a finite one where all are -inf: -inf - -inf would be nan."""
    return np.real(x).max(-1, keepdims=True, initial=np.finfo(x.dtype).min)
