"""Sample inputs of shifted channels."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes
from minivit.ops.shift_channels import cycle_offsets, spatial_shifts


def shift_channels(rng: Generator) -> Case:
    B, Y, X, C = sizes(rng, 4)
    offsets = choose(
        rng,
        spatial_shifts(C, rows_first=choose(rng, True, False)),
        cycle_offsets(C, steps=choose(rng, 1, 3, 4), along=choose(rng, 0, 1)),
        rng.integers(-3, 4, (C, 2)),
    )
    return Case((rng.standard_normal((B, Y, X, C)),), {"offsets": offsets, "repeat": choose(rng, True, False)})
