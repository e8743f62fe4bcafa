"""Shape annotations: documentation that the test run checks.

``Float[ndarray, "B N D"]`` says: an array of floating-point numbers with three axes. In the tests jaxtyping's import
hook verifies every call, and that a letter means the same length throughout one call. Outside the tests the
annotations cost nothing.
"""

from math import inf
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from numpy import ndarray

if TYPE_CHECKING:
    from typing import Annotated as Bool
    from typing import Annotated as Complex
    from typing import Annotated as Float
    from typing import Annotated as Int
    from typing import Annotated as Real
    from typing import Annotated as UInt8
else:
    from jaxtyping import AbstractDtype, Bool, UInt8
    from jaxtyping import Integer as Int  # with a sign or without

    class Float(AbstractDtype):
        """float32 or float64; complex too, because the complex-step derivative walks through the same code."""

        dtypes = ["float32", "float64", "complex64", "complex128"]  # noqa: RUF012 (jaxtyping's own protocol)

    class Real(AbstractDtype):
        """float32 or float64 and nothing else: for code that is not analytic, such as the size of a spectrum."""

        dtypes = ["float32", "float64"]  # noqa: RUF012

    class Complex(AbstractDtype):
        """complex64 or complex128: a spectrum."""

        dtypes = ["complex64", "complex128"]  # noqa: RUF012


Scalar = float | np.inexact | ndarray
"""A single number: a loss, and the gradient that comes back into it."""


class Range(NamedTuple):
    """Which numbers an option may be, or each of several, beside its type; see :func:`minivit.checked.check_range`."""

    at_least: float | None = None
    above: float | None = None
    below: float | None = None
    at_most: float | None = None


Count = Annotated[int, Range(at_least=0)]
Positive = Annotated[int, Range(at_least=1)]
Samples = Annotated[int, Range(at_least=1, at_most=2**24)]
"""Of a window or a frame: of longer ones, a number that was meant otherwise would take all memory."""

HIGHEST_RATE = 1_000_000
SampleRate = Annotated[int, Range(at_least=1, at_most=HIGHEST_RATE)]
"""Samples in a second, of a sound."""

Rate = Annotated[float, Range(at_least=0, below=1)]
"""A share that is dropped."""
Share = Annotated[float, Range(at_least=0, at_most=1)]
Factor = Annotated[float, Range(above=0, below=inf)]
Eps = Annotated[float, Range(at_least=0, below=inf)]
"""What is added to a variance before its root is taken."""

Temperature = Annotated[float, Range(at_least=0.001, at_most=10_000)]
"""What logits are divided by. By less they may leave the range of float32; by more, all classes become alike."""

Depth = Annotated[int, Range(at_least=0, below=1_001)]
"""How many blocks: each is built, even of a model that is only counted, and a configuration may come from anybody."""

Depths = Annotated[tuple[int, ...], Range(at_least=0, below=1_001)]
"""How many blocks there are in each stage."""

Factors = Annotated[tuple[float, ...], Range(above=0, below=inf)]
"""Ratios, one for each stage."""

Positives = Annotated[tuple[int, ...], Range(at_least=1)]
"""Widths, heads or other numbers, one for each stage."""

Size = Annotated[int | tuple[int, int], Range(at_least=1)]
"""A side, or (rows, columns)."""

Shift = Annotated[int | tuple[int, int], Range(at_least=0)]
"""How far, in rows and columns alike, or (rows, columns)."""

__all__ = [
    "HIGHEST_RATE",
    "Bool",
    "Complex",
    "Count",
    "Depth",
    "Depths",
    "Eps",
    "Factor",
    "Factors",
    "Float",
    "Int",
    "Positive",
    "Positives",
    "Range",
    "Rate",
    "Real",
    "SampleRate",
    "Samples",
    "Scalar",
    "Share",
    "Shift",
    "Size",
    "Temperature",
    "UInt8",
    "ndarray",
    "pair",
]


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """``(rows, columns)`` from one number for both, or from the pair itself."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return rows, columns
