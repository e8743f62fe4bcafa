"""The sixteen operations of RandAugment on stored pixels, as TensorFlow computes them.

All take uint8 images (Y, X, C), or any number of them (..., Y, X, C), and leave their argument as it is. The channels
may be any number and mean anything, but for :func:`color`: grey is made of red, green and blue. TensorFlow
cuts fractions off where Pillow mostly rounds, and fills with grey 128 where Pillow fills with black. A docstring says
what else is special about it, and where we differ: in the last bit of some smoothed pixels, and in one grey level.

Source: the code of Steiner et al. 2021, "How to train your ViT?" (big_vision, ``pp/autoaugment.py``), which is that of
EfficientNet for TensorFlow; the operations are those of Cubuk et al. 2019, "AutoAugment", table 6.
"""

from math import inf, prod
from typing import Any

import numpy as np

from minivit.checked import check_range, checked, real_numbers
from minivit.types import Bool, UInt8, ndarray

FILL = 128
"""What comes in where a moved image ends, in each channel."""

CONTRAST_GREY = 196
"""What :func:`contrast` blends with."""

MOST_PIXELS = 2**20
"""How far, or how many degrees, at most: no image is so large."""

Strength = float | ndarray
"""One number for all images, or an array (B,) with one for each, not beyond ``MOST_PIXELS`` either way."""


@checked
def autocontrast(images: UInt8[ndarray, "*B Y X C"]) -> UInt8[ndarray, "*B Y X C"]:
    """Stretch each channel of each image so that its darkest pixel is 0 and its brightest 255; one colour stays."""
    low = images.min((-3, -2), keepdims=True).astype(np.float32)
    high = images.max((-3, -2), keepdims=True).astype(np.float32)
    scale = np.float32(255) / np.where(high > low, high - low, np.float32(1))
    return np.where(high > low, _pixels(images * scale - low * scale), images)


