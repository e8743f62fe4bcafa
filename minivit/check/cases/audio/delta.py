"""Sample inputs of deltas: at least as many frames as the slope is of, or with copies of the ends few."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def delta(rng: Generator) -> Case:
    B, F, T = sizes(rng, 3)
    width, mode = choose(rng, (3, "interp"), (5, "interp"), (5, "nearest"), (9, "nearest"))
    return Case((rng.standard_normal((B, F, T + 5)),), {"width": width, "mode": mode})
