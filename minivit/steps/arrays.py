"""Arrays of a recorded run: each piece of memory kept once, with the digits that the page shows.

An array is a place in a piece of memory, a shape and strides, as in NumPy: queries, keys and values that are views of
one product take no room of their own.
"""

import zlib
from hashlib import sha256
from math import prod
from typing import Any

import numpy as np

from minivit.caches import owner
from minivit.types import ndarray

DIGITS = 4
"""Significant decimal digits of a number in the page. All that it shows is exact to these digits."""

MOST_NUMBERS = 2**16
"""Of an array of more, a corner is kept, and what is true of all: least, largest, mean and standard deviation."""

LONGEST = 2**14
"""Of a longer axis the beginning is kept: browsers draw no picture of 2 ** 16 pixels. It is a second of sound."""

MOST_BESIDE = 4
"""Of a view of memory that is more times as large, its own numbers alone are kept: one image of many."""

FEW = 1000
"""Arrays of no more numbers are kept as float32, if that has the digits that are shown: what the page says of logits,
probabilities and losses it computes from them, and that has four right digits, too."""

MOST_EXPONENT = 120
"""Sizes below 1e-120 are shown as 0, and above 1e120 as infinite."""

ZERO, INFINITE, NOT_A_NUMBER = 127, 126, 125
"""Exponents that stand for what has no digits."""

LETTERS = bytes(code for code in range(33, 127) if chr(code) not in '"<\\')
"""91 letters that need no escape in a script of a page; two of them are one of 8,281, and hold 13 bits."""


