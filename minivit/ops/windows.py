"""Windows: cut a map into tiles, shifted or not, put the tiles back, and say who may look at whom inside them."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Bool, Float, Int, Shift, Size, ndarray, pair

MOST_PLACES = 2**32
"""Of a map that is filled up: a window that was meant otherwise would take all memory."""


class WindowPartitionCache(NamedTuple):
    """What the backwards need: how the map was cut."""

    map_size: tuple[int, int]
    window_size: tuple[int, int]
    shift_size: tuple[int, int]
    pad_first: bool


@checked
def window_partition_forward(
    x: Float[ndarray, "B Y X C"], *, window_size: Size, shift_size: Shift = 0, pad_first: bool = False
) -> tuple[Float[ndarray, "B W N C"], WindowPartitionCache]:
    """Roll the map up and to the left by the shift, fill it up with zeros, and cut it into windows.

    What leaves at the top comes back at the bottom ("cyclic shift"), so a shifted cut makes no more windows than a
    plain one. But then strangers meet in the windows at the edge: :func:`shifted_window_mask` keeps them apart.

    Parameters
    ----------
    x : (B, Y, X, C)
    window_size : int or (rows, columns)
        M, the sides of a window. It need not divide the map, and may be larger.
    shift_size : int or (rows, columns)
        How far to roll, less than a window: M // 2 in every second block of Swin, 0 in the others.
    pad_first : bool
        Where windows do not divide the map, zeros fill it up at the bottom and on the right. timm rolls before, so they
        end up behind what was rolled in from the top; transformers and the official code for detection roll
        afterwards (True), and their zeros move up with the map. The official code for classification does neither.

    Returns
    -------
    windows : (B, W, N, C)
        W = ceil(Y / M) * ceil(X / M) windows, row by row, of N = M * M tokens each, row by row.
    cache : WindowPartitionCache

    Raises
    ------
    ValueError
        If a side of the window is less than 1, or the shift is negative or as large as a window; or if the window is so
        large that no memory would hold the map when it is filled up.

    References
    ----------
    Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 3.2, figure 4.
    """
    shift = _shift("window_partition", window_size, shift_size)
    cache = WindowPartitionCache(x.shape[1:3], pair(window_size), shift, pad_first)
    down, right = cache.shift_size
    if pad_first:
        x = _roll(_fill(x, cache), -down, -right)
    else:
        x = _fill(_roll(x, -down, -right), cache)
    B, Y, X, C = x.shape
    M, L = cache.window_size
    tiles = x.reshape(B, Y // M, M, X // L, L, C).transpose(0, 1, 3, 2, 4, 5)  # (B, Y / M, X / L, M, L, C)
    return tiles.reshape(B, Y // M * (X // L), M * L, C), cache


@checked
def window_partition_backward(dy: Float[ndarray, "B W N C"], cache: WindowPartitionCache) -> InputGrad:
    """Gradient of :func:`window_partition_forward`: put the windows back. What fills the map up is constant."""
    dx, _ = window_reverse_forward(dy, **cache._asdict())  # formula: a permutation of the numbers, and zeros
    return InputGrad(dx)


@checked
def window_reverse_forward(
    x: Float[ndarray, "B W N C"],
    *,
    map_size: Size,
    window_size: Size,
    shift_size: Shift = 0,
    pad_first: bool = False,
) -> tuple[Float[ndarray, "B Y X C"], WindowPartitionCache]:
    """Put windows together and roll back: the inverse of :func:`window_partition_forward`.

    What stands where the map was filled up is dropped.

    Raises
    ------
    ValueError
        If these are not the windows of such a map, or an option is out of range.
    """
    shift = _shift("window_reverse", window_size, shift_size)
    cache = WindowPartitionCache(pair(map_size), pair(window_size), shift, pad_first)
    (Y, X), (M, L), (down, right), _ = cache
    rows, columns = -(-Y // M), -(-X // L)
    B, W, N, C = x.shape
    if (rows * columns, M * L) != (W, N):
        raise ValueError(
            f"window_reverse: {W} windows of {N} tokens do not make a map of {Y} x {X}; expected "
            f"{rows * columns} windows of {M} x {L} = {M * L} tokens"
        )
    tiles = x.reshape(B, rows, columns, M, L, C).transpose(0, 1, 3, 2, 4, 5)  # (B, Y / M, M, X / L, L, C)
    y = tiles.reshape(B, rows * M, columns * L, C)
    if pad_first:
        return _roll(y, down, right)[:, :Y, :X], cache
    return _roll(y[:, :Y, :X], down, right), cache


@checked
def window_reverse_backward(dy: Float[ndarray, "B Y X C"], cache: WindowPartitionCache) -> InputGrad:
    """Gradient of :func:`window_reverse_forward`: cut it into the same windows. What was dropped has gradient 0."""
    _, window_size, shift_size, pad_first = cache
    check_shape("window_reverse_backward: dy", dy, (len(dy), *cache.map_size, dy.shape[-1]))
    dx, _ = window_partition_forward(  # formula: a permutation of the numbers, without some
        dy, window_size=window_size, shift_size=shift_size, pad_first=pad_first
    )
    return InputGrad(dx)


@checked
def window_regions(map_size: Size, window_size: Size, shift_size: Shift = 0) -> Int[ndarray, "W N"]:
    """Which part of the map each token of each window is from: tokens of a window with one number are neighbours.

    Along each side there are three parts: what is far from the seam (0); what is in the last window, but before the
    seam (1); and what was rolled over to the other side (2). So there are up to nine regions.

    Source: Liu et al. 2021, figure 4.
    """
    (M, L), (down, right) = pair(window_size), _shift("window_regions", window_size, shift_size)
    Y, X = _filled("window_regions", pair(map_size), (M, L))
    rows, columns = _parts(Y, M, down), _parts(X, L, right)
    regions = 3 * rows[:, None] + columns  # (Y, X) of the rolled map
    windows, _ = window_partition_forward(regions[None, :, :, None].astype(float), window_size=window_size)
    return windows[0, :, :, 0].astype(int)


@checked
def shifted_window_mask(map_size: Size, window_size: Size, shift_size: Shift = 0) -> Bool[ndarray, "W N N"]:
    """True where a token of a window may look at another: where both were neighbours before the roll.

    Along each side, the last ``shift_size`` places of the rolled map were rolled over from the other end. Tokens of one
    window are neighbours where, along rows and along columns, both were rolled over or neither. If windows do not
    divide the map, places are counted to the end of what fills it up, as in timm and transformers. (timm rolls
    first, so its seam lies elsewhere then: some from opposite ends may look at each other, in timm and here.)

    Places that only fill the map up may be looked at, as there. Where those add -100 to the score of a forbidden pair,
    attention under this mask gives it no weight at all; softmax makes of -100 less than 1e-43 of the rest.
    """
    regions = window_regions(map_size, window_size, shift_size)
    return regions[:, :, None] == regions[:, None, :]


def _shift(label: str, window_size: Size, shift_size: Shift) -> tuple[int, int]:
    """The shift as (rows, columns), each less than the window's."""
    window, shift = pair(window_size), pair(shift_size)
    if shift[0] >= window[0] or shift[1] >= window[1]:
        raise ValueError(
            f"{label}: shift_size is {shift_size}, and the window {window[0]} x {window[1]}; expected less than the "
            "window: by a whole one, the cut is the same again"
        )
    return shift


