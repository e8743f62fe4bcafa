"""Say what a wrong gradient looks like: each pattern is one small function, and holds only when it truly does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from math import isclose, sqrt
from typing import NamedTuple

import numpy as np
from numpy import ndarray

TOLERANCE = 1e-6  # relative to the largest number: numerical gradients in float64 are good to about 1e-9
MOST_RANGES = 6  # that are told of the indices at which something is wrong
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


class Names(NamedTuple):
    """What sentences call numbers that may be a wrong factor, and the axes of the array; axes without a name by number.

    A size that begins with "the" counts things that one may sum or average over. Of all others, and of a width, a
    factor may be the root or the square too.
    """

    sizes: Mapping[str, float]
    axes: Sequence[str] = ()

    def axis(self, axis: int) -> str:
        """``the key axis``."""
        return f"the {self.axes[axis]} axis" if self.axes else f"axis {axis}"

    def part(self, indices: list[int], axis: int) -> str:
        """``the third head``, ``indices 1 to 2 of axis 1``."""
        first = indices[0]
        if len(indices) == 1:
            which = ORDINALS[first] if first < len(ORDINALS) else f"number {first}"
            return f"the {which} {self.axes[axis]}" if self.axes else f"index {first} of axis {axis}"
        return f"indices {ranges(indices)}{' (counted from 0)' * bool(self.axes)} of {self.axis(axis)}"

    def of_factor(self, factor: float) -> Iterator[tuple[str, str]]:
        """Sizes that make this factor, and how: ``("sqrt({})", "the width")``."""
        for name, size in self.sizes.items():
            forms = FORMS if not counts(name) or name.endswith("width") else [*FORMS][:2]
            for form in forms if size not in (0, 1) else ():
                if isclose(factor, FORMS[form](size), rel_tol=TOLERANCE):
                    yield form, name


def ranges(numbers: list[int]) -> str:
    """``0 to 14, 30 to 44``: rising numbers, those in a row as one; of very many the first ones."""
    starts = [i for i, number in enumerate(numbers) if i == 0 or number != numbers[i - 1] + 1]
    runs = [numbers[i:j] for i, j in zip(starts, [*starts[1:], None], strict=True)]
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    if len(words) > MOST_RANGES:
        words = [*words[: MOST_RANGES - 1], f"... ({len(numbers)} of them)"]
    return ", ".join(words)


FORMS: dict[str, Callable[[float], float]] = {
    "{}": lambda size: size,
    "1 / {}": lambda size: 1 / size,
    "sqrt({})": sqrt,
    "1 / sqrt({})": lambda size: 1 / sqrt(size),
    "{} squared": lambda size: size * size,
    "1 / {} squared": lambda size: 1 / (size * size),
}
"""What a factor may be made of a size; of a count the first two."""


def counts(name: str) -> bool:
    """Whether a size is a number of things."""
    return name.startswith("the ")


Pattern = Callable[[ndarray, ndarray, Names], str | None]


def diagnose(
    got: ndarray,
    expected: ndarray,
    sizes: Mapping[str, float] | None = None,
    patterns: Sequence[Pattern] | None = None,
    *,
    axes: str = "",
) -> str | None:
    """One sentence on how ``got`` differs from ``expected``, or None if the difference follows no known pattern.

    Parameters
    ----------
    got, expected : arrays
        A gradient and what it should be, in float64.
    sizes : mapping of str to float
        Names for numbers that might turn up as a factor: ``{"the batch size": 8}``.
    patterns : sequence of functions
        Those to try, in order; all if not given.
    axes : str
        What an index of each axis is, or of each of the last ones, is called: ``"sample head query width"``.
    """
    got, expected = np.atleast_1d(got), np.atleast_1d(expected)
    last = axes.split()[-got.ndim :]
    return _diagnose(got, expected, Names(sizes or {}, last if len(last) == got.ndim else ()), patterns)


def _diagnose(got: ndarray, expected: ndarray, names: Names, patterns: Sequence[Pattern] | None = None) -> str | None:
    if same(got, expected):
        return None
    sentences = (pattern(got, expected, names) for pattern in (PATTERNS if patterns is None else patterns))
    return next(filter(None, sentences), None)


def same(a: ndarray, b: ndarray, scale: float | None = None, tolerance: float = TOLERANCE) -> bool:
    """Equal shapes and, up to rounding, equal numbers; ``scale`` is the largest number of ``b`` if not given."""
    if np.shape(a) != np.shape(b):
        return False
    scale = float(np.abs(b).max(initial=0)) if scale is None else scale
    return bool((np.abs(a - b) <= tolerance * scale).all())


def common_factor(got: ndarray, expected: ndarray, tolerance: float = TOLERANCE) -> float | None:
    """The one number by which ``got`` is too large everywhere, if there is one."""
    if got.shape != expected.shape or not expected.any():
        return None
    factor = np.vdot(expected, got) / np.vdot(expected, expected)
    if abs(factor.imag) > tolerance * abs(factor):
        return None  # complex numbers that are turned, too
    is_one = abs(factor) > tolerance and same(np.asarray(got / factor.real), expected, tolerance=tolerance)
    return float(factor.real) if is_one else None


def not_finite(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Nan or infinity."""
    bad = np.argwhere(~np.isfinite(got))
    if len(bad) == 0:
        return None
    index = tuple(int(i) for i in bad[0])
    return f"nan or infinity in {len(bad)} places, first at index {index}"


