"""Sample inputs of weight standardisation."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def weight_standardization(rng: Generator) -> Case:
    P, Q, I, O = sizes(rng, 4)
    weight = 1 + 2 * rng.standard_normal((P, Q, I, O))
    beside, eps = choose(rng, ("variance", 1e-8), ("variance", 0.3), ("deviation", 1e-5), ("deviation", 0.3))
    return Case((weight,), {"eps": eps, "eps_beside": beside})
