"""Attention-augmented ResNets: in some of their convolutions, a share of the channels comes of attention instead.

Source: Bello et al. 2019, "Attention Augmented Convolutional Networks".
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from minivit.layers.augmented_conv import AugmentedConv
from minivit.layers.layer import Layer
from minivit.models.resnet import ResNet, map_size
from minivit.types import Count, Depths, Positive, Positives, Rate, Share, Size, pair

MIN_KEYS = 20
"""Width of the queries and keys of a head, at least (section 4.1)."""


class AttentionAugmentedResNet(ResNet):
    """A ResNet whose convolutions of 3 x 3 pixels have attention at their side, from some stage on.

    Of a bottleneck it is its one convolution of 3 x 3, of a basic block the first of two (as the paper augments its
    wide ResNets). Large maps would have too many pairs of places, so the first stage has none.

    Parameters
    ----------
    num_heads : int
    key_ratio, value_ratio : float
        The paper's kappa and upsilon: which share of the channels queries and keys have, and values. What is a share of
        the output comes of attention, the rest of the convolution. Both are rounded to what heads divide; each head has
        keys of 20 numbers and values of one at least.
    relative : bool
        Whether queries have something to say of where keys are; then images must have the size ``img_size``.
    augment_from : int
        The first stage that is augmented, counted from 0; all behind it are, too.
    img_size, in_chans, num_classes, block, layers, channels, stem, stem_chans, drop_rate, drop_path_rate
        As of :class:`minivit.models.ResNet`.
    zero_init_last, seed, dtype
        As of :class:`minivit.models.ResNet`.

    Raises
    ------
    ValueError
        If heads leave nothing of a convolution's channels, there is no stage ``augment_from``, or an option is out of
        range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The paper does not say how shares are rounded. With ours, AA-ResNet-50, 101 and 152 have the 25.8, 45.4 and 61.6
    million parameters that it prints, and AA-ResNet-34 (with ratios of 0.25) has 20.76 million for its 20.7. It has
    fewer products, 8.3 G FLOPs for AA-ResNet-50, which are 4.15 G MACs where ours are 4.71: to save memory, it pools
    large maps in front of attention and stretches what was found. Here, all places look at all.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        block: str = "bottleneck",
        layers: Depths = (3, 4, 6, 3),
        channels: Positives = (64, 128, 256, 512),
        num_heads: Positive = 8,
        key_ratio: Share = 0.2,
        value_ratio: Share = 0.1,
        relative: bool = True,
        augment_from: Count = 1,
        stem: str = "7x7",
        stem_chans: Positive = 64,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        last = len(layers) - 1
        if augment_from > last >= 0:
            raise ValueError(f"augment_from is {augment_from}; expected at most {last}, the last of {last + 1} stages")
        self.num_heads, self.ratios, self.augment_from = num_heads, (key_ratio, value_ratio), augment_from
        self.depths = layers
        self.only_size = pair(img_size) if relative else None
        self.stem = stem
        super().__init__(
            img_size=img_size,
            in_chans=in_chans,
            num_classes=num_classes,
            block=block,
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

    def make_block(self, kind: Any, place: tuple[int, int], in_chans: int, chans: int, **options: Any) -> list[Layer]:
        """A residual block that looks around with an augmented convolution, where its stage is to have these."""
        if place[0] >= self.augment_from:
            options["look_around"] = self.augmented_conv(place[0], chans)
        return super().make_block(kind, place, in_chans, chans, **options)

    def augmented_conv(self, stage: int, chans: int) -> Callable[..., AugmentedConv]:
        """What makes the augmented convolutions of a stage, whose maps all have one size."""
        heads, (key_ratio, value_ratio) = self.num_heads, self.ratios
        dk = heads * max(round(key_ratio * chans / heads), MIN_KEYS)
        dv = heads * max(round(value_ratio * chans / heads), 1)
        if dv >= chans:
            raise ValueError(
                f"{heads} heads and a value_ratio of {value_ratio:g} are {dv} channels of attention; expected fewer "
                f"than the {chans} of a convolution of stage {stage}"
            )
        size = map_size(self.only_size, self.stem, self.depths[: stage + 1]) if self.only_size else None
        return partial(AugmentedConv, dk=dk, dv=dv, num_heads=heads, map_size=size)


AttentionAugmentedResNet.add_presets(
    {
        "aa_resnet_tiny_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8
            "img_size": 32,
            "num_classes": 10,
            "block": "basic",
            "layers": (3, 3, 3),
            "channels": (20, 40, 80),
            "num_heads": 4,
            "value_ratio": 0.2,
            "stem": "3x3",
            "stem_chans": 20,
        },
        "aa_resnet34": {"block": "basic", "key_ratio": 0.25, "value_ratio": 0.25},
        "aa_resnet50": {},
        "aa_resnet101": {"layers": (3, 4, 23, 3)},
        "aa_resnet152": {"layers": (3, 8, 36, 3)},
    }
)
