"""Say what a wrong answer of complex numbers looks like, or one that is complex where real numbers are right."""

from collections.abc import Iterator
from math import pi

import numpy as np
from numpy import ndarray

from minivit.check.diagnose import same as same_up_to
from minivit.check.reals import is_complex

TOLERANCE = 1e-9


def of_complex(name: str, got: ndarray, expected: ndarray) -> Iterator[str]:
    """What can be said of the parts of complex numbers, the most telling first; of real ones nothing."""
    if got.shape != expected.shape or not (is_complex(got) or is_complex(expected)):
        return
    with np.errstate(all="ignore"):
        if is_complex(expected):
            yield from _known_forms(name, got, expected)
        elif same(np.real(got), expected):
            yield f"{name} has the right real part, but real numbers are expected: take .real"
        elif same(np.abs(got), expected):
            yield f"{name} has the right size, but real numbers are expected, not complex ones"


def _known_forms(name: str, got: ndarray, expected: ndarray) -> Iterator[str]:
    forms = {
        "the right real part only: the imaginary part is missing": np.real(expected),
        "the right imaginary part, but as a real number, and no real part": np.imag(expected),
        "the size of the complex numbers only: their angle is missing": np.abs(expected),
        "the squared size of the complex numbers only: their angle is missing": np.abs(expected) ** 2,
    }
    for words, form in forms.items():
        if form.any() and same(got, form) and not same(form, expected):
            yield f"{name} has {words}"
            return
    if same(got, expected.conj()):
        sign = "an exponent has the other sign, or .conj() is missing"
        yield f"{name} is the complex conjugate of what is expected: {sign}"
    elif same(got, -expected.conj()):
        yield f"{name}: the real part has the wrong sign, the imaginary part is right"
    elif same(got, 1j * expected.conj()):
        yield f"{name}: real and imaginary part are exchanged"
    elif turn := _turn(got, expected):
        yield f"{name} is turned by {turn}, the same everywhere"
    elif is_complex(got) and same(np.real(got), np.real(expected)):
        yield f"{name}: the real part is right, the imaginary part is wrong"
    elif is_complex(got) and same(np.imag(got), np.imag(expected)):
        yield f"{name}: the imaginary part is right, the real part is wrong"
    elif same(np.abs(got), np.abs(expected)) and not same(got, -expected):
        yield f"{name}: every size is right, the angles are wrong"


def _turn(got: ndarray, expected: ndarray) -> str:
    """The one angle by which all numbers are turned, if there is one: ``a quarter of a circle (times 1j)``."""
    if not expected.any():
        return ""
    factor = np.vdot(expected, got) / np.vdot(expected, expected)
    if abs(factor.imag) <= TOLERANCE * abs(factor) or not same(got, factor * expected):
        return ""
    longer = "" if abs(abs(factor) - 1) < TOLERANCE else f" and {abs(factor):.4g} times as long"
    for times, words in ((1j, "times 1j"), (-1j, "times -1j")):
        if abs(factor / abs(factor) - times) < TOLERANCE:
            return f"a quarter of a circle ({words}){longer}"
    return f"{float(np.angle(factor)) / (2 * pi):.4g} of a circle{longer}"


def same(a: ndarray, b: ndarray) -> bool:
    """Equal numbers, up to rounding."""
    return same_up_to(a, b, tolerance=TOLERANCE)


def wrong_dtype(name: str, given: np.dtype, came: np.dtype, went: np.dtype) -> str:
    """A message for numbers that are complex and should not be, or the other way round, or of another precision."""
    if came.kind != "c":
        return f"{name} is of {came}, real numbers; it must be complex: {went} where {given} came in"
    if went.kind != "c":
        return f"{name} is of {came}; it must be of real numbers, {went}: take .real, if that is what is meant"
    lifted = (
        ". np.exp(1j * ...) of float64 is complex128 and lifts complex64: add .astype(np.result_type(x, np.complex64))"
    )
    return f"{name} is of {came}; it must be of {went} where {given} came in" + lifted * (came == np.complex128)
