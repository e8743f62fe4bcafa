"""Sample inputs of a weighted cross-entropy."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def weighted_cross_entropy(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    lead = choose(rng, (B,), (B, N))
    weights = choose(rng, rng.uniform(0.1, 3, lead), rng.uniform(0, 1, lead) * (rng.random(lead) < 0.5) + 1e-3)
    return Case((2 * rng.standard_normal((*lead, C)), rng.integers(0, C, lead), weights), {})


CONSTANTS = {"weighted_cross_entropy": ("targets", "weights")}
