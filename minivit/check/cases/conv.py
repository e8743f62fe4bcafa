"""Sample inputs of convolutions."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def conv2d(rng: Generator) -> Case:
    while True:  # until it fits
        B, P, Q, groups = *sizes(rng, 3), choose(rng, 1, 1, 2, 3)
        group_in, group_out = choose(rng, 1, 2, 3, 4), choose(rng, 1, 2, 3)
        Y, X = (rng.integers(5, 12, 2)).tolist()
        stride, dilation = choose(rng, 1, 2, (2, 3), (3, 1)), choose(rng, 1, 1, 2, (1, 2))
        (sy, sx), (dy, dx) = (pair if isinstance(pair, tuple) else (pair, pair) for pair in (stride, dilation))
        padding, (rows, columns) = choose(rng, (0, (0, 0)), (1, (2, 2)), ((1, 0), (2, 0)), (((0, 1), (2, 1)), (1, 3)))
        out = ((Y + rows - dy * (P - 1) - 1) // sy + 1, (X + columns - dx * (Q - 1) - 1) // sx + 1)
        x_shape, weight_shape = (B, Y, X, group_in * groups), (P, Q, group_in, group_out * groups)
        if min(out) > 1 and different(x_shape, weight_shape, (B, *out, weight_shape[3])):
            break
    bias = choose(rng, None, rng.standard_normal(weight_shape[3]))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case((rng.standard_normal(x_shape), rng.standard_normal(weight_shape), bias), options)
