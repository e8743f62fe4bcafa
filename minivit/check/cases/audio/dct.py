"""Sample inputs of the cosine transform."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def dct(rng: Generator) -> Case:
    B, F, T = sizes(rng, 3)
    n = choose(rng, None, *(n for n in range(1, F + 1) if n not in (B, T)))
    return Case((rng.standard_normal((B, F, T)),), {"n": n, "norm": choose(rng, "ortho", None)})
