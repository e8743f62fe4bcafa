"""Sample inputs of attention."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def attention(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    lead = choose(rng, (B, H), (B,), ())
    q, k, v = (rng.standard_normal((*lead, *shape)) for shape in ((N, K), (S, K), (S, V)))
    broadcast = (1,) * len(lead)
    shapes = [(*lead, N, S), (N, S), (*broadcast, N, S), (*lead, 1, S), (*lead[1:], N, 1)]
    bias = choose(rng, None, rng.standard_normal(choose(rng, *shapes)))
    mask = choose(rng, None, rng.random(choose(rng, *shapes)) < 0.7)
    return Case((q, k, v, bias), {"mask": mask, "scale": choose(rng, None, 0.3)})
