"""Bilinear and bicubic resizing: along each axis, every new pixel is a weighted sum of old ones.

So resizing is two matrices, one for rows and one for columns, and its gradient is their transposes.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Real, Size, ndarray, pair


class ResizeCache(NamedTuple):
    """What ``resize_backward`` needs: the two matrices."""

    rows: Float[ndarray, "Yo Y"]
    columns: Float[ndarray, "Xo X"]


@checked
def resize_forward(
    x: Float[ndarray, "B Y X C"],
    *,
    size: Size,
    mode: str = "bilinear",
    antialias: bool = False,
    align_corners: bool = False,
) -> tuple[Float[ndarray, "B Yo Xo C"], ResizeCache]:
    r"""Resize images or maps (position embeddings, for instance) to ``size``.

    .. math:: Y_{bc} = R\, X_{bc}\, C^\top

    with R (Yo, Y) and C (Xo, X) from :func:`resize_matrix`, for each sample b and channel c.

    Parameters
    ----------
    x : (B, Y, X, C)
    size : int or (rows, columns)
    mode : "bilinear" or "bicubic"
    antialias : bool
        When shrinking, widen the kernel so that every old pixel counts (as PIL does). timm resamples position
        embeddings with ``mode="bicubic", antialias=True``.
    align_corners : bool
        True: the centres of the corner pixels coincide (Google's ViT resamples position embeddings so, bilinear).
        False: the outer edges of the corner pixels coincide.

    Raises
    ------
    ValueError
        If the size is not positive, the mode is unknown, or antialias and align_corners are both asked for.

    References
    ----------
    Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing"; conventions as in PyTorch's
    ``interpolate``.
    """
    options = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    new_rows, new_columns = pair(size)
    rows = resize_matrix(x.shape[1], new_rows, **options).astype(np.real(x).dtype)
    columns = resize_matrix(x.shape[2], new_columns, **options).astype(np.real(x).dtype)
    return _apply(x, rows, columns), ResizeCache(rows, columns)


@checked
def resize_backward(dy: Float[ndarray, "B Yo Xo C"], cache: ResizeCache) -> InputGrad:
    r"""Gradient of :func:`resize_forward`: the transposed matrices, :math:`\bar X = R^\top \bar Y C`."""
    return InputGrad(_apply(dy, cache.rows.T, cache.columns.T))  # formula: y = rows x columns^T


@checked
def cubic_kernel(t: Real[ndarray, "..."], a: float) -> Real[ndarray, "..."]:
    r"""Keys' kernel: how much a number counts that lies ``t`` away, on either side.

    .. math::
        \kappa(t) = \begin{cases}
            (a + 2) |t|^3 - (a + 3) |t|^2 + 1 & |t| \le 1 \\
            a\, (|t|^3 - 5 |t|^2 + 8 |t| - 4) & 1 < |t| < 2 \\
            0 & \text{else} \end{cases}

    It is 1 at 0 and 0 at all other whole numbers, and smooth, whatever ``a`` is; the slope at 1 is ``a``.

    References
    ----------
    Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", equation 15 (there with a = -1/2).
    """
    d = np.abs(t)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = a * (((d - 5) * d + 8) * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


@checked
def resize_matrix(
    old: int, new: int, *, mode: str = "bilinear", antialias: bool = False, align_corners: bool = False
) -> Float[ndarray, "new old"]:
    r"""The matrix that resizes one axis from ``old`` to ``new`` pixels; its rows sum to one.

    New pixel i has its centre at :math:`u_i = (i + \frac12)\, \text{old}/\text{new} - \frac12` on the old axis (or at
    :math:`i\,(\text{old}-1)/(\text{new}-1)` with aligned corners), and old pixel j gets the weight
    :math:`\kappa(u_i - j)`. The kernel is the triangle, or Keys' cubic with a = -0.75 (-0.5 with antialias, as PIL).
    Beyond the edge the edge pixel repeats. With antialias, where pixels become fewer, the kernel is old/new times as
    wide, and beyond the edge there is nothing: the weights are renormalised instead.

    Raises
    ------
    ValueError
        If there is no pixel, the mode is unknown, or antialias and align_corners are both asked for.

    References
    ----------
    As :func:`resize_forward`.
    """
    if mode not in ("bilinear", "bicubic"):
        raise ValueError(f'resize: mode is {mode!r}; expected "bilinear" or "bicubic"')
    if old < 1 or new < 1:
        raise ValueError(f"resize: from {old} to {new} pixels; expected at least 1")
    if antialias and align_corners:
        raise ValueError("resize: antialias and align_corners exclude each other")
    if align_corners:
        centres = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        centres = (np.arange(new) + 0.5) * (old / new) - 0.5
    if mode == "bilinear":
        centres = centres if antialias else centres.clip(0, None)
    radius = 1 if mode == "bilinear" else 2
    stretch = max(old / new, 1.0) if antialias else 1.0
    reach = int(np.ceil(radius * stretch)) + 1
    places = np.floor(centres)[:, None].astype(int) + np.arange(-reach, reach + 1)  # (new, taps)
    distance = np.abs(centres[:, None] - places) / stretch
    a = -0.5 if antialias else -0.75
    weights = np.maximum(1 - distance, 0) if mode == "bilinear" else cubic_kernel(distance, a)
    if antialias:
        weights = weights * ((places >= 0) & (places < old))
        weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((new, old))
    row = np.broadcast_to(np.arange(new)[:, None], places.shape)
    np.add.at(matrix, (row, places.clip(0, old - 1)), weights)
    return matrix


def _apply(x: ndarray, rows: ndarray, columns: ndarray) -> ndarray:
    B, Y, X, C = x.shape
    x = (rows @ x.reshape(B, Y, X * C)).reshape(B, len(rows), X, C)
    return columns @ x  # (Xo, X) times (..., X, C)
