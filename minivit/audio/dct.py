"""The cosine transform that makes cepstra of log-mel spectrograms: the shape of a spectrum in few numbers."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Positive, Real, Samples, ndarray


@checked
def dct_matrix(n: Positive, F: Samples, *, norm: str | None = "ortho") -> Real[ndarray, "N F"]:
    r"""The first ``n`` rows of the cosine transform (DCT-II) of F numbers.

    .. math:: D_{kf} = 2 \cos\bigl(\pi k (2 f + 1) / 2 F\bigr)

    Parameters
    ----------
    n, F : int
        Rows and columns.
    norm : "ortho" or None
        "ortho" divides the first row by :math:`2 \sqrt F` and the others by :math:`\sqrt{2 F}`: then all have length 1,
        as they have right angles anyway. None divides nothing, as in scipy.

    Raises
    ------
    ValueError
        If ``n`` is more than F, or the norm is another.
    """
    if norm not in ("ortho", None):
        raise ValueError(f"dct: norm is {norm!r:.100}; expected 'ortho' or None")
    if n > F:
        raise ValueError(f"dct: n is {n}; expected at most {F}, as many as there are numbers to transform")
    D = 2 * np.cos(np.pi / F * np.arange(n)[:, None] * (np.arange(F) + 0.5))
    if norm == "ortho":
        D /= sqrt(2 * F)
        D[0] /= sqrt(2)
    return D


class DctCache(NamedTuple):
    """What ``dct_backward`` needs."""

    F: int
    norm: str | None
    y_shape: tuple[int, ...]


@checked
def dct_forward(
    x: Float[ndarray, "*B F T"], *, n: Positive | None = None, norm: str | None = "ortho"
) -> tuple[Float[ndarray, "*B N T"], DctCache]:
    r"""Cosine transform along the frequencies of each frame, :math:`y_{kt} = \sum_f D_{kf}\, x_{ft}`, by its matrix.

    Parameters
    ----------
    x : (..., F, T)
    n : int, optional
        How many coefficients, the first ones; all F if not given.
    norm : "ortho" or None
        See :func:`dct_matrix`.

    Raises
    ------
    ValueError
        If ``n`` is more than F, or the norm is another.

    References
    ----------
    Ahmed, Natarajan and Rao 1974, "Discrete Cosine Transform"; for sound Davis and Mermelstein 1980.
    """
    F = x.shape[-2]
    D = _matrix(x, n or F, F, norm)
    y = D @ x
    return y, DctCache(F, norm, y.shape)


@checked
def dct_backward(dy: Float[ndarray, "*B N T"], cache: DctCache) -> InputGrad:
    """Gradient of :func:`dct_forward`: the transposed matrix, which undoes the transform if it is orthonormal."""
    check_shape("dct_backward: dy", dy, cache.y_shape)
    D = _matrix(dy, dy.shape[-2], cache.F, cache.norm)
    return InputGrad(D.T @ dy)  # forward: y = D @ x


def _matrix(like: ndarray, n: int, F: int, norm: str | None) -> ndarray:
    """The matrix in the precision of an array."""
    return dct_matrix(n, F, norm=norm).astype(np.finfo(like.dtype).dtype)
