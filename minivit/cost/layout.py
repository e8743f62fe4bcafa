"""How NumPy lays arrays out: strides of views, of results, and when a reshape must copy."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from operator import index
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Strides = tuple[int, ...]

MOST_REMEMBERED = 10_000
"""Layouts; a model has far fewer, over and over."""

broadcast = lru_cache(MOST_REMEMBERED)(np.broadcast_shapes)
"""The common shape of several."""


def c_order(shape: Sequence[int], itemsize: int) -> Strides:
    """Bytes from one entry of each axis to the next, with the last axis side by side."""
    steps, step = [], itemsize
    for length in reversed(shape):
        steps.append(step)
        step *= max(length, 1)
    return tuple(reversed(steps))


def axes_of(axes: Any, ndim: int) -> list[int]:
    """Axes as numbers from 0 on."""
    axes = [index(axis) for axis in ((axes,) if isinstance(axes, (int, np.integer)) else axes)]
    for axis in axes:
        if not -ndim <= axis < ndim:
            raise np.exceptions.AxisError(axis, ndim)
    found = [int(axis) % ndim for axis in axes]
    if len({*found}) < len(found):
        raise ValueError(f"axes {tuple(axes)} of an array of {ndim} name one twice")
    return found


def reduced_shape(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    """The shape of a sum over some axes, all of them for None."""
    gone = range(len(shape)) if axis is None else axes_of(axis, len(shape))
    if keepdims:
        return tuple(1 if i in gone else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i not in gone)


def whole_shape(shape: Any, size: int) -> Shape:
    """A shape with its -1 filled in."""
    shape = [int(n) for n in ((shape,) if isinstance(shape, (int, np.integer)) else shape)]
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or not known or size % known:
            raise ValueError(f"cannot reshape array of size {size} into shape {tuple(shape)}")
        shape[shape.index(-1)] = size // known
    if prod(shape) != size:
        raise ValueError(f"cannot reshape array of size {size} into shape {tuple(shape)}")
    return tuple(shape)


@lru_cache(MOST_REMEMBERED)
def kept_order(
    shape: Shape,
    operands: tuple[tuple[Shape, Strides], ...],
    itemsize: int,
    core: Shape = (),
    as_axes: Shape | None = None,
) -> Strides:
    """The strides of a result: axes in memory stand in the order in which the operands have them (order "K").

    ``core`` are axes of a product, which stand last. ``as_axes`` is the shape if the operands have another.
    """
    ndim = len(shape)
    strides = []
    for own_shape, own in operands:
        lead = ndim - len(own_shape)
        strides.append(
            (0,) * lead + tuple(0 if n == 1 and as_axes is None else s for n, s in zip(own_shape, own, strict=True))
        )
    lengths = shape if as_axes is None else as_axes
    steps, step = [0] * ndim, itemsize * prod(max(n, 1) for n in core)
    for axis in inner_first(shape, strides):
        steps[axis] = step
        step *= max(lengths[axis], 1)
    return (*steps, *c_order(core, itemsize))


def inner_first(shape: Shape, strides: Sequence[Strides]) -> list[int]:
    """Axes from the innermost to the outermost: an insertion sort that moves an axis only for a reason.

    As NumPy's iterator does it (``npyiter_find_best_axis_ordering``): of two axes, the one with the smaller strides is
    the inner one, if no operand says otherwise; where none says anything, they stay in C order.
    """
    order = [*reversed(range(len(shape)))]
    for place in range(1, len(order)):
        axis, target = order[place], place
        for before in range(place - 1, -1, -1):
            other = order[before]
            swap, ambiguous = False, True
            for own in strides:
                a, b = abs(own[axis]), abs(own[other])
                if a and b:
                    if b <= a:
                        swap = False  # this operand wants them as they are
                    elif ambiguous:
                        swap = True
                    ambiguous = False
            if ambiguous:
                continue
            if not swap:
                break
            target = before
        order.insert(target, order.pop(place))
    return order


def reshaped(shape: Shape, strides: Strides, new: Shape, itemsize: int) -> Strides | None:
    """Strides of the same memory in another shape, or None where there are none and NumPy copies.

    Groups of old axes are matched with groups of new ones that have as many entries; those of a group must lie in
    memory as one axis would.
    """
    if prod(new) == 0:
        return c_order(new, itemsize)
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    steps = [0] * len(new)
    i = j = 0
    while i < len(old) and j < len(new):
        first, start = i, j
        have, want = old[i][0], new[j]
        i, j = i + 1, j + 1
        while have != want:
            if have < want:
                have *= old[i][0]
                i += 1
            else:
                want *= new[j]
                j += 1
        for k in range(first, i - 1):
            if old[k][1] != old[k + 1][0] * old[k + 1][1]:
                return None
        step = old[i - 1][1]
        for k in range(j - 1, start - 1, -1):
            steps[k] = step
            step *= new[k]
    last = steps[j - 1] if j else itemsize
    for k in range(j, len(new)):  # what is left has length 1
        steps[k] = last
    return tuple(steps)
