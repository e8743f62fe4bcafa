"""Sample inputs of leaky ReLU, at a safe distance from its kink."""

from numpy.random import Generator

from minivit.check.cases import activations
from minivit.check.draw import Case, choose


def leaky_relu(rng: Generator) -> Case:
    return activations.relu(rng)._replace(kwargs=choose(rng, {}, {"negative_slope": 0.2}))
