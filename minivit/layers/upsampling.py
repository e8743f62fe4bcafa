"""Layers that make maps larger, and the convolutions around them, as networks for image restoration have them."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.conv2d import Conv2d
from minivit.layers.layer import Layer
from minivit.ops.conv import Conv2dCache
from minivit.ops.leaky_relu import LeakyReluCache, leaky_relu_backward, leaky_relu_forward
from minivit.ops.pixel_shuffle import PixelShuffleCache, pixel_shuffle_backward, pixel_shuffle_forward
from minivit.ops.upsample_nearest import (
    UpsampleNearestCache,
    upsample_nearest_backward,
    upsample_nearest_forward,
)


class LeakyRelu(Layer):
    """``y = x`` above zero, a share of it below."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LeakyReluCache]:
        return leaky_relu_forward(x, negative_slope=self.negative_slope)

    def backward(self, dy: ndarray, cache: LeakyReluCache) -> ndarray:
        (dx,) = leaky_relu_backward(dy, cache)
        return dx


class PixelShuffle(Layer):
    """(B, Y, X, C r r) -> (B, r Y, r X, C): channels become pixels."""

    def __init__(self, upscale: int) -> None:
        self.upscale = upscale

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PixelShuffleCache]:
        return pixel_shuffle_forward(x, upscale=self.upscale)

    def backward(self, dy: ndarray, cache: PixelShuffleCache) -> ndarray:
        (dx,) = pixel_shuffle_backward(dy, cache)
        return dx


class UpConvCache(NamedTuple):
    """Caches of the steps of :class:`UpConv2d`."""

    upsample: UpsampleNearestCache
    conv: Conv2dCache
    act: LeakyReluCache


class UpConv2d(Conv2d):
    """Repeat each pixel ``scale`` times along rows and columns (1: none is); a convolution; leaky ReLU.

    Source: Wang et al. 2018, "ESRGAN", in its code, from where Liang et al. 2021 have it.
    """

    def __init__(self, channels: int, *, scale: int, negative_slope: float = 0.2, **options: Any) -> None:
        super().__init__(channels, channels, 3, padding=1, **options)
        self.scale, self.negative_slope = scale, negative_slope

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, UpConvCache]:  # type: ignore[override]
        h, c_upsample = upsample_nearest_forward(x, scale=self.scale)
        h, c_conv = super().forward(h)
        y, c_act = leaky_relu_forward(h, negative_slope=self.negative_slope)
        return y, UpConvCache(c_upsample, c_conv, c_act)

    def backward(self, dy: ndarray, cache: UpConvCache) -> ndarray:  # type: ignore[override]
        (dh,) = leaky_relu_backward(dy, cache.act)
        dh = super().backward(dh, cache.conv)
        (dx,) = upsample_nearest_backward(dh, cache.upsample)
        return dx
