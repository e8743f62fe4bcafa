"""Sample inputs of the linear map."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def linear(rng: Generator) -> Case:
    B, N, D, F = sizes(rng, 4)
    x = rng.standard_normal(choose(rng, (B, N, D), (N, D)))
    return Case((x, rng.standard_normal((D, F)), choose(rng, None, rng.standard_normal(F))), {})
