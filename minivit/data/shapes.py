"""The default data set: ten shapes, drawn from a seed, with nothing to download.

One shape per picture, of random colour, size, tilt and place, over a dark textured background. Because colour and place
are random, a single pixel says little about the class: a linear classifier on the pixels stays below 40 %, while
a small Vision Transformer learns the task in a few hundred steps.
"""

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.examples import LabeledImages
from minivit.data.geometry import PALETTE, SHAPES, background, coverage, develop, paint, place, rows_columns, tilt
from minivit.types import Count, Int, Positive, Size, UInt8, ndarray

CHUNK = 250  # images drawn at once: small enough for the cache, and a multiple of the number of classes


@checked
def shapes(n_train: Positive = 20_000, n_test: Positive = 2_000, *, seed: Count = 0) -> Dataset[LabeledImages]:
    """Draw the data set of shapes: 32 x 32 pixels, ten classes, equally frequent.

    The same seed gives the same images, and a smaller set is the beginning of a larger one. Train and test images come
    from independent streams of random numbers.

    Raises
    ------
    ValueError, TypeError
        If ``n_train`` or ``n_test`` is less than 1, ``seed`` less than 0, or one of them no whole number.
    """
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    train = LabeledImages(*draw_shapes(n_train, rng=train_rng))
    test = LabeledImages(*draw_shapes(n_test, rng=test_rng))
    return Dataset("shapes", train, test, tuple(SHAPES), *channel_statistics(train.images))


@checked
def draw_shapes(
    n: Positive, *, size: Size = 32, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "n Y X 3"], Int[ndarray, "n"]]:
    """Draw n pictures of one shape each.

    Parameters
    ----------
    n : int
    size : int or (rows, columns)
        In pixels, at least 16.
    rng : numpy.random.Generator
        The source of all randomness. Every chunk of 250 pictures has a child generator of its own (``rng.spawn``), so
        the first pictures do not depend on how many follow; a second call with the same generator draws new pictures.

    Returns
    -------
    images : uint8 (n, rows, columns, 3)
    labels : int64 (n,)
        The place of each class in ``SHAPES``.

    Raises
    ------
    ValueError, TypeError
        If ``n`` is less than 1, ``size`` less than 16, or one of them no whole number.
    MemoryError
        If there is no room for so many pictures.
    """
    images = np.empty((n, *rows_columns(size), 3), np.uint8)
    labels = np.empty(n, np.int64)
    for start in range(0, n, CHUNK):
        (child,) = rng.spawn(1)
        drawn, classes = _draw_chunk(size, child)
        images[start : start + CHUNK], labels[start : start + CHUNK] = drawn[: n - start], classes[: n - start]
    return images, labels


def _draw_chunk(size: Size, rng: np.random.Generator) -> tuple[UInt8[ndarray, "n Y X 3"], Int[ndarray, "n"]]:
    labels = rng.permutation(np.arange(CHUNK) % len(SHAPES))
    radii = min(rows_columns(size)) * (0.25 + 0.08 * rng.random(CHUNK, np.float32))
    centres = place(CHUNK, radii, size, rng)
    colours = rng.choice(np.array(list(PALETTE.values()), np.float32), CHUNK)
    colours += 0.05 * rng.standard_normal(colours.shape, np.float32)
    canvas = background(CHUNK, size, rng)
    paint(canvas, coverage(labels, centres, radii, tilt(CHUNK, rng), size), colours)
    return develop(canvas, rng), labels
