"""Sample inputs of relative positions."""

from numpy.random import Generator

from minivit.check.draw import Case, choose


def relative_position_bias(rng: Generator) -> Case:
    (rows, columns), H = choose(rng, (2, 3), (3, 2), (4, 1), (3, 3)), int(rng.integers(1, 4))
    return Case((rng.standard_normal(((2 * rows - 1) * (2 * columns - 1), H)),), {"window_size": (rows, columns)})
