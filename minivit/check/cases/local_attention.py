"""Sample inputs of local attention: windows inside the map and over its edge, some positions left out."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.ops.sliding import sliding


def local_attention(rng: Generator) -> Case:
    """Maps of odd sides, windows of even ones too."""
    while True:  # until no two lengths are equal
        B, H, K, V = sizes(rng, 4)
        Y, X = rng.integers(4, 10, 2).tolist()
        kernel_size, stride = choose(rng, 2, 3, (2, 3), (3, 1)), choose(rng, 1, 1, 2, (1, 2))
        padding = choose(rng, 0, 1, 1, ((1, 0), (0, 1)))
        window = sliding("case", (Y, X), kernel_size, stride=stride, padding=padding)
        S = window.kernel[0] * window.kernel[1]
        if different((B, Y, X, H, K), (B, Y, X, H, V), (B, *window.out, H, K), (B, *window.out, H, V), (H, S, K)):
            break
    q, k, v = (rng.standard_normal(shape) for shape in ((B, *window.out, H, K), (B, Y, X, H, K), (B, Y, X, H, V)))
    relative, bias = choose(rng, None, rng.standard_normal((H, S, K))), choose(rng, None, rng.standard_normal((H, S)))
    return Case((q, k, v, relative, bias), {"kernel_size": kernel_size, "stride": stride, "padding": padding})


def place_vectors(rng: Generator) -> Case:
    while True:
        P, Q, D, F = sizes(rng, 4)
        if different((P * Q, D + F)):
            return Case((rng.standard_normal((P, D)), rng.standard_normal((Q, F))), {})
