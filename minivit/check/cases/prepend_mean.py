"""Sample inputs of putting the mean of all tokens in front of them."""

from numpy.random import Generator

from minivit.check.draw import Case, different, sizes


def prepend_mean(rng: Generator) -> Case:
    while True:  # until no two lengths are equal, of the output neither
        B, N, D = sizes(rng, 3)
        if different((B, N + 1, D)):
            return Case((rng.standard_normal((B, N, D)),), {})
