"""ResMLP: a Mixer whose tokens meet in one linear map, and which normalises nothing.

Source: Touvron et al. 2021, "ResMLP: Feedforward networks for image classification with data-efficient training".
"""

from typing import Any

import numpy as np

from minivit.layers.affine import Affine
from minivit.layers.basic import mlp_width
from minivit.layers.res_mlp_block import ResMlpBlock
from minivit.models.mixer import Mixer
from minivit.types import Count, Depth, Factor, Positive, Rate, Size


class ResMLP(Mixer):
    """Patches become tokens; a linear map over the tokens and an MLP over the channels take turns, without a norm.

    What normalises elsewhere is an affine map (:class:`minivit.layers.Affine`), and LayerScale makes what a branch adds
    small at first. One matrix over the tokens is enough, says the paper: an MLP there makes it no better. Its rows look
    like convolutions, and it takes images of one size only.

    Parameters
    ----------
    init_values : float
        What LayerScale begins with; less for deeper models.
    mlp_ratio : float
        Hidden width of the MLP over the channels, as a multiple of ``embed_dim``.
    img_size, patch_size, in_chans, num_classes, num_blocks, embed_dim, drop_rate, proj_drop_rate, drop_path_rate
        As of :class:`Mixer`.
    act_layer, grad_checkpointing, seed, dtype
        As of :class:`Mixer`.

    Raises
    ------
    ValueError, TypeError
        As :class:`Mixer`.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        num_blocks: Depth = 12,
        embed_dim: Positive = 384,
        mlp_ratio: Factor = 4.0,
        init_values: Factor = 1e-4,
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        channels_dim = mlp_width(embed_dim, mlp_ratio)
        self._build(
            lambda num_tokens: ResMlpBlock(
                embed_dim,
                num_tokens,
                channels_dim=channels_dim,
                init_values=init_values,
                proj_drop=proj_drop_rate,
                drop_path_rate=drop_path_rate,
                act_layer=act_layer,
            ),
            Affine(embed_dim),
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=num_classes,
            num_blocks=num_blocks,
            embed_dim=embed_dim,
            drop_rate=drop_rate,
            act_layer=act_layer,
            grad_checkpointing=grad_checkpointing,
        )
        self.init(seed, dtype)


def _preset(num_blocks: int, init_values: float, embed_dim: int = 384, patch_size: int = 16) -> dict[str, Any]:
    shape = {"num_blocks": num_blocks, "embed_dim": embed_dim, "patch_size": patch_size}
    return {**shape, "init_values": init_values}


ResMLP.add_presets(
    {
        "resmlp_tiny_patch4_32": {**_preset(5, 0.1, 112, 4), "img_size": 32, "num_classes": 10},  # CIFAR
        "resmlp_12_224": _preset(12, 1e-4),
        "resmlp_24_224": _preset(24, 1e-5),
        "resmlp_36_224": _preset(36, 1e-6),
        "resmlp_big_24_224": _preset(24, 1e-6, 768, 8),
    }
)
