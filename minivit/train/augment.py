"""From stored pixels and samples to what the model sees: random crop, shift and flip, and normalisation."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.checked import check_range, checked, precision_of
from minivit.types import Float, Int, UInt8, ndarray

LARGEST_SAMPLE = 2**15
"""What a sample of 16 bits is divided by, so that it lies between -1 and 1."""


@checked
def random_crop_flip(
    images: UInt8[ndarray, "B Y X C"], rng: np.random.Generator, *, padding: int = 4, flip: bool = True
) -> UInt8[ndarray, "B Y X C"]:
    """Shift each image by up to ``padding`` pixels either way (zeros come in) and mirror every other one, at random.

    Each image has its own draw.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
    rng : numpy.random.Generator
    padding : int
        Less than the sides of the image: something of it stays.
    flip : bool

    Raises
    ------
    ValueError, TypeError
        If ``padding`` is below 0, too large, or no whole number.

    References
    ----------
    He et al. 2016, "Deep Residual Learning", section 4.2 (CIFAR-10).
    """
    B, Y, X, _ = images.shape
    check_range("padding", padding, at_least=0, below=min(Y, X))
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(padded, (Y, X), axis=(1, 2))  # (B, 2p+1, 2p+1, C, Y, X), a view
    top, left = rng.integers(0, 2 * padding + 1, (2, B))
    cropped = windows[np.arange(B), top, left].transpose(0, 2, 3, 1)  # (B, Y, X, C)
    mirrored = rng.random(B) < (0.5 if flip else 0)
    return np.where(mirrored[:, None, None, None], cropped[:, :, ::-1], cropped)


@checked
def normalize(
    images: UInt8[ndarray, "B Y X C"], mean: Sequence[float], std: Sequence[float], dtype: str = "float32"
) -> Float[ndarray, "B Y X C"]:
    """Pixels 0..255 to numbers of mean 0 and variance 1 per channel: ``(images / 255 - mean) / std``.

    A channel that is the same everywhere has ``std`` 0 and is only shifted.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
    mean, std : C numbers each, in units of pixel / 255
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError, TypeError
        If there is not one number per channel, a ``std`` is below 0, or the pixels or ``dtype`` are of another type.
    """
    channels = images.shape[-1]
    precision_of(dtype)
    if not len(mean) == len(std) == channels:
        raise ValueError(f"there are {len(mean)} mean and {len(std)} std for images of {channels} channels")
    for s in std:
        check_range("std", s, at_least=0)
    divisor = np.array([s or 1.0 for s in std])
    scale = 1 / (255 * divisor)
    shift = np.array(mean) / divisor
    return images * scale.astype(dtype) - shift.astype(dtype)


@checked
def random_shift_flip(
    waves: Int[ndarray, "B T"], rng: np.random.Generator, *, padding: int = 4, flip: bool = True
) -> Int[ndarray, "B T"]:
    """Shift each sound by up to ``padding`` samples either way (silence comes in) and turn every other one upside down.

    Its sign is what nobody hears of a sound. To run it backwards is no mirror image: a rising tone would fall.

    Parameters
    ----------
    waves : int16 (B, T)
    rng : numpy.random.Generator
    padding : int
        Less than T: something of each stays.
    flip : bool

    Raises
    ------
    ValueError, TypeError
        If ``padding`` is below 0, too large, or no whole number, or the samples are none of 16 bits.
    """
    _check_samples(waves)
    B, T = waves.shape
    check_range("padding", padding, at_least=0, below=T)
    padded = np.pad(waves, ((0, 0), (padding, padding)))
    shifted = sliding_window_view(padded, T, axis=1)[np.arange(B), rng.integers(0, 2 * padding + 1, B)]
    mirrored = rng.random(B) < (0.5 if flip else 0)
    return np.where(mirrored[:, None], -np.maximum(shifted, 1 - LARGEST_SAMPLE), shifted)  # there is no 32,768


@checked
def normalize_waves(waves: Int[ndarray, "B T"], dtype: str = "float32") -> Float[ndarray, "B T"]:
    """Samples of 16 bits to numbers from -1 to 1: ``waves / 32768``.

    Raises
    ------
    TypeError
        If the samples or ``dtype`` are of another type.
    """
    _check_samples(waves)
    precision_of(dtype)
    return waves * np.asarray(1 / LARGEST_SAMPLE, dtype)


def _check_samples(waves: ndarray) -> None:
    if waves.dtype != np.int16:
        raise TypeError(f"waves have dtype {waves.dtype}; expected samples of 16 bits, int16")
