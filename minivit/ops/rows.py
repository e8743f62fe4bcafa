"""Sums over rows and columns as BLAS sees them: one pass over memory, no temporary.

``(a * b).sum(-1)`` writes a whole product before it sums it, and NumPy's own sum over a short last axis is slow. The
four functions here say the same and are what the ops use wherever a sum over rows or columns is taken.
"""

from math import prod

import numpy as np

from minivit.types import Float, ndarray


def row_dot(a: Float[ndarray, "... D"], b: Float[ndarray, "... D"]) -> Float[ndarray, "... 1"]:
    """``(a * b).sum(-1, keepdims=True)``. Complex numbers are not conjugated, so the result stays analytic."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return (a * b).sum(-1, keepdims=True)
    return np.vecdot(a, b)[..., None]


def row_sum(a: Float[ndarray, "... D"]) -> Float[ndarray, "... 1"]:
    """``a.sum(-1, keepdims=True)``, as a product with a column of ones."""
    return a @ np.ones((a.shape[-1], 1), a.dtype)


def column_sum(a: Float[ndarray, "... D"]) -> Float[ndarray, " D"]:
    """Sum over every axis but the last: ``a.reshape(-1, D).sum(0)``, as a product of a row of ones."""
    rows = a.reshape(-1, a.shape[-1])
    return np.ones(len(rows), a.dtype) @ rows


def sum_to(a: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Undo broadcasting: sum ``a`` over the axes along which ``shape`` was stretched to ``a.shape``.

    Broadcasting copies one number to many places; its gradient is the sum over those places.
    """
    if a.shape == shape:
        return a.copy()
    extra = a.ndim - len(shape)
    if shape == a.shape[extra:]:  # only leading axes are new: the common case of biases and position tables
        return np.ones(prod(a.shape[:extra]), a.dtype).dot(a.reshape(-1, prod(shape))).reshape(shape)
    stretched = tuple(i + extra for i, n in enumerate(shape) if n == 1 and a.shape[i + extra] != 1)
    return a.sum((*range(extra), *stretched), keepdims=True).reshape(shape)
