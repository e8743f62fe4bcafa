"""A small convolutional net, to stand beside a small Vision Transformer."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers import GroupNorm, Layer, Linear, MeanPool, Param, run, run_backward
from minivit.layers.initial import lecun_normal, normal, zeros
from minivit.ops import conv2d_backward, conv2d_forward, relu_backward, relu_forward


class ConvCache(NamedTuple):
    """Caches of the steps of :class:`Conv`, in order."""

    conv: Any
    norm: Any
    relu: Any


class Conv(Layer):
    """Convolution with a kernel of 3 x 3, group normalisation, ReLU."""

    def __init__(self, in_chans: int, out_chans: int, *, stride: int = 1, groups: int = 4) -> None:
        self.weight = Param((3, 3, in_chans, out_chans), "row column in out", lecun_normal)
        self.bias = Param((out_chans,), "out", zeros)
        self.norm = GroupNorm(groups, out_chans)
        self.stride = stride

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ConvCache]:
        x, c_conv = conv2d_forward(x, self.weight.value, self.bias.value, stride=self.stride, padding=1)
        x, c_norm = self.norm.forward(x)
        x, c_relu = relu_forward(x)
        return x, ConvCache(c_conv, c_norm, c_relu)

    def backward(self, dy: ndarray, cache: ConvCache) -> ndarray:
        (dx,) = relu_backward(dy, cache.relu)
        dx = self.norm.backward(dx, cache.norm)
        dx, dweight, dbias = conv2d_backward(dx, cache.conv)
        self.weight.add_grad(dweight)
        self.bias.add_grad(dbias)
        return dx


class SmallCnnCache(NamedTuple):
    """Caches of the steps of :class:`SmallCnn`, and the shape of its last feature map."""

    convs: list[ConvCache]
    map_shape: tuple[int, ...]
    pool: Any
    head: Any


class SmallCnn(Layer):
    """Logits of images (B, Y, X, C): three of five convolutions halve the map's sides, and a linear map reads its mean.

    Parameters
    ----------
    widths : channels of the map after each convolution
    strides : of each convolution
    """

    def __init__(
        self,
        *,
        in_chans: int = 3,
        num_classes: int = 10,
        widths: tuple[int, ...] = (16, 32, 32, 64, 64),
        strides: tuple[int, ...] = (2, 2, 1, 2, 1),
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        ends = zip((in_chans, *widths), widths, strides, strict=False)
        self.convs = [Conv(before, after, stride=stride) for before, after, stride in ends]
        self.pool = MeanPool()
        self.head = Linear(widths[-1], num_classes, initial=normal(0.02))
        self.init(seed, dtype)

    def forward(self, images: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, SmallCnnCache]:
        x, c_convs = run(self.convs, images)
        map_shape = x.shape
        x, c_pool = self.pool.forward(x.reshape(len(x), -1, x.shape[3]))  # every place is a token
        logits, c_head = self.head.forward(x)
        return logits, SmallCnnCache(convs=c_convs, map_shape=map_shape, pool=c_pool, head=c_head)

    def backward(self, dlogits: ndarray, cache: SmallCnnCache) -> ndarray:
        dx = self.head.backward(dlogits, cache.head)
        dx = self.pool.backward(dx, cache.pool).reshape(cache.map_shape)
        return run_backward(self.convs, dx, cache.convs)
