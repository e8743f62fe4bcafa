"""Shift channels: each channel looks at a neighbour of its own, so that a map over channels mixes places as well."""

from typing import Annotated, NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Int, Positive, Range, ndarray

OFFSETS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""What the four parts of the channels see: the place above, below, on the left, on the right."""


class ShiftChannelsCache(NamedTuple):
    """What ``shift_channels_backward`` needs."""

    shape: tuple[int, int, int, int]
    offsets: Int[ndarray, "C 2"]
    repeat: bool


@checked
def shift_channels_forward(
    x: Float[ndarray, "B Y X C"], *, offsets: Int[ndarray, "C 2"], repeat: bool = True
) -> tuple[Float[ndarray, "B Y X C"], ShiftChannelsCache]:
    r"""At each place, of every channel what it is a few rows and columns away.

    .. math:: y_{b,i,j,c} = x_{b,\; i + \Delta_{c0},\; j + \Delta_{c1},\; c}

    It costs no multiplication, and a linear map of channels behind it is one of several places.

    Parameters
    ----------
    x : (B, Y, X, C)
    offsets : integers (C, 2)
        For each channel, how many rows below and how many columns to the right it looks; less than 0: above, left.
        See :func:`spatial_shifts` and :func:`cycle_offsets`.
    repeat : bool
        Beyond the edge are the pixels at the edge again, as in S2-MLP, or zeros, as in CycleMLP. (Never, as ``np.roll``
        has it, those of the other edge.)

    Raises
    ------
    ValueError
        If there is not one offset for each channel.
    TypeError
        If offsets are no integers.

    References
    ----------
    Yu et al. 2022, "S2-MLP: Spatial-Shift MLP Architecture for Vision", section 3.2; Chen et al. 2022, "CycleMLP",
    section 3.2, equation 3.
    """
    y = np.empty_like(x)
    for (down, right), channels in _groups(offsets):
        moved = _looking(_looking(x[..., channels], down, 1, repeat), right, 2, repeat)
        y[..., channels] = moved
    return y, ShiftChannelsCache(x.shape, offsets.copy(), repeat)


@checked
def shift_channels_backward(dy: Float[ndarray, "B Y X C"], cache: ShiftChannelsCache) -> InputGrad:
    r"""Gradient of :func:`shift_channels_forward`: to a pixel goes what all places that looked at it send back.

    That is one place, but for pixels at an edge, which repeat beyond it: they get a sum.
    """
    check_shape("shift_channels_backward: dy", dy, cache.shape)
    dx = np.empty_like(dy)
    for (down, right), channels in _groups(cache.offsets):
        dmoved = _looking_back(dy[..., channels], right, 2, cache.repeat)
        dx[..., channels] = _looking_back(dmoved, down, 1, cache.repeat)  # formula: rows first, then columns
    return InputGrad(dx)


@checked
def spatial_shifts(channels: Positive, *, rows_first: bool = True) -> Int[ndarray, "C 2"]:
    """Offsets of S2-MLP: a quarter of the channels looks up, one down, one left, one right; or left and right first.

    Where channels are no multiple of four, parts end at the whole numbers below C/4, C/2 and 3C/4.
    """
    offsets = np.empty((channels, 2), np.int64)
    order = OFFSETS if rows_first else OFFSETS[2:] + OFFSETS[:2]
    for part, offset in enumerate(order):
        offsets[part * channels // 4 : (part + 1) * channels // 4] = offset
    return offsets


@checked
def cycle_offsets(
    channels: Positive, *, steps: Positive = 3, along: Annotated[int, Range(at_least=0, at_most=1)]
) -> Int[ndarray, "C 2"]:
    """Offsets of CycleMLP: channel after channel one step on, through ``steps`` places, and then from the first again.

    ``along`` 0 goes down the rows, 1 along the columns.

    Source: Chen et al. 2022, "CycleMLP: A MLP-like Architecture for Dense Prediction", figure 2; its code begins in
    the middle, so channel 0 looks at its own place.
    """
    offsets = np.zeros((channels, 2), np.int64)
    offsets[:, along] = (np.arange(channels) + steps // 2) % steps - steps // 2
    return offsets


def _groups(offsets: ndarray) -> list[tuple[tuple[int, int], slice | ndarray]]:
    """The channels of each offset: a slice, where they lie side by side."""
    groups = []
    for offset in dict.fromkeys(map(tuple, offsets.tolist())):
        (channels,) = np.nonzero((offsets == offset).all(1))
        first, last = channels[0], channels[-1]
        side_by_side = last - first + 1 == len(channels)
        groups.append((offset, slice(int(first), int(last) + 1) if side_by_side else channels))
    return groups


def _there(n: int, step: int) -> Int[ndarray, " n"]:
    """Which place each of n looks at; beyond an edge all are alike, so that no step need be longer than the map."""
    return np.arange(n) + min(max(step, -n), n)


def _looking(x: ndarray, step: int, axis: int, repeat: bool) -> ndarray:
    """At each place along an axis what lies ``step`` further on."""
    if not step:
        return x
    there = _there(x.shape[axis], step)
    y = np.take(x, there.clip(0, x.shape[axis] - 1), axis)
    if not repeat:
        np.moveaxis(y, axis, 0)[(there < 0) | (there >= x.shape[axis])] = 0
    return y


def _looking_back(dy: ndarray, step: int, axis: int, repeat: bool) -> ndarray:
    """The way back of :func:`_looking`."""
    if not step:
        return dy
    n = dy.shape[axis]
    there = _there(n, step)
    inside = (there >= 0) & (there < n)
    dx = np.zeros_like(dy)
    dx_first, dy_first = np.moveaxis(dx, axis, 0), np.moveaxis(dy, axis, 0)
    dx_first[there[inside]] = dy_first[inside]
    if repeat and n:
        dx_first[0] += dy_first[there < 0].sum(0)
        dx_first[-1] += dy_first[there >= n].sum(0)
    return dx


def shift_channels_loops(
    x: Float[ndarray, "B Y X C"], *, offsets: Int[ndarray, "C 2"], repeat: bool = True
) -> Float[ndarray, "B Y X C"]:
    """The same place by place, as the formula says it."""
    B, Y, X, C = x.shape
    y = np.zeros_like(x)
    for b, i, j, c in np.ndindex(B, Y, X, C):
        row, column = i + offsets[c, 0], j + offsets[c, 1]
        if repeat:
            row, column = min(max(row, 0), Y - 1), min(max(column, 0), X - 1)
        if 0 <= row < Y and 0 <= column < X:
            y[b, i, j, c] = x[b, row, column, c]
    return y
