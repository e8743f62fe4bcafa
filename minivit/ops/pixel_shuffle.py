"""Pixel shuffle: channels become pixels, and a map gets larger without a number being made up."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Positive, ndarray


class PixelShuffleCache(NamedTuple):
    """What ``pixel_shuffle_backward`` needs."""

    x_shape: tuple[int, ...]
    upscale: int


@checked
def pixel_shuffle_forward(
    x: Float[ndarray, "B Y X CRR"], *, upscale: Positive
) -> tuple[Float[ndarray, "B RY RX C"], PixelShuffleCache]:
    r"""Lay out each r * r channels of a place as r x r pixels.

    .. math:: y_{b,\, r i + p,\, r j + q,\, c} = x_{b,\, i,\, j,\, c r^2 + p r + q}, \qquad 0 \le p, q < r

    A convolution in front of it computes all pixels of the larger map on the grid of the smaller one. It costs what one
    with as many channels as the result costs on the larger map; each layer before it, :math:`1 / r^2` of what it would
    cost there.

    Parameters
    ----------
    x : (B, Y, X, C * r * r)
        Channels are in PyTorch's order: the r * r of one channel of the output stand side by side. (TensorFlow's
        ``depth_to_space`` has all channels of one pixel side by side.)
    upscale : int
        r.

    Returns
    -------
    y : (B, r * Y, r * X, C)
    cache : PixelShuffleCache

    Raises
    ------
    ValueError
        If the number of channels is no multiple of r * r.

    References
    ----------
    Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network", section 3.1, equation 4.
    """
    B, Y, X, channels = x.shape
    r = upscale
    if channels % (r * r):
        raise ValueError(f"pixel_shuffle: x has {channels} channels; expected a multiple of {r} * {r} = {r * r}")
    pixels = x.reshape(B, Y, X, channels // (r * r), r, r).transpose(0, 1, 4, 2, 5, 3)  # (B, Y, r, X, r, C)
    return pixels.reshape(B, r * Y, r * X, channels // (r * r)), PixelShuffleCache(x.shape, r)


@checked
def pixel_shuffle_backward(dy: Float[ndarray, "B RY RX C"], cache: PixelShuffleCache) -> InputGrad:
    """Gradient of :func:`pixel_shuffle_forward`: every number goes back to where it came from."""
    (B, Y, X, channels), r = cache
    check_shape("pixel_shuffle_backward: dy", dy, (B, r * Y, r * X, channels // (r * r)))
    parts = dy.reshape(B, Y, r, X, r, channels // (r * r)).transpose(0, 1, 3, 5, 2, 4)  # (B, Y, X, C, r, r)
    return InputGrad(parts.reshape(B, Y, X, channels))  # formula: a permutation of the numbers


def pixel_shuffle_loops(x: Float[ndarray, "B Y X CRR"], upscale: int) -> Float[ndarray, "B RY RX C"]:
    """The same pixel by pixel, as the formula says it."""
    B, Y, X, channels = x.shape
    y = np.empty_like(x, shape=(B, Y * upscale, X * upscale, channels // upscale**2))
    for row in range(y.shape[1]):
        for column in range(y.shape[2]):
            (i, p), (j, q) = divmod(row, upscale), divmod(column, upscale)
            for c in range(y.shape[3]):
                y[:, row, column, c] = x[:, i, j, c * upscale**2 + p * upscale + q]
    return y
