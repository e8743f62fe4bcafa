"""Sample inputs of matching images with texts."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def scaled_similarities(rng: Generator) -> Case:
    B, S, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, D)), rng.standard_normal((S, D)), rng.standard_normal(B)), {})


def symmetric_cross_entropy(rng: Generator) -> Case:
    (B,) = sizes(rng, 1)  # as many images as texts
    return Case((rng.standard_normal((B, B)),), {})
