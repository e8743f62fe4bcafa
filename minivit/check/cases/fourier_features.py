"""Sample inputs of Fourier features: points, and frequencies of all directions."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def fourier_features(rng: Generator) -> Case:
    B, N, D, F = sizes(rng, 4)
    while not different((B, N, D), (D, F), (B, N, 2 * F)):
        B, N, D, F = sizes(rng, 4)
    points = rng.uniform(-1, 1, (*choose(rng, (B, N), (N,)), D))
    return Case((points, rng.standard_normal((D, F)) / 2), {})
