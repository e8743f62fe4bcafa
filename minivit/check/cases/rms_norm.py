"""Sample inputs of RMS normalisation."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def rms_norm(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # as for layer_norm: of a row of one number the sign alone is left
    x = 1 + 2 * rng.standard_normal(choose(rng, (B, N, D), (N, D)))
    return Case((x, rng.standard_normal(D)), {"eps": choose(rng, 1e-5, 1e-3)})
