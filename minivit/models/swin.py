"""Swin Transformer: attention inside windows that move from block to block, and maps that shrink from stage to stage.

Source: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows".
"""

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, check_act_layer
from minivit.layers.classifier_head import ClassifierHead, ClassifierHeadCache
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import NormedPatchEmbed, NormedPatchEmbedCache, PatchEmbed, PatchEmbedCache
from minivit.layers.sequence import IdentityCache, run, run_backward
from minivit.layers.swin_stage import BACKBONE, NORM_EPS, SwinStage, SwinStageCache, stages
from minivit.layers.window_attention import check_relative_position
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.positions import AddPositionsCache, add_positions_backward, add_positions_forward
from minivit.types import Count, Depths, Factor, Float, Positive, Positives, Rate, Size, pair


class SwinFeaturesCache(NamedTuple):
    """Caches of the steps of :class:`Swin` from images to the last map, in order."""

    patch_embed: NormedPatchEmbedCache | PatchEmbedCache
    absolute_pos_embed: AddPositionsCache | None
    pos_drop: DropoutCache | IdentityCache
    layers: list[SwinStageCache]
    norm: LayerNormCache


class SwinCache(NamedTuple):
    """Caches of the steps of :class:`Swin`, in order.

    ``layers[i].blocks[j].attn.attn.attention.weights``, (B, W, H, N, N), are the attention maps of W windows.
    """

    patch_embed: NormedPatchEmbedCache | PatchEmbedCache
    absolute_pos_embed: AddPositionsCache | None
    pos_drop: DropoutCache | IdentityCache
    layers: list[SwinStageCache]
    norm: LayerNormCache
    head: ClassifierHeadCache


