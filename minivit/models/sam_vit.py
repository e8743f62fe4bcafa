"""SamViT: a plain Vision Transformer for large images, with attention in windows and in a few blocks of the whole map.

Sources: Li et al. 2022, "Exploring Plain Vision Transformer Backbones for Object Detection"; Kirillov et al. 2023,
"Segment Anything", of which it is the image encoder.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np

from minivit.layers.basic import LayerNorm, check_act_layer
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.classifier_head import ClassifierHead, ClassifierHeadCache
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.layers.relative_window_attention import RelativeWindowAttention
from minivit.layers.sequence import IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.positions import AddPositionsCache, add_positions_backward, add_positions_forward
from minivit.types import Count, Depth, Eps, Factor, Float, Positive, Range, Rate, Size, ndarray, pair

NECK_EPS = 1e-6


class SamFeaturesCache(NamedTuple):
    """Caches of the steps from images to the last map.

    ``blocks[i].attn.attn.attention.weights``, (B, W, H, N, N), are the attention maps of W windows.
    """

    patch_embed: PatchEmbedCache
    pos_embed: AddPositionsCache | None
    pos_drop: DropoutCache | IdentityCache
    blocks: list[BlockCache | CheckpointCache]
    neck: list[Any]


class SamViTCache(NamedTuple):
    """Caches of the steps of :class:`SamViT`: those of the map, and of what is made of it."""

    features: SamFeaturesCache
    head: ClassifierHeadCache


class SamViT(Model):
    """Patches become a map of tokens; blocks attend in windows, a few of them everywhere; a neck makes fewer channels.

    Options and defaults are timm's (its ``VisionTransformerSAM``), but that there are relative positions, and the
    ``norm_eps`` of the official code.

    Parameters
    ----------
    img_size, patch_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the mean of the last map is returned).
    embed_dim, depth, num_heads
        Width of a token, number of blocks, heads in each.
    mlp_ratio : float
        Width of the MLP as a multiple of that of a token.
    qkv_bias : bool
    use_abs_pos : bool
        Whether a position embedding is added to the tokens.
    use_rel_pos : bool
        Whether scores get what the query says of rows and columns between two tokens.
    window_size : int or (rows, columns); 0
        It need not divide the map, which is filled up with zeros after the norm; it may be larger. 0: no windows.
    global_attn_indexes : tuple of int
        The blocks without windows, from 0.
    neck_chans : int or None
        Channels of the map that the neck makes: a convolution of 1 x 1, a norm, one of 3 x 3, a norm. None: the neck is
        a norm alone.
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after the patches, after attention and inside MLPs; stochastic depth, growing linearly
        from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
    norm_eps : float
        Of the norms in blocks: 1e-6 in the official code and in transformers, 1e-5 in timm. In the neck it is 1e-6.
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the patch does not divide the image, heads do not divide the width, there is no block of a number in
        ``global_attn_indexes``, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        img_size: Size = 1024,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        num_classes: Count = 768,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        use_abs_pos: bool = True,
        use_rel_pos: bool = True,
        window_size: Annotated[int | tuple[int, int], Range(at_least=0)] = 14,
        global_attn_indexes: Annotated[tuple[int, ...], Range(at_least=0)] = (),
        neck_chans: Positive | None = 256,
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-6,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_act_layer(act_layer)
        if max(global_attn_indexes, default=-1) >= depth:
            raise ValueError(
                f"global_attn_indexes are {global_attn_indexes}; expected numbers of its {depth} blocks, from 0"
            )
        if 0 in pair(window_size) and max(pair(window_size)):
            raise ValueError(f"window_size is {window_size}; expected 0, for no windows, or at least 1 on both sides")
        self.patch_embed = PatchEmbed(img_size, patch_size, in_chans, embed_dim)
        self.img_size, self.grid_size, self.in_chans = self.patch_embed.img_size, self.patch_embed.grid_size, in_chans
        shape = (1, *self.grid_size, embed_dim)
        self.pos_embed = Param(shape, "batch row column width", normal(0.02)) if use_abs_pos else None
        self.pos_drop = dropout(pos_drop_rate)
        (rates,) = stage_rates(drop_path_rate, (depth,))
        windows = [
            None if i in global_attn_indexes or max(pair(window_size)) == 0 else window_size for i in range(depth)
        ]
        blocks = [
            Block(
                embed_dim,
                num_heads,
                mlp_ratio=mlp_ratio,
                proj_drop=proj_drop_rate,
                drop_path_rate=rate,
                act_layer=act_layer,
                norm_eps=norm_eps,
                attn=RelativeWindowAttention(
                    embed_dim,
                    num_heads,
                    self.grid_size,
                    window_size=window,
                    rel_pos=use_rel_pos,
                    qkv_bias=qkv_bias,
                    proj_drop=proj_drop_rate,
                ),
            )
            for window, rate in zip(windows, rates, strict=True)
        ]
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        self.neck: Layer | list[Layer] = LayerNorm(embed_dim, eps=NECK_EPS)
        if neck_chans:
            self.neck = [
                Conv2d(embed_dim, neck_chans, 1, bias=False),
                LayerNorm(neck_chans, eps=NECK_EPS),
                Conv2d(neck_chans, neck_chans, 3, padding=1, bias=False),
                LayerNorm(neck_chans, eps=NECK_EPS),
            ]
        self.num_features = neck_chans or embed_dim
        self.head = ClassifierHead(self.num_features, num_classes, drop_rate=drop_rate)
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], SamViTCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        x, c_features = self.features(images, rng=rng)
        logits, c_head = self.head.forward(x, rng=rng)
        return logits, SamViTCache(c_features, c_head)

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: SamViTCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        return self.features_backward(dx, cache.features)

    def features(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, SamFeaturesCache]:
        """The last map (B, rows, columns, num_features), and the cache for :meth:`features_backward`."""
        self.check_images(images, self.img_size, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, Y*X, D)
        c_pos_embed = None
        if self.pos_embed:
            table = self.pos_embed.value.reshape(1, *x.shape[1:])
            x, c_pos_embed = add_positions_forward(x, table)
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x = x.reshape(len(x), *self.grid_size, x.shape[-1])  # (B, Y, X, D)
        x, c_blocks = run(self.blocks, x, rng=rng)
        x, c_neck = run(self.neck if isinstance(self.neck, list) else [self.neck], x)
        return x, SamFeaturesCache(
            patch_embed=c_patch_embed, pos_embed=c_pos_embed, pos_drop=c_pos_drop, blocks=c_blocks, neck=c_neck
        )

    def features_backward(self, dy: ndarray, cache: SamFeaturesCache) -> Float[ndarray, "B Y X C"]:
        """Gradient of :meth:`features`: add to those of the parameters; return that of the images."""
        dx = run_backward(self.neck if isinstance(self.neck, list) else [self.neck], dy, cache.neck)
        dx = run_backward(self.blocks, dx, cache.blocks)
        # forward: x.reshape(len(x), *self.grid_size, x.shape[-1])
        dx = dx.reshape(len(dx), self.patch_embed.num_patches, dx.shape[-1])
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        if self.pos_embed and cache.pos_embed:
            dx, dtable = add_positions_backward(dx, cache.pos_embed)
            self.pos_embed.add_grad(dtable.reshape(self.pos_embed.shape))
        return self.patch_embed.backward(dx, cache.patch_embed)


