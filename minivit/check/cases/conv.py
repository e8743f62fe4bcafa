"""Sample inputs of convolutions: dense, grouped and depthwise, with kernels of one pixel and larger."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.ops.sliding import sliding


def conv2d(rng: Generator) -> Case:
    while True:  # until it fits
        B, P, Q, Y, X = *sizes(rng, 3), *rng.integers(5, 14, 2).tolist()
        dense = choose(rng, (1, 3, 6), (1, 7, 2), (1, 1, 4), (1, 9, 1))  # groups, channels in and out of each
        grouped, depthwise = choose(rng, (2, 3, 4), (3, 2, 1), (2, 1, 3)), choose(rng, (4, 1, 1), (6, 1, 1))
        groups, group_in, group_out = choose(rng, dense, dense, grouped, depthwise)
        options = {
            "stride": choose(rng, 1, 1, 2, (2, 3), (3, 1)),
            "padding": choose(rng, 0, 0, 1, "same", (1, 2), ((0, 1), (2, 1)), ((6, 0), (1, 0))),
            "dilation": choose(rng, 1, 1, 2, (1, 2)),
        }
        kernel = choose(rng, (1, 1), *[(P, Q)] * 6)
        x, weight = (B, Y, X, group_in * groups), (*kernel, group_in, group_out * groups)
        try:
            out = sliding("conv2d", (Y, X), kernel, **options).out
        except ValueError:  # the kernel is larger than the map
            continue
        if min(out) > 1 and different(x, (P, Q, *weight[2:]), (B, *out, weight[3])):
            break
    bias = choose(rng, None, rng.standard_normal(weight[3]))
    args = rng.standard_normal(x), rng.standard_normal(weight), bias
    return Case(args, {**options, "groups": groups})
