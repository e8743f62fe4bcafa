"""Sample inputs of group normalisation."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def group_norm(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, Y, X, G, width = sizes(rng, 5)
        width += 5  # a row of two numbers becomes 1 and -1 whatever they are, and its gradient nothing but rounding
        C = G * width
        if different((B, Y, X, C)):
            break
    x = 1 + 2 * rng.standard_normal(choose(rng, (B, Y, X, C), (B, Y, C), (B, C)))
    gamma, beta = rng.standard_normal((2, C))
    return Case((x, gamma, beta), {"num_groups": G, "eps": choose(rng, 1e-5, 1e-3)})
