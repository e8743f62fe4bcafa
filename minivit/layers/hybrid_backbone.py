"""The ResNet in front of a hybrid: group normalisation and standardised kernels, so that no image depends on its batch.

Source: Kolesnikov et al. 2020, "Big Transfer (BiT)", section 3.1.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.basic import GroupNorm, Relu
from minivit.layers.conv2d import StdConv2d, StdConv2dCache
from minivit.layers.initial import zeros
from minivit.layers.layer import Layer
from minivit.layers.pool import MaxPool2d
from minivit.layers.residual_conv import ResidualConv
from minivit.layers.sequence import Identity, run, run_backward
from minivit.ops.activations import ReluCache
from minivit.ops.group_norm import GroupNormCache

NORM_EPS = {"timm": 1e-5, "google": 1e-6}
STEMS = {"7x7": (7, 2), "3x3": (3, 1)}
"""Kernel and stride of the first convolution."""


class BackboneBlockCache(NamedTuple):
    """Caches of the steps of :class:`BackboneBlock`, in order."""

    conv1: StdConv2dCache
    norm1: GroupNormCache
    act1: ReluCache
    conv2: StdConv2dCache
    norm2: GroupNormCache
    act2: ReluCache
    conv3: StdConv2dCache
    norm3: GroupNormCache
    downsample: dict[str, Any]
    act: ReluCache


class BackboneBlock(ResidualConv):
    """The bottleneck of :class:`minivit.layers.Bottleneck` with standardised kernels and group normalisation.

    The first of a stage has a convolution in its shortcut, whatever its shape.
    """

    cache = BackboneBlockCache

    def __init__(self, in_chans: int, out_chans: int, *, stride: int, first: bool, like: str, num_groups: int) -> None:
        chans, eps = _quarter(out_chans), NORM_EPS[like]
        shortcut = {
            "conv": StdConv2d(in_chans, out_chans, 1, stride=stride, eps_like=like),
            "norm": GroupNorm(num_groups, out_chans, eps=eps),
        }
        self.downsample = shortcut if first else {}
        self.conv1 = StdConv2d(in_chans, chans, 1, eps_like=like)
        self.norm1 = GroupNorm(num_groups, chans, eps=eps)
        self.act1 = Relu()
        self.conv2 = StdConv2d(chans, chans, 3, stride=stride, eps_like=like)
        self.norm2 = GroupNorm(num_groups, chans, eps=eps)
        self.act2 = Relu()
        self.conv3 = StdConv2d(chans, out_chans, 1, eps_like=like)
        self.norm3 = GroupNorm(num_groups, out_chans, eps=eps, initial=zeros)

    @property
    def branch(self) -> Sequence[Layer]:
        first = self.conv1, self.norm1, self.act1
        return *first, self.conv2, self.norm2, self.act2, self.conv3, self.norm3


class StageCache(NamedTuple):
    """Caches of the blocks of a :class:`Stage`."""

    blocks: list[BackboneBlockCache]


class Stage(Layer):
    """Blocks on maps of one size, the first of which halves the map that it is given, but in the first stage."""

    def __init__(self, in_chans: int, out_chans: int, depth: int, *, stride: int, **options: Any) -> None:
        chans, strides = [in_chans] + [out_chans] * depth, [stride] + [1] * depth
        self.blocks = [
            BackboneBlock(chans[i], out_chans, stride=strides[i], first=i == 0, **options) for i in range(depth)
        ]

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, StageCache]:
        x, c_blocks = run(self.blocks, x)
        return x, StageCache(c_blocks)

    def backward(self, dy: ndarray, cache: StageCache) -> ndarray:
        return run_backward(self.blocks, dy, cache.blocks)


class BackboneCache(NamedTuple):
    """Caches of the steps of :class:`Backbone`, in order."""

    stem: dict[str, Any]
    stages: list[StageCache]


class Backbone(Layer):
    """A ResNet without a head: (B, Y, X, C) -> a small map of many channels.

    Parameters are those of :class:`minivit.models.HybridViT`.
    """

    def __init__(
        self,
        in_chans: int,
        *,
        layers: Sequence[int],
        channels: Sequence[int],
        stem: str,
        stem_chans: int,
        like: str,
        num_groups: int,
    ) -> None:
        kernel_size, stride = STEMS[stem]
        self.stem: dict[str, Layer] = {
            "conv": StdConv2d(in_chans, stem_chans, kernel_size, stride=stride, eps_like=like),
            "norm": GroupNorm(num_groups, stem_chans, eps=NORM_EPS[like]),
            "act": Relu(),
            "pool": Identity() if stem == "3x3" else MaxPool2d(3, stride=2, padding="same"),
        }
        self.stages, self.out_chans = [], stem_chans
        for i, (chans, depth) in enumerate(zip(channels, layers, strict=True)):
            stride = 2 if i else 1
            self.stages.append(Stage(self.out_chans, chans, depth, stride=stride, like=like, num_groups=num_groups))
            self.out_chans = chans if depth else self.out_chans

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, BackboneCache]:
        x, c_stem = run(self.stem, x)
        x, c_stages = run(self.stages, x)
        return x, BackboneCache(c_stem, c_stages)

    def backward(self, dy: ndarray, cache: BackboneCache) -> ndarray:
        dx = run_backward(self.stages, dy, cache.stages)
        return run_backward(self.stem, dx, cache.stem)


def _quarter(chans: int) -> int:
    """A quarter of the channels, as a multiple of 8 that is not less than nine tenths of it: timm's rounding."""
    quarter = max(8, (chans // 4 + 4) // 8 * 8)
    return quarter + 8 if quarter < 0.9 * (chans / 4) else quarter
