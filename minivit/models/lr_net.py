"""LR-Net: a ResNet in which local relation layers stand in the place of convolutions, from the stem on.

Source: Hu et al. 2019, "Local Relation Networks for Image Recognition".
"""

from functools import partial
from typing import Any

import numpy as np

from minivit.layers.layer import Layer
from minivit.layers.local_relation import LocalRelation, LocalRelationStem
from minivit.models.resnet import STEMS, ResNet
from minivit.types import Count, Depths, Positive, Positives, Rate, Size


class LRNet(ResNet):
    """A ResNet of bottlenecks that look around by :class:`minivit.layers.LocalRelation`; images may have any size.

    Parameters
    ----------
    base_width : int
        How many channels the local relation layers of the first stage have, of 64 that a ResNet's convolutions would
        have: 100 in the paper, so that both have as many products. (timm has such an option of ResNets.)
    kernel_size : int
        Side of the window of the blocks; odd.
    channels_per_head : int
        The paper's m: how many channels share their weights.
    stem : "7x7" or "3x3"
        A map of 1 x 1 to ``stem_chans`` channels, and a local relation layer with a window of this size: "7x7" makes a
        map of a quarter of the image's side, by stride and max pooling; "3x3" leaves the side as it is.
    img_size, in_chans, num_classes, layers, channels, stem_chans, drop_rate, drop_path_rate, zero_init_last, seed
        As of :class:`minivit.models.ResNet`.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If a window has no middle, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The paper's table 1, layer by layer: stem 1 x 1, 64 and 7 x 7 LR, 64, stride 2; max pooling of 3 x 3; then
    bottlenecks [1 x 1, 100; 7 x 7 LR, 100; 1 x 1, 256], and so on with 200, 400 and 800. It counts 23.3 million
    parameters and 4.3 G; the authors' code was never published. 100 channels do not make groups of 8: we take 13
    groups, some of 7, which gives LR-Net-50 23,380,033 parameters; with other roundings, and another width of the
    geometry prior's network, there are 23.37 to 23.40 million. We count 4.03 G MACs, and 4.09 if queries were computed
    where a stride leaves them out; of a ResNet-50, for which the same table has 4.3, too, we count 4.09.

    LR-Net-26 has 14,611,378 parameters here, and 2.381 G MACs (2.435 with queries everywhere). Another count of it is
    14,607,132, which is ours with 12 groups for 100 channels in the place of 13, 207 parameters less in each of two
    layers, and without the biases of queries, keys and the last map of local relation layers, which are 3,832. The same
    two make 23,371,954 of LR-Net-50.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        layers: Depths = (3, 4, 6, 3),
        channels: Positives = (64, 128, 256, 512),
        base_width: Positive = 100,
        kernel_size: Positive = 7,
        channels_per_head: Positive = 8,
        stem: str = "7x7",
        stem_chans: Positive = 64,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.base_width, self.kernel_size, self.channels_per_head = base_width, kernel_size, channels_per_head
        super().__init__(
            img_size=img_size,
            in_chans=in_chans,
            num_classes=num_classes,
            block="bottleneck",
            layers=layers,
            channels=channels,
            stem=stem,
            stem_chans=stem_chans,
            drop_rate=drop_rate,
            drop_path_rate=drop_path_rate,
            zero_init_last=zero_init_last,
            seed=seed,
            dtype=dtype,
        )

    def make_stem(self, stem: str, in_chans: int, stem_chans: int) -> tuple[Layer, Layer]:
        """A local relation layer in the place of the first convolution, behind a map to its channels."""
        _, maxpool = super().make_stem(stem, in_chans, stem_chans)
        kernel_size, stride, _ = STEMS[stem]
        options = {"channels_per_head": self.channels_per_head, "stride": stride}
        return LocalRelationStem(in_chans, stem_chans, kernel_size=kernel_size, **options), maxpool

    def make_block(self, kind: Any, place: tuple[int, int], in_chans: int, chans: int, **options: Any) -> list[Layer]:
        """A residual block that looks around by a local relation layer."""
        window = {"kernel_size": self.kernel_size, "channels_per_head": self.channels_per_head}
        options |= {"look_around": partial(LocalRelation, **window), "base_width": self.base_width}
        return super().make_block(kind, place, in_chans, chans, **options)


LRNet.add_presets(
    {
        "lr_net_tiny_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8
            "img_size": 32,
            "num_classes": 10,
            "layers": (1, 2, 3),
            "channels": (24, 48, 96),
            "base_width": 64,
            "kernel_size": 5,
            "stem": "3x3",
            "stem_chans": 32,
        },
        "lr_net26": {"layers": (2, 2, 2, 2)},
        "lr_net50": {"layers": (3, 4, 6, 3)},
    }
)
