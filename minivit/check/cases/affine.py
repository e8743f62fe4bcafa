"""Sample inputs of an affine map of channels."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def affine(rng: Generator) -> Case:
    *places, D = sizes(rng, int(rng.integers(1, 5)))
    return Case((rng.standard_normal((*places, D)), rng.standard_normal(D), rng.standard_normal(D)), {})
