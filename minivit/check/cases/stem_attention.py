"""Sample inputs of local attention on colours: windows inside the map and over its edge, some positions left out."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.ops.sliding import sliding


def stem_attention(rng: Generator) -> Case:
    """Maps of odd sides, windows of even ones too, one map of values or several."""
    while True:  # until no two lengths are equal
        B, H, K, V = sizes(rng, 4)
        M = choose(rng, 1, 2, 3)
        Y, X = rng.integers(4, 8, 2).tolist()
        kernel_size, stride = choose(rng, 2, 3, (2, 3), (3, 1)), choose(rng, 1, 1, 2, (1, 2))
        padding = choose(rng, 0, 1, 1, ((1, 0), (0, 1)))
        window = sliding("case", (Y, X), kernel_size, stride=stride, padding=padding)
        S = window.kernel[0] * window.kernel[1]
        if different((B, Y, X, H, K), (M, B, Y, X, H, V), (B, *window.out, H, K), (B, *window.out, H, V), (M, S)):
            break
    q, k = rng.standard_normal((B, *window.out, H, K)), rng.standard_normal((B, Y, X, H, K))
    v, shares = rng.standard_normal((M, B, Y, X, H, V)), rng.standard_normal((M, S))
    return Case((q, k, v, shares), {"kernel_size": kernel_size, "stride": stride, "padding": padding})
