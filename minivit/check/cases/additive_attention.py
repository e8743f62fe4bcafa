"""Sample inputs of additive attention."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def additive_attention(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    lead = choose(rng, (B, H), (B,), ())
    q, k, v = (rng.standard_normal((*lead, *shape)) for shape in ((N, K), (S, K), (S, V)))
    mask = choose(rng, None, rng.random(choose(rng, (*lead, N, S), (N, S), (*lead, 1, S))) < 0.7)
    return Case((q, k, v, rng.standard_normal(K)), {"mask": mask})