def _fill(x: ndarray, cache: WindowPartitionCache) -> ndarray:
    """Zeros at the bottom and on the right, up to whole windows."""
    (Y, X), (rows, columns) = cache.map_size, _filled("window_partition", cache.map_size, cache.window_size)
    return np.pad(x, ((0, 0), (0, rows - Y), (0, columns - X), (0, 0))) if (rows, columns) != (Y, X) else x


def _filled(label: str, map_size: tuple[int, int], window_size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the map when it is filled up to whole windows."""
    (Y, X), (M, L) = map_size, window_size
    rows, columns = -(-Y // M) * M, -(-X // L) * L
    if rows * columns > MOST_PLACES:
        raise ValueError(
            f"{label}: windows of {M} x {L} fill a map of {Y} x {X} up to {rows} x {columns} places; expected at most "
            f"{MOST_PLACES} places"
        )
    return rows, columns


def _roll(x: ndarray, down: int, right: int) -> ndarray:
    return np.roll(x, (down, right), axis=(1, 2)) if down or right else x


def _parts(length: int, window: int, shift: int) -> ndarray:
    """The part (0, 1 or 2) of each place along one side of the rolled map."""
    part = np.zeros(length, int)
    if shift:
        part[length - window :] = 1
        part[length - shift :] = 2
    return part
