"""Sample inputs of pre-emphasis."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def preemphasis(rng: Generator) -> Case:
    options = {"coef": choose(rng, 0.97, 0.6), "pad_mode": choose(rng, "constant", "edge")}
    return Case((rng.standard_normal(sizes(rng, 3)),), options)
