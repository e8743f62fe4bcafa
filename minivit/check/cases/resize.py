"""Sample inputs of resizing."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def resize(rng: Generator) -> Case:
    B, Y, X, C, new_rows, new_columns = sizes(rng, 6)
    size = choose(rng, (new_rows, new_columns), (new_columns + Y + X, new_rows))
    while not different((B, *size, C)):
        size = (size[0] + 1, size[1])
    options = choose(rng, {}, {"antialias": True}, {"align_corners": True})
    mode = choose(rng, "bilinear", "bicubic")
    return Case((rng.standard_normal((B, Y, X, C)),), {"size": size, "mode": mode, **options})