def samvit_preset(embed_dim: int, depth: int, num_heads: int, *global_attn_indexes: int) -> dict[str, Any]:
    """Options of an image encoder of SAM."""
    widths = {"embed_dim": embed_dim, "depth": depth, "num_heads": num_heads}
    return {"global_attn_indexes": global_attn_indexes, **widths}


BASE = samvit_preset(768, 12, 12, 2, 5, 8, 11)
LARGE = samvit_preset(1024, 24, 16, 5, 11, 17, 23)
HUGE = samvit_preset(1280, 32, 16, 7, 15, 23, 31)

SamViT.add_presets(
    {
        "samvit_tiny_patch4_32": {  # CIFAR: a map of 8 x 8, windows of 4 x 4
            "img_size": 32,
            "patch_size": 4,
            "num_classes": 10,
            "embed_dim": 128,
            "depth": 6,
            "num_heads": 4,
            "mlp_ratio": 2.0,
            "window_size": 4,
            "global_attn_indexes": (2, 5),
            "neck_chans": None,
        },
        "samvit_base_patch16": {**BASE, "num_classes": 0},
        "samvit_large_patch16": {**LARGE, "num_classes": 0},
        "samvit_huge_patch16": {**HUGE, "num_classes": 0},
        "samvit_base_patch16_224": {
            **BASE,
            "img_size": 224,
            "num_classes": 1000,
            "use_abs_pos": False,
            "neck_chans": None,
        },
    }
)
