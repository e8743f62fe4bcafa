"""Transposed convolution as a layer: a map that grows."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.conv_transpose import (
    ConvTranspose2dCache,
    conv_transpose2d_backward,
    conv_transpose2d_forward,
)
from minivit.types import Size, pair


class ConvTranspose2d(Layer):
    """Every place of a map becomes a patch: (B, Y, X, C) -> (B, P * Y, Q * X, out_chans).

    The stride is the kernel's size. Each number is made of one place, so the fan in is the number of channels.
    """

    def __init__(self, in_chans: int, out_chans: int, kernel_size: Size) -> None:
        shape = (*pair(kernel_size), in_chans, out_chans)
        self.weight = Param(shape, "down right in out", normal(in_chans**-0.5))
        self.bias = Param((out_chans,), "out", zeros)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ConvTranspose2dCache]:
        return conv_transpose2d_forward(x, self.weight.value, self.bias.value)

    def backward(self, dy: ndarray, cache: ConvTranspose2dCache) -> ndarray:
        dx, dweight, dbias = conv_transpose2d_backward(dy, cache)
        self.weight.add_grad(dweight)
        if dbias is not None:
            self.bias.add_grad(dbias)
        return dx
