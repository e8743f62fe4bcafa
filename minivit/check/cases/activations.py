"""Sample inputs of activations: ReLU gets numbers at a safe distance from its kink."""

from numpy.random import Generator

from minivit.check.draw import Case, elementwise, sizes


def relu(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    return Case((rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape),), {})


gelu = gelu_tanh = quick_gelu = sigmoid = tanh = elementwise
