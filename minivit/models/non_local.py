"""Non-local networks: a ResNet in which, here and there, each place of the map looks at all others.

It is still a network of convolutions: each block of attention is added between two of its residual blocks, and may be
left out again. Sources: Wang et al. 2018, "Non-local Neural Networks"; Zhang et al. 2019, "Self-Attention Generative
Adversarial Networks", for the form "sagan".
"""

import re
from reprlib import repr as in_short
from typing import Annotated, Any

import numpy as np

from minivit.checked import check_stages
from minivit.layers.layer import Layer
from minivit.layers.non_local import (
    ConcatenationNonLocal,
    DotProductNonLocal,
    GaussianNonLocal,
    NonLocal,
    SAGANAttention,
)
from minivit.models.model import Backbone
from minivit.models.resnet import ResNet, map_size
from minivit.types import Count, Depths, Positive, Positives, Range, Rate, Size

FORMS: dict[str, Any] = {
    "gaussian": GaussianNonLocal,
    "embedded_gaussian": NonLocal,
    "dot_product": DotProductNonLocal,
    "concatenation": ConcatenationNonLocal,
    "sagan": SAGANAttention,
}


class NonLocalResNet(ResNet):
    """A ResNet with non-local blocks behind some of its residual blocks.

    Images may have any size of which the maps with such blocks have two rows and columns for pooling, ``sub_sample``.

    The paper puts one "right before the last residual block" of the third stage of a ResNet-50
    (``non_local=(0, 0, 5, 0)``), or five behind every other block of the second and third (``(0, 2, 2, 0)``), or ten
    behind each of these (``(0, 1, 1, 0)``). Its networks are for videos; these are their two-dimensional twins, as it
    has them for COCO.

    Parameters
    ----------
    non_local : tuple of int
        For each stage, behind every how many blocks there is one, at most as many as it has; 0 for none.
    form : "gaussian", "embedded_gaussian", "dot_product", "concatenation" or "sagan"
        How two places are compared: see :mod:`minivit.layers.non_local`.
    sub_sample : bool
        Whether keys and values are max-pooled, 2 x 2 places to one. (Not in "sagan".)
    img_size, in_chans, num_classes, block, layers, channels, stem, stem_chans, drop_rate, drop_path_rate
        As of :class:`minivit.models.ResNet`.
    zero_init_last, seed, dtype
        As of :class:`minivit.models.ResNet`.

    Raises
    ------
    ValueError
        If there is not one number in ``non_local`` for each stage, or one that its stage has not as many blocks for, or
        a map is too small for ``sub_sample``, or an option is out of range.
    TypeError
        If an option is of another type.
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
        non_local: Annotated[tuple[int, ...], Range(at_least=0)] = (0, 2, 2, 0),
        form: str = "embedded_gaussian",
        sub_sample: bool = True,
        stem: str = "7x7",
        stem_chans: Positive = 64,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        zero_init_last: bool = True,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; expected one of {', '.join(FORMS)}")
        check_stages(layers=layers, non_local=non_local)
        for stage, (every, depth) in enumerate(zip(non_local, layers, strict=True)):
            if every > depth:
                raise ValueError(
                    f"non_local is {in_short(non_local)}; expected at most {depth} for stage {stage}, which has no "
                    "more blocks"
                )
            Y, X = map_size(img_size, stem, layers[: stage + 1])
            if every and sub_sample and form != "sagan" and min(Y, X) < 2:
                raise ValueError(
                    f"img_size is {img_size}, and in stage {stage} a map of {Y} x {X} is too small to be pooled: "
                    "expected 2 x 2 places at least, or sub_sample=False"
                )
        self.non_local, self.form, self.sub_sample = non_local, form, sub_sample
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
        """A residual block, and a non-local one behind it where there is to be one."""
        blocks = super().make_block(kind, place, in_chans, chans, **options)
        (stage, number), dim = place, chans * kind.expansion
        every = self.non_local[stage]
        if every and (number + 1) % every == 0:
            form, pooling = FORMS[self.form], {} if self.form == "sagan" else {"sub_sample": self.sub_sample}
            blocks.append(form(dim, **pooling))
        return blocks

    def backbone_in_it(self) -> Backbone:
        """A ResNet, as the paper begins with a trained one; the blocks of attention change nothing at first."""

        def called(name: str) -> str:
            found = re.fullmatch(r"layer(\d)\.(\d+)\.(.*)", name)
            if not found:
                return name
            stage, block = int(found[1]), int(found[2])
            every = self.non_local[stage - 1]
            return f"layer{stage}.{block + (block // every if every else 0)}.{found[3]}"

        return Backbone(ResNet, self.config, called)


NonLocalResNet.add_presets(
    {
        "nonlocal_resnet_tiny_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8
            "img_size": 32,
            "num_classes": 10,
            "block": "basic",
            "layers": (3, 3, 3),
            "channels": (20, 40, 80),
            "non_local": (0, 2, 2),
            "stem": "3x3",
            "stem_chans": 20,
        },
        "nonlocal_resnet50_1": {"non_local": (0, 0, 5, 0)},
        "nonlocal_resnet50_5": {"non_local": (0, 2, 2, 0)},
        "nonlocal_resnet50_10": {"non_local": (0, 1, 1, 0)},
    }
)
