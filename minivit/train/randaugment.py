"""RandAugment: a few of sixteen operations, drawn at random, on each image."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.train import pixel_operations as pixels
from minivit.types import Range, UInt8, ndarray

FULL = 10
"""The magnitude at which an operation has its full strength; more is allowed."""

SIDE = 224
"""Pixels of a side of the images for which distances are given."""


MOST_LAYERS, MOST_MAGNITUDE = 16, 30
Layers = Annotated[int, Range(at_least=0, at_most=MOST_LAYERS)]
Magnitude = Annotated[float, Range(at_least=0, at_most=MOST_MAGNITUDE)]


class Drawn(NamedTuple):
    """What is drawn for each image of a batch beside the operation."""

    signs: ndarray
    """1 or -1 (B,): one way, or the other."""
    places: ndarray
    """From 0 to below 1 (B, 2): where on the rows, and on the columns."""


class Operation(NamedTuple):
    """How much of it there is at a share of the full magnitude, what that does to a batch, and what it is in words."""

    amount: Callable[[float], Any]
    apply: Callable[[ndarray, Any, Drawn], ndarray]
    words: Callable[[Any], str]


def _without_amount(apply: Callable[[ndarray], ndarray], words: str) -> Operation:
    return Operation(lambda share: None, lambda images, _, __: apply(images), lambda _: f"{words}, at any magnitude")


def _away_from(what: str, apply: Callable[[ndarray, float], ndarray]) -> Operation:
    return Operation(
        lambda share: share * 1.8 + 0.1,
        lambda images, factor, _: apply(images, factor),
        lambda factor: f"{factor:.2g} times as far from {what} as it was",
    )


def _shear(apply: Callable[[ndarray, ndarray], ndarray], lines: str) -> Operation:
    return Operation(
        lambda share: share * 0.3,
        lambda images, level, drawn: apply(images, level * drawn.signs),
        lambda level: f"each of the {lines} moved by {level:.2g} pixels more than the one before, one way or the other",
    )


def _translate(apply: Callable[[ndarray, ndarray], ndarray], axis: int, side: str) -> Operation:
    return Operation(
        lambda share: share * 100,
        lambda images, amount, drawn: apply(images, amount * images.shape[axis] / SIDE * drawn.signs),
        lambda amount: f"moved by {amount / SIDE:.0%} of the {side}, one way or the other",
    )


def _cut_out(images: ndarray, amount: int, drawn: Drawn) -> ndarray:
    _, Y, X, _ = images.shape
    half_size = int(amount * Y / SIDE), int(amount * X / SIDE)
    return pixels.cutout(images, half_size, (drawn.places * (Y, X)).astype(int))


OPERATIONS: dict[str, Operation] = {
    "AutoContrast": _without_amount(pixels.autocontrast, "each channel stretched to 0..255"),
    "Equalize": _without_amount(pixels.equalize, "each channel with as many dark pixels as bright ones"),
    "Invert": _without_amount(pixels.invert, "the negative"),
    "Rotate": Operation(
        lambda share: share * 30,
        lambda images, degrees, drawn: pixels.rotate(images, degrees * drawn.signs),
        lambda degrees: f"turned by {degrees:.3g} degrees, one way or the other",
    ),
    "Posterize": Operation(
        lambda share: int(share * 4),
        lambda images, bits, _: pixels.posterize(images, bits),
        lambda bits: f"{min(max(bits, 1), 8)} of the 8 bits of each pixel kept",
    ),
    "Solarize": Operation(
        lambda share: int(share * 256),
        lambda images, threshold, _: pixels.solarize(images, threshold),
        lambda threshold: f"pixels from {threshold} on made negative",
    ),
    "Color": _away_from("grey", pixels.color),
    "Contrast": _away_from(f"the grey of {pixels.CONTRAST_GREY}", pixels.contrast),
    "Brightness": _away_from("black", pixels.brightness),
    "Sharpness": _away_from("a smoothed image", pixels.sharpness),
    "ShearX": _shear(pixels.shear_x, "rows"),
    "ShearY": _shear(pixels.shear_y, "columns"),
    "TranslateX": _translate(pixels.translate_x, 2, "width"),
    "TranslateY": _translate(pixels.translate_y, 1, "height"),
    "Cutout": Operation(
        lambda share: int(share * 40),
        _cut_out,
        lambda amount: f"grey over {2 * amount / SIDE:.0%} of either side, or what of it lies on the image",
    ),
    "SolarizeAdd": Operation(
        lambda share: int(share * 110),
        lambda images, addition, _: pixels.solarize_add(images, addition),
        lambda addition: f"{addition} added to pixels below 128",
    ),
}
"""The sixteen of TensorFlow, in its order."""


@checked
def randaugment(
    images: UInt8[ndarray, "B Y X C"], rng: np.random.Generator, *, layers: Layers = 2, magnitude: Magnitude = 10.0
) -> UInt8[ndarray, "B Y X C"]:
    """Change each image by ``layers`` operations, one after the other, each drawn from :data:`OPERATIONS`.

    Each image has its own operations, directions and places. The magnitude is the same for all, and an operation that
    is drawn is always carried out.

    Magnitude 0 does not mean that nothing happens: AutoContrast, Equalize and Invert know no magnitude; at 0 Solarize
    turns every pixel into its negative and Posterize leaves one bit, their strongest, and Color, Contrast, Brightness
    and Sharpness take away nine tenths of what they are about. Only what moves, covers or adds leaves the image as it
    is. From 10 on Solarize does nothing, and from 20 on neither does Posterize.

    NumPy before version 2 writes a threshold of 256 and more into eight bits without a word, so that TensorFlow 2.15
    solarizes from what is left of it after division by 256: from 0 at magnitudes 10 and 20, from 128 at 15. NumPy 2
    refuses such a number. Here it is what the formula says.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
    rng : numpy.random.Generator
    layers : int
        At most 16.
    magnitude : float
        10 is full strength; at most 30. Distances are in proportion to the image: 100 and 40 pixels (TranslateX and
        TranslateY, Cutout) where a side has 224.

    Raises
    ------
    ValueError, TypeError
        If ``layers`` or ``magnitude`` is out of range, or of another type; or if there are neither three channels nor
        one, of which :func:`~minivit.train.pixel_operations.color` would not know what is red.

    References
    ----------
    Cubuk et al. 2020, "RandAugment: Practical automated data augmentation with a reduced search space"; the operations
    and their strengths as in the code of Steiner et al. 2021 (big_vision, ``pp/autoaugment.py``).
    """
    pixels.check_colours("randaugment", images.shape[-1])
    B = len(images)
    kinds = rng.integers(len(OPERATIONS), size=(layers, B))
    signs = 1 - 2 * rng.integers(2, size=(layers, B))
    places = rng.random((layers, B, 2))
    images = images.copy()
    for layer in range(layers):
        for kind, operation in enumerate(OPERATIONS.values()):
            chosen = np.flatnonzero(kinds[layer] == kind)
            if len(chosen):
                drawn = Drawn(signs[layer, chosen], places[layer, chosen])
                images[chosen] = operation.apply(images[chosen], operation.amount(magnitude / FULL), drawn)
    return images
