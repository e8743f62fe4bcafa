"""What stands for NumPy in :mod:`minivit.data.unpickle`: the functions by which a pickle has its arrays made.

A pickle names these functions and chooses their arguments, so anything may arrive. The real ones are never given what
has not been checked here.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

MAX_AXES = 32


class Dtype:
    """Stands for ``numpy.dtype``: a type of numbers, which a pickle makes first and then tells its byte order."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        text = code.decode() if isinstance(code, bytes) else code
        if not isinstance(text, str) or not re.fullmatch("[biuf][1248]", text):
            raise ValueError("it has an array of objects, text or records, where only numbers are allowed")
        self.numbers = np.dtype(text)

    def build(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if isinstance(order, (str, bytes)) and order in (">", b">"):
            self.numbers = self.numbers.newbyteorder(">")


def new_array(kind: Any, shape: Any, code: Any) -> ndarray:
    """An array that is filled later; the arguments are always the same, and not used."""
    return np.empty(0, np.uint8)


def build_array(array: ndarray, state: tuple[Any, ...]) -> None:
    """Fill it, in place, because it may be in use already."""
    _, shape, dtype, columns_first, raw = state
    _check(raw, dtype, shape)
    state = (1, shape, dtype.numbers, columns_first is True, raw)
    array.__setstate__(state)  # pyright: ignore[reportArgumentType] (what NumPy itself pickles)


def array_from_bytes(raw: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> ndarray:
    """An array of protocol 5, which is made at once."""
    _check(raw, dtype, shape)
    array = np.frombuffer(raw, dtype.numbers).reshape(shape, order="F" if order == "F" else "C")
    if axes is None:
        return array
    if not isinstance(axes, tuple) or sorted(axes) != list(range(array.ndim)):
        raise TypeError
    return array.transpose(axes)


def _check(raw: Any, dtype: Any, shape: Any) -> None:
    if not isinstance(raw, bytes) or not isinstance(dtype, Dtype) or not isinstance(shape, tuple):
        raise ValueError("it has an array without bytes, dtype or shape")
    if len(shape) > MAX_AXES or not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("it has an array whose shape is none")
    if math.prod(length or 1 for length in shape) >= 2**48:  # only ever seen beside a length of zero
        raise ValueError(f"it has an array of shape {shape}, which is too large")
    if len(raw) != math.prod(shape) * dtype.numbers.itemsize:
        raise ValueError(f"it has an array of shape {shape} and dtype {dtype.numbers} made from {len(raw)} bytes")


def encode(text: Any, encoding: Any) -> bytes:
    """By this Python 3 writes bytes in the protocols of Python 2."""
    if not isinstance(text, str):
        raise TypeError
    return text.encode("latin1")


def no_bytes() -> bytes:
    """And by this, bytes of which there are none."""
    return b""


def never_called() -> None:
    """The class of arrays, which is only ever named as an argument."""
    raise TypeError


FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): Dtype,
    ("numpy", "ndarray"): never_called,
    ("numpy.core.multiarray", "_reconstruct"): new_array,
    ("numpy._core.multiarray", "_reconstruct"): new_array,  # the same since NumPy 2
    ("numpy.core.numeric", "_frombuffer"): array_from_bytes,
    ("numpy._core.numeric", "_frombuffer"): array_from_bytes,
    ("_codecs", "encode"): encode,
    ("__builtin__", "bytes"): no_bytes,
}
