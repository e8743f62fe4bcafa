"""ResNet: a convolutional network of residual blocks, whose maps shrink from stage to stage as their channels grow.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition".
"""

from collections.abc import Sequence
from reprlib import repr as in_short
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_stages
from minivit.layers.basic import Linear, Relu
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import he_normal, normal
from minivit.layers.layer import Layer
from minivit.layers.pool import MaxPool2d, MeanPool
from minivit.layers.residual_conv import BasicBlock, Bottleneck
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.activations import ReluCache
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MaxPool2dCache
from minivit.types import Count, Depths, Float, Positive, Positives, Rate, Size, ndarray, pair

BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}
STEMS = {"7x7": (7, 2, 3), "3x3": (3, 1, 1)}
"""Kernel, stride and padding of the first convolution."""


def halvings(layers: Sequence[int]) -> int:
    """How often stages of so many blocks halve the map: the first block of each but the first does, if there is one."""
    return sum(depth > 0 for depth in layers[1:])


def map_size(img_size: Size, stem: str, layers: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the map that these stages make, behind the stem."""
    shrinks = 2 ** (halvings(layers) + (2 if stem == "7x7" else 0))
    Y, X = (-(-side // shrinks) for side in pair(img_size))  # each halving rounds up
    return Y, X


class ResNetFeaturesCache(NamedTuple):
    """Caches of the steps of :class:`ResNet` from images to the last map, in order."""

    conv1: Any
    bn1: BatchNormCache
    act1: ReluCache
    maxpool: MaxPool2dCache | IdentityCache
    layer1: list[Any]
    layer2: list[Any]
    layer3: list[Any]
    layer4: list[Any]


class ResNetCache(NamedTuple):
    """Caches of the steps of :class:`ResNet`, in order, and the sides of the last map."""

    conv1: Any
    bn1: BatchNormCache
    act1: ReluCache
    maxpool: MaxPool2dCache | IdentityCache
    layer1: list[Any]
    layer2: list[Any]
    layer3: list[Any]
    layer4: list[Any]
    map_size: tuple[int, int]
    pool: Any
    head_drop: DropoutCache | IdentityCache
    fc: LinearCache | IdentityCache


class ResNet(Model):
    """A stem, then stages of residual blocks; the mean of the last map is read by one linear map.

    Images may have any size; each stage but the first halves the map, if it has a block.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for; others are taken, too.
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the mean of the last map is returned).
    block : "basic" or "bottleneck"
        Two convolutions of 3 x 3, or one between two of 1 x 1, which has four times as many channels as it says below.
    layers : tuple of int
        Number of blocks, stage by stage; up to four stages.
    channels : tuple of int
        Of the convolutions of 3 x 3 in each stage.
    stem : "7x7" or "3x3"
        "7x7" makes a map of a quarter of the image's side, by stride and max pooling; "3x3" leaves the side as it is,
        for small images (section 4.2 of the paper).
    stem_chans : int
        Channels of the stem.
    drop_rate, drop_path_rate : float
        Dropout before the head; stochastic depth, growing linearly from 0 in the first block to this rate in the last.
        Only active when ``forward`` gets ``rng``.
    zero_init_last : bool
        Whether each block begins as the identity: see :class:`minivit.layers.BasicBlock`. (True in timm; the paper
        knows no such thing.)
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If there are not as many ``channels`` as ``layers``, or more than four, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The first block of a stage brings its input to the new shape by a convolution of 1 x 1 and a norm ("option B" of the
    paper). The paper's networks for CIFAR fill up with zeros instead ("option A"), which saves 2,752 parameters of
    ResNet-20's.
    """

    head_names = ("fc",)
    only_size: tuple[int, int] | None = None
    """Images of this size alone are taken, where a part of the network knows the places of its map."""

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        block: str = "basic",
        layers: Depths = (2, 2, 2, 2),
        channels: Positives = (64, 128, 256, 512),
        stem: str = "7x7",
        stem_chans: Positive = 64,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if block not in BLOCKS:
            raise ValueError(f"block is {block!r}; expected one of {', '.join(BLOCKS)}")
        check_stages(layers=layers, channels=channels)
        if len(layers) > 4:
            raise ValueError(f"layers are {in_short(layers)}; expected up to four stages")
        self.in_chans = in_chans
        self.conv1, self.maxpool = self.make_stem(stem, in_chans, stem_chans)
        self.bn1 = BatchNorm(stem_chans)
        self.act1 = Relu()
        kind, stages, width = BLOCKS[block], [], stem_chans
        for i, (chans, rates) in enumerate(zip(channels, stage_rates(drop_path_rate, layers), strict=True)):
            stage = []
            for j, rate in enumerate(rates):
                stride, options = 2 if i and not j else 1, {"zero_init_last": zero_init_last}
                stage += self.make_block(kind, (i, j), width, chans, stride=stride, drop_path_rate=rate, **options)
                width = chans * kind.expansion
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages + [[]] * (4 - len(stages))
        self.num_features = width
        self.pool = self.make_pool(width)
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.fc: Layer = Linear(width, num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.init(seed, dtype)

    def make_stem(self, stem: str, in_chans: int, stem_chans: int) -> tuple[Layer, Layer]:
        """The first convolution, and the pooling behind its norm and activation."""
        if stem not in STEMS:
            raise ValueError(f'stem is {stem!r}; expected "7x7" or "3x3"')
        kernel_size, stride, padding = STEMS[stem]
        conv = Conv2d(in_chans, stem_chans, kernel_size, stride=stride, padding=padding, bias=False, initial=he_normal)
        return conv, Identity() if stem == "3x3" else MaxPool2d(3, stride=2, padding=1)

    def make_pool(self, width: int) -> Layer:
        """What makes one token of the places of the last map, (B, N, width)."""
        return MeanPool()

    def make_block(self, kind: Any, place: tuple[int, int], in_chans: int, chans: int, **options: Any) -> list[Layer]:
        """A residual block, and what stands behind it; ``place`` counts stages and their blocks from 0.

        Networks of other papers differ in this step, and in nothing else.
        """
        return [kind(in_chans, chans, **options)]

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], ResNetCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model.
        """
        x, c_features = self.features(images, rng=rng)
        B, Y, X, C = x.shape
        x, c_pool = self.pool.forward(x.reshape(B, Y * X, C))  # (B, C)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_fc = self.fc.forward(x)
        return logits, ResNetCache(**c_features._asdict(), map_size=(Y, X), pool=c_pool, head_drop=c_head_drop, fc=c_fc)

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: ResNetCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.fc.backward(dlogits, cache.fc)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.pool.backward(dx, cache.pool)
        dx = dx.reshape(len(dx), *cache.map_size, dx.shape[-1])  # forward: x.reshape(B, Y * X, C)
        return self.features_backward(dx, cache)

    def features(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B rows columns num_features"], ResNetFeaturesCache]:
        """The last map, and the cache for :meth:`features_backward`."""
        self.check_images(images, self.only_size, self.in_chans)
        x, c_conv1 = self.conv1.forward(images)
        x, c_bn1 = self.bn1.forward(x)
        x, c_act1 = self.act1.forward(x)
        x, c_maxpool = self.maxpool.forward(x)
        x, c_layer1 = run(self.layer1, x, rng=rng)
        x, c_layer2 = run(self.layer2, x, rng=rng)
        x, c_layer3 = run(self.layer3, x, rng=rng)
        x, c_layer4 = run(self.layer4, x, rng=rng)
        return x, ResNetFeaturesCache(
            conv1=c_conv1,
            bn1=c_bn1,
            act1=c_act1,
            maxpool=c_maxpool,
            layer1=c_layer1,
            layer2=c_layer2,
            layer3=c_layer3,
            layer4=c_layer4,
        )

    def features_backward(
        self, dx: Float[ndarray, "B rows columns num_features"], cache: ResNetFeaturesCache | ResNetCache
    ) -> Float[ndarray, "B Y X C"]:
        """Gradient of :meth:`features`: add to those of the parameters; return that of the images."""
        dx = run_backward(self.layer4, dx, cache.layer4)
        dx = run_backward(self.layer3, dx, cache.layer3)
        dx = run_backward(self.layer2, dx, cache.layer2)
        dx = run_backward(self.layer1, dx, cache.layer1)
        dx = self.maxpool.backward(dx, cache.maxpool)
        dx = self.act1.backward(dx, cache.act1)
        dx = self.bn1.backward(dx, cache.bn1)
        return self.conv1.backward(dx, cache.conv1)


def _preset(block: str, *layers: int) -> dict[str, Any]:
    return {"block": block, "layers": layers}


ResNet.add_presets(
    {
        "resnet20_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8; section 4.2
            "img_size": 32,
            "num_classes": 10,
            "layers": (3, 3, 3),
            "channels": (16, 32, 64),
            "stem": "3x3",
            "stem_chans": 16,
        },
        "resnet18": _preset("basic", 2, 2, 2, 2),
        "resnet26": _preset("bottleneck", 2, 2, 2, 2),
        "resnet34": _preset("basic", 3, 4, 6, 3),
        "resnet50": _preset("bottleneck", 3, 4, 6, 3),
        "resnet101": _preset("bottleneck", 3, 4, 23, 3),
        "resnet152": _preset("bottleneck", 3, 8, 36, 3),
    }
)
