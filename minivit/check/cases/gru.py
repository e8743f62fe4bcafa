"""Sample inputs of the gated recurrent unit."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def gru(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    lead = choose(rng, (B, N), (B,), ())
    gates_x, gates_h = rng.standard_normal((2, *lead, 3 * D))
    return Case((gates_x, gates_h, rng.standard_normal((*lead, D))), {})
