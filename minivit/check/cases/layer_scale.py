"""Sample inputs of LayerScale."""

from numpy.random import Generator

from minivit.check.draw import Case, sizes


def layer_scale(rng: Generator) -> Case:
    *places, D = sizes(rng, int(rng.integers(1, 5)))
    return Case((rng.standard_normal((*places, D)), rng.standard_normal(D)), {})