class Swin(Model):
    """Small patches become tokens; windows of them attend, moved in every second block; stages merge them by four.

    Parameters
    ----------
    img_size, patch_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the mean of the last map is returned).
    embed_dim : int
        Width of a token in the first stage; each further one has twice the width of the one before.
    depths, num_heads : tuple of int
        Number of blocks, and of heads in each of them, stage by stage. With half a shift in every second block, depths
        are even.
    window_size : int or (rows, columns)
        M. It need not divide the maps (they are filled up with zeros after the norm), and is cut down to a side of a
        map that is smaller; along a side that fits into one window, nothing is shifted.
    mlp_ratio : float
        Width of the MLP as a multiple of that of a token.
    qkv_bias : bool
        Whether queries, keys and values have a bias.
    patch_norm : bool
        Whether tokens are normalised before the first stage (always, in timm).
    relative_position : "bias", "none" or "only"
        What a learned table of relative positions is for: it is added to the scores; there is none; or there is nothing
        else ("rel. pos. w/o app."). Table 4 of the paper.
    ape : bool
        Whether an absolute position embedding is added to the tokens, as the official code calls it.
    shifted : bool
        False: windows stay where they are ("w/o shifting" in table 4).
    windows_like : "timm", "transformers" or "mmsegmentation"
        What to do with maps that windows do not divide. timm rolls the map, then fills it up, and cuts the window down
        side by side; transformers fill up first, and take, if one side is too small, square windows of that side and
        no shift. Both are the same for square images whose maps the windows divide, as in all published models.
        MMSegmentation, and transformers' ``SwinBackbone``, fill up first, and windows keep their size, and move,
        however small a map is: so it is in front of decoders (:class:`minivit.models.UPerNet`), and images may be of
        any size that patches divide, unless there is ``ape``.
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after the patches, after attention and inside MLPs; stochastic depth, growing linearly
        from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    mlp_drop_rate : float, optional
        Dropout inside MLPs, if it is not to be ``proj_drop_rate``. timm has no such option.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the patch does not divide the image, heads do not divide the width of their stage, there are not as many
        ``num_heads`` as ``depths``, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    stage: ClassVar[type[SwinStage]] = SwinStage
    only_size: tuple[int, int] | None
    """Images of this size alone are taken; of any that patches divide, where windows do not know the map."""

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 4,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        embed_dim: Positive = 96,
        depths: Depths = (2, 2, 6, 2),
        num_heads: Positives = (3, 6, 12, 24),
        window_size: Size = 7,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        patch_norm: bool = True,
        relative_position: str = "bias",
        ape: bool = False,
        shifted: bool = True,
        windows_like: str = "timm",
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        mlp_drop_rate: Rate | None = None,
        drop_path_rate: Rate = 0.1,
        act_layer: str = "gelu",
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_relative_position(relative_position)
        like = {"relative_position": relative_position, "pad_first": windows_like != "timm"}
        self._build(
            [{"qkv_bias": qkv_bias, **like}] * len(depths),
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=num_classes,
            embed_dim=embed_dim,
            depths=depths,
            num_heads=num_heads,
            patch_norm=patch_norm,
            ape=ape,
            drop_rate=drop_rate,
            pos_drop_rate=pos_drop_rate,
            drop_path_rate=drop_path_rate,
            window_size=window_size,
            shifted=shifted,
            windows_like=windows_like,
            mlp_ratio=mlp_ratio,
            proj_drop=proj_drop_rate,
            mlp_drop=mlp_drop_rate,
            act_layer=act_layer,
            grad_checkpointing=grad_checkpointing,
        )
        if windows_like == BACKBONE and not ape:
            self.only_size = None
        self.init(seed, dtype)

    def _build(
        self,
        attention: Sequence[dict[str, Any]],
        *,
        img_size: Size,
        patch_size: Size,
        in_chans: int,
        num_classes: int,
        embed_dim: int,
        depths: tuple[int, ...],
        num_heads: tuple[int, ...],
        patch_norm: bool = True,
        ape: bool = False,
        drop_rate: float,
        pos_drop_rate: float,
        drop_path_rate: float,
        **options: Any,
    ) -> None:
        """The parts, in the order of forward; ``attention`` and the rest are options of the stages."""
        check_stages(depths=depths, num_heads=num_heads)
        check_act_layer(options["act_layer"])
        self.in_chans = in_chans
        patch_embed = (NormedPatchEmbed if patch_norm else PatchEmbed)(img_size, patch_size, in_chans, embed_dim)
        self.patch_embed: Layer = patch_embed
        self.img_size = self.only_size = patch_embed.img_size
        self.patch_size = pair(patch_size)
        self.grid_size = Y, X = patch_embed.grid_size
        self.absolute_pos_embed = (
            Param((1, Y * X, embed_dim), "batch position width", normal(0.02), grid=(Y, X)) if ape else None
        )
        self.pos_drop = dropout(pos_drop_rate)
        self.layers = stages(
            self.stage,
            attention,
            grid_size=(Y, X),
            embed_dim=embed_dim,
            depths=depths,
            num_heads=num_heads,
            drop_path_rate=drop_path_rate,
            **options,
        )
        self.num_features = embed_dim * 2 ** (len(depths) - 1)
        self.norm = LayerNorm(self.num_features, eps=NORM_EPS)
        self.head = ClassifierHead(self.num_features, num_classes, drop_rate=drop_rate)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], SwinCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        x, c_features = self.features(images, rng=rng)
        logits, c_head = self.head.forward(x, rng=rng)
        return logits, SwinCache(**c_features._asdict(), head=c_head)

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: SwinCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        return self.features_backward(self.head.backward(dlogits, cache.head), cache)

    def features(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B rows columns num_features"], SwinFeaturesCache]:
        """The last map, normalised, and the cache for :meth:`features_backward`."""
        self.check_images(images, self.only_size, self.in_chans)
        grid_size = tuple(side // patch for side, patch in zip(images.shape[1:3], self.patch_size, strict=True))
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, Y*X, D)
        c_absolute = None
        if self.absolute_pos_embed:
            x, c_absolute = add_positions_forward(x, self.absolute_pos_embed.value)
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x = x.reshape(len(x), *grid_size, x.shape[-1])  # (B, Y, X, D)
        x, c_layers = run(self.layers, x, rng=rng)  # (B, Y / 2^i, X / 2^i, 2^i D)
        x, c_norm = self.norm.forward(x)
        return x, SwinFeaturesCache(
            patch_embed=c_patch_embed,
            absolute_pos_embed=c_absolute,
            pos_drop=c_pos_drop,
            layers=c_layers,
            norm=c_norm,
        )

    def features_backward(
        self, dx: Float[ndarray, "B rows columns num_features"], cache: SwinFeaturesCache | SwinCache
    ) -> Float[ndarray, "B Y X C"]:
        """Gradient of :meth:`features`: add to those of the parameters; return that of the images."""
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.layers, dx, cache.layers)
        # forward: x.reshape(len(x), *grid_size, x.shape[-1])
        dx = dx.reshape(len(dx), prod(dx.shape[1:3]), dx.shape[-1])
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        if self.absolute_pos_embed and cache.absolute_pos_embed:
            dx, dpositions = add_positions_backward(dx, cache.absolute_pos_embed)
            self.absolute_pos_embed.add_grad(dpositions)
        return self.patch_embed.backward(dx, cache.patch_embed)


def _preset(embed_dim: int, depth: int, heads: int, window_size: int = 7, img_size: int = 224) -> dict[str, Any]:
    num_heads = (heads, 2 * heads, 4 * heads, 8 * heads)
    shape = {"embed_dim": embed_dim, "depths": (2, 2, depth, 2), "num_heads": num_heads}
    return {"img_size": img_size, "window_size": window_size, **shape}


Swin.add_presets(
    {
        "swin_tiny_patch2_32": {  # CIFAR: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 32,
            "patch_size": 2,
            "num_classes": 10,
            "embed_dim": 48,
            "depths": (2, 4, 2),
            "num_heads": (2, 4, 8),
            "window_size": 4,
            "mlp_ratio": 2.0,
            "drop_path_rate": 0.0,
        },
        "swin_tiny_patch4_window7_224": _preset(96, 6, 3),
        "swin_small_patch4_window7_224": _preset(96, 18, 3),
        "swin_base_patch4_window7_224": _preset(128, 18, 4),
        "swin_large_patch4_window7_224": _preset(192, 18, 6),
        "swin_base_patch4_window12_384": _preset(128, 18, 4, 12, 384),
        "swin_large_patch4_window12_384": _preset(192, 18, 6, 12, 384),
    }
)
