"""Sample inputs of pixel shuffle."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def pixel_shuffle(rng: Generator) -> Case:
    r = choose(rng, 2, 3)
    while True:  # until no two lengths are equal
        B, Y, X, C = rng.permutation(sizes(rng, 6))[:4].tolist()
        if different((B, Y, X, C * r * r), (B, r * Y, r * X, C)):
            return Case((rng.standard_normal((B, Y, X, C * r * r)),), {"upscale": r})
