"""Operators that write into the memory of an operand, as NumPy's do: of arrays that nobody else has."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

MIN_REUSED = 2**18
"""Bytes of an array from which on NumPy computes ``a * b + c`` in the memory of ``a * b``, which nobody else has."""


def _operator(ufunc: np.ufunc, commutes: bool, reflected: bool = False) -> Callable:
    """NumPy's operator, which writes into an operand that is not needed any more (``temp_elide.c`` in its source)."""

    def operate(self: Any, other: Any) -> Any:
        is_free = sys.getrefcount(self) == self.tally.temporary
        is_other_free = sys.getrefcount(other) == self.tally.temporary
        out = None
        if is_free and (commutes or not reflected) and _holds(self, other):
            out = self
        elif is_other_free and (commutes or reflected) and _holds(other, self):
            out = other
        return ufunc(other, self, out=out) if reflected else ufunc(self, other, out=out)

    return operate


def _sign(ufunc: np.ufunc) -> Callable:
    """The same of an operator with one operand."""

    def operate(self: Any) -> Any:
        is_free = sys.getrefcount(self) == self.tally.temporary
        return ufunc(self, out=self if is_free and _holds(self, self) else None)

    return operate


POWERS = {-1: np.reciprocal, 0.5: np.sqrt, 1: np.positive, 2: np.square}
"""Exponents for which NumPy does something simpler."""


def _power(self: Any, exponent: Any, modulo: None = None) -> Any:
    is_free = sys.getrefcount(self) == self.tally.temporary
    simpler = POWERS.get(exponent) if type(exponent) in (int, float) and self.dtype.kind == "f" else None
    if simpler is None:
        return np.power(self, exponent)
    return simpler(self, out=self if is_free and _holds(self, self) else None)


def _holds(array: Any, other: Any) -> bool:
    """Whether the result of an operation with ``other`` has a place in the array."""
    if not hasattr(array, "tally") or array.owner is not None or array.nbytes < MIN_REUSED:
        return False
    other = other if isinstance(other, ndarray) else np.asarray(other)
    return other.shape in ((), array.shape) and np.can_cast(other.dtype, array.dtype, "safe")


BINARY = {
    "add": (np.add, True),
    "sub": (np.subtract, False),
    "mul": (np.multiply, True),
    "truediv": (np.true_divide, False),
    "floordiv": (np.floor_divide, False),
    "and": (np.bitwise_and, True),
    "or": (np.bitwise_or, True),
    "xor": (np.bitwise_xor, True),
}
"""Operators whose result may stand in an operand, and whether it may be in the second."""

OPERATORS: dict[str, Callable] = {
    **{name: _operator(*operator) for name, operator in BINARY.items()},
    **{f"r{name}": _operator(*operator, reflected=True) for name, operator in BINARY.items()},
    "neg": _sign(np.negative),
    "abs": _sign(np.absolute),
    "invert": _sign(np.invert),
    "pow": _power,
}
"""By the names of Python's methods, without underscores."""
