"""Sample inputs of convolution in time, and of the padding that makes it causal."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def conv1d(rng: Generator) -> Case:
    while True:  # until it fits
        B, K, T = *sizes(rng, 2), int(rng.integers(5, 14))
        groups, group_in, group_out = choose(rng, (1, 3, 6), (1, 7, 2), (1, 1, 4), (2, 3, 2), (4, 1, 1), (2, 1, 3))
        (before, after), stride, dilation = (
            choose(rng, (0, 0), (1, 1), (2, 0), (0, 3)),
            choose(rng, 1, 1, 2, 3),
            choose(rng, 1, 1, 2),
        )
        K = choose(rng, 1, K, K, K)
        To = (T + before + after - dilation * (K - 1) - 1) // stride + 1
        x, weight = (B, T, group_in * groups), (K, group_in, group_out * groups)
        if To > 1 and different(x, weight[K == 1 :], (B, To, weight[2])):
            break
    padding = choose(rng, (before, after), before) if before == after else (before, after)
    bias = choose(rng, None, rng.standard_normal(weight[2]))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case((rng.standard_normal(x), rng.standard_normal(weight), bias), options)


def causal_pad(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, T, C, before = sizes(rng, 4)
        if different((B, T, C), (B, before + T, C)):
            return Case((rng.standard_normal((B, T, C)),), {"before": before, "mode": choose(rng, "edge", "constant")})
