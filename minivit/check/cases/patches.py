"""Sample inputs of what cuts images into patches, and back."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def patches(rng: Generator) -> tuple[tuple[int, ...], tuple[int, ...], int | tuple[int, int]]:
    """Shapes of an image and of its patches, and the size of a patch."""
    while True:  # until no two lengths are equal
        (B, C, rows, columns), (P, Q) = sizes(rng, 4), choose(rng, (2, 3), (3, 2), (2, 2))
        image, tokens = (B, rows * P, columns * Q, C), (B, rows * columns, P * Q * C)
        if different(image, tokens):
            return image, tokens, P if P == Q else (P, Q)


def patchify(rng: Generator) -> Case:
    image, _, patch_size = patches(rng)
    return Case((rng.standard_normal(image),), {"patch_size": patch_size})


def unpatchify(rng: Generator) -> Case:
    (_, Y, X, _), tokens, patch_size = patches(rng)
    return Case((rng.standard_normal(tokens),), {"img_size": (Y, X), "patch_size": patch_size})
