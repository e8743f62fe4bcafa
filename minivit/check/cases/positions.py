"""Sample inputs of positions and of tokens in front."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def add_positions(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal(choose(rng, (N, D), (1, N, D)))), {})


def prepend_token(rng: Generator) -> Case:
    B, N, D, R = *sizes(rng, 3), choose(rng, 1, 6)  # registers as no other axis, and one token
    while not different((B, N + R, D)):
        B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal((1, R, D))), {})
