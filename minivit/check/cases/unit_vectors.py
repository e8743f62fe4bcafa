"""Sample inputs of unit vectors: random numbers, no vector near 0, where its direction means nothing."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def unit_vectors(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    return Case((rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape),), {})
