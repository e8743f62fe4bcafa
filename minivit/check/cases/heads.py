"""Sample inputs of what splits and merges heads, and of attention in them."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def split_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, N, H * K)),), {"num_heads": H})


def merge_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, H, N, K)),), {})


def multi_head_attention(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    while not different((B, N, H * V)):
        B, H, N, S, K, V = sizes(rng, 6)
    q, k, v = (rng.standard_normal((B, H, *shape)) for shape in ((N, K), (S, K), (S, V)))
    shapes = [(B, H, N, S), (H, N, S), (B, 1, 1, S), (N, S), (H, 1, 1)]
    bias = choose(rng, None, rng.standard_normal(choose(rng, *shapes)))
    mask = choose(rng, None, rng.random(choose(rng, *shapes)) < 0.7)
    return Case((q, k, v, bias), {"mask": mask})
