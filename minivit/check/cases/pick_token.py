"""Sample inputs of picking one token of each sequence: several pick the same place, most none."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def pick_token(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)),), {"places": rng.integers(N, size=B)})
