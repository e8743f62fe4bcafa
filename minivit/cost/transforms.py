"""Fourier transforms of arrays without numbers, asked of NumPy's functions; layouts are those of scipy's, C order."""

from math import ceil, log2, prod
from typing import Any

import numpy as np

from minivit.checked import PRECISION
from minivit.cost.errors import CostError, where
from minivit.cost.meta import FUNCTIONS, MetaArray


def _transformed(a: MetaArray, n: int, length: int, dtype: Any) -> MetaArray:
    """One of n numbers takes log2 n passes over them, each of which makes half as many pairs of new ones."""
    rows = a.shape[:-1]
    a.tally.elementwise(prod(rows) * ceil(n * log2(n)))
    return MetaArray((*rows, length), dtype, a.tally)


def _rfft(a: MetaArray, n: int | None = None, **options: Any) -> MetaArray:
    _refuse("rfft", options)
    N = a.shape[-1] if n is None else n
    return _transformed(a, N, 1 + N // 2, np.result_type(a.dtype, np.complex64))


def _irfft(a: MetaArray, n: int | None = None, **options: Any) -> MetaArray:
    _refuse("irfft", options)
    N = 2 * (a.shape[-1] - 1) if n is None else n
    return _transformed(a, N, N, PRECISION[a.dtype])


def _refuse(name: str, options: dict[str, Any]) -> None:
    if options:
        raise CostError(f"the counter does not know numpy.fft.{name} with {', '.join(options)} {where()}")


FUNCTIONS |= {np.fft.rfft: _rfft, np.fft.irfft: _irfft}
