"""Sample inputs of losses; their targets have no gradient."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def cross_entropy(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    lead = choose(rng, (B,), (B, N))
    labels = rng.integers(0, C, lead)
    soft = rng.random((*lead, C))  # its rows need not sum to one
    targets = choose(rng, labels, soft, soft / soft.sum(-1, keepdims=True))
    return Case((2 * rng.standard_normal((*lead, C)), targets), {"label_smoothing": choose(rng, 0.0, 0.1)})


def mse(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    return Case((rng.standard_normal(shape), rng.standard_normal(shape)), {})


def l1(rng: Generator) -> Case:
    target = rng.standard_normal(sizes(rng, 3))
    distance = rng.uniform(0.1, 2, target.shape) * rng.choice([-1, 1], target.shape)
    return Case((target + distance, target), {})


def charbonnier(rng: Generator) -> Case:
    case = mse(rng)
    return Case(case.args, choose(rng, {"eps": 0.5}, {"eps": 1.5}))


CONSTANTS = {
    "cross_entropy": ("targets",),
    "mse": ("target",),
    "l1": ("target",),
    "charbonnier": ("target",),
}
