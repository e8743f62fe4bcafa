"""Sample inputs of convolutions: dense, grouped and depthwise, with kernels of one pixel and larger."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.ops.sliding import sliding


def conv2d(rng: Generator) -> Case:
    while True:  # until it fits
        B, P, Q, Y, X = *sizes(rng, 3), *rng.integers(5, 12, 2).tolist()
        groups, group_in, group_out = choose(
            rng,
            (1, choose(rng, 1, 3, 4, 13), choose(rng, 1, 2, 4)),
            (choose(rng, 2, 3), choose(rng, 1, 2, 3, 4), choose(rng, 1, 2, 3)),
            (choose(rng, 3, 4, 6), 1, 1),
        )
        kernel = choose(rng, *[(P, Q)] * 6, (1, 1))
        options = {
            "stride": choose(rng, 1, 1, 2, (2, 3), (3, 1)),
            "padding": choose(rng, 0, 1, (1, 2), ((0, 1), (2, 1)), ((6, 0), (1, 0))),
            "dilation": choose(rng, 1, 1, 2, (1, 2)),
        }
        x_shape, weight = (B, Y, X, group_in * groups), (*kernel, group_in, group_out * groups)
        try:
            out = sliding("conv2d", (Y, X), kernel, **options).out
        except ValueError:  # the kernel is too large
            continue
        if min(out) > 1 and different(x_shape, weight[2 * (kernel == (1, 1)) :], (B, *out, weight[3])):
            break
    bias = choose(rng, None, rng.standard_normal(weight[3]))
    return Case((rng.standard_normal(x_shape), rng.standard_normal(weight), bias), {**options, "groups": groups})
