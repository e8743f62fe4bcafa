"""Look into a cache: which arrays backward keeps alive, and how many bytes they are."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.param import ParamStorage
from minivit.nests import named_leaves


class Row(NamedTuple):
    """One array in a cache, or several folded into one row, which then has no shape and no dtype.

    ``nbytes`` is 0 for a parameter, or when an earlier row already counts the memory.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    nbytes: int
    note: str


class Description:
    """Table of the arrays in a cache: ``rows``, and a text or (in Jupyter) HTML rendering."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.nbytes = sum(row.nbytes for row in rows)

    def __str__(self) -> str:
        cells = [("name", "shape", "dtype", "bytes", "")]
        cells += [(row.name, _shape(row), row.dtype, f"{row.nbytes:,}", row.note) for row in self.rows]
        cells += [("total", "", "", f"{self.nbytes:,}", "")]
        name, shape, dtype, size, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
        return "\n".join(
            f"{a:<{name}}  {b:<{shape}}  {c:<{dtype}}  {d:>{size}}  {e}".rstrip() for a, b, c, d, e in cells
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "<tr><th>name</th><th>shape</th><th>dtype</th><th>bytes</th><th></th></tr>"
        body = "".join(
            f"<tr><td style='text-align:left'><code>{row.name}</code></td><td>{_shape(row)}</td><td>{row.dtype}</td>"
            f"<td style='text-align:right'>{row.nbytes:,}</td><td style='text-align:left'>{row.note}</td></tr>"
            for row in self.rows
        )
        total = f"<tr><th>total</th><th></th><th></th><th style='text-align:right'>{self.nbytes:,}</th><th></th></tr>"
        return f"<table>{head}{body}{total}</table>"


def _shape(row: Row) -> str:
    return "" if row.shape is None else str(row.shape)


def arrays_in(cache: Any, name: str = "") -> Iterator[tuple[str, ndarray]]:
    """Every array in a nest of NamedTuples, lists, dicts and dataclasses, with its path: ``blocks.3.attn.qkv.x``."""
    for path, leaf in named_leaves(cache, name):
        if isinstance(leaf, ndarray):
            yield path, leaf
        elif is_dataclass(leaf) and not isinstance(leaf, type):
            yield from arrays_in({field.name: getattr(leaf, field.name) for field in fields(leaf)}, path)


def owner(array: ndarray) -> ndarray:
    """The array whose memory this one is, perhaps, a view of; a view keeps all of it alive."""
    while (base := _base(array)) is not None:
        array = base
    return array


def _base(array: ndarray) -> ndarray | None:
    """The array that this one is a view of; NumPy's views with strides of their own hold it by a dummy."""
    base = array.base
    return base if isinstance(base, ndarray) else getattr(base, "base", None)


def describe(cache: Any, depth: int | None = None) -> Description:
    """Table of the arrays in a cache: name, shape, dtype, bytes.

    Each piece of memory is counted in the row where it first appears; a view counts for all the memory it keeps alive.
    Parameters are listed and not counted. ``print`` it, or end a notebook cell with it.

    Parameters
    ----------
    cache : nest of NamedTuples, tuples, lists and dicts
    depth : int, optional
        Fold together what has the first so many parts of the name in common: 2 makes one row of each ``blocks.3``.
    """
    if depth is not None and depth < 1:
        raise ValueError(f"describe: depth is {depth}; expected at least 1, or None for a row per array")
    rows: list[Row] = []
    first: dict[int, str] = {}
    for name, array in arrays_in(cache):
        memory = owner(array)
        note, nbytes = "", 0
        if isinstance(memory, ParamStorage):
            note = "parameter"
        elif id(memory) in first:
            note = f"in the memory of {first[id(memory)]}"
        else:
            first[id(memory)] = name
            nbytes = memory.nbytes
            note = "" if array.size == memory.size else f"keeps an array of shape {memory.shape} alive"
        rows.append(Row(name, array.shape, str(array.dtype), nbytes, note))
    return Description(rows if depth is None else _folded(rows, depth))


def _folded(rows: list[Row], depth: int) -> list[Row]:
    """One row per name of at most ``depth`` parts, in the order of their first arrays."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(".".join(row.name.split(".")[:depth]), []).append(row)
    return [
        group[0]
        if group[0].name == name  # nothing to fold: the array itself
        else Row(name, None, "", sum(row.nbytes for row in group), f"{len(group)} array{'s' * (len(group) > 1)}")
        for name, group in groups.items()
    ]


def nbytes(cache: Any) -> int:
    """Bytes that a cache keeps alive for backward: each piece of memory once, parameters not counted."""
    return describe(cache).nbytes


def first_nonfinite(cache: Any) -> str | None:
    """Path of the first array in a cache, in the order of the forward pass, that holds a nan or an infinity."""
    for name, array in arrays_in(cache):
        if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
            return name
    return None
