"""Convolution of images as a layer."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import lecun_normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.conv import Conv2dCache, conv2d_backward, conv2d_forward
from minivit.types import Size, pair


class Conv2d(Layer):
    """Convolution of (B, Y, X, C) without padding: (Y - P) // stride + 1 rows come out."""

    def __init__(
        self, in_chans: int, out_chans: int, kernel_size: Size, *, stride: Size = 1, bias: bool = True
    ) -> None:
        self.weight = Param((*pair(kernel_size), in_chans, out_chans), "row column in out", lecun_normal)
        self.bias = Param((out_chans,), "out", zeros) if bias else None
        self.stride = stride

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Conv2dCache]:
        return conv2d_forward(x, self.weight.value, self.bias.value if self.bias else None, stride=self.stride)

    def backward(self, dy: ndarray, cache: Conv2dCache) -> ndarray:
        dx, dweight, dbias = conv2d_backward(dy, cache)
        self.weight.add_grad(dweight)
        if self.bias and dbias is not None:
            self.bias.add_grad(dbias)
        return dx
