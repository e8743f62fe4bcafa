"""Sample inputs of contrastive losses."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, elementwise, sizes


def info_nce(rng: Generator) -> Case:
    B, D = sizes(rng, 2)
    query, key = rng.standard_normal((2, B, D))
    # colder, a sample may be so sure that its gradient is nothing but rounding
    return Case((query, key), {"temperature": choose(rng, 0.5, 1.0)})


unit_norm = elementwise
