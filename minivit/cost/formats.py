"""Number formats: what a sign, an exponent and a mantissa of so many bits can say, and rounding to it.

Sources: IEEE 754-2019, sections 3.3, 3.4 and 4.3 (FP16, FP32, FP64, rounding); Micikevicius et al. 2022, "FP8 Formats
for Deep Learning", and the Open Compute Project's "OCP 8-bit Floating Point Specification (OFP8)" (E4M3, E5M2);
Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training"; NVIDIA 2020, "NVIDIA A100 Tensor Core GPU
Architecture" (TF32).
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.types import Float, Int, ndarray


class Format(NamedTuple):
    """A binary floating-point format: one bit for the sign, then the exponent, then the mantissa.

    The largest exponent is kept for infinity (mantissa 0) and nan (all others). A format without infinity keeps one
    code of each sign, exponent and mantissa all ones, for nan, and counts on with the others.
    """

    exponent_bits: int
    mantissa_bits: int
    has_infinity: bool = True

    @property
    def bits(self) -> int:
        """All of them."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def bias(self) -> int:
        """What is subtracted from the exponent's bits, read as an integer: half of their range."""
        return 2 ** (self.exponent_bits - 1) - 1

    @property
    def largest(self) -> float:
        """The largest finite number: the mantissa all ones, or one less where that is nan."""
        if self.has_infinity:
            return (2 - self.epsilon) * 2.0**self.bias
        return (2 - 2 * self.epsilon) * 2.0 ** (self.bias + 1)

    @property
    def smallest_normal(self) -> float:
        """The smallest number with all digits of the mantissa."""
        return 2.0 ** (1 - self.bias)

    @property
    def smallest_subnormal(self) -> float:
        """The smallest number above 0, and the distance between all numbers below ``smallest_normal``."""
        return self.smallest_normal * self.epsilon

    @property
    def epsilon(self) -> float:
        """The distance from 1 to the next number. Rounding is at most half of it away, relative to a normal number."""
        return 2.0**-self.mantissa_bits


FORMATS = {
    "fp64": Format(11, 52),
    "fp32": Format(8, 23),
    "tf32": Format(8, 10),  # 19 bits, in memory they take 32
    "bf16": Format(8, 7),
    "fp16": Format(5, 10),
    "fp8_e4m3": Format(4, 3, has_infinity=False),
    "fp8_e5m2": Format(5, 2),
}

EXPONENT = 0x7FF0000000000000
"""The bits of a float64 that are its exponent. With the others 0, the number is a power of 2."""


def format_named(name: str) -> Format:
    """The format of this name. ValueError if there is none."""
    if name not in FORMATS:
        raise ValueError(f"format is {name!r}; expected one of {', '.join(FORMATS)}")
    return FORMATS[name]


class Fields(NamedTuple):
    """The three parts of codes, each read as an integer of its own."""

    sign: Int[ndarray, "*S"]
    exponent: Int[ndarray, "*S"]
    mantissa: Int[ndarray, "*S"]


@checked
def fields_of(codes: int | ndarray, format: str) -> Fields:
    """Take codes apart into sign, exponent and mantissa.

    Parameters
    ----------
    codes : int, or array of integers
        From 0 to 2**bits - 1: the bits, read as an integer without a sign.
    format : str
        A name in ``FORMATS``.

    Raises
    ------
    TypeError, ValueError
        If the codes are no integers, or there is no such code or format.
    """
    f = format_named(format)
    codes = np.asarray(codes)
    check_numbers("code", codes, 2**f.bits, f"codes of {format}")
    codes = codes.astype(np.uint64)
    sign, exponent = codes >> (f.bits - 1), codes >> f.mantissa_bits & (2**f.exponent_bits - 1)
    return Fields(*(part.astype(np.int64) for part in (sign, exponent, codes & (2**f.mantissa_bits - 1))))


