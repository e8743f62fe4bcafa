"""Convolution in time as a layer, and what stands in front of it so that it sees no future."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import lecun_normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.conv1d import (
    CausalPadCache,
    Conv1dCache,
    causal_pad_backward,
    causal_pad_forward,
    conv1d_backward,
    conv1d_forward,
)


class Conv1d(Layer):
    """Convolution of (B, T, C) along time, without padding: (T - K) // stride + 1 frames come out."""

    def __init__(self, in_chans: int, out_chans: int, kernel_size: int, *, stride: int = 1, bias: bool = True) -> None:
        self.weight = Param((kernel_size, in_chans, out_chans), "time in out", lecun_normal)
        self.bias = Param((out_chans,), "out", zeros) if bias else None
        self.stride = stride

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Conv1dCache]:
        return conv1d_forward(x, self.weight.value, self.bias.value if self.bias else None, stride=self.stride)

    def backward(self, dy: ndarray, cache: Conv1dCache) -> ndarray:
        dx, dweight, dbias = conv1d_backward(dy, cache)
        self.weight.add_grad(dweight)
        if self.bias and dbias is not None:
            self.bias.add_grad(dbias)
        return dx


class CausalPad(Layer):
    """As many frames in front of the first one as a kernel needs to look at the past alone: one less than its length.

    ``mode``: see :func:`minivit.ops.causal_pad_forward`.
    """

    def __init__(self, kernel_size: int, *, mode: str = "edge") -> None:
        self.before, self.mode = kernel_size - 1, mode

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, CausalPadCache]:
        return causal_pad_forward(x, before=self.before, mode=self.mode)

    def backward(self, dy: ndarray, cache: CausalPadCache) -> ndarray:
        (dx,) = causal_pad_backward(dy, cache)
        return dx
