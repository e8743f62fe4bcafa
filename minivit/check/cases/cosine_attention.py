"""Sample inputs of cosine attention; some scales are beyond the clamp, none near it."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def cosine_attention(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    q, k, v = (rng.standard_normal((B, H, *shape)) for shape in ((N, K), (S, K), (S, V)))
    logit_scale = np.where(rng.random((H, 1, 1)) < 0.2, 4.8, rng.uniform(0, 2, (H, 1, 1)))
    shapes = [(B, H, N, S), (H, N, S), (B, 1, 1, S), (N, S)]
    bias = choose(rng, None, rng.standard_normal(choose(rng, *shapes)))
    mask = choose(rng, None, rng.random(choose(rng, *shapes)) < 0.7)
    return Case((q, k, v, logit_scale, bias), {"mask": mask})
