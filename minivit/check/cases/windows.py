"""Sample inputs of what cuts maps into windows, and puts them together."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def maps(rng: Generator) -> tuple[tuple[int, ...], tuple[int, ...], dict]:
    """Shapes of a map and of its windows, and how it is cut: whole windows, or not, shifted, or not."""
    while True:  # until no two lengths are equal
        B, C = sizes(rng, 2)
        (M, L), (Y, X) = choose(rng, (2, 3), (3, 2), (3, 3), (4, 1)), (int(side) for side in rng.integers(1, 9, 2))
        shift = int(rng.integers(0, M)), int(rng.integers(0, L))
        windows = (B, -(-Y // M) * -(-X // L), M * L, C)
        if different((B, Y, X, C), windows):
            options = {"window_size": (M, L), "shift_size": shift, "pad_first": choose(rng, False, True)}
            return (B, Y, X, C), windows, options


def window_partition(rng: Generator) -> Case:
    shape, _, options = maps(rng)
    return Case((rng.standard_normal(shape),), options)


def window_reverse(rng: Generator) -> Case:
    (_, Y, X, _), shape, options = maps(rng)
    return Case((rng.standard_normal(shape),), {"map_size": (Y, X), **options})
