"""Matrix products of arrays without numbers: where multiplications are counted."""

from collections.abc import Sequence
from math import prod
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.cost.errors import CostError, where
from minivit.cost.layout import axes_of, broadcast, kept_order
from minivit.cost.meta import MetaArray, tally_of, written


def product(ufunc: np.ufunc, a: Any, b: Any, dtype: np.dtype, out: Any) -> Any:
    """matmul, and vecdot: that is a sum of products of each row, and counts as a pass."""
    tally = tally_of([a, b, *(out or ())])
    if ufunc is np.vecdot:
        a, b = (a if a.ndim else a.reshape(1)), b
        shape = broadcast(a.shape[:-1], b.shape[:-1])
        lead, core, length = shape, (), a.shape[-1]
        tally.elementwise(prod(shape) * length)
    elif ufunc is np.matmul:
        rows = () if a.ndim == 1 else (a.shape[-2],)
        columns = () if b.ndim == 1 else (b.shape[-1],)
        length = a.shape[-1]
        inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
        if length != inner:
            raise ValueError(f"matmul: {a.shape} @ {b.shape}: {length} columns meet {inner} rows")
        lead = broadcast(a.shape[:-2], b.shape[:-2])
        core = rows + columns
        shape = lead + core
        if _factors((a, b)) < 2:  # with ones it is a sum: a pass, in which nothing is multiplied
            tally.elementwise(max(a.size, b.size))
        else:
            tally.product(prod(shape) * length)
    else:
        raise CostError(f"the counter does not know numpy.{ufunc.__name__} {where()}")
    if out is not None and out[0] is not None:
        return written(out[0], shape, dtype, alike=True)
    inner = 1 if ufunc is np.vecdot else 2
    outer = tuple((each.shape[:-inner], each.strides[: max(0, each.ndim - inner)]) for each in (a, b))
    return MetaArray(shape, dtype, tally, kept_order(lead, outer, dtype.itemsize, core))


def _factors(arrays: Sequence[Any]) -> int:
    """How many of them are not all ones."""
    return sum(isinstance(array, MetaArray) or not (array == 1).all() for array in arrays)


def einsum(subscripts: str, *operands: Any, **options: Any) -> Any:
    """Sums over letters; each number that is summed takes one multiplication less than it has factors."""
    is_split = len(operands) > 2 and options.get("optimize")  # into products of two, by NumPy's choice
    unknown = [name for name in options if name not in ("optimize", "out") or (name == "optimize" and is_split)]
    if not isinstance(subscripts, str) or unknown:
        what = f"with {unknown[0]}" if unknown else "with lists of axes"
        raise CostError(f"the counter does not know numpy.einsum {what} {where()}")
    operands = tuple(each if isinstance(each, ndarray) else np.asarray(each) for each in operands)
    tally = tally_of(operands)
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    if not arrow:  # NumPy then keeps what occurs once, in the order of the alphabet
        named = left.replace(",", "").replace(".", "")
        right = "..." * ("..." in left) + "".join(sorted(i for i in set(named) if named.count(i) == 1))
    if left.isalpha() and len(left) == operands[0].ndim and {*left} == {*right} and len(left) == len({*left}):
        return operands[0].transpose([left.index(i) for i in right])  # as NumPy: a view
    lengths: dict[str, int] = {}
    dots: tuple[int, ...] = ()
    for letters, operand in zip(left.split(","), operands, strict=True):
        head, ellipsis, tail = letters.partition("...")
        middle = operand.ndim - len(head) - len(tail)
        if ellipsis:
            dots = broadcast(dots, operand.shape[len(head) : len(head) + middle])
        named = [*zip(head + tail, operand.shape[: len(head)] + operand.shape[len(head) + middle :], strict=True)]
        if middle < 0 or (middle and not ellipsis):
            raise ValueError(f"einsum: {letters!r} are the axes of an array of shape {operand.shape}")
        for letter, length in named:
            if 1 != length != lengths.get(letter, 1) != 1:
                raise ValueError(f"einsum: {letter} of {subscripts!r} has length {lengths[letter]} and {length}")
            lengths[letter] = length if lengths.get(letter, 1) == 1 else lengths[letter]
    head, ellipsis, tail = right.partition("...")
    shape = (*(lengths[i] for i in head), *(dots if ellipsis else ()), *(lengths[i] for i in tail))
    work = prod(lengths.values()) * prod(dots)
    if (factors := _factors(operands)) < 2:
        tally.elementwise(work)
    else:
        tally.product(work * (factors - 1))
    dtype = np.result_type(*(operand.dtype for operand in operands))
    out = options.get("out")
    return MetaArray(shape, dtype, tally) if out is None else written(out, shape, dtype, alike=True)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(*(each if isinstance(each, ndarray) else np.asarray(each) for each in (a, b)), out=out)
    return np.matmul(a, b, out=out) if np.ndim(b) <= 2 else tensordot(a, b, (-1, -2))


def inner(a: Any, b: Any) -> Any:
    return np.multiply(a, b) if np.ndim(a) == 0 or np.ndim(b) == 0 else tensordot(a, b, (-1, -1))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = np.asanyarray(a), np.asanyarray(b)
    if isinstance(axes, (int, np.integer)):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    gone_a, gone_b = axes_of(axes[0], a.ndim), axes_of(axes[1], b.ndim)
    names_a, names_b = ascii_lowercase[: a.ndim], [*ascii_uppercase[: b.ndim]]
    for i, j in zip(gone_a, gone_b, strict=True):
        names_b[j] = names_a[i]
    kept = [name for i, name in enumerate(names_a) if i not in gone_a]
    kept += [name for i, name in enumerate(names_b) if i not in gone_b]
    return einsum(f"{names_a},{''.join(names_b)}->{''.join(kept)}", a, b)
