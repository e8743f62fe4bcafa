"""Sample inputs of patch merging."""

from numpy.random import Generator

from minivit.check.draw import Case, different, sizes


def merge_patches(rng: Generator) -> Case:
    B, Y, X, C = sizes(rng, 4)
    while not different((B, -(-Y // 2), -(-X // 2), 4 * C)):
        B, Y, X, C = sizes(rng, 4)
    return Case((rng.standard_normal((B, Y, X, C)),), {})
