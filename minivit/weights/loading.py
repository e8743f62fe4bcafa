"""What all loaders do: find in a checkpoint what makes each parameter, check all of it, and then set the model."""

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_range, check_type, plain
from minivit.layers.param import Param
from minivit.models.model import Model
from minivit.weights.files import Arrays, Stored, open_arrays
from minivit.weights.names import (
    listed,
    misfit,
    of_a_head_of_two,
    of_another_window,
    of_other_images,
    prefix_of,
    reason,
    within,
)
from minivit.weights.places import Grid, Source, Way
from minivit.weights.sources import SOURCES
from minivit.weights.torch_layout import in_our_order

FLOATS = ("float16", "bfloat16", "float32", "float64")
MEAN = "running_mean"
MOST_POSITIONS = 2**16  # of a table that is resampled: the only array whose size the model does not tell beforehand


class Expected(NamedTuple):
    """The arrays of a checkpoint that make one parameter, side by side.

    Parameters
    ----------
    names : tuple of str
    shape : tuple of int
        Of each.
    axes : tuple of str
        Our names of its axes, in the order of the checkpoint.
    order : tuple of int
        Which of our axes these are.
    lengths : tuple of int
        Its shape when what is one axis of ours is one axis: heads, and the width of one.
    table : str, optional
        The axis that is resampled: its length may be any.
    free : int, optional
        Where that stands in ``shape``.
    share : (which, of how many)
        What is ours of it, along the axis "out".
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    order: tuple[int, ...]
    lengths: tuple[int, ...]
    table: str | None
    free: int | None
    share: tuple[int, int]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be taken."""
        if self.free is None or len(shape) != len(self.shape):
            return shape == self.shape
        i = self.free
        return shape == (*self.shape[:i], shape[i], *self.shape[i + 1 :]) and shape[i] <= MOST_POSITIONS


Layout = Mapping[str, Expected]
"""{name of our parameter: what makes it}"""


def load(model: Model, arrays: Arrays, source: Source, *, keep_head: bool, grid: Grid) -> None:
    """Set all that the model keeps from a checkpoint; nothing changes if anything does not fit.

    What was in front of all names, and what was left aside, is said in a warning.

    Parameters
    ----------
    keep_head : bool
        Leave the model's heads alone, and the checkpoint's aside.
    grid : (rows, columns), optional
        Of the checkpoint's tables of positions.
    """
    table, grid = source.table(model), plain(grid)
    if table.unfit:
        raise ValueError(table.unfit)
    source = source._replace(resample={**source.resample, **table.resample})
    state = {name: param for name, param in model.named_state().items() if name not in table.ours_alone}
    if keep_head:
        state = {name: param for name, param in state.items() if not within(name, model.head_names)}
    layouts = [_layout(state, way, source) for way in table.ways]
    if nowhere := state.keys() - layouts[0].keys():
        raise ValueError(f"{source.loader} knows no name for {listed(nowhere)} of this {type(model).__name__}")
    if grid is not None:
        check_type("grid", grid, int | tuple[int, int])
        check_range("grid", grid, at_least=1)
        if not any(expected.table for expected in layouts[0].values()):
            raise ValueError(f"grid is {grid}, but this {type(model).__name__} has no table of positions on a grid")
    with open_arrays(arrays, source.separator) as stored:
        found = [prefix_of(stored, _names(layout)) for layout in layouts]
        best = max(range(len(found)), key=lambda i: found[i][1])  # the way of which the checkpoint has most
        prefix, layout = found[best][0], _behind(found[best][0], layouts[best])
        heads = _heads(table.ways[best], model.head_names)
        missing, unknown, said = _sort_names(layout, stored, prefix, table.aside, heads if keep_head else ())
        if missing or unknown:
            others = _other_loaders(model, source)
            hints = {"options": model.config, "heads": {} if keep_head else heads, "others": others}
            raise KeyError(misfit(missing, unknown, reason(missing, unknown, _names(layout), stored, **hints)))
        if "num_classes" in model.config:
            _check_classes(state, model.head_names, layout, stored)
        _check_arrays(layout, stored, model)
        values = {}
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are looked at afterwards
            for name, expected in layout.items():
                param = state[name]
                parts = [_ours(part, stored[part], expected, param, source, grid) for part in expected.names]
                values[name] = param.empty()
                values[name][...] = parts[0] if len(parts) == 1 else np.concatenate(parts, param.axes.index("out"))
    strange = [name for name, value in values.items() if not np.isfinite(value).all()]
    if strange:
        said.append(f"loaded nan or infinite numbers into {listed(strange)}")
    for sentence in said:
        warnings.warn(sentence, stacklevel=3)  # which may be an error to whoever wants it so: nothing is changed yet
    for name, value in values.items():
        state[name].take(value)


