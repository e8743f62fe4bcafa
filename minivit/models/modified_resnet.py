"""CLIP's ResNet: three convolutions for a stem, means in place of strides, and attention in place of a mean.

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.layers.attention import check_heads
from minivit.layers.attention_pool import AttentionPool
from minivit.layers.basic import Relu
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.blur_bottleneck import BlurBottleneck
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import he_normal
from minivit.layers.layer import Layer
from minivit.layers.pool import AvgPool2d
from minivit.layers.sequence import run, run_backward
from minivit.models.resnet import ResNet, halvings
from minivit.ops.activations import ReluCache
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.conv import Conv2dCache
from minivit.types import Count, Depths, Positive, Rate, Size, ndarray, pair

STEM_SHRINK = 4
"""By how much the map behind the stem is smaller than the image; each stage but the first halves it."""


class DeepStemCache(NamedTuple):
    """Caches of the steps of :class:`DeepStem`, in order."""

    conv1: Conv2dCache
    bn1: BatchNormCache
    act1: ReluCache
    conv2: Conv2dCache
    bn2: BatchNormCache
    act2: ReluCache
    conv3: Conv2dCache


class DeepStem(Layer):
    """Three convolutions of 3 x 3, the first of which halves the image; the norm of the last is the network's."""

    def __init__(self, in_chans: int, chans: int) -> None:
        half = chans // 2
        self.conv1 = Conv2d(in_chans, half, 3, stride=2, padding=1, bias=False, initial=he_normal)
        self.bn1 = BatchNorm(half)
        self.act1 = Relu()
        self.conv2 = Conv2d(half, half, 3, padding=1, bias=False, initial=he_normal)
        self.bn2 = BatchNorm(half)
        self.act2 = Relu()
        self.conv3 = Conv2d(half, chans, 3, padding=1, bias=False, initial=he_normal)

    @property
    def steps(self) -> tuple[Layer, ...]:
        """All of them, in order."""
        return self.conv1, self.bn1, self.act1, self.conv2, self.bn2, self.act2, self.conv3

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, DeepStemCache]:
        y, caches = run(self.steps, x)
        return y, DeepStemCache(*caches)

    def backward(self, dy: ndarray, cache: DeepStemCache) -> ndarray:
        return run_backward(self.steps, dy, cache)


class ModifiedResNet(ResNet):
    """The ResNet whose last map is read by attention: its mean asks all of its places.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Multiples of 32, or smaller ones with fewer stages: the last map has a position for each place, so images have
        this size.
    in_chans : int
    num_classes : int
        Width of what comes out of the attention pooling: timm's name for it. (OpenAI: output_dim.)
    layers : tuple of int
        Number of blocks, stage by stage; up to four stages. The last halves the map again, as does each but the first.
    stem_chans : int
        Channels of the stem, and of the convolutions of 3 x 3 in the first stage, which each stage doubles. Even.
        (OpenAI: width.)
    num_heads : int
        Of the attention pooling.
    drop_path_rate, zero_init_last, seed, dtype
        As of :class:`minivit.models.ResNet`.

    Raises
    ------
    ValueError
        If the heads do not divide the width of the last map, the image is no multiple of what the stages make of it,
        or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The stem is a network of its own here, ``conv1``: ``conv1.conv1``, ``conv1.bn1``, up to ``conv1.conv3``, whose norm
    is ``bn1``. OpenAI and timm call their parts otherwise; :func:`minivit.weights.load_timm` and, for a whole CLIP,
    :func:`minivit.weights.load_torch` know how.
    """

    head_names: ClassVar[tuple[str, ...]] = ("pool.attn.proj",)

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Positive = 1024,
        layers: Depths = (3, 4, 6, 3),
        stem_chans: Positive = 64,
        num_heads: Positive = 32,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if stem_chans % 2:
            raise ValueError(f"stem_chans is {stem_chans}; expected an even number: the first convolutions have half")
        shrink = STEM_SHRINK * 2 ** halvings(layers)
        Y, X = self.only_size = pair(img_size)
        if Y % shrink or X % shrink or min(Y, X) < 1:
            raise ValueError(
                f"image size {Y} x {X} is not divisible by {shrink}: stem and stages make it so much smaller"
            )
        self.grid_size, self.num_heads, self.out_dim = (Y // shrink, X // shrink), num_heads, num_classes
        super().__init__(
            img_size=img_size,
            in_chans=in_chans,
            num_classes=0,
            block="bottleneck",
            layers=layers,
            channels=tuple(stem_chans * 2**i for i in range(len(layers))),
            stem_chans=stem_chans,
            drop_path_rate=drop_path_rate,
            zero_init_last=zero_init_last,
            seed=seed,
            dtype=dtype,
        )

    def make_stem(self, stem: str, in_chans: int, stem_chans: int) -> tuple[Layer, Layer]:
        """Three convolutions, and behind the norm of the last means of 2 x 2 places."""
        return DeepStem(in_chans, stem_chans), AvgPool2d(2)

    def make_block(self, kind: Any, place: tuple[int, int], in_chans: int, chans: int, **options: Any) -> list[Layer]:
        """A residual block without strides."""
        return [BlurBottleneck(in_chans, chans, **options)]

    def make_pool(self, width: int) -> Layer:
        """Attention, asked by the mean."""
        check_heads(width, self.num_heads)
        return AttentionPool(self.grid_size, width, self.num_heads, self.out_dim)


ModifiedResNet.add_presets({"resnet50_clip": {}})
