"""Sample inputs of dropout: with and without a generator."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, generator, sizes


def dropout(rng: Generator) -> Case:
    kwargs = {"rate": choose(rng, 0.0, 0.3, 0.6), "rng": choose(rng, None, generator(rng), generator(rng))}
    return Case((rng.standard_normal(sizes(rng, 3)),), kwargs)


drop_path = dropout
