"""Where a user might click, or draw a box, who means an object."""

import numpy as np

from minivit.checked import checked
from minivit.data.scenes import bounding_box
from minivit.types import Bool, Float, ndarray

BOX_NOISE, MOST_NOISE = 0.1, 20.0  # standard deviation, as a share of a side; and pixels at most


@checked
def middle(mask: Bool[ndarray, "Y X"]) -> tuple[int, int]:
    """X and y of the pixel of a mask that is farthest from its edge; of several, the first one.

    That of a ring is on the ring, where its mean is beside it. Beyond the edge of the image there is no mask.

    Raises
    ------
    ValueError
        If the mask has no pixel.
    """
    from scipy.ndimage import distance_transform_edt

    _must_have_pixels("middle", mask)
    far = np.asarray(distance_transform_edt(np.pad(mask, 1)))
    y, x = np.unravel_index(far.argmax(), far.shape)
    return int(x) - 1, int(y) - 1


@checked
def somewhere(mask: Bool[ndarray, "Y X"], rng: np.random.Generator) -> tuple[int, int]:
    """X and y of a pixel of a mask, each as likely as any other.

    Raises
    ------
    ValueError
        If the mask has no pixel.
    """
    _must_have_pixels("somewhere", mask)
    places = np.flatnonzero(mask)
    y, x = np.unravel_index(places[rng.integers(len(places))], mask.shape)
    return int(x), int(y)


@checked
def correction(
    said: Bool[ndarray, "Y X"], truth: Bool[ndarray, "Y X"], rng: np.random.Generator
) -> tuple[tuple[int, int], bool]:
    """The click that a mask calls for: x and y where it is wrong, and whether the object is there.

    Where nothing is wrong, it is a click on the object once more.
    """
    wrong = said ^ truth
    x, y = somewhere(wrong if wrong.any() else truth, rng)
    return (x, y), bool(truth[y, x])


@checked
def inexact_box(mask: Bool[ndarray, "Y X"], rng: np.random.Generator) -> Float[ndarray, "4"]:
    """x0, y0, x1, y1 around a mask, each moved by normal noise of a tenth of the side; still a box on the image.

    Source: Kirillov et al. 2023, "Segment Anything", appendix A, "Training algorithm".
    """
    _must_have_pixels("inexact_box", mask)
    box = np.array(bounding_box(mask), float)
    sides = np.tile(box[2:] - box[:2], 2)
    box += np.clip(BOX_NOISE * sides * rng.standard_normal(4), -MOST_NOISE, MOST_NOISE)
    (Y, X), (x0, y0, x1, y1) = mask.shape, box
    x0, y0 = np.clip(x0, 0, X - 1), np.clip(y0, 0, Y - 1)
    return np.array([x0, y0, np.clip(x1, x0 + 1, X), np.clip(y1, y0 + 1, Y)])


@checked
def mask_iou(a: Bool[ndarray, "*B N"], b: Bool[ndarray, "*B N"]) -> Float[ndarray, "*B"]:
    """Pixels that two masks have in common, over those that either has; 1 where both have none."""
    common, either = (a & b).sum(-1), (a | b).sum(-1)
    return np.where(either == 0, 1.0, common / np.maximum(either, 1))


def _must_have_pixels(name: str, mask: ndarray) -> None:
    if not mask.any():
        raise ValueError(f"{name}: the mask of {mask.shape[0]} x {mask.shape[1]} has no pixel; expected one at least")
