"""Sample inputs of nearest upsampling."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def upsample_nearest(rng: Generator) -> Case:
    r, s = choose(rng, (2, 2), (3, 2), (1, 4))
    while True:  # until no two lengths are equal
        B, Y, X, C = rng.permutation(sizes(rng, 6))[:4].tolist()
        if different((B, Y, X, C), (B, r * Y, s * X, C)):
            return Case((rng.standard_normal((B, Y, X, C)),), {"scale": r if r == s else (r, s)})
