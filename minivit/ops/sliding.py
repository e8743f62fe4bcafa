"""Windows that slide over a map, and the way back: what convolution and pooling share.

A window is P x Q pixels of a map (B, Y, X, C), and it stands at Yo x Xo positions. At position i, place p of the window
looks at row ``stride * i + dilation * p - top`` of the map, with ``top`` rows of padding; columns likewise.
"""

from collections.abc import Iterator
from types import EllipsisType
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.types import Float, Size, ndarray, pair

Padding = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] | str
"""Pixels around a map: on all sides, (rows, columns), or ((top, bottom), (left, right)); each at least 0.

Or "same": as many as it takes for ceil(Y / stride) rows to come out, whatever the kernel, and likewise columns. Of an
odd number, the one more is at the bottom or on the right. It is TensorFlow's, and Google's networks have it.
"""

Index = tuple[EllipsisType, slice, slice, slice]


class Sliding(NamedTuple):
    """How a window slides over a map of a size; of each first rows, then columns."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    @property
    def reach(self) -> tuple[int, int]:
        """From the first pixel of a window to its last."""
        (P, Q), (dy, dx) = self.kernel, self.dilation
        return dy * (P - 1) + 1, dx * (Q - 1) + 1

    @property
    def out(self) -> tuple[int, int]:
        """(Yo, Xo): the positions."""
        (Y, X), (P, Q), (sy, sx) = self.size, self.reach, self.stride
        rows, columns = map(sum, self.padding)
        return (Y + rows - P) // sy + 1, (X + columns - Q) // sx + 1

    @property
    def back(self) -> "Sliding":
        """How the same window slides over what :func:`spread` makes: to as many positions as the map has pixels."""
        (Y, X), (P, Q) = self.size, self.reach
        return Sliding((Y + P - 1, X + Q - 1), self.kernel, dilation=self.dilation)


def sliding(
    label: str, size: tuple[int, ...], kernel: Size, *, stride: Size = 1, padding: Padding = 0, dilation: Size = 1
) -> Sliding:
    """How a window slides over a map of ``size`` (Y, X). ValueError if it is larger than the padded map."""
    Y, X = size
    window = Sliding((Y, X), pair(kernel), pair(stride), dilation=pair(dilation))
    if isinstance(padding, str):
        if padding != "same":
            raise ValueError(f'{label}: padding is {padding!r}; expected numbers, or "same"')
        sides = _same(window)
    else:
        rows, columns = (padding, padding) if isinstance(padding, int) else padding
        sides = pair(rows), pair(columns)
    if min(map(min, sides)) < 0:
        raise ValueError(f"{label}: padding is {padding}; expected 0 or more")
    window = window._replace(padding=sides)
    if min(window.out) < 1:
        padded = Y + sum(sides[0]), X + sum(sides[1])
        raise ValueError(f"{label}: a window of {window.reach} is larger than the map of {padded}, padding included")
    return window


def _same(window: Sliding) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding with which a window of this stride stands at ceil(side / stride) positions."""
    missing = [
        max((-(-side // step) - 1) * step + reach - side, 0)
        for side, step, reach in zip(window.size, window.stride, window.reach, strict=True)
    ]
    (top, bottom), (left, right) = ((n // 2, n - n // 2) for n in missing)
    return (top, bottom), (left, right)


def windows(x: Float[ndarray, "B Y X C"], window: Sliding, fill: float = 0) -> Float[ndarray, "B Yo Xo P Q C"]:
    """A view of all windows of a map, or of a copy with ``fill`` around it."""
    (sy, sx), (dy, dx) = window.stride, window.dilation
    views = sliding_window_view(_padded(x, window, fill), window.reach, axis=(1, 2))  # (B, Y, X, C, P, Q)
    return np.moveaxis(views[:, ::sy, ::sx, :, ::dy, ::dx], 3, 5)


def rows_of_windows(x: Float[ndarray, "B Y X C"], window: Sliding) -> Float[ndarray, "B Yo P Q n"]:
    """The same view where windows stand side by side (a stride of 1 along rows), with n = Xo C.

    What stands at place (p, q) of the windows of one row is itself a row, of Xo pixels: no more than a part of the map.
    """
    (sy, _), (dy, dx) = window.stride, window.dilation
    x = _padded(x, window)
    B, Y, X, C = x.shape
    views = sliding_window_view(x.reshape(B, Y, X * C), (window.reach[0], window.out[1] * C), axis=(1, 2))
    return views[:, ::sy, :: dx * C, ::dy].swapaxes(2, 3)


def _padded(x: Float[ndarray, "B Y X C"], window: Sliding, fill: float = 0) -> Float[ndarray, "B Yp Xp C"]:
    """The map with ``fill`` around it. (``np.pad`` does the same, and takes longer than many a sum of windows.)"""
    if not any(map(any, window.padding)):
        return x
    B, Y, X, C = x.shape
    (top, bottom), (left, right) = window.padding
    padded = np.full_like(x, fill, shape=(B, top + Y + bottom, left + X + right, C), order="C")
    padded[:, top : top + Y, left : left + X] = x
    return padded


def places(window: Sliding) -> Iterator[tuple[tuple[int, int], Index, Index]]:
    """For every place (p, q) of the window, in reading order: the pixels that stand there, and at which positions.

    ``map[pixels]`` and ``out[positions]`` are views of the same shape. Places in the padding are left out.
    """
    (Y, X), (P, Q), (sy, sx), (dy, dx) = window.size, window.kernel, window.stride, window.dilation
    ((top, _), (left, _)), (Yo, Xo) = window.padding, window.out
    for p in range(P):
        pixel_rows, rows = _seen(Y, Yo, sy, dy * p - top)
        for q in range(Q):
            pixel_columns, columns = _seen(X, Xo, sx, dx * q - left)
            yield (p, q), (..., pixel_rows, pixel_columns, slice(None)), (..., rows, columns, slice(None))


def from_windows(dwindows: Float[ndarray, "B Yo Xo P Q C"], window: Sliding) -> Float[ndarray, "B Y X C"]:
    """The way back of :func:`windows`: a pixel that lay in many windows gets the sum of their gradients."""
    dx = np.zeros_like(dwindows, shape=(len(dwindows), *window.size, dwindows.shape[-1]))
    for (p, q), pixels, positions in places(window):
        dx[pixels] += dwindows[..., p, q, :][positions]
    return dx


def spread(dy: Float[ndarray, "B Yo Xo O"], window: Sliding) -> Float[ndarray, "B Ys Xs O"]:
    """Lay out the gradients of all positions for a window to slide over, from pixel to pixel.

    They stand ``stride`` apart, zeros between them and around. At each pixel, the window turned by 180 degrees then
    meets the gradients of just those positions from which the pixel was seen (a "transposed convolution").
    """
    if window.kernel == window.stride == (1, 1) and not any(map(any, window.padding)):
        return dy  # each pixel has its own position
    (P, Q), (sy, sx), ((top, _), (left, _)) = window.reach, window.stride, window.padding
    (Ys, Xs), (Yo, Xo) = window.back.size, window.out
    spread_rows, rows = _seen(Ys, Yo, sy, P - 1 - top)
    spread_columns, columns = _seen(Xs, Xo, sx, Q - 1 - left)
    laid_out = np.zeros_like(dy, shape=(len(dy), Ys, Xs, dy.shape[3]))
    laid_out[:, spread_rows, spread_columns] = dy[:, rows, columns]
    return laid_out


def _seen(size: int, positions: int, stride: int, offset: int) -> tuple[slice, slice]:
    """Where position i looks at ``stride * i + offset``: the pixels of 0 ... size - 1 that are seen, and from where."""
    first = max(0, -(offset // stride))
    count = max(0, min(positions, (size - 1 - offset) // stride + 1) - first)
    pixel = stride * first + offset
    return slice(pixel, pixel + stride * count, stride), slice(first, first + count)