class Store:
    """The arrays of a run. Equal memory is kept once."""

    def __init__(self, most: int = MOST_NUMBERS) -> None:
        self.most = most
        self._places: dict[bytes, int] = {}
        self._kept: list[ndarray] = []
        self._exact: set[int] = set()

    def add(self, array: Any, *, exact: bool = False, most: int | None = None) -> dict[str, Any]:
        """Keep the numbers that an array has now, and return where the page finds them.

        ``exact``: the page computes with all of them, and four digits are not enough. ``most``: how many at the most.
        """
        array = np.asarray(array)
        limit = array.size if exact else most or self.most
        memory = np.asarray(owner(array))
        lengths = cropped(array.shape, limit)
        whole = lengths == list(array.shape)
        if whole and memory.size <= min(limit, MOST_BESIDE * array.size) and memory.dtype == array.dtype:
            offset = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
            found = {"strides": [step // array.itemsize for step in array.strides], "offset": offset // array.itemsize}
            flat = memory.ravel(order="K")
        else:
            corner = array[tuple(map(slice, lengths))]
            flat = corner.ravel()
            found = {"strides": [prod(lengths[axis + 1 :]) for axis in range(len(lengths))], "offset": 0}
            found |= {"shown": lengths, "facts": facts(array)} if flat.size < array.size else {}
        key = sha256(flat.tobytes() + flat.dtype.str.encode()).digest()
        if key not in self._places:
            self._places[key] = len(self._kept)
            self._kept.append(flat.copy())
        place = self._places[key]
        if exact:
            self._exact.add(place)
        return {"at": place, "shape": list(array.shape), "dtype": str(array.dtype), **found}

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(flat.size for flat in self._kept)

    def packed(self) -> list[dict[str, Any]]:
        """All numbers, as the page unpacks them."""
        return [
            packed(flat, exact=place in self._exact or (flat.size <= FEW and _has_digits(flat)))
            for place, flat in enumerate(self._kept)
        ]


def cropped(shape: tuple[int, ...], most: int) -> list[int]:
    """The lengths of a corner of at most so many numbers: the longest axes are cut first, and rows last of all.

    No axis is longer than a picture can be (``LONGEST``).

    Of maps of attention (..., N, N) fewer queries are kept, and all that each looks at.
    """
    lengths, queries = [min(length, LONGEST) for length in shape], len(shape) - 2
    attends = queries > 0 and shape[-1] == shape[-2]
    while prod(lengths) > most:
        others = lengths[:-1] if max(lengths[:-1], default=1) > 1 else lengths
        cut = queries if attends and lengths[queries] > 1 else others.index(max(others))
        lengths[cut] = (lengths[cut] + 1) // 2
    return lengths


def facts(array: ndarray) -> dict[str, float]:
    """What is true of all numbers of an array, of which the page has a corner: of those that are finite."""
    largest = 10.0**MOST_EXPONENT  # of whose square there is still a mean
    numbers = array[np.isfinite(array)].astype(np.float64).clip(-largest, largest)
    numbers = numbers if numbers.size else np.zeros(1)
    found = {"min": numbers.min(), "max": numbers.max(), "mean": numbers.mean(), "std": numbers.std()}
    return {name: float(f"{value:.{DIGITS}g}") for name, value in found.items()}


def packed(flat: ndarray, *, exact: bool) -> dict[str, Any]:
    """Numbers as letters, and of what kind: whole, of so many decimal digits, or the first 28 bits of a float32."""
    if flat.dtype.kind in "biu" and (not flat.size or max(-int(flat.min()), int(flat.max())) < 2**31):
        kind, planes = "whole", _bytes_of(flat.astype("<i4"))
    elif exact:
        kind, planes = "exact", _bits(_float32(flat))
    else:
        kind, planes = "digits", _digits(flat.astype(np.float64))
    data = zlib.compress(planes.tobytes(), 9)
    return {"kind": kind, "numbers": flat.size, "bytes": len(data), "letters": letters(data)}


def _has_digits(flat: ndarray) -> bool:
    """Whether in 28 bits of a float32 the numbers have the digits that are shown: those near the least do not."""
    kept = (_near(_float32(flat)) << 4).view("<f4")
    return np.array_equal(_digits(kept.astype(np.float64)), _digits(flat.astype(np.float64)))


def _float32(flat: ndarray) -> ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return flat.astype("<f4")


def _bytes_of(numbers: ndarray) -> ndarray:
    """Their bytes in planes, the highest first: alike are those of one plane."""
    return numbers.view(np.uint8).reshape(-1, numbers.itemsize).T[::-1]


def _bits(numbers: ndarray) -> ndarray:
    """The first 28 bits of each float32: three bytes in planes, and then half a byte of each, two in one."""
    bits = _near(numbers)
    halves = np.pad(bits & 15, (0, bits.size % 2)).reshape(-1, 2)
    return np.concatenate([_bytes_of(bits << 4)[:3].ravel(), (halves[:, 0] << 4 | halves[:, 1]).astype(np.uint8)])


def _near(numbers: ndarray) -> ndarray:
    """Of each float32 the first 28 bits, rounded so that it is shown as the number is, if either way does it."""
    bits = numbers.view("<u4").astype(np.int64)
    near = (bits + 8) >> 4
    rounded = (near << 4).astype("<u4").view("<f4")
    differ = (_digits(rounded.astype(float)) != _digits(numbers.astype(float))).any(0)
    return (near + differ * np.where(bits & 8, -1, 1)).astype("<u4")


def _digits(values: ndarray) -> ndarray:
    """Of each number the exponent, and the two bytes of its signed digits, one plane after the other."""
    size = np.abs(values)
    size[size < 10.0**-MOST_EXPONENT] = 0
    size[size >= 10.0**MOST_EXPONENT] = np.inf
    special = np.select([size == 0, np.isinf(size), np.isnan(size)], [ZERO, INFINITE, NOT_A_NUMBER], 0)
    size[special > 0] = 1
    exponent = np.floor(np.log10(size)).astype(int)
    exponent += size >= 10.0 ** (exponent + 1)  # where the logarithm was rounded
    exponent -= size < 10.0**exponent
    digits = np.rint(size / 10.0 ** (exponent - (DIGITS - 1)))
    exponent += digits == 10**DIGITS
    digits[digits == 10**DIGITS] = 10 ** (DIGITS - 1)
    exponent = np.where(special > 0, special, exponent)
    signed = np.copysign(digits, np.where(np.isnan(values), 1, values)).astype("<i2")
    return np.concatenate([exponent.astype(np.int8).view(np.uint8)[None], _bytes_of(signed)])


def letters(data: bytes) -> str:
    """Bytes as text: 13 bits in two letters each, the last filled up with zeros."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    groups = np.pad(bits, (0, -len(bits) % 13)).reshape(-1, 13) @ (1 << np.arange(12, -1, -1))
    return np.array(list(LETTERS), np.uint8)[np.stack(np.divmod(groups, len(LETTERS)), 1)].tobytes().decode()
