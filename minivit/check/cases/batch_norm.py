"""Sample inputs of batch normalisation."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def batch_norm(rng: Generator) -> Case:
    B, Y, C = sizes(rng, 3)
    B += 5  # a column of two numbers becomes 1 and -1 whatever they are, and its gradient nothing but rounding
    x = 1 + 2 * rng.standard_normal(choose(rng, (B, C), (B, Y, C)))
    while len(set(x.shape)) < x.ndim:
        B += 1
        x = 1 + 2 * rng.standard_normal((B, *x.shape[1:]))
    return Case((x, rng.standard_normal(C), rng.standard_normal(C)), {"eps": choose(rng, 1e-5, 1e-3)})
