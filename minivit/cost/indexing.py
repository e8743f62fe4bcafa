"""What an index picks of an array: shapes and strides, and the errors that NumPy has for what is no index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.cost.errors import CostError, where
from minivit.cost.layout import Shape, Strides, broadcast, inner_first, kept_order


def is_basic(index: Any) -> bool:
    """Whether an index gives a view: whole numbers, slices, None and an ellipsis."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))
        for part in parts
    )


def indexed(shape: Shape, strides: Strides, index: Any) -> tuple[Shape, Strides]:
    """Shape and strides of a view."""
    parts = _for_all_axes(index if isinstance(index, tuple) else (index,), len(shape))
    lengths: list[int] = []
    steps: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            lengths.append(1)
            steps.append(0)
        elif isinstance(part, slice):
            places = range(*part.indices(shape[axis]))
            lengths.append(len(places))
            steps.append(strides[axis] * places.step)
            axis += 1
        else:
            if not -shape[axis] <= part < shape[axis]:
                raise IndexError(f"index {part} is out of bounds for axis {axis} with size {shape[axis]}")
            axis += 1
    return tuple(lengths), tuple(steps)


def picked(shape: Shape, strides: Strides, index: Any, itemsize: int) -> tuple[Shape, Strides]:
    """Shape and strides of what a fancy index picks.

    The order of axes in memory is that of a small array, of which NumPy picks in the same way.
    """
    parts = _for_all_axes(_without_numbers(shape, index), len(shape))
    arrays = [part for part in parts if isinstance(part, tuple)]
    try:
        common = broadcast(*arrays)
    except ValueError:
        raise IndexError(f"arrays of an index have shapes {' and '.join(map(str, arrays))}, which do not fit") from None
    outer_first = inner_first(shape, [strides])[::-1]
    small = np.empty([min(shape[axis], 2) for axis in outer_first], np.uint8).transpose(np.argsort(outer_first))
    small_index = tuple(
        np.zeros([min(n, 2) for n in part], np.intp)
        if isinstance(part, tuple)
        else (part if part is None else slice(None))
        for part in parts
    )
    sample = small[small_index]
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


def found(shape: Shape, strides: Strides, index: Any, itemsize: int) -> tuple[Shape, Strides]:
    """The same of any index."""
    return indexed(shape, strides, index) if is_basic(index) else picked(shape, strides, index, itemsize)


def check_mask(lengths: Shape, mask: Any) -> None:
    """See that a mask has the shape of the axes of which it picks."""
    if not mask.ndim:
        raise CostError(f"the counter does not know True or False as an index {where()}")
    if mask.shape != lengths:
        raise IndexError(f"a mask of shape {mask.shape} meets axes of shape {lengths}")


def check_places(places: ndarray, length: int) -> None:
    """See that numbers are places on an axis."""
    if places.size:
        if places.dtype.kind not in "iu":
            raise IndexError(f"{places} is no index; expected whole numbers, slices, None, ... or a mask")
        low, high = places.min(), places.max()
        if not -length <= low <= high < length:
            raise IndexError(f"an index from {low} to {high} is out of bounds for an axis of {length}")


def check_assigned(given: Shape, shape: Shape) -> None:
    """See that what has one shape can be written to where there is another; ones in front of it do not matter."""
    own = given
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    lead = len(shape) - len(own)
    if lead < 0 or any(n not in (1, m) for n, m in zip(own, shape[lead:], strict=True)):
        raise ValueError(f"could not broadcast input array from shape {given} into shape {shape}")


def _for_all_axes(parts: Sequence[Any], ndim: int) -> list[Any]:
    """An index with a slice for each axis that it does not name, in the place of its ellipsis or behind the others."""
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > ndim:
        raise IndexError(f"too many indices: {named} for an array of {ndim} axes")
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    place = dots[0] if dots else len(parts)
    return [*parts[:place], *[slice(None)] * (ndim - named), *parts[place + 1 :]]


def _without_numbers(shape: Shape, index: Any) -> list[Any]:
    """A fancy index, with the shapes of arrays in their place; of a mask, with those of what it picks."""
    given = index if isinstance(index, tuple) else (index,)
    parts: list[Any] = []
    axis = 0
    for place, part in enumerate(given):
        if part is Ellipsis:
            axis = len(shape) - sum(_axes_taken(later) for later in given[place + 1 :])
        taken = _axes_taken(part)
        if part is None or part is Ellipsis or isinstance(part, slice):
            parts.append(part)
        elif _has_no_numbers(part):
            if part.dtype == bool:
                raise CostError(f"how many are picked depends on numbers, and here are only shapes {where()}")
            parts.append(part.shape)
        else:
            array = np.asarray(part)
            if array.dtype == bool:
                check_mask(shape[axis : axis + taken], array)
                parts += [places.shape for places in np.nonzero(array)]
            else:
                for length in shape[axis : axis + 1]:  # none, if there are too many indices
                    check_places(array, length)
                parts.append(array.shape)
        axis += taken
    return parts


def _axes_taken(part: Any) -> int:
    """How many axes a part of an index is for."""
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, slice) or _has_no_numbers(part):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == bool else 1


def _has_no_numbers(part: Any) -> bool:
    return hasattr(part, "tally")
