"""Complex numbers as two real ones each, so that a slope, a direction and an error are real numbers everywhere.

The cotangent of a complex number y is dL/dRe y + i dL/dIm y, and <dy, y> = Re(sum(conj(dy) y)): with both parts side by
side, that is the sum of products which it is of real numbers.
"""

from typing import Any

import numpy as np
from numpy import ndarray


def is_complex(array: Any) -> bool:
    """Whether it is made of complex numbers."""
    return np.asarray(array).dtype.kind == "c"


def as_reals(array: Any) -> Any:
    """Of complex numbers a view with one more axis: the real part, the imaginary part; all else as it is."""
    if not is_complex(array):
        return array
    array = np.asarray(array)
    return array[..., None].view(array.real.dtype)


def as_complex(reals: ndarray) -> ndarray:
    """The complex numbers of which these are the parts: the inverse of :func:`as_reals`."""
    reals = np.ascontiguousarray(reals)
    return reals.view(np.result_type(reals.dtype, np.complex64))[..., 0]
