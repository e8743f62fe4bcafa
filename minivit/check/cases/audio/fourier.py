"""Sample inputs of the discrete Fourier transform and its inverse."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, complex_normal, different, sizes


def rfft(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, C, W = sizes(rng, 3)
        n = choose(rng, None, W + 1, W + 4, max(1, W - 1))
        if different((B, C, 1 + (n or W) // 2)):
            return Case((rng.standard_normal((B, C, W)),), {"n": n})


def irfft(rng: Generator) -> Case:
    while True:
        B, C, F = sizes(rng, 3)
        n = 1 if F == 1 else 2 * (F - 1) + choose(rng, 0, 1)
        if different((B, C, n)):
            return Case((complex_normal(rng, (B, C, F)),), {"n": n})
