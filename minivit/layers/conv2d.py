"""Convolution of images as a layer: with its kernel as it is, and with one that is standardised."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import lecun_normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Initial, Param
from minivit.ops.conv import Conv2dCache, conv2d_backward, conv2d_forward
from minivit.ops.sliding import Padding
from minivit.ops.weight_standardization import (
    WeightStandardizationCache,
    weight_standardization_backward,
    weight_standardization_forward,
)
from minivit.types import Size, pair


class Conv2d(Layer):
    """Convolution of (B, Y, X, C): (Y + padding on both sides - P) // stride + 1 rows come out.

    ``groups`` as of :func:`minivit.ops.conv2d_forward`: as many as channels make it depthwise.
    """

    def __init__(
        self,
        in_chans: int,
        out_chans: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Padding = 0,
        groups: int = 1,
        bias: bool = True,
        initial: Initial = lecun_normal,
    ) -> None:
        self.weight = Param((*pair(kernel_size), in_chans // groups, out_chans), "row column in out", initial)
        self.bias = Param((out_chans,), "out", zeros) if bias else None
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Conv2dCache]:
        bias = self.bias.value if self.bias else None
        options = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        return conv2d_forward(x, self.weight.value, bias, **options)

    def backward(self, dy: ndarray, cache: Conv2dCache) -> ndarray:
        dx, dweight, dbias = conv2d_backward(dy, cache)
        self.weight.add_grad(dweight)
        if self.bias and dbias is not None:
            self.bias.add_grad(dbias)
        return dx


class StdConv2dCache(NamedTuple):
    """Caches of the steps of :class:`StdConv2d`."""

    standardization: WeightStandardizationCache
    conv: Conv2dCache


class StdConv2d(Layer):
    """Convolution without bias, with a kernel that is standardised whenever it is used.

    ``eps_like``: "timm" or "google", who add another number in another place: see
    :func:`minivit.ops.weight_standardization_forward`.

    Source: Qiao et al. 2019, "Micro-Batch Training with Batch-Channel Normalization and Weight Standardization".
    """

    def __init__(
        self, in_chans: int, out_chans: int, kernel_size: Size, *, stride: Size = 1, eps_like: str = "timm"
    ) -> None:
        self.weight = Param((*pair(kernel_size), in_chans, out_chans), "row column in out", lecun_normal)
        self.stride = stride
        self.eps, self.eps_beside = {"timm": (1e-8, "variance"), "google": (1e-5, "deviation")}[eps_like]

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, StdConv2dCache]:
        """(B, Y, X, C) -> (B, ceil(Y / stride), ceil(X / stride), out_chans)."""
        weight, c_standardization = weight_standardization_forward(
            self.weight.value, eps=self.eps, eps_beside=self.eps_beside
        )
        y, c_conv = conv2d_forward(x, weight, stride=self.stride, padding="same")
        return y, StdConv2dCache(c_standardization, c_conv)

    def backward(self, dy: ndarray, cache: StdConv2dCache) -> ndarray:
        dx, dweight, _ = conv2d_backward(dy, cache.conv)
        (dweight,) = weight_standardization_backward(dweight, cache.standardization)
        self.weight.add_grad(dweight)
        return dx
