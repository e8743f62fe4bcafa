"""Sample inputs of layer normalisation."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def layer_norm(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # a row of two numbers becomes 1 and -1 whatever they are, and its gradient nothing but rounding
    x = 1 + 2 * rng.standard_normal(choose(rng, (B, N, D), (N, D)))
    return Case((x, rng.standard_normal(D), rng.standard_normal(D)), {"eps": choose(rng, 1e-6, 1e-3)})


def layer_norm_sample(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # as for layer_norm
    shape = choose(rng, (D,), (N, D))
    x = 1 + 2 * rng.standard_normal((B, N, D))
    return Case((x, rng.standard_normal(shape), rng.standard_normal(shape)), {"eps": choose(rng, 1e-6, 1e-3)})