@checked
def value_of(codes: int | ndarray, format: str) -> Float[ndarray, "..."]:
    r"""The numbers that codes stand for, in float64.

    With sign S, exponent E and mantissa M, read as integers, m bits of mantissa and the format's bias b:

    .. math::
        (-1)^S\; 2^{E - b} \left(1 + \frac{M}{2^m}\right) \quad\text{(normal: E > 0)}, \qquad
        (-1)^S\; 2^{1 - b}\, \frac{M}{2^m} \quad\text{(subnormal: E = 0)}

    The subnormal numbers go on below the smallest normal one in steps of one size, down to 0. The largest E means
    infinity or nan; see :class:`Format`.

    Parameters
    ----------
    codes : int, or array of integers
        From 0 to 2**bits - 1.
    format : str
        A name in ``FORMATS``.

    Raises
    ------
    TypeError, ValueError
        If the codes are no integers, or there is no such code or format.

    References
    ----------
    IEEE 754-2019, section 3.4; Micikevicius et al. 2022, table 1.
    """
    f = format_named(format)
    sign, E, M = fields_of(codes, format)
    is_normal = E > 0
    with np.errstate(over="ignore"):  # the largest E of FP64, which is replaced below
        value = np.ldexp(is_normal + M * f.epsilon, np.where(is_normal, E, 1) - f.bias)
    largest_E, largest_M = 2**f.exponent_bits - 1, 2**f.mantissa_bits - 1
    if f.has_infinity:
        value = np.where(largest_E == E, np.where(M == 0, np.inf, np.nan), value)
    else:
        value = np.where((largest_E == E) & (largest_M == M), np.nan, value)
    return np.where(sign, -value, value)


def normal_value(sign: int, exponent: int, mantissa: int, *, mantissa_bits: int, bias: int) -> float:
    r"""The formula as it is often written, with a bias that is added.

    .. math:: (-1)^S\; 2^{E + \text{bias}} \left(1 + \frac{M}{2^{|M|}}\right)

    Here :math:`|M|` is the number of bits of the mantissa. It is right only with a negative bias, -127 for 8 bits of
    exponent (TF32, BF16, FP32) and -15 for 5 (FP16), and only for normal numbers: with E = 0 it gives :math:`2^{-127}`
    instead of 0, and with the largest E :math:`2^{128}` instead of infinity. :func:`value_of` is right for all.
    """
    return (-1) ** sign * 2.0 ** (exponent + bias) * (1 + mantissa / 2**mantissa_bits)


@checked
def round_to(x: Float[ndarray, "..."], format: str) -> Float[ndarray, "..."]:
    r"""The nearest number of a format, for every number; of two equally near ones that with the even mantissa.

    .. math:: s = 2^{\max(\lfloor \log_2 |x| \rfloor,\; 1 - b) - m}, \qquad y = s \operatorname{rint}(x / s)

    The numbers of a format around x have the distance s. All is computed in float64, where s and x / s are exact, so
    there is but one rounding. What is above the largest number after it becomes infinity, or nan where the format has
    none. (Conversions to E4M3 in libraries for training often saturate instead: they give the largest number.)

    Parameters
    ----------
    x : float32 or float64
    format : str
        A name in ``FORMATS``.

    Returns
    -------
    y : array of the shape and dtype of ``x``
        float32 holds every number of the formats up to FP32, and stays as it is where the format is wider.

    Raises
    ------
    TypeError
        If ``x`` is of another dtype.
    ValueError
        If there is no such format.

    References
    ----------
    IEEE 754-2019, section 4.3.1 (roundTiesToEven); Micikevicius et al. 2022, section 3.
    """
    f = format_named(format)
    if x.dtype.kind != "f":
        raise TypeError(f"round_to: x has dtype {x.dtype}; expected float32 or float64")
    with np.errstate(all="ignore"):  # nan stays nan, and an overflow is what is asked for
        y = x.astype(np.float64)
        power = (y.view(np.int64) & EXPONENT).view(np.float64)  # the largest power of 2 that is at most |x|
        step = np.clip(power * f.epsilon, f.smallest_subnormal, f.largest)  # s; finite, so that infinity stays
        y /= step
        np.rint(y, out=y)
        y *= step
        beyond = np.abs(y) > f.largest
        y[beyond] = np.copysign(np.inf if f.has_infinity else np.nan, y[beyond])
        return y.astype(x.dtype)
