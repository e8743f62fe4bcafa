"""Sample inputs of pooling: no two numbers among which a maximum is sought are close."""

from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different, elementwise, sizes
from minivit.ops.sliding import sliding


def mean_pool(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)),), {"num_prefix_tokens": int(rng.integers(0, N))})


def prefix_tokens(rng: Generator) -> Case:
    B, D, *tokens = sizes(rng, 4)
    M, N = sorted(tokens)
    return Case((rng.standard_normal((B, N, D)),), {"num_prefix_tokens": M})


def patch_tokens(rng: Generator) -> Case:
    while True:  # until no two lengths of the output are equal
        (x,), _ = prefix_tokens(rng)
        (B, N, D), M = x.shape, choose(rng, 0, 1, 2)
        if N > M and different((B, N - M, D)):
            return Case((x,), {"num_prefix_tokens": M})


def pool_windows(rng: Generator) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Shape of a map, and windows that fit: apart, touching and overlapping, with padding and without."""
    while True:  # until no two lengths are equal
        B, C = sizes(rng, 2)
        Y, X = rng.integers(5, 12, 2).tolist()
        kernel_size, stride = choose(rng, 2, 3, (2, 3), (4, 2)), choose(rng, None, 1, 2, (3, 2))
        padding = choose(rng, 0, 0, 1, (1, 0), ((0, 1), (1, 0)))
        out = sliding("pool", (Y, X), kernel_size, stride=stride or kernel_size, padding=padding).out
        if min(out) > 1 and different((B, Y, X, C), (B, *out, C)):
            return (B, Y, X, C), {"kernel_size": kernel_size, "stride": stride, "padding": padding}


def avg_pool2d(rng: Generator) -> Case:
    shape, options = pool_windows(rng)
    return Case((rng.standard_normal(shape),), options)


def max_pool2d(rng: Generator) -> Case:
    shape, options = pool_windows(rng)
    x = rng.permutation(np.prod(shape)) / 10.0 - 5  # no two numbers closer than 0.1
    return Case((x.reshape(shape),), options)


first_token = elementwise
