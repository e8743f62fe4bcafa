"""Along which directions a gradient is compared: one through all numbers, and in large arrays sparse ones, too."""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from numpy import ndarray
from numpy.random import Generator

SMALL = 1000  # numbers; of so few, each is seen well by the direction through all of them


def directions(rng: Generator, grad: ndarray) -> Iterator[ndarray]:
    """Random directions, more in larger arrays: 1 for a thousand numbers, 3 for ten thousand, 7 for a million.

    No number of a direction is near zero, so that one wrong number among a million cannot hide behind a small factor.
    """
    yield everywhere(rng, grad.shape)
    count = int(2 * np.log10(grad.size / SMALL)) if grad.size > SMALL else 0
    for part in islice(chain(_by_size(grad), _by_place(rng, grad.shape)), count):
        direction = np.zeros(grad.shape)
        direction[part] = everywhere(rng, direction[part].shape)
        yield direction


def everywhere(rng: Generator, shape: tuple[int, ...]) -> ndarray:
    """Random signs times random sizes from 0.5 to 1.5."""
    signed = rng.uniform(-1, 1, shape)
    return np.asarray(signed + np.copysign(0.5, signed))


def one_place(shape: tuple[int, ...], place: int) -> ndarray:
    """The direction of a single number, given by its flat index."""
    direction = np.zeros(shape)
    direction.flat[place] = 1
    return direction


def _by_size(grad: ndarray) -> Iterator[ndarray]:
    """Where the gradient is suspiciously small: there a wrong number is nothing beside the others."""
    zero = grad == 0
    if zero.any() and not zero.all():
        yield zero
    sizes = np.abs(grad)
    smallest = ~zero & (sizes <= np.quantile(sizes[~zero], 0.1)) if not zero.all() else zero
    yield smallest


def _by_place(rng: Generator, shape: tuple[int, ...]) -> Iterator[tuple]:
    """Last and random rows and columns (the slices of each axis), blocks, and single numbers, without end."""
    while True:
        for axis, length in reversed([*enumerate(shape)]):
            for index in (length - 1, int(rng.integers(length))):
                yield (slice(None),) * axis + (slice(index, index + 1),)
        starts = [int(rng.integers(length)) for length in shape]
        yield tuple(slice(start, start + 1 + length // 8) for start, length in zip(starts, shape, strict=True))
        yield tuple(slice(start, start + 1) for start in starts)
