"""Residual blocks of convolutions: what a few convolutions find is added to what they were given.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.3 and figure 5.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Relu
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import drop_path
from minivit.layers.initial import he_normal, ones, zeros
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache, Layers, run, run_backward
from minivit.ops.activations import ReluCache, relu_backward, relu_forward
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropPathCache


class ResidualConv(Layer):
    """``relu(branch(x) + downsample(x))``.

    ``branch`` are the layers that find what is added. ``downsample``, a convolution of 1 x 1 pixels and a norm, brings
    the input to the channels and the size of that; where both are the same, there is none.
    """

    cache: type
    """A NamedTuple: the caches of the branch's layers, in their order and under their names, and those of the rest."""

    downsample: Layers

    @property
    @abstractmethod
    def branch(self) -> Sequence[Layer]: ...

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Any]:
        h, c_branch = run(self.branch, x, rng=rng)
        shortcut, c_downsample = run(self.downsample, x)
        y, c_act = relu_forward(h + shortcut)
        return y, self.cache(*c_branch, downsample=c_downsample, act=c_act)

    def backward(self, dy: ndarray, cache: Any) -> ndarray:
        (dh,) = relu_backward(dy, cache.act)
        dx = run_backward(self.branch, dh, cache[: len(self.branch)])
        return dx + run_backward(self.downsample, dh, cache.downsample)


def conv3x3(in_chans: int, out_chans: int, *, stride: int = 1) -> Conv2d:
    """What looks around in a residual block; a network of another paper may have another layer in its place."""
    return Conv2d(in_chans, out_chans, 3, stride=stride, padding=1, bias=False, initial=he_normal)


class BasicBlockCache(NamedTuple):
    """Caches of the steps of :class:`BasicBlock`, in order; ``conv1`` is that of whatever stands in its place."""

    conv1: Any
    bn1: BatchNormCache
    act1: ReluCache
    conv2: Conv2dCache
    bn2: BatchNormCache
    drop_path: DropPathCache | IdentityCache
    downsample: list[Any]
    act: ReluCache


class BasicBlock(ResidualConv):
    """Two convolutions of 3 x 3 pixels, each with its norm.

    Parameters
    ----------
    in_chans, chans : int
        Channels that come in, and that the convolutions have.
    stride : int
        Of the first convolution: 2 where a stage halves its maps.
    drop_path_rate : float
        Stochastic depth: how often the branch is left out.
    zero_init_last : bool
        Whether the last norm begins with scale 0, so that an untrained block hands on what it is given (Goyal et al.
        2017, section 5.1).
    look_around : callable (in_chans, out_chans, stride=...) -> Layer
        Makes the layer with the stride, here the first convolution.
    """

    expansion = 1
    cache = BasicBlockCache

    def __init__(
        self,
        in_chans: int,
        chans: int,
        *,
        stride: int = 1,
        drop_path_rate: float = 0.0,
        zero_init_last: bool = True,
        look_around: Callable[..., Layer] = conv3x3,
    ) -> None:
        self.conv1 = look_around(in_chans, chans, stride=stride)
        self.bn1 = BatchNorm(chans)
        self.act1 = Relu()
        self.conv2 = conv3x3(chans, chans)
        self.bn2 = BatchNorm(chans, initial=zeros if zero_init_last else ones)
        self.drop_path = drop_path(drop_path_rate)
        self.downsample = _shortcut(in_chans, chans, stride)

    @property
    def branch(self) -> Sequence[Layer]:
        return self.conv1, self.bn1, self.act1, self.conv2, self.bn2, self.drop_path


class BottleneckCache(NamedTuple):
    """Caches of the steps of :class:`Bottleneck`, in order; ``conv2`` is that of whatever stands in its place."""

    conv1: Conv2dCache
    bn1: BatchNormCache
    act1: ReluCache
    conv2: Any
    bn2: BatchNormCache
    act2: ReluCache
    conv3: Conv2dCache
    bn3: BatchNormCache
    drop_path: DropPathCache | IdentityCache
    downsample: list[Any]
    act: ReluCache


class Bottleneck(ResidualConv):
    """One convolution of 3 x 3 pixels, on a quarter of the channels: 1 x 1 makes them few before, and many after.

    Parameters as of :class:`BasicBlock`; 4 times ``chans`` come out. The stride is that of the 3 x 3 convolution, as in
    PyTorch and timm ("ResNet v1.5"); in the paper it is that of the first 1 x 1. ``base_width`` is timm's: of how many
    channels the middle is, for each 64 of ``chans``.
    """

    expansion = 4
    cache = BottleneckCache

    def __init__(
        self,
        in_chans: int,
        chans: int,
        *,
        stride: int = 1,
        drop_path_rate: float = 0.0,
        zero_init_last: bool = True,
        look_around: Callable[..., Layer] = conv3x3,
        base_width: int = 64,
    ) -> None:
        out_chans, width = self.expansion * chans, max(chans * base_width // 64, 1)
        self.conv1 = Conv2d(in_chans, width, 1, bias=False, initial=he_normal)
        self.bn1 = BatchNorm(width)
        self.act1 = Relu()
        self.conv2 = look_around(width, width, stride=stride)
        self.bn2 = BatchNorm(width)
        self.act2 = Relu()
        self.conv3 = Conv2d(width, out_chans, 1, bias=False, initial=he_normal)
        self.bn3 = BatchNorm(out_chans, initial=zeros if zero_init_last else ones)
        self.drop_path = drop_path(drop_path_rate)
        self.downsample = _shortcut(in_chans, out_chans, stride)

    @property
    def branch(self) -> Sequence[Layer]:
        first = self.conv1, self.bn1, self.act1
        return *first, self.conv2, self.bn2, self.act2, self.conv3, self.bn3, self.drop_path


def _shortcut(in_chans: int, out_chans: int, stride: int) -> list[Layer]:
    """What brings the input to the shape of the output; nothing where it has it. (Option B of the paper.)"""
    if (in_chans, stride) == (out_chans, 1):
        return []
    conv = Conv2d(in_chans, out_chans, 1, stride=stride, bias=False, initial=he_normal)
    return [conv, BatchNorm(out_chans)]
