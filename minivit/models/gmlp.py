"""gMLP: MLPs with a gate, in which alone tokens meet.

Source: Liu et al. 2021, "Pay Attention to MLPs".
"""

import numpy as np

from minivit.layers.basic import LayerNorm, mlp_width
from minivit.layers.gmlp_block import GmlpBlock
from minivit.models.mixer import Mixer
from minivit.types import Count, Depth, Eps, Factor, Positive, Rate, Size


class GMLP(Mixer):
    """Patches become tokens; each block is one MLP, half of whose hidden channels gate the other half.

    The gate (:func:`minivit.ops.spatial_gating_forward`) is the only place where tokens meet, by a matrix that does not
    depend on the image, so it takes images of one size only. There is no embedding of positions.

    Parameters
    ----------
    mlp_ratio : float
        Hidden width in front of the gate, as a multiple of ``embed_dim``; behind it is half of that.
    img_size, patch_size, in_chans, num_classes, num_blocks, embed_dim, drop_rate, proj_drop_rate, drop_path_rate
        As of :class:`Mixer`, and so are those below.
    act_layer, norm_eps, grad_checkpointing, seed, dtype
        The norm in the gate has eps 1e-5, as in timm.

    Raises
    ------
    ValueError, TypeError
        As :class:`Mixer`; or if the hidden width is odd.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        num_blocks: Depth = 30,
        embed_dim: Positive = 128,
        mlp_ratio: Factor = 6.0,
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-6,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        channels_dim = mlp_width(embed_dim, mlp_ratio)
        if channels_dim % 2:
            raise ValueError(f"mlp_ratio {mlp_ratio} makes {channels_dim} channels of {embed_dim}; a gate needs halves")
        self._build(
            lambda num_tokens: GmlpBlock(
                embed_dim,
                num_tokens,
                channels_dim=channels_dim,
                proj_drop=proj_drop_rate,
                drop_path_rate=drop_path_rate,
                act_layer=act_layer,
                norm_eps=norm_eps,
            ),
            LayerNorm(embed_dim, eps=norm_eps),
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


GMLP.add_presets(
    {
        "gmlp_tiny_patch4_32": {  # CIFAR
            "img_size": 32,
            "patch_size": 4,
            "num_classes": 10,
            "num_blocks": 8,
            "embed_dim": 80,
            "mlp_ratio": 5.0,
        },
        "gmlp_ti16_224": {"embed_dim": 128},
        "gmlp_s16_224": {"embed_dim": 256},
        "gmlp_b16_224": {"embed_dim": 512},
    }
)
