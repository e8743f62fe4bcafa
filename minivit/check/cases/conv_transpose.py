"""Sample inputs of the transposed convolution whose patches do not overlap."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def conv_transpose2d(rng: Generator) -> Case:
    while True:
        (B, Y, X, C, O), (P, Q) = sizes(rng, 5), choose(rng, (2, 3), (3, 2), (1, 2))
        if different((B, Y, X, C), (B, P * Y, Q * X, O), (P, Q, C, O)):
            break
    bias = choose(rng, None, rng.standard_normal(O))
    return Case((rng.standard_normal((B, Y, X, C)), rng.standard_normal((P, Q, C, O)), bias), {})
