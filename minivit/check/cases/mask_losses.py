"""Sample inputs of losses of masks; what is true has no gradient."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def sigmoid_focal_loss(rng: Generator) -> Case:
    logits, truth = dice_loss(rng).args
    return Case((logits, truth), {"alpha": choose(rng, 0.25, 0.9), "gamma": choose(rng, 2.0, 0.0, 1.5)})


def dice_loss(rng: Generator) -> Case:
    shape = sizes(rng, 2)
    return Case((2 * rng.standard_normal(shape), rng.random(shape) < 0.4), {})


CONSTANTS = {"sigmoid_focal_loss": ("truth",), "dice_loss": ("truth",)}
