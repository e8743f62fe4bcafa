"""Random erasing: noise in place of a part of an image."""

from math import log

import numpy as np

from minivit.checked import checked
from minivit.train.pixel_operations import within
from minivit.types import Share, UInt8, ndarray

AREAS = 0.02, 1 / 3
"""Of the part, as a share of the image, timm's; the paper goes up to 0.4."""

ASPECTS = 0.3, 1 / 0.3
"""Its height, divided by its width."""

TRIES = 10


@checked
def random_erasing(
    images: UInt8[ndarray, "B Y X C"], rng: np.random.Generator, *, probability: Share = 0.25
) -> UInt8[ndarray, "B Y X C"]:
    """Put noise in place of a rectangle of an image, in a share ``probability`` of all images.

    Area and aspect are drawn, up to ten times, until the rectangle is lower and narrower than the image; an image of
    one row or one column stays as it is. Every pixel gets a colour of its own, each level equally likely, as in the
    paper. (timm draws from a normal distribution, after normalisation.)

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
    rng : numpy.random.Generator
    probability : float

    References
    ----------
    Zhong et al. 2020, "Random Erasing Data Augmentation", algorithm 1.
    """
    B, Y, X, _ = images.shape
    erased = rng.random(B) < probability
    area = rng.uniform(*AREAS, (TRIES, B)) * (Y * X)
    aspect = np.exp(rng.uniform(log(ASPECTS[0]), log(ASPECTS[1]), (TRIES, B)))
    heights, widths = np.round(np.sqrt(area * aspect)), np.round(np.sqrt(area / aspect))
    fits = (heights < Y) & (widths < X)
    first = fits.argmax(0), np.arange(B)
    height, width = heights[first], widths[first]
    top, left = np.floor(rng.random((2, B)) * [Y - height + 1, X - width + 1])
    covered = within((Y, X), (top, top + height), (left, left + width))
    noise = rng.integers(0, 256, images.shape, np.uint8)
    return np.where(covered & (erased & fits.any(0))[:, None, None, None], noise, images)
