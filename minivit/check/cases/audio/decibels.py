"""Sample inputs of logarithms with a floor: no number is close to it, nor to the end of the range below the loudest."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes

RANGE = 6.0  # decibels: the slope of the logarithm is not much steeper at one end than at the other


def log_floor(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    x = np.where(rng.random(shape) < 0.3, rng.uniform(-1, 0.4, shape), rng.uniform(0.6, 3, shape))
    return Case((x,), {"floor": 0.5})


def power_to_db(rng: Generator) -> Case:
    B, F, T = sizes(rng, 3)
    level = rng.permuted(np.tile(np.linspace(-RANGE, 0.0, F * T), (B, 1)), axis=1).reshape(B, F, T)
    gap = RANGE / max(F * T - 1, 1)  # between two levels; what is cut off is cut in the middle of one
    cut = {"top_db": choose(rng, None, gap * (F * T // 2 + 0.5)), "ref": choose(rng, 1.0, 0.3)}
    return Case((10 ** (level / 10),), {**cut, "amin": choose(rng, 1e-10, 10 ** ((1.5 * gap - RANGE) / 10))})
