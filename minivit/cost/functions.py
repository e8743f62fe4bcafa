"""What NumPy's functions make of arrays without numbers: those that are no ufuncs and no methods."""

from collections.abc import Callable
from math import ceil, prod
from operator import index
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.cost.errors import CostError, where
from minivit.cost.indexing import check_places
from minivit.cost.layout import axes_of, broadcast, c_order, kept_order, reduced_shape
from minivit.cost.meta import FUNCTIONS, MAKERS, PLAIN, MetaArray, layouts_of, tally_of, written
from minivit.cost.products import dot, einsum, inner, tensordot


def _like(shape: Any, prototype: MetaArray, dtype: Any, filled: bool) -> MetaArray:
    if shape is None:
        shape = prototype.shape
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(map(index, shape))
    operands = layouts_of([prototype]) if len(shape) == prototype.ndim else ()  # of another number of axes, C order
    dtype = np.dtype(prototype.dtype if dtype is None else dtype)
    if filled:
        prototype.tally.elementwise(prod(shape))
    steps = kept_order(prototype.shape, operands, dtype.itemsize, as_axes=shape) if operands else None
    return MetaArray(shape, dtype, prototype.tally, steps)


def _empty_like(prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return _like(shape, prototype, dtype, filled=False)


def _zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return _like(shape, a, dtype, filled=True)


def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    return _like(shape, a, dtype, filled=True)


def _concatenate(arrays: Any, axis: Any = 0, out: Any = None, dtype: Any = None, **_: Any) -> Any:
    arrays = [each if isinstance(each, ndarray) else np.asarray(each) for each in arrays]
    tally = tally_of([*arrays, out])
    if axis is None:
        arrays, axis = [each.reshape(-1) for each in arrays], 0
    (axis,) = axes_of(axis, arrays[0].ndim)
    length = sum(each.shape[axis] for each in arrays)
    shape = (*arrays[0].shape[:axis], length, *arrays[0].shape[axis + 1 :])
    for each in arrays:
        if (*each.shape[:axis], length, *each.shape[axis + 1 :]) != shape:
            raise ValueError(f"concatenate: shapes {[a.shape for a in arrays]} do not fit along axis {axis}")
    tally.elementwise(prod(shape))
    dtype = np.result_type(*(each.dtype for each in arrays)) if dtype is None else np.dtype(dtype)
    if out is not None:
        return written(out, shape, dtype, alike=True)
    steps = kept_order(arrays[0].shape, layouts_of(arrays), dtype.itemsize, as_axes=shape)
    return MetaArray(shape, dtype, tally, steps)


def _where_function(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None:
        raise CostError(f"how many are found depends on numbers, and here are only shapes {where()}")
    arrays = [each if isinstance(each, ndarray) else np.asarray(each) for each in (condition, x, y)]
    shape = broadcast(*(each.shape for each in arrays))
    weak = [
        given if isinstance(given, (bool, int, float)) else array
        for given, array in zip((x, y), arrays[1:], strict=True)
    ]
    dtype = np.result_type(*(each if isinstance(each, (bool, int, float)) else each.dtype for each in weak))
    tally = tally_of(arrays)
    tally.elementwise(prod(shape))
    return MetaArray(shape, dtype, tally, kept_order(shape, layouts_of(arrays), dtype.itemsize))


def _ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    a = a if dtype is None else a.astype(dtype, copy=False)
    squeezed = [(n, s) for n, s in zip(a.shape, a.strides, strict=True) if n != 1]
    shape, steps = [n for n, _ in squeezed], tuple(s for _, s in squeezed)
    return a if steps == c_order(shape, a.itemsize) else a.copy()


def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if broadcast(array.shape, shape) != shape:
        raise ValueError(f"broadcast_to: {array.shape} cannot be stretched to {shape}")
    lead = len(shape) - array.ndim
    steps = (0,) * lead + tuple(
        0 if length == 1 and shape[lead + i] != 1 else step
        for i, (length, step) in enumerate(zip(array.shape, array.strides, strict=True))
    )
    return array._view(shape, steps)


def _pad(array: Any, pad_width: Any, mode: str = "constant", **_: Any) -> Any:
    if isinstance(pad_width, dict):
        raise CostError(f"the counter does not know numpy.pad with a dict {where()}")
    if isinstance(pad_width, MetaArray):
        pad_width = pad_width.item()  # refused: a number that is not there
    width = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    if min(map(min, width), default=0) < 0:
        raise ValueError(f"pad: pad_width is {pad_width}; expected at least 0")
    shape = [n + before + after for n, (before, after) in zip(array.shape, width, strict=True)]
    array.tally.elementwise(prod(shape))
    return MetaArray(shape, array.dtype, array.tally)


def _take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    a = a.reshape(-1) if axis is None else a
    (place,) = axes_of(axis or 0, a.ndim)
    if mode == "raise" and not isinstance(indices, MetaArray):
        check_places(np.asarray(indices), a.shape[place])
    picked = (*a.shape[:place], *np.shape(indices), *a.shape[place + 1 :])
    a.tally.elementwise(prod(picked))
    return MetaArray(picked, a.dtype, a.tally) if out is None else written(out, picked, a.dtype, alike=True)


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    written(dst, np.shape(src), np.asarray(src).dtype if casting == "same_kind" else dst.dtype)
    dst.tally.elementwise(dst.size)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None:
        raise CostError(f"the counter does not know numpy.linalg.norm of order {ord!r} {where()}")
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    a = a.reshape(-1) if axis is None else a
    (place,) = axes_of(axis or 0, a.ndim)
    length = int(np.sum(np.broadcast_to(np.asarray(repeats), a.shape[place])))
    shape = (*a.shape[:place], length, *a.shape[place + 1 :])
    a.tally.elementwise(prod(shape))
    return MetaArray(shape, a.dtype, a.tally)


def _tile(A: Any, reps: Any) -> Any:
    reps = (reps,) if isinstance(reps, (int, np.integer)) else tuple(reps)
    lead = max(0, len(reps) - A.ndim)
    shape = [n * m for n, m in zip((1,) * lead + A.shape, (1,) * (A.ndim - len(reps)) + reps, strict=True)]
    A.tally.elementwise(prod(shape))
    return MetaArray(shape, A.dtype, A.tally)


def _sort(a: Any, axis: int | None = -1, **_: Any) -> Any:
    if axis is None:
        return a.flatten()
    axes_of(axis, a.ndim)
    return a.copy("K")


def _sliding_window_view(x: Any, window_shape: Any, axis: Any = None, **_: Any) -> Any:
    window = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = range(x.ndim) if axis is None else axes_of(axis, x.ndim)
    shape = list(x.shape)
    for length, i in zip(window, axes, strict=True):
        shape[i] -= length - 1
    return x._view([*shape, *window], x.strides + tuple(x.strides[i] for i in axes))


def _argbest(a: Any, axis: Any = None, out: Any = None, **options: Any) -> Any:
    a.tally.elementwise(a.size)
    return MetaArray(reduced_shape(a.shape, axis, options.get("keepdims", False) is True), np.intp, a.tally)


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    tally = tally_of([x, weights])
    if isinstance(x, MetaArray):
        raise CostError(f"how long a count is depends on numbers, and here are only shapes {where()}")
    tally.elementwise(x.size)
    length = max(minlength, int(x.max(initial=-1)) + 1)
    return MetaArray((length,), np.intp if weights is None else np.float64, tally)


def _unique(ar: Any, return_index: bool = False, **options: Any) -> Any:
    """As if as many were different as can be."""
    if options:
        raise CostError(f"the counter does not know numpy.unique with {', '.join(options)} {where()}")
    ar.tally.elementwise(ar.size)
    count = ar.size if ar.below is None else min(ar.size, ar.below)
    found = MetaArray((count,), ar.dtype, ar.tally)
    return (found, MetaArray((count,), np.intp, ar.tally)) if return_index else found


def _same_metadata(function: Callable) -> Callable:
    return lambda array, *args, **options: function(np.empty(0, array.dtype), *args, **options)


FUNCTIONS |= {
    np.empty_like: _empty_like,
    np.zeros_like: _zeros_like,
    np.ones_like: _zeros_like,
    np.full_like: _full_like,
    np.concatenate: _concatenate,
    np.where: _where_function,
    np.ascontiguousarray: _ascontiguousarray,
    np.broadcast_to: _broadcast_to,
    np.pad: _pad,
    np.take: _take,
    np.copyto: _copyto,
    np.einsum: einsum,
    np.dot: dot,
    np.inner: inner,
    np.tensordot: tensordot,
    np.outer: lambda a, b, out=None: np.multiply(np.ravel(a)[:, None], np.ravel(b), out=out),
    np.linalg.norm: _norm,
    np.repeat: _repeat,
    np.tile: _tile,
    np.sort: _sort,
    np.argsort: lambda a, axis=-1, **options: a.argsort(axis),
    np.lib.stride_tricks.sliding_window_view: _sliding_window_view,
    np.argmax: _argbest,
    np.argmin: _argbest,
    np.bincount: _bincount,
    np.unique: _unique,
    np.iscomplexobj: _same_metadata(np.iscomplexobj),
    np.isneginf: lambda x: x == -np.inf,
    np.isposinf: lambda x: x == np.inf,
    np.real: lambda array: array.real,
    np.imag: lambda array: array.imag,
    np.shape: lambda array: array.shape,
    np.ndim: lambda array: array.ndim,
    np.size: lambda array, axis=None: prod(
        array.shape[i] for i in (range(array.ndim) if axis is None else axes_of(axis, array.ndim))
    ),
    np.reshape: lambda a, shape, order="C", copy=None: a.reshape(shape, order=order),
    np.transpose: lambda a, axes=None: a.transpose(axes),
    np.swapaxes: lambda a, axis1, axis2: a.swapaxes(axis1, axis2),
    np.ravel: lambda a, order="C": a.ravel(order),
    np.squeeze: lambda a, axis=None: a.squeeze(axis),
    np.copy: lambda a, order="K", subok=False: a.copy(order),
    np.result_type: lambda *kinds: np.result_type(*(k.dtype if isinstance(k, MetaArray) else k for k in kinds)),
    np.may_share_memory: lambda a, b, *args: isinstance(a, MetaArray) and isinstance(b, MetaArray),
}


def _made(like: MetaArray, shape: Any, dtype: Any = None, *_: Any, **__: Any) -> MetaArray:
    return _like(shape, like, np.float64 if dtype is None else dtype, filled=True)


def _full(like: MetaArray, shape: Any, fill_value: Any, dtype: Any = None, **_: Any) -> MetaArray:
    return _made(like, shape, np.asarray(fill_value).dtype if dtype is None else dtype)


def _tri(like: MetaArray, N: int, M: int | None = None, k: int = 0, dtype: Any = float) -> MetaArray:
    return _made(like, (N, N if M is None else M), dtype)


def _arange(like: MetaArray, *ends: Any, dtype: Any = None, **_: Any) -> MetaArray:
    dtype = np.result_type(*ends, np.intp) if dtype is None else dtype
    start, stop, step = (0, *ends, 1) if len(ends) == 1 else (*ends, 1)[:3]
    return _made(like, max(0, ceil((stop - start) / step)), dtype)


MAKERS |= {
    np.empty: _made,
    np.zeros: _made,
    np.ones: _made,
    np.full: _full,
    np.tri: _tri,
    np.arange: _arange,
}
PLAIN |= {
    np.moveaxis,
    np.rollaxis,
    np.stack,
    np.hstack,
    np.vstack,
    np.expand_dims,
    np.split,
    np.array_split,
    np.flip,
    np.roll,
    np.sum,
    np.mean,
    np.prod,
    np.amax,
    np.max,
    np.amin,
    np.min,
    np.any,
    np.all,
    np.var,
    np.std,
    np.clip,
    np.round,
    np.matrix_transpose,
    np.linalg.matrix_transpose,
    np.atleast_1d,
    np.atleast_2d,
    np.atleast_3d,
    np.diff,
    np.tril,
    np.triu,
    np.cumsum,
    np.cumprod,
}
