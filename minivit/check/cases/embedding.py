"""Sample inputs of the embedding; some rows of the table are taken more than once, some never."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def embedding(rng: Generator) -> Case:
    B, N, D, V = sizes(rng, 4)
    return Case((rng.integers(0, V, choose(rng, (N,), (B, N))), rng.standard_normal((V, D))), {})