@checked
def equalize(images: UInt8[ndarray, "*B Y X C"]) -> UInt8[ndarray, "*B Y X C"]:
    """Let each channel of each image have about as many dark pixels as bright ones; whole numbers, as in Pillow.

    A pixel becomes how many are darker, divided by a 255th of all but the brightest.
    """
    *_, Y, X, C = images.shape
    channels = images.reshape(-1, Y * X, C).astype(np.intp)
    places = channels + 256 * np.arange(len(channels) * C).reshape(-1, 1, C)  # a histogram for each channel
    counts = np.bincount(places.ravel(), minlength=256 * len(channels) * C).reshape(len(channels), C, 256)
    brightest = np.take_along_axis(counts, channels.max(1)[..., None], axis=-1)
    step = (Y * X - brightest) // 255
    darker = np.cumsum(counts, axis=-1) - counts
    table = np.minimum((darker + step // 2) // np.maximum(step, 1), 255)
    table = np.where(step == 0, np.arange(256), table)  # too few pixels
    return table.reshape(-1)[places].astype(np.uint8).reshape(images.shape)


@checked
def invert(images: UInt8[ndarray, "*B Y X C"]) -> UInt8[ndarray, "*B Y X C"]:
    """The negative: 255 - pixel."""
    return 255 - images


@checked
def posterize(images: UInt8[ndarray, "*B Y X C"], bits: int) -> UInt8[ndarray, "*B Y X C"]:
    """Keep the upper ``bits`` of the eight that a pixel has, and set the others to 0.

    TensorFlow shifts by seven places at most, so that 0 bits are as good as 1; of more than eight, all are kept.
    """
    shift = min(max(8 - bits, 0), 7)
    return images >> shift << shift


@checked
def solarize(images: UInt8[ndarray, "*B Y X C"], threshold: int) -> UInt8[ndarray, "*B Y X C"]:
    """Turn pixels into their negative from ``threshold`` on: at 0 all of them, at 256 none."""
    return np.where(images < threshold, images, 255 - images)


@checked
def solarize_add(images: UInt8[ndarray, "*B Y X C"], addition: int, threshold: int = 128) -> UInt8[ndarray, "*B Y X C"]:
    """Add ``addition`` to the pixels below ``threshold``, up to 255."""
    addition = min(max(addition, -255), 255)  # beyond, pixels are at an end
    return np.where(images < threshold, _pixels(images + np.int64(addition)), images)


@checked
def color(images: UInt8[ndarray, "*B Y X C"], factor: float) -> UInt8[ndarray, "*B Y X C"]:
    """Away from grey: 0 is the grey image, 1 the image as it is, more has stronger colours. Grey images stay.

    Grey is 0.2989 red + 0.587 green + 0.114 blue, as in TensorFlow (Pillow: 0.299), times 255.5 / 255 before the
    fraction is cut off.

    Raises
    ------
    ValueError
        If there are neither three channels, red, green and blue, nor one, which is grey; or ``factor`` is below 0.
    """
    check_colours("color", images.shape[-1])
    if images.shape[-1] == 1:
        return images.copy()
    weights = np.array([0.2989, 0.587, 0.114], np.float32)
    grey = (images * np.float32(1 / 255)) @ weights[:, None] * np.float32(255.5)
    return _blend(grey.astype(np.uint8), images, factor)


@checked
def contrast(images: UInt8[ndarray, "*B Y X C"], factor: float) -> UInt8[ndarray, "*B Y X C"]:
    """Away from one grey level: 0 is that grey, 1 the image as it is, more is clearer.

    The grey of Pillow is the mean of the image. TensorFlow's code means the same, and divides the number of all pixels,
    instead of their sum, by 256: of 224 x 224 pixels, for which its other numbers are made too, that is 196, whatever
    the image shows. It is 196 here for images of any size.
    """
    return _blend(np.full((), CONTRAST_GREY, np.uint8), images, factor)


@checked
def brightness(images: UInt8[ndarray, "*B Y X C"], factor: float) -> UInt8[ndarray, "*B Y X C"]:
    """Away from black: 0 is black, 1 the image as it is, more is brighter."""
    return _blend(np.zeros((), np.uint8), images, factor)


@checked
def sharpness(images: UInt8[ndarray, "*B Y X C"], factor: float) -> UInt8[ndarray, "*B Y X C"]:
    """Away from a smoothed image: 0 is smooth, 1 the image as it is, more is sharper. The outermost pixels stay.

    Smooth is a mean over 3 x 3 pixels in which the one in the middle counts five times, without its fraction (Pillow
    rounds). TensorFlow adds thirteenths in float32: a mean that is a whole number comes out one lower now and then.
    """
    smooth = images.copy()
    *_, Y, X, _ = images.shape
    if min(Y, X) >= 3:
        wide = images.astype(np.uint16)
        rows = wide[..., :-2, :, :] + wide[..., 1:-1, :, :] + wide[..., 2:, :, :]
        sums = rows[..., :-2, :] + rows[..., 1:-1, :] + rows[..., 2:, :] + 4 * wide[..., 1:-1, 1:-1, :]
        smooth[..., 1:-1, 1:-1, :] = sums // 13
    return _blend(smooth, images, factor)


@checked
def rotate(images: UInt8[ndarray, "*B Y X C"], degrees: Strength) -> UInt8[ndarray, "*B Y X C"]:
    """Turn the image about its middle, clockwise for negative ``degrees``."""
    *_, Y, X, _ = images.shape
    angle = np.radians(_amounts("degrees", degrees, images)).astype(np.float32)
    c, s = np.cos(angle), np.sin(angle)
    left = ((X - 1) - (c * (X - 1) - s * (Y - 1))) / 2  # the middle stays where it is
    top = ((Y - 1) - (s * (X - 1) + c * (Y - 1))) / 2
    return _moved(images, (c, -s, left), (s, c, top))


@checked
def shear_x(images: UInt8[ndarray, "*B Y X C"], level: Strength) -> UInt8[ndarray, "*B Y X C"]:
    """Move each row by ``level`` times its number to the left: pixel (x, y) is what was at (x + level y, y)."""
    return _moved(images, (1, _amounts("level", level, images), 0), (0, 1, 0))


@checked
def shear_y(images: UInt8[ndarray, "*B Y X C"], level: Strength) -> UInt8[ndarray, "*B Y X C"]:
    """Move each column up by ``level`` times its number: pixel (x, y) is what was at (x, y + level x)."""
    return _moved(images, (1, 0, 0), (_amounts("level", level, images), 1, 0))


@checked
def translate_x(images: UInt8[ndarray, "*B Y X C"], pixels: Strength) -> UInt8[ndarray, "*B Y X C"]:
    """Move the image to the left by so many pixels; a fraction is rounded."""
    return _moved(images, (1, 0, _amounts("pixels", pixels, images)), (0, 1, 0))


@checked
def translate_y(images: UInt8[ndarray, "*B Y X C"], pixels: Strength) -> UInt8[ndarray, "*B Y X C"]:
    """Move the image up by so many pixels; a fraction is rounded."""
    return _moved(images, (1, 0, 0), (0, 1, _amounts("pixels", pixels, images)))


@checked
def cutout(
    images: UInt8[ndarray, "*B Y X C"], half_size: tuple[int, int], centres: ndarray
) -> UInt8[ndarray, "*B Y X C"]:
    """Cover a part of the image with grey 128.

    Parameters
    ----------
    images : uint8 (..., Y, X, C)
    half_size : (rows, columns)
        So much on either side of the middle, the last row and column not included, as far as the image reaches.
    centres : whole numbers (2,), or (B, 2)
        Row and column of the middle of the part, of each image.

    Raises
    ------
    ValueError, TypeError
        If there is not one place for all images, or one for each, or places are no whole numbers.

    References
    ----------
    DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout".
    """
    *batch, Y, X, _ = images.shape
    if centres.shape not in ((2,), (*batch, 2)):
        shapes = " or ".join(dict.fromkeys(("(2,)", str((*batch, 2)))))
        raise ValueError(f"centres have shape {centres.shape}; expected {shapes}: row and column of each place")
    if not np.issubdtype(centres.dtype, np.integer):
        raise TypeError(f"centres have dtype {centres.dtype}; expected integers")
    row, column = centres[..., 0], centres[..., 1]
    half_rows, half_columns = half_size
    rows, columns = (row - half_rows, row + half_rows), (column - half_columns, column + half_columns)
    return np.where(within((Y, X), rows, columns), np.uint8(FILL), images)


def within(size: tuple[int, int], rows: tuple[Any, Any], columns: tuple[Any, Any]) -> Bool[ndarray, "*B Y X 1"]:
    """Which pixels of an image of a size lie from a first row to before a last one, and columns likewise."""
    top, bottom, left, right = (np.asarray(place)[..., None] for place in (*rows, *columns))
    y, x = np.arange(size[0]), np.arange(size[1])
    in_rows, in_columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
    return (in_rows[..., :, None] & in_columns[..., None, :])[..., None]


def check_colours(label: str, channels: int) -> None:
    """ValueError for images of which nobody knows what of them is red."""
    if channels not in (1, 3):
        raise ValueError(f"{label}: images have {channels} channels; expected 3 (red, green and blue) or 1 (grey)")


def _amounts(name: str, amount: Strength, images: ndarray) -> ndarray:
    """One number for all images, or one for each."""
    amounts, count = real_numbers(name, amount), prod(images.shape[:-3])
    if amounts.ndim and amounts.shape != (count,):
        raise ValueError(f"{name} has shape {amounts.shape}; expected one number, or one for each of {count} images")
    if not (near := np.abs(amounts) <= MOST_PIXELS).all():  # nor is nan
        raise ValueError(f"{name} is {amounts[~near].flat[0]}; expected at most {MOST_PIXELS}, either way")
    return amounts


def _pixels(values: ndarray) -> ndarray:
    """Numbers as pixels: within 0 and 255, fractions cut off."""
    return np.clip(values, 0, 255).astype(np.uint8)


def _blend(zero: ndarray, one: ndarray, factor: float) -> ndarray:
    """The straight line through two images: ``zero`` at factor 0, ``one`` at 1, and on beyond."""
    check_range("factor", factor, at_least=0, below=inf)
    start = zero.astype(np.float32)
    factor = min(factor, 256)  # beyond, each pixel is at an end, or where both images are the same
    return _pixels(start + np.float32(factor) * (one - start))


def _moved(images: ndarray, x_from: tuple[Any, Any, Any], y_from: tuple[Any, Any, Any]) -> ndarray:
    """Each pixel (x, y) from the one nearest to (a x + b y + c, d x + e y + f), where there is one.

    In float32, as in TensorFlow: what lies half-way between two pixels is theirs by the last bit.
    """
    *_, Y, X, C = images.shape
    batch = images.reshape(-1, Y, X, C)
    y, x = np.indices((Y, X), np.float32)

    def source(*numbers: Any) -> ndarray:
        a, b, c = (np.asarray(number, np.float32).reshape(-1, 1, 1) for number in numbers)
        place = (a * x + b * y + c).astype(np.float64)
        return np.trunc(place + np.copysign(0.5, place)).astype(np.intp)  # halves away from 0

    column, row = source(*x_from), source(*y_from)  # (B, Y, X), or (1, Y, X)
    inside = (column >= 0) & (column < X) & (row >= 0) & (row < Y)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    taken = batch[np.arange(len(batch))[:, None, None], row, column]  # (B, Y, X, C)
    return np.where(inside[..., None], taken, np.uint8(FILL)).reshape(images.shape)
