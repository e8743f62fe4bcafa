"""Say what a wrong gradient looks like: each pattern is one small function, and holds only when it truly does."""

from collections.abc import Callable, Mapping
from math import isclose, sqrt

import numpy as np
from numpy import ndarray

TOLERANCE = 1e-6  # relative to the largest number: numerical gradients in float64 are good to about 1e-9

Pattern = Callable[[ndarray, ndarray, Mapping[str, float]], str | None]


def diagnose(got: ndarray, expected: ndarray, sizes: Mapping[str, float] | None = None) -> str | None:
    """One sentence on how ``got`` differs from ``expected``, or None if the difference follows no known pattern.

    Parameters
    ----------
    got, expected : arrays
        A gradient and what it should be, in float64.
    sizes : mapping of str to float
        Names for numbers that might turn up as a factor: ``{"the batch size": 8}``.
    """
    if same(got, expected):
        return None
    for pattern in PATTERNS:
        sentence = pattern(got, expected, sizes or {})
        if sentence:
            return sentence
    return None


def same(a: ndarray, b: ndarray, scale: float | None = None) -> bool:
    """Equal shapes and, up to rounding, equal numbers; ``scale`` is the largest number of ``b`` if not given."""
    if np.shape(a) != np.shape(b):
        return False
    scale = float(np.abs(b).max(initial=0)) if scale is None else scale
    return bool((np.abs(a - b) <= TOLERANCE * scale).all())


def not_finite(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Nan or infinity."""
    bad = np.argwhere(~np.isfinite(got))
    if len(bad) == 0:
        return None
    index = tuple(int(i) for i in bad[0])
    return f"nan or infinity in {len(bad)} places, first at index {index}"


def transposed(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Two axes exchanged, most often those of a matrix."""
    for a in range(got.ndim):
        for b in range(a + 1, got.ndim):
            if same(got.swapaxes(a, b), expected):
                return f"transposed: right after exchanging axes {a} and {b}"
    return None


def all_zeros(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Nothing arrives at all."""
    return "all zeros: nothing reaches it" if not got.any() else None


def constant_factor(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """The right direction, the wrong length."""
    if got.shape != expected.shape or not expected.any():
        return None
    factor = float(np.vdot(expected, got) / np.vdot(expected, expected))
    if abs(factor) < TOLERANCE or not same(got / factor, expected):
        return None
    if isclose(factor, -1, rel_tol=TOLERANCE):
        return "off by the factor -1: the wrong sign"
    names = _names_of(factor, sizes)
    return f"off by the constant factor {factor:.6g}" + (f" = {' or '.join(names)}" if names else "")


def _names_of(factor: float, sizes: Mapping[str, float]) -> list[str]:
    names = []
    for name, size in sizes.items():
        forms = {
            f"{name} (summed instead of averaged?)" if name.startswith("the ") else name: size,
            f"1 / {name} (averaged instead of summed?)" if name.startswith("the ") else f"1 / {name}": 1 / size,
            f"sqrt({name})": sqrt(size),
            f"1 / sqrt({name})": 1 / sqrt(size),
            f"{name} squared": size * size,
            f"1 / {name} squared": 1 / (size * size),
        }
        names += [form for form, value in forms.items() if isclose(factor, value, rel_tol=TOLERANCE)]
    return names


def constant_added(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """The same number too much everywhere."""
    if got.shape != expected.shape or got.size < 2:
        return None
    offset = (got - expected).flat[0]
    return f"the constant {offset:.6g} is added everywhere" if same(got - offset, expected) else None


def partly_right(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Wrong at some indices of an axis only; of several such axes the one with the smallest part wrong is named."""
    if got.shape != expected.shape:
        return None
    scale = float(np.abs(expected).max(initial=0))
    found: list[tuple[float, int, list[int]]] = []
    for axis, length in enumerate(got.shape):
        wrong = [i for i in range(length) if not same(got.take([i], axis), expected.take([i], axis), scale)]
        if len(wrong) < length:
            found.append((len(wrong) / length, axis, wrong))
    if not found:
        return None
    _, axis, wrong = min(found)
    if axis == 0 and wrong == list(range(1, len(got))):
        return "right for the first sample (index 0 of axis 0), wrong for all others"
    place = f"{_indices(wrong)} of axis {axis}"
    part, expected_part = got.take(wrong, axis), expected.take(wrong, axis)
    if not part.any():
        return f"nothing reaches {place} (zeros there, the rest is right)"
    inner = diagnose(part, expected_part, sizes)
    return f"right except at {place}" + (f"; there: {inner}" if inner else "")


def _indices(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"index {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"indices {numbers[0]} to {numbers[-1]}"
    return "indices " + ", ".join(map(str, numbers))


def reordered(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Slices along an axis in another order."""
    if got.shape != expected.shape:
        return None
    scale = float(np.abs(expected).max(initial=0))
    for axis, length in enumerate(got.shape):
        if same(np.flip(got, axis), expected):
            return f"reversed along axis {axis}"
        matches = [_find(got.take([i], axis), expected, axis, scale) for i in range(length)]
        order = [match for match in matches if match is not None]
        if sorted(order) == list(range(length)):
            return f"permuted along axis {axis}: index 0 to {length - 1} hold what belongs to {order}"
    return None


def _find(part: ndarray, expected: ndarray, axis: int, scale: float) -> int | None:
    """Index of the slice of ``expected`` that equals ``part``."""
    return next((j for j in range(expected.shape[axis]) if same(part, expected.take([j], axis), scale)), None)


def factor_per_slice(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """A factor of its own for every row, or every index of one axis: a scale forgotten or applied twice."""
    if got.shape != expected.shape or got.ndim < 2:
        return None
    every = set(range(got.ndim))
    keeps = [({axis}, f"index of axis {axis}") for axis in range(got.ndim)]
    keeps += [(every - {got.ndim - 1}, "row (last axis)")] if got.ndim > 2 else []
    for kept, words in keeps:
        others = tuple(every - kept)
        square = (expected * expected).sum(others, keepdims=True)
        factor = (got * expected).sum(others, keepdims=True) / np.where(square == 0, 1, square)
        if same(expected * factor, got):
            return f"off by a factor of its own for each {words}: a scale is missing or applied twice"
    return None


def same_numbers_elsewhere(got: ndarray, expected: ndarray, sizes: Mapping[str, float]) -> str | None:
    """Every number is right and stands in the wrong place: axes or heads reshaped in the wrong order."""
    if got.size == expected.size and same(np.sort(got, axis=None), np.sort(expected, axis=None)):
        return "the right numbers in the wrong places: a reshape or transpose in another order"
    return None


PATTERNS: list[Pattern] = [
    not_finite,
    transposed,
    all_zeros,
    constant_factor,
    constant_added,
    reordered,
    partly_right,
    factor_per_slice,
    same_numbers_elsewhere,
]
"""In the order in which they are tried: the first that holds is told."""
