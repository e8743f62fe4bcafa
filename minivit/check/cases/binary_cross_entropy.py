"""Sample inputs of the loss of yes or no; its targets have no gradient."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def binary_cross_entropy(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    targets = choose(rng, rng.integers(0, 2, shape).astype(float), rng.random(shape))
    return Case((2 * rng.standard_normal(shape), targets), {})


CONSTANTS = {"binary_cross_entropy": ("targets",)}
