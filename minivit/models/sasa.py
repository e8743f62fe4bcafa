"""SASA: a ResNet without convolutions that look around; each is replaced by attention to the same neighbourhood.

Source: Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models".
"""

from functools import partial
from typing import Any

import numpy as np

from minivit.layers.attention_conv import AttentionConv
from minivit.layers.attention_stem import AttentionStem
from minivit.layers.layer import Layer
from minivit.layers.pool import MaxPool2d
from minivit.models.resnet import STEMS, ResNet
from minivit.types import Count, Depths, Positive, Positives, Rate, Size


class SASA(ResNet):
    """A ResNet of bottlenecks, each with local attention where the convolution of 3 x 3 stood; images of any size
    (of at least 4 x 4 pixels with ``stem="attention"``, which pools 4 x 4 places).

    Parameters
    ----------
    kernel_size : int
        Side of the window in which a place looks around; odd.
    num_heads : int
    stem : "7x7", "3x3" or "attention"
        The first layer: a convolution as of :class:`minivit.models.ResNet`, or :class:`minivit.layers.AttentionStem`
        with windows of 4 x 4, and a max pooling of 4 x 4 behind it.
    img_size, in_chans, num_classes, layers, channels, stem_chans, drop_rate, drop_path_rate
        As of :class:`minivit.models.ResNet`.
    zero_init_last, seed, dtype
        As of :class:`minivit.models.ResNet`.

    Raises
    ------
    ValueError
        If heads do not divide the channels, the window has no middle, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The presets have a convolution for a stem, with which the paper's smaller networks do best ("conv-stem +
    attention"); ``stem="attention"`` makes them "full attention".

    The unofficial PyTorch code has the stem "3x3", with which its networks have 10,334,952 (26 layers), 14,182,952 (38)
    and 18,030,952 parameters (50), so do ours; the paper's "7x7" has 7,680 more, attention 192. That code pools behind
    the last convolution of a block, where the paper, and we, pool right behind attention.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        layers: Depths = (3, 4, 6, 3),
        channels: Positives = (64, 128, 256, 512),
        kernel_size: Positive = 7,
        num_heads: Positive = 8,
        stem: str = "7x7",
        stem_chans: Positive = 64,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.attention = {"kernel_size": kernel_size, "num_heads": num_heads}
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
        """A convolution, or attention, and the pooling behind its norm and activation."""
        if stem not in (*STEMS, "attention"):
            raise ValueError(f'stem is {stem!r}; expected "7x7", "3x3" or "attention"')
        if stem == "attention":
            heads = self.attention["num_heads"]
            return AttentionStem(in_chans, stem_chans, num_heads=heads), MaxPool2d(4, stride=4)
        return super().make_stem(stem, in_chans, stem_chans)

    def make_block(self, kind: Any, place: tuple[int, int], in_chans: int, chans: int, **options: Any) -> list[Layer]:
        """A residual block that looks around by attention."""
        look_around = partial(AttentionConv, **self.attention)
        return super().make_block(kind, place, in_chans, chans, look_around=look_around, **options)


SASA.add_presets(
    {
        "sasa_resnet_tiny_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8
            "img_size": 32,
            "num_classes": 10,
            "layers": (1, 2, 3),
            "channels": (24, 48, 96),
            "kernel_size": 5,
            "num_heads": 4,
            "stem": "3x3",
            "stem_chans": 32,
        },
        "sasa_resnet26": {"layers": (1, 2, 4, 1)},
        "sasa_resnet38": {"layers": (2, 3, 5, 2)},
        "sasa_resnet50": {"layers": (3, 4, 6, 3)},
    }
)
