"""Swin Transformer V2: what Swin lacked to become large, and to be given larger images.

Source: Liu et al. 2022, "Swin Transformer V2: Scaling Up Capacity and Resolution".
"""

from reprlib import repr as in_short
from typing import Annotated, Any, ClassVar

import numpy as np

from minivit.layers.block import ResPostNormBlock
from minivit.layers.cosine_window_attention import CosineWindowAttention
from minivit.layers.patch_merging import PatchMergingV2
from minivit.layers.swin_stage import SwinStage
from minivit.models.swin import Swin
from minivit.types import Count, Depths, Factor, Positive, Positives, Range, Rate, Size


class SwinV2Stage(SwinStage):
    """A stage of Swin, of other parts: cosine attention, norms behind what is found, and behind merging."""

    def parts(self, windows_like: str) -> tuple[type, type, type]:
        return CosineWindowAttention, ResPostNormBlock, PatchMergingV2


class SwinV2(Swin):
    """A Swin with three changes, one for each thing that went wrong in large models (figure 1 of the paper).

    What blocks find is normalised before it is added (:class:`minivit.layers.ResPostNormBlock`), or the numbers on the
    residual path grow from block to block. Attention compares directions, at most a hundredfold
    (:func:`minivit.ops.cosine_attention_forward`), or a few pairs of tokens take all. And positions are a function of
    the offset on a logarithmic scale instead of a table (:class:`minivit.layers.CosineWindowAttention`): so windows can
    be of another size than they were when it was trained.

    Parameters
    ----------
    pretrained_window_sizes : tuple of int
        Windows, stage by stage, of the model that the weights are from, where this one has others; 0: the same.
    img_size, patch_size, in_chans, num_classes, embed_dim, depths, num_heads, window_size, mlp_ratio, qkv_bias
        As of :class:`Swin`, and so are those below. (``qkv_bias`` gives one to queries and values; keys have none.)
        Maps that windows do not divide are cut as timm cuts them. Images and windows are those of the paper's small
        models, 256 and 8, where timm's class has 224 and 7.
    drop_rate, proj_drop_rate, drop_path_rate, act_layer, grad_checkpointing, seed, dtype

    Raises
    ------
    ValueError, TypeError
        As :class:`Swin`; or if there are not as many ``pretrained_window_sizes`` as stages.
    """

    stage: ClassVar[type[SwinStage]] = SwinV2Stage

    def __init__(
        self,
        *,
        img_size: Size = 256,
        patch_size: Size = 4,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        embed_dim: Positive = 96,
        depths: Depths = (2, 2, 6, 2),
        num_heads: Positives = (3, 6, 12, 24),
        window_size: Size = 8,
        pretrained_window_sizes: Annotated[tuple[int, ...], Range(at_least=0)] = (0, 0, 0, 0),
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.1,
        act_layer: str = "gelu",
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        beyond = pretrained_window_sizes[len(depths) :]  # timm's default is for four stages, however many there are
        if len(pretrained_window_sizes) < len(depths) or any(beyond):
            raise ValueError(
                f"pretrained_window_sizes are {in_short(pretrained_window_sizes)}; expected one for each of "
                f"{len(depths)} stages"
            )
        self._build(
            [{"qkv_bias": qkv_bias, "pretrained_window_size": size} for size in pretrained_window_sizes[: len(depths)]],
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=num_classes,
            embed_dim=embed_dim,
            depths=depths,
            num_heads=num_heads,
            drop_rate=drop_rate,
            pos_drop_rate=0.0,
            drop_path_rate=drop_path_rate,
            window_size=window_size,
            mlp_ratio=mlp_ratio,
            proj_drop=proj_drop_rate,
            act_layer=act_layer,
            grad_checkpointing=grad_checkpointing,
        )
        self.init(seed, dtype)


def _preset(embed_dim: int, depth: int, heads: int, window_size: int, img_size: int, **options: Any) -> dict[str, Any]:
    num_heads = (heads, 2 * heads, 4 * heads, 8 * heads)
    shape = {"embed_dim": embed_dim, "depths": (2, 2, depth, 2), "num_heads": num_heads}
    return {"img_size": img_size, "window_size": window_size, **shape, **options}


GROWN = {"pretrained_window_sizes": (12, 12, 12, 6)}
SwinV2.add_presets(
    {
        "swinv2_tiny_patch2_32": {  # CIFAR: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 32,
            "patch_size": 2,
            "num_classes": 10,
            "embed_dim": 32,
            "depths": (2, 2, 2),
            "num_heads": (2, 4, 8),
            "window_size": 4,
            "mlp_ratio": 2.0,
            "drop_path_rate": 0.0,
        },
        "swinv2_tiny_window8_256": _preset(96, 6, 3, 8, 256),
        "swinv2_tiny_window16_256": _preset(96, 6, 3, 16, 256),
        "swinv2_small_window8_256": _preset(96, 18, 3, 8, 256),
        "swinv2_small_window16_256": _preset(96, 18, 3, 16, 256),
        "swinv2_base_window8_256": _preset(128, 18, 4, 8, 256),
        "swinv2_base_window16_256": _preset(128, 18, 4, 16, 256),
        "swinv2_base_window12_192": _preset(128, 18, 4, 12, 192),
        "swinv2_base_window12to16_192to256": _preset(128, 18, 4, 16, 256, **GROWN),
        "swinv2_base_window12to24_192to384": _preset(128, 18, 4, 24, 384, **GROWN),
        "swinv2_large_window12_192": _preset(192, 18, 6, 12, 192),
        "swinv2_large_window12to16_192to256": _preset(192, 18, 6, 16, 256, **GROWN),
        "swinv2_large_window12to24_192to384": _preset(192, 18, 6, 24, 384, **GROWN),
    }
)
