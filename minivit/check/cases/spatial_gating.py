"""Sample inputs of spatial gating."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def spatial_gating(rng: Generator) -> Case:
    A, B, N, D = sizes(rng, 4)
    lead = choose(rng, (B,), (A, B), ())
    u, v = rng.standard_normal((2, *lead, N, D))
    return Case((u, v, rng.standard_normal((N, N)), rng.standard_normal(N)), {})
