"""From stored pixels to what the model sees: random crop and flip, and normalisation."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.types import Float, UInt8, ndarray


def random_crop_flip(
    images: UInt8[ndarray, "B Y X C"], rng: np.random.Generator, *, padding: int = 4, flip: bool = True
) -> UInt8[ndarray, "B Y X C"]:
    """Shift each image by up to ``padding`` pixels either way (zeros come in) and mirror every other one, at random.

    Each image has its own draw. Source: He et al. 2016, "Deep Residual Learning", section 4.2 (CIFAR-10).
    """
    B, Y, X, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(padded, (Y, X), axis=(1, 2))  # (B, 2p+1, 2p+1, C, Y, X), a view
    top, left = rng.integers(0, 2 * padding + 1, (2, B))
    cropped = windows[np.arange(B), top, left].transpose(0, 2, 3, 1)  # (B, Y, X, C)
    mirrored = rng.random(B) < (0.5 if flip else 0)
    return np.where(mirrored[:, None, None, None], cropped[:, :, ::-1], cropped)


def normalize(
    images: UInt8[ndarray, "B Y X C"], mean: tuple[float, ...], std: tuple[float, ...], dtype: str = "float32"
) -> Float[ndarray, "B Y X C"]:
    """Pixels 0..255 to numbers of mean 0 and variance 1 per channel: ``(images / 255 - mean) / std``.

    A channel that is the same everywhere has ``std`` 0 and is only shifted.
    """
    divisor = np.array([s or 1.0 for s in std])
    scale = 1 / (255 * divisor)
    shift = np.array(mean) / divisor
    return images * scale.astype(dtype) - shift.astype(dtype)
