"""Sample inputs of products of vectors with every place of a map."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def map_products(rng: Generator) -> Case:
    B, M, Y, X, C = sizes(rng, 5)
    return Case((rng.standard_normal((B, M, C)), rng.standard_normal((B, Y, X, C))), {})
