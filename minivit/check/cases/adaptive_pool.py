"""Sample inputs of adaptive pooling: grids that divide a map, share its rows, or are finer than it."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def adaptive_avg_pool2d(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, C = sizes(rng, 2)
        Y, X = rng.integers(4, 12, 2).tolist()
        rows, columns = choose(rng, 2, 3, 5, Y + 1), choose(rng, 2, 3, 4)
        if different((B, Y, X, C), (B, rows, columns, C)):
            return Case((rng.standard_normal((B, Y, X, C)),), {"output_size": (rows, columns)})
