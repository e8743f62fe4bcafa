"""Sample inputs of what splits and joins heads."""

from numpy.random import Generator

from minivit.check.draw import Case, different, sizes


def split_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, N, H * K)),), {"num_heads": H})


def merge_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, H, N, K)),), {})
