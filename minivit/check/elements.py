"""Compare a gradient element by element with the numerical one: slow, and the last word."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import Slopes
from minivit.check.diagnose import TOLERANCE
from minivit.check.directions import everywhere, one_place

WORK = 12_000_000  # elements times outputs: up to so many, every element is compared without being asked


class Comparison(NamedTuple):
    """A gradient and the numerical one at some places (flat indices), and the places where forward has a kink.

    At a kink every number between the slopes of its two sides is right, and elsewhere every one that the numerical
    slope may be; of these the nearest is expected.
    """

    places: ndarray
    got: ndarray
    expected: ndarray
    kinks: list[int]

    @property
    def wrong(self) -> ndarray:
        """Where the two differ."""
        largest = np.abs(self.expected).max(initial=0)
        return ~(np.abs(self.got - self.expected) <= TOLERANCE * largest)  # "not <=" also catches nan


def few_enough(slopes: Slopes, grad: ndarray) -> bool:
    """Whether comparing every element takes no longer than a few seconds."""
    return grad.size <= 10_000 and grad.size * slopes.y.size <= WORK


def compare_elements(slopes: Slopes, name: str, grad: ndarray, places: ndarray) -> Comparison:
    """Compare at these places, two calls of forward for each, and more where a kink or the like makes it unsure."""
    got = grad.ravel()[places].astype(np.float64)
    expected, kinks = np.empty(len(places)), []
    near = TOLERANCE / 10 * np.abs(got[np.isfinite(got)]).max(initial=0)
    everywhere_smooth = slopes.is_smooth(name, everywhere(np.random.default_rng(0), grad.shape))
    for i, place in enumerate(places):
        direction = one_place(grad.shape, int(place))
        expected[i] = slopes.quick(name, direction)
        if everywhere_smooth or abs(got[i] - expected[i]) <= near:
            continue
        if sides := slopes.sides(name, direction):
            kinks.append(int(place))
            expected[i] = np.clip(got[i], min(sides), max(sides))
        else:
            value, error = slopes.careful(name, direction)
            expected[i] = np.clip(got[i], value - error, value + error) if np.isfinite(error) else value
    return Comparison(places, got, expected, kinks)


def numerical_gradient(slopes: Slopes, name: str) -> ndarray:
    """The slope along every single number, two calls of forward for each."""
    shape = np.shape(slopes.args[name])
    return np.reshape([slopes.quick(name, one_place(shape, i)) for i in range(int(np.prod(shape)))], shape)


def wrong_by_halving(slopes: Slopes, name: str, grad: ndarray, rng: Generator) -> int:
    """Flat index of a wrong element among many: of two halves, it is in the one whose slope is further off."""
    direction = everywhere(rng, grad.shape)

    def off(first: int, last: int) -> float:
        part = np.zeros(grad.shape)
        part.flat[first:last] = direction.flat[first:last]
        return float((grad * part).sum() - slopes.quick(name, part))

    first, last = 0, grad.size
    whole = off(first, last)
    while last - first > 1:
        middle = (first + last) // 2
        left = off(first, middle)
        if abs(left) > abs(whole - left):
            last, whole = middle, left
        else:
            first, whole = middle, whole - left
    return first