def names_found(model: Model, names: Collection[str], source: Source) -> int:
    """How many of the names that this source has for the parts of the model are among these, behind one prefix.

    Raises
    ------
    TypeError
        If the source knows no such model.
    ValueError
        If they are there several times.
    """
    state = model.named_state()
    return max(prefix_of(names, _names(_layout(state, way, source)))[1] for way in source.table(model).ways)


def _layout(state: Mapping[str, Param], way: Way, source: Source) -> Layout:
    """What this way of writing files makes each parameter of, but those that it has no place for."""
    layout = {}
    for name, param in state.items():
        layer, _, kind = name.rpartition(".")
        place, leaf = (way[name], "") if name in way else (way.get(layer), source.separator + source.leaf(kind, param))
        if place is None:
            continue
        order = tuple(range(len(param.axes))) if place.as_ours else tuple(source.axes(param))
        axes = tuple(param.axes[i] for i in order)
        _, shares = place.share
        whole = [param.shape[i] * (shares if param.axes[i] == "out" else 1) for i in order]
        sides = {"out": len(place.names)}
        lengths = tuple(n // sides.get(axis, 1) for axis, n in zip(axes, whole, strict=True))
        sides_of = [place.split.get(axis, (n,)) for axis, n in zip(axes, lengths, strict=True)]
        table = next((axis for axis in axes if param.grid and axis in source.resample), None)
        layout[name] = Expected(
            names=tuple(their_name + leaf for their_name in place.names),
            shape=tuple(chain.from_iterable(sides_of)),
            axes=axes,
            order=order,
            lengths=tuple(-1 if axis == table else n for axis, n in zip(axes, lengths, strict=True)),
            table=table,
            free=None if table is None else sum(map(len, sides_of[: axes.index(table)])),
            share=place.share,
        )
    return layout


def _behind(prefix: str, layout: Layout) -> Layout:
    """The layout of a checkpoint in which this stands in front of all names."""
    return {
        name: expected._replace(names=tuple(prefix + part for part in expected.names))
        for name, expected in layout.items()
    }


def _names(layout: Layout) -> set[str]:
    return {name for expected in layout.values() for name in expected.names}


def _heads(way: Way, head_names: Sequence[str]) -> dict[str, str]:
    """{their name of a head, or of a part of one: our name of the head}"""
    ours = {name: head for head in head_names for name in way if within(name, [head])}
    return {theirs: head for name, head in ours.items() for theirs in way[name].names}


def _other_loaders(model: Model, source: Source) -> list[tuple[str, set[str]]]:
    """The names that the other loaders would look for, one set for each way of writing files."""
    state, ways = model.named_state(), []
    for other in SOURCES:
        if other.loader != source.loader:
            with suppress(TypeError):  # it may know no such model
                ways += [(other, way) for way in other.table(model).ways]
    return [(other.loader, _names(_layout(state, way, other))) for other, way in ways]


def _sort_names(
    layout: Layout, stored: Mapping[str, Stored], prefix: str, aside: Mapping[str, str], heads: Collection[str]
) -> tuple[set[str], set[str], list[str]]:
    """Arrays that are missing, arrays that have no place, and what to say of those that are left aside.

    Of ``heads`` nothing is said: who wants them left aside knows it.
    """
    expected = _names(layout)
    # PyTorch counts the batches of each batch norm, and computes nothing with it
    counts = {name.removesuffix(MEAN) + "num_batches_tracked" for name in expected if name.endswith(MEAN)}
    theirs = [prefix + head for head in heads]
    rest = {name for name in stored if name not in expected | counts and not within(name, theirs)}
    elsewhere = {name for name in rest if not name.startswith(prefix)}
    inside = {name: name.removeprefix(prefix) for name in rest - elsewhere}
    left = {name: why for pattern, why in aside.items() for name in inside if re.search(pattern, inside[name])}
    said = [
        f"left {listed(name for name in left if left[name] == why)} aside: {why}"
        for why in dict.fromkeys(left.values())
    ]
    if prefix:
        others = f" and left {listed(elsewhere)} aside" if elsewhere else ""
        said.append(f"took the arrays whose names begin with {prefix!r}{others}")
    return expected.difference(stored), inside.keys() - left.keys(), said


def _check_classes(
    state: Mapping[str, Param], head_names: Sequence[str], layout: Layout, stored: Mapping[str, Stored]
) -> None:
    """The commonest misfit deserves a sentence of its own: the last linear map of a head is for other classes."""
    for head in head_names:
        maps = [name for name in layout if within(name, [head]) and state[name].is_linear_map]
        layer = maps[-1].rpartition(".")[0] if maps else None
        for name, expected in layout.items():
            if name.rpartition(".")[0] != layer or "out" not in expected.axes:
                continue
            shape, out = stored[expected.names[0]].shape, expected.axes.index("out")
            if len(shape) == len(expected.shape) and shape[out] != expected.shape[out]:
                raise ValueError(
                    f"the checkpoint is for {shape[out]} classes, the model for {expected.shape[out]}: "
                    f"build the model with num_classes={shape[out]}, or keep the model's own head (keep_head=True)"
                )


def _check_arrays(layout: Layout, stored: Mapping[str, Stored], model: Model) -> None:
    """Shapes, and what the numbers are, before anything is read: so no file has us read more than the model has."""
    for ours, expected in layout.items():
        for name in expected.names:
            shape, dtype, _ = stored[name]
            if dtype not in FLOATS:
                raise ValueError(
                    f"array {name!r} holds {dtype}; weights are NumPy arrays of {', '.join(FLOATS)} "
                    "(of a PyTorch tensor, tensor.detach().float().cpu().numpy())"
                )
            if not expected.fits(shape):
                is_table, window = expected.axes == ("way", "head"), model.config.get("window_size")
                hint = of_another_window(shape, expected.shape, window) if is_table else ""
                hint = hint or (of_a_head_of_two(shape, expected.shape) if within(ours, model.head_names) else "")
                hint = hint or of_other_images(ours, shape, expected.shape)
                raise ValueError(f"array {name!r} has shape {shape}; this model expects {expected.shape}{hint}")


def _ours(name: str, stored: Stored, expected: Expected, param: Param, source: Source, grid: Grid) -> ndarray:
    """Read an array and bring it to our dtype, our order of axes, and our grid."""
    array = _numbers(name, stored, param.dtype).reshape(expected.lengths)
    array = in_our_order(array, expected.order)
    which, shares = expected.share
    if shares > 1:
        array = np.split(array, shares, param.axes.index("out"))[which]
    return source.resample[expected.table](array, param, grid) if expected.table else array


def _numbers(name: str, stored: Stored, dtype: np.dtype) -> ndarray:
    """Read an array and convert it to the model's dtype."""
    array = stored.read()
    numbers = array.astype(dtype, copy=False)
    if numbers is not array and np.isinf(numbers).sum() > np.isinf(array).sum():
        raise ValueError(
            f"array {name!r} holds numbers too large for the model's {dtype}; in Python there are models of "
            'dtype="float64"'
        )
    return numbers
