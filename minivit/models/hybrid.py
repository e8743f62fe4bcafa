"""A hybrid: a ResNet makes a small map of the image, and the places of that are the tokens of a Vision Transformer.

Source: Dosovitskiy et al. 2021, section 3.1 ("Hybrid Architecture").
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_stages
from minivit.layers.hybrid_backbone import NORM_EPS, STEMS, Backbone, BackboneCache
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.models.resnet import map_size
from minivit.models.vit import ViT
from minivit.types import Count, Depth, Depths, Eps, Factor, Positive, Positives, Rate, Size, pair


class HybridEmbedCache(NamedTuple):
    """Caches of the steps of :class:`HybridEmbed`."""

    backbone: BackboneCache
    patches: PatchEmbedCache

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        return self.patches.grid_size


class HybridEmbed(PatchEmbed):
    """Patches of the map that a backbone makes of the image, mostly of one place each."""

    def __init__(
        self,
        img_size: Size,
        patch_size: Size,
        in_chans: int,
        embed_dim: int,
        *,
        layers: Sequence[int],
        stem: str,
        **backbone: Any,
    ) -> None:
        grid = map_size(img_size, stem, layers)
        if any(side % patch for side, patch in zip(grid, pair(patch_size), strict=True)):
            (Y, X), (P, Q) = grid, pair(patch_size)
            raise ValueError(f"the map of the backbone, {Y} x {X}, is not divisible by the patch size {P} x {Q}")
        # comes before what it feeds, as in forward
        self.backbone = Backbone(in_chans, layers=layers, stem=stem, **backbone)
        super().__init__(grid, patch_size, self.backbone.out_chans, embed_dim)
        self.img_size = pair(img_size)

    def forward(  # type: ignore[override]
        self, x: ndarray, *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, HybridEmbedCache]:
        """(B, Y, X, C) -> (B, N, D): a map, and its places as tokens."""
        h, c_backbone = self.backbone.forward(x)
        h, c_patches = super().forward(h)
        return h, HybridEmbedCache(c_backbone, c_patches)

    def backward(self, dy: ndarray, cache: HybridEmbedCache) -> ndarray:  # type: ignore[override]
        dh = super().backward(dy, cache.patches)
        return self.backbone.backward(dh, cache.backbone)


class HybridViT(ViT):
    """A Vision Transformer whose tokens are the places of a ResNet's last map.

    Parameters
    ----------
    img_size : int or (rows, columns)
    patch_size : int or (rows, columns)
        Of the map that the ResNet makes; mostly 1.
    layers : tuple of int
        Number of bottleneck blocks in each stage of the ResNet.
    channels : tuple of int
        What comes out of each stage; the convolutions of 3 x 3 have a quarter of that.
    stem : "7x7" or "3x3"
        "7x7" makes a map of a quarter of the image's side, by stride and max pooling; "3x3" leaves the side as it is.
    stem_chans : int
        These, and ``channels``, are taken as they are; timm's ``ResNetV2`` rounds all to multiples of 8.
    num_groups : int
        Of the group normalisation.
    backbone_like : "timm" or "google"
        Where a small number is added to standardised kernels, and the eps of the norms: Google's weights need "google".
    in_chans, num_classes, embed_dim, depth, num_heads, mlp_ratio, qkv_bias, class_token, global_pool, fc_norm
        As of :class:`minivit.models.ViT`, and so are those below.
    drop_rate, pos_drop_rate, proj_drop_rate, mlp_drop_rate, drop_path_rate, act_layer, norm_eps
        See there.
    grad_checkpointing, seed, dtype
        See there.

    Raises
    ------
    ValueError
        If there are not as many ``channels`` as ``layers``, groups do not divide channels, an option is out of range,
        or as of :class:`minivit.models.ViT`.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 1,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        layers: Depths = (3, 4, 9),
        channels: Positives = (256, 512, 1024),
        stem: str = "7x7",
        stem_chans: Positive = 64,
        num_groups: Positive = 32,
        backbone_like: str = "timm",
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        class_token: bool = True,
        global_pool: str = "token",
        fc_norm: bool | None = None,
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        mlp_drop_rate: Rate | None = None,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-6,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(layers=layers, channels=channels)
        if stem not in STEMS:
            raise ValueError(f"stem is {stem!r}; expected one of {', '.join(STEMS)}")
        if backbone_like not in NORM_EPS:
            raise ValueError(f"backbone_like is {backbone_like!r}; expected one of {', '.join(NORM_EPS)}")
        self.backbone_options = {
            "layers": layers,
            "channels": channels,
            "stem": stem,
            "stem_chans": stem_chans,
            "like": backbone_like,
            "num_groups": num_groups,
        }
        super().__init__(
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=num_classes,
            embed_dim=embed_dim,
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            class_token=class_token,
            global_pool=global_pool,
            fc_norm=fc_norm,
            drop_rate=drop_rate,
            pos_drop_rate=pos_drop_rate,
            proj_drop_rate=proj_drop_rate,
            mlp_drop_rate=mlp_drop_rate,
            drop_path_rate=drop_path_rate,
            act_layer=act_layer,
            norm_eps=norm_eps,
            grad_checkpointing=grad_checkpointing,
            seed=seed,
            dtype=dtype,
        )

    def make_patch_embed(self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int) -> HybridEmbed:
        """A ResNet, and tokens of its map."""
        return HybridEmbed(img_size, patch_size, in_chans, embed_dim, **self.backbone_options)


def _preset(embed_dim: int, num_heads: int, layers: tuple[int, ...], img_size: int = 224) -> dict[str, Any]:
    channels = (256, 512, 1024, 2048)[: len(layers)]
    shape = {"embed_dim": embed_dim, "depth": 24 if embed_dim == 1024 else 12, "num_heads": num_heads}
    return {"img_size": img_size, "layers": layers, "channels": channels, **shape}


HybridViT.add_presets(
    {
        "vit_tiny_r8_s4_32": {  # CIFAR: maps of 32 x 32, 16 x 16 and 8 x 8, then 64 tokens
            "img_size": 32,
            "num_classes": 10,
            "layers": (1, 1, 1),
            "channels": (32, 64, 128),
            "stem": "3x3",
            "stem_chans": 16,
            "num_groups": 8,
            "embed_dim": 128,
            "depth": 4,
            "num_heads": 4,
            "mlp_ratio": 2.0,
        },
        "vit_small_r26_s32_224": _preset(384, 6, (2, 2, 2, 2)),
        "vit_small_r26_s32_384": _preset(384, 6, (2, 2, 2, 2), 384),
        "vit_base_r50_s16_224": _preset(768, 12, (3, 4, 9)),
        "vit_base_r50_s16_384": _preset(768, 12, (3, 4, 9), 384),
        "vit_large_r50_s32_224": _preset(1024, 16, (3, 4, 6, 3)),
        "vit_large_r50_s32_384": _preset(1024, 16, (3, 4, 6, 3), 384),
    }
)
