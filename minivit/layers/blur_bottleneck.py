"""The residual block of CLIP's ResNet: where it halves its map it takes means, and no convolution has a stride."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from minivit.layers.batch_norm import BatchNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import he_normal
from minivit.layers.layer import Layer
from minivit.layers.pool import AvgPool2d
from minivit.layers.residual_conv import Bottleneck
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.activations import ReluCache
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.pool import AvgPool2dCache


class BlurBottleneckCache(NamedTuple):
    """Caches of the steps of :class:`BlurBottleneck`, in order."""

    conv1: Conv2dCache
    bn1: BatchNormCache
    act1: ReluCache
    conv2: Conv2dCache
    bn2: BatchNormCache
    act2: ReluCache
    avgpool: AvgPool2dCache | IdentityCache
    conv3: Conv2dCache
    bn3: BatchNormCache
    drop_path: DropPathCache | IdentityCache
    downsample: list[Any]
    act: ReluCache


class BlurBottleneck(Bottleneck):
    """A :class:`~minivit.layers.Bottleneck` that halves by means of 2 x 2 places, on both of its ways.

    In the branch they stand behind the convolution of 3 x 3; on the other way in front of that of 1 x 1. Arguments as
    of :class:`~minivit.layers.Bottleneck`.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4,
    after He et al. 2019, "Bag of Tricks for Image Classification with Convolutional Neural Networks" (ResNet-D), and
    Zhang 2019, "Making Convolutional Networks Shift-Invariant Again".
    """

    cache = BlurBottleneckCache

    def __init__(self, in_chans: int, chans: int, *, stride: int = 1, **options: Any) -> None:
        super().__init__(in_chans, chans, **options)
        self.avgpool = AvgPool2d(stride) if stride > 1 else Identity()
        out_chans = self.expansion * chans
        if (in_chans, stride) != (out_chans, 1):
            conv = Conv2d(in_chans, out_chans, 1, bias=False, initial=he_normal)
            shrink = AvgPool2d(stride) if stride > 1 else Identity()
            self.downsample = [shrink, conv, BatchNorm(out_chans)]

    @property
    def branch(self) -> Sequence[Layer]:
        first = self.conv1, self.bn1, self.act1, self.conv2, self.bn2, self.act2
        return *first, self.avgpool, self.conv3, self.bn3, self.drop_path
