"""What sample inputs are drawn with: small arrays of random numbers, no two axes of the same length."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator


class Case(NamedTuple):
    """One call: ``forward(*args, **kwargs)``."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def sizes(rng: Generator, count: int) -> list[int]:
    """So many different lengths, from 2 on: an axis of length 1 is broadcast, and hides a sum that backward forgot."""
    return rng.permutation(np.arange(2, count + 3))[:count].tolist()


def choose(rng: Generator, *options: Any) -> Any:
    """One of the options."""
    return options[rng.integers(len(options))]


def different(*shapes: tuple[int, ...]) -> bool:
    """Whether no shape has two axes of the same length."""
    return all(len(set(shape)) == len(shape) for shape in shapes)


def complex_normal(rng: Generator, shape: Sequence[int]) -> ndarray:
    """Complex numbers, their real and imaginary parts both random."""
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def generator(rng: Generator) -> Generator:
    """A new generator, for an op that draws random numbers itself."""
    return np.random.default_rng(rng.integers(2**32))


def elementwise(rng: Generator) -> Case:
    """One array, any numbers."""
    return Case((2 * rng.standard_normal(sizes(rng, 3)),), {})