def transposed(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Two axes exchanged, most often those of a matrix."""
    for a in range(got.ndim):
        for b in range(a + 1, got.ndim):
            if same(got.swapaxes(a, b), expected):
                which = f"the axes {names.axes[a]} and {names.axes[b]}" if names.axes else f"axes {a} and {b}"
                return f"transposed: right after exchanging {which}"
    return None


def all_zeros(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Nothing arrives at all."""
    return "all zeros: nothing reaches it" if not got.any() else None


def constant_factor(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """The right direction, the wrong length."""
    factor = common_factor(got, expected)
    if factor is None:
        return None
    if isclose(factor, -1, rel_tol=TOLERANCE):
        return "off by the factor -1: the wrong sign"
    words = " or ".join(_in_words(form, name) for form, name in names.of_factor(factor))
    if np.count_nonzero(expected) == 1 and not words:
        return None  # one number is always off by a factor
    plain = any(isclose(factor, number, rel_tol=TOLERANCE) for number in (2, 1 / 2))
    because = (", perhaps " if plain else " = ") + words if words else ""  # a plain 2 is no less likely than sqrt(4)
    return f"off by the constant factor {factor:.6g}{because}"


def _in_words(form: str, name: str) -> str:
    summed = {"{}": " (summed instead of averaged?)", "1 / {}": " (averaged instead of summed?)"}
    if counts(name):
        return form.format(name) + summed.get(form, "")
    return form.format(f"({name})" if " " in name and form != "{}" and "sqrt" not in form else name)


def constant_added(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """The same number too much everywhere."""
    if got.shape != expected.shape or got.size < 2:
        return None
    offset = (got - expected).flat[0]
    return f"the constant {offset:.6g} is added everywhere" if same(got - offset, expected) else None


def one_number(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """A single number wrong, in an array of several axes."""
    if got.shape != expected.shape or got.ndim < 2 or got.size < 2:
        return None
    wrong = np.abs(got - expected) > TOLERANCE * np.abs(expected).max()
    if wrong.sum() != 1:
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return _right_except(f"index {index}", got[wrong], expected[wrong], Names(names.sizes))


def partly_right(got: ndarray, expected: ndarray, names: Names) -> str | None:
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
        place = names.part([0], 0)
        place = f"the first sample or row ({place})" if names.sizes.get("the batch size") == len(got) else place
        return f"right for {place}, wrong for all others"
    return _right_except(names.part(wrong, axis), got.take(wrong, axis), expected.take(wrong, axis), names)


def _right_except(place: str, got: ndarray, expected: ndarray, names: Names) -> str:
    if not got.any():
        return f"nothing reaches {place} (zeros there, the rest is right)"
    inner = _diagnose(got, expected, names)
    return f"right except at {place}" + (f"; there: {inner}" if inner else "")


def reordered(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Slices along an axis in another order."""
    if got.shape != expected.shape:
        return None
    scale = float(np.abs(expected).max(initial=0))
    for axis, length in enumerate(got.shape):
        if same(np.flip(got, axis), expected):
            return f"reversed along {names.axis(axis)}"
        matches = [_find(got.take([i], axis), expected, axis, scale) for i in range(length)]
        order = [match for match in matches if match is not None]
        if sorted(order) == list(range(length)):
            order = order if length <= 12 else f"{', '.join(map(str, order[:12]))}, ..."
            return f"permuted along {names.axis(axis)}: index 0 to {length - 1} hold what belongs to {order}"
    return None


def _find(part: ndarray, expected: ndarray, axis: int, scale: float) -> int | None:
    """Index of the slice of ``expected`` that equals ``part``."""
    return next((j for j in range(expected.shape[axis]) if same(part, expected.take([j], axis), scale)), None)


def exchanged_parts(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Halves or thirds of an axis in another order: keys and values are often parts of one array."""
    found = parts_in_order(got, expected)
    if found is None:
        return None
    axis, order = found
    called = {2: "halves", 3: "thirds"}[len(order)]
    return f"the {called} of {names.axis(axis)} are exchanged: they hold what belongs to {[*order]}"


def parts_in_order(got: ndarray, expected: ndarray) -> tuple[int, tuple[int, ...]] | None:
    """The axis whose halves or thirds are exchanged, and which one each of them holds."""
    if got.shape != expected.shape or same(got, expected):
        return None
    scale = float(np.abs(expected).max(initial=0))
    for axis, length in enumerate(got.shape):
        for count in (2, 3):
            if length % count or length == count:
                continue
            parts, wanted = np.split(got, count, axis), np.split(expected, count, axis)
            for order in permutations(range(count)):
                if _fits(parts, wanted, order, scale):
                    return axis, order
    return None


def _fits(parts: list[ndarray], wanted: list[ndarray], order: tuple[int, ...], scale: float) -> bool:
    return all(same(part, wanted[i], scale) for part, i in zip(parts, order, strict=True))


def factor_per_slice(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """A factor of its own for every row, or every index of one axis: a scale forgotten or applied twice."""
    if got.shape != expected.shape or got.ndim < 2:
        return None
    every = set(range(got.ndim))
    keeps = [({axis}, f"index of {names.axis(axis)}") for axis in range(got.ndim)]
    keeps += [(every - {got.ndim - 1}, "row (last axis)")] if got.ndim > 2 else []
    for kept, words in keeps:
        others = tuple(every - kept)
        size = np.abs(expected)
        if (size.max(others) <= (1 + TOLERANCE) * np.where(size == 0, np.inf, size).min(others)).any():
            continue  # one number alone, or one that is repeated, is always off by a factor of its own
        square = (expected * expected).sum(others, keepdims=True)
        factor = (got * expected).sum(others, keepdims=True) / np.where(square == 0, 1, square)
        if same(expected * factor, got):
            return f"off by a factor of its own for each {words}: a scale is missing or applied twice"
    return None


def same_numbers_elsewhere(got: ndarray, expected: ndarray, names: Names) -> str | None:
    """Every number is right and stands in the wrong place: axes or heads reshaped in the wrong order.

    Of two different numbers, as in a mask, that would hold of anything in which each is found as often.
    """
    if np.unique(expected).size <= 2:
        return None
    if got.size == expected.size and same(np.sort(got, axis=None), np.sort(expected, axis=None)):
        return "the right numbers in the wrong places: a reshape or transpose in another order"
    return None


def missing_or_twice(got: ndarray, expected: ndarray, passing: Mapping[str, ndarray]) -> str | None:
    """Whether just one of these gradients, as it is or summed over its rows, is missing in ``got`` or too much."""
    for words, gradient in passing.items():
        for summed in range(gradient.ndim):
            part = gradient.sum(tuple(range(summed))) if summed else gradient
            if part.shape != got.shape or not part.any():
                continue
            what = f"the sum of {words}" if summed else words
            if same(got + part, expected):
                return f"{what} is missing: a residual lost, or = where += is needed"
            if same(got - part, expected):
                return f"{what} is counted twice"
    return None


PATTERNS: list[Pattern] = [
    not_finite,
    transposed,
    all_zeros,
    constant_factor,
    constant_added,
    exchanged_parts,
    reordered,
    one_number,
    partly_right,
    factor_per_slice,
    same_numbers_elsewhere,
]
"""In the order in which they are tried: the first that holds is told."""

OF_SAMPLES: list[Pattern] = [not_finite, all_zeros, constant_factor, constant_added]
"""Those that hold for all numbers if they hold for many."""

AT_ONCE: list[Pattern] = [not_finite, transposed, all_zeros, constant_factor]
"""Those that no other explanation beats."""
