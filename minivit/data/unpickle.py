"""Reading a pickle without trusting it.

A pickle is a program: on loading it may import any function and call it with any arguments. The CIFAR batches are
pickles of dictionaries with numbers, strings, lists and NumPy arrays, and only these are let through. Plain values need
no import at all. For arrays a pickle imports the few names below, and it gets none of them: it gets the stand-ins of
this file, which check what they are given. So no function of NumPy ever runs on arguments that the pickle chose freely
(a dtype of objects, a shape that promises more memory than there are bytes). Their arguments carry no type hints:
anything may arrive.

See https://docs.python.org/3/library/pickle.html#restricting-globals.
"""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np


class _Dtype:
    """Stands for ``numpy.dtype``: the code of a number type, with the byte order that its state sets."""

    def __init__(self, code, align=False, copy=False):
        self.dtype = np.dtype(code.decode("ascii") if isinstance(code, bytes) else str(code))
        if self.dtype.kind not in "biuf":
            raise ValueError(f"an array of {self.dtype}, where only numbers are allowed")

    def __setstate__(self, state):
        if state[1] in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")


class _Array(np.ndarray):
    """Stands for ``numpy.ndarray``: born empty, and filled only with as many bytes as its shape needs."""

    def __setstate__(self, state):
        _, shape, dtype, columns_first, raw = state
        filled = _from_buffer(raw, dtype, shape, "F" if columns_first else "C")
        super().__setstate__(filled.__reduce__()[2])  # pyright: ignore[reportArgumentType] (what NumPy itself pickles)


def _reconstruct(kind, shape, code):
    """Stands for the function by which arrays are born; its arguments are always the same, and are not used."""
    return _Array((0,), np.uint8)


def _from_buffer(raw, dtype, shape, order):
    """Stands for the same in the newer pickles (protocol 5), which hand over the bytes at once."""
    if not isinstance(dtype, _Dtype) or not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError("an array without a proper dtype and shape")
    if len(raw) != math.prod(shape) * dtype.dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and dtype {dtype.dtype} made from {len(raw)} bytes")
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if order == "F" else "C")


def _encode(text, encoding):
    """Stands for ``_codecs.encode``, by which Python 3 writes bytes in the protocols of Python 2."""
    return str(text).encode("latin1")


ALLOWED = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "ndarray",  # only ever handed to _reconstruct: a string cannot be called
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,  # the same since NumPy 2
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise ValueError(f"it asks for {module}.{name}, and only NumPy arrays are allowed")
        return ALLOWED[module, name]


def load_pickle(path: str | Path) -> Any:
    """Read a pickle of plain values and NumPy arrays of numbers, written by Python 2 or 3.

    Strings written by Python 2 come back as bytes. ValueError, naming the file, where the pickle holds anything else
    (code, objects, arrays of objects) or is damaged.
    """
    with open(path, "rb") as file:
        try:
            return _Unpickler(file, encoding="bytes").load()
        except EOFError as error:
            raise ValueError(f"{path} is truncated: the pickle ends too early.") from error
        except Exception as error:  # a damaged pickle may fail in any way, and each of them means the same
            reason = str(error).rstrip(".") or type(error).__name__
            raise ValueError(f"{path} cannot be read as a pickle: {reason}.") from error
