"""Sample inputs of reflection padding: up to all rows but one are mirrored, or none."""

from numpy.random import Generator

from minivit.check.draw import Case, different, sizes


def reflect_pad(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, Y, X, C = sizes(rng, 4)
        (top, bottom), (left, right) = (rng.integers(0, side, 2).tolist() for side in (Y, X))
        if different((B, Y + top + bottom, X + left + right, C)):
            return Case((rng.standard_normal((B, Y, X, C)),), {"padding": ((top, bottom), (left, right))})
