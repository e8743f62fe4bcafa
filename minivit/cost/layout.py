"""How NumPy lays arrays out: strides of views, of results, and when a reshape must copy."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
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
    axes = (axes,) if isinstance(axes, (int, np.integer)) else axes
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
    for axis in _inner_first(shape, strides):
        steps[axis] = step
        step *= max(lengths[axis], 1)
    return (*steps, *c_order(core, itemsize))


def _inner_first(shape: Shape, strides: Sequence[Strides]) -> list[int]:
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


def is_basic(index: Any) -> bool:
    """Whether an index gives a view: whole numbers, slices, None and an ellipsis."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))
        for part in parts
    )


def indexed(shape: Shape, strides: Strides, index: Any) -> tuple[list[int], Strides]:
    """Shape and strides of a view."""
    parts = list(index) if isinstance(index, tuple) else [index]
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > len(shape):
        raise IndexError(f"too many indices: {named} for an array of {len(shape)} axes")
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    lengths: list[int] = []
    steps: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            lengths.append(1)
            steps.append(0)
        elif part is Ellipsis:
            rest = len(shape) - named
            lengths += shape[axis : axis + rest]
            steps += strides[axis : axis + rest]
            axis += rest
        elif isinstance(part, slice):
            places = range(*part.indices(shape[axis]))
            lengths.append(len(places))
            steps.append(strides[axis] * places.step)
            axis += 1
        else:
            if not -shape[axis] <= part < shape[axis]:
                raise IndexError(f"index {part} is out of bounds for axis {axis} with size {shape[axis]}")
            axis += 1
    return lengths, tuple(steps)


def picked(shape: Shape, strides: Strides, parts: Sequence[Any], itemsize: int) -> tuple[Shape, Strides]:
    """Shape and strides of what a fancy index picks; ``parts`` has the shapes of its arrays in their place.

    The order of axes in memory is that of a small array, of which NumPy picks in the same way.
    """
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > len(shape):
        raise IndexError(f"too many indices: {named} for an array of {len(shape)} axes")
    rest = (slice(None),) * (len(shape) - named)
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts = [*parts[:place], *rest, *parts[place + 1 :]]
    outer_first = _inner_first(shape, [strides])[::-1]
    small = np.empty([min(shape[axis], 2) for axis in outer_first], np.uint8).transpose(np.argsort(outer_first))
    arrays = [part for part in parts if isinstance(part, tuple)]
    common = broadcast(*arrays)
    index = tuple(
        np.zeros([min(n, 2) for n in part], np.intp)
        if isinstance(part, tuple)
        else (part if part is None else slice(None))
        for part in parts
    )
    sample = small[index]
    axes = iter(shape)
    lengths: list[int] = []
    first = None
    for part in parts:
        if part is None:
            lengths.append(1)
        elif isinstance(part, tuple):
            next(axes)
            first = len(lengths) if first is None else first
        else:
            lengths.append(len(range(*part.indices(next(axes)))))
    places = [i for i, part in enumerate(parts) if isinstance(part, tuple)]
    if places[-1] - places[0] >= len(places):  # with something between them, what the arrays make comes first
        first = 0
    assert first is not None
    whole = (*lengths[:first], *common, *lengths[first:])
    return whole, kept_order(whole, ((whole, sample.strides),), itemsize)
