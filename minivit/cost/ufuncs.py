"""What NumPy's ufuncs make of arrays without numbers, called or by one of their methods."""

from collections.abc import Sequence
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.cost.errors import CostError, where
from minivit.cost.indexing import check_assigned, check_places, found
from minivit.cost.layout import MOST_REMEMBERED, Shape, Strides, axes_of, broadcast, kept_order, reduced_shape
from minivit.cost.meta import UFUNCS, MetaArray, layouts_of, refuse_real, tally_of, written
from minivit.cost.products import product
from minivit.cost.tally import Tally

Out = tuple[Any, ...] | None


def _call(ufunc: np.ufunc, *inputs: Any, out: Out = None, dtype: Any = None, **options: Any) -> Any:
    for name in ("axis", "axes"):
        if ufunc.signature is not None and name in options:  # they change what a product makes of its axes
            raise CostError(f"the counter does not know numpy.{ufunc.__name__} with {name} {where()}")
    arrays, kinds = _arrays_and_kinds(inputs)
    dtypes = _dtypes(ufunc, kinds) if dtype is None else (np.dtype(dtype),) * ufunc.nout
    if ufunc.signature is not None:
        a, b = arrays
        return product(ufunc, a, b, dtypes[0], out)
    return _result(out, *_broadcast(dtypes, layouts_of(arrays)), tally_of([*arrays, *(out or ())]))


def _outer(ufunc: np.ufunc, *inputs: Any, out: Out = None) -> Any:
    (a, b), kinds = _arrays_and_kinds(inputs)
    layouts = [(dtype, None) for dtype in _dtypes(ufunc, kinds)]
    return _result(out, a.shape + b.shape, layouts, tally_of([a, b, *(out or ())]))


def _reduce(
    ufunc: np.ufunc, a: Any, *, axis: Any = 0, keepdims: bool = False, dtype: Any = None, out: Out = None, **_: Any
) -> Any:
    array = np.asanyarray(a)
    shape = reduced_shape(array.shape, axis, keepdims)
    dtype = _reduced_dtype(ufunc, array.dtype, dtype)
    tally = tally_of([array, *(out or ())])
    tally.elementwise(array.size)
    if out is not None and out[0] is not None:
        return written(out[0], shape, dtype, alike=True)
    return MetaArray(shape, dtype, tally)


def _accumulate(ufunc: np.ufunc, a: Any, *, axis: int = 0, dtype: Any = None, out: Out = None) -> Any:
    array = np.asanyarray(a)
    axes_of(axis, array.ndim)
    dtype = _reduced_dtype(ufunc, array.dtype, dtype)
    return _result(out, array.shape, [(dtype, None)], tally_of([array, *(out or ())]))


def _reduceat(ufunc: np.ufunc, array: Any, indices: Any, *, axis: int = 0, dtype: Any = None, **_: Any) -> Any:
    refuse_real(array)
    (axis,) = axes_of(axis, array.ndim)
    if not isinstance(indices, MetaArray):
        check_places(np.asarray(indices), array.shape[axis])
    dtype = _reduced_dtype(ufunc, array.dtype, dtype)
    tally = array.tally
    tally.elementwise(array.size)
    converted = None if dtype == array.dtype else MetaArray(array.shape, dtype, tally)  # all of it, meanwhile
    result = MetaArray((*array.shape[:axis], len(indices), *array.shape[axis + 1 :]), dtype, tally)
    del converted
    return result


def _at(ufunc: np.ufunc, array: Any, indices: Any, *values: Any) -> None:
    refuse_real(array)
    shape, _ = found(array.shape, array.strides, indices, array.itemsize)
    for value in values:
        check_assigned(np.shape(value), shape)
    array.tally.elementwise(np.size(values[-1]) if values else prod(shape))


UFUNCS |= {
    "__call__": _call,
    "outer": _outer,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    "at": _at,
}


def _arrays_and_kinds(inputs: Sequence[Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """Operands as arrays, and what decides on the dtype of a result: Python's own numbers are weak."""
    arrays, kinds = [], []
    for given in inputs:
        array = given if isinstance(given, ndarray) else np.asarray(given)
        arrays.append(array)
        kinds.append(type(given) if isinstance(given, (bool, int, float, complex)) else array.dtype)
    return arrays, tuple(kinds)


@cache
def _dtypes(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """What comes out where this goes in."""
    ndim = 2 if ufunc.signature else 0
    with np.errstate(all="ignore"):
        samples = [kind(1) if isinstance(kind, type) else np.ones((1,) * ndim, kind) for kind in kinds]
        results = ufunc(*samples)
    return tuple(result.dtype for result in (results if isinstance(results, tuple) else (results,)))


@cache
def _reduced_dtype(ufunc: np.ufunc, kind: Any, dtype: Any) -> np.dtype:
    return ufunc.reduce(np.ones(1, kind), dtype=dtype).dtype


@lru_cache(MOST_REMEMBERED)
def _broadcast(dtypes: Any, operands: Any) -> tuple[Shape, list[tuple[np.dtype, Strides]]]:
    """The shape of what is done with elements of several arrays, and the dtypes and layouts of the results."""
    shape = broadcast(*(own for own, _ in operands))
    return shape, [(dtype, kept_order(shape, operands, dtype.itemsize)) for dtype in dtypes]


def _result(out: Out, shape: Shape, kinds: Sequence[tuple[np.dtype, Strides | None]], tally: Tally) -> Any:
    """New arrays, or those that were given to be written into."""
    tally.elementwise(prod(shape))
    results = []
    for array, (dtype, steps) in zip(out or (None,) * len(kinds), kinds, strict=True):
        if array is None:
            results.append(MetaArray(shape, dtype, tally, steps))
        else:
            results.append(written(array, shape, dtype))
    return results[0] if len(results) == 1 else tuple(results)
