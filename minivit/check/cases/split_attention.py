"""Sample inputs of split attention."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def split_attention(rng: Generator) -> Case:
    A, B, K, N, C = sizes(rng, 5)
    lead = choose(rng, (B,), (A, B), ())
    return Case((rng.standard_normal((*lead, K, N, C)), rng.standard_normal((*lead, K, C))), {})
