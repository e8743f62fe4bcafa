"""Vision Transformer (ViT).

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale".
"""

# A cache is None exactly where the model has no such step, which the type checker cannot know:
# pyright: reportArgumentType=false

from math import inf
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_range, check_shape, check_type, checked
from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.init import normal
from minivit.layers.layer import Layer, Param
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.ops.dropout import DropoutCache, dropout_backward, dropout_forward
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache, mean_pool_backward, mean_pool_forward
from minivit.ops.positions import (
    AddPositionsCache,
    PrependTokenCache,
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
)
from minivit.types import Float, Size, ndarray

MOST_BLOCKS = 10_000
"""Each is built, even of a model that is only counted, and a configuration may come from anybody."""


class ViTCache(NamedTuple):
    """Caches of the steps of :class:`ViT`, in order. ``blocks[i].attn.attention.weights`` is an attention map."""

    patch_embed: PatchEmbedCache
    cls_token: PrependTokenCache | None
    pos_embed: AddPositionsCache
    pos_drop: DropoutCache
    blocks: list[BlockCache | CheckpointCache]
    norm: LayerNormCache | None
    pool: MeanPoolCache | None
    fc_norm: LayerNormCache | None
    head_drop: DropoutCache
    head: LinearCache | None
    tokens_shape: tuple[int, ...]


class ViT(Layer):
    """Patches become tokens, Transformer blocks let them talk, and one linear map reads the class off.

    Parameters
    ----------
    img_size, patch_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the pooled token is returned).
    embed_dim, depth, num_heads, mlp_ratio
        Width of a token, number of blocks, heads per block, and width of the MLP as a multiple of ``embed_dim``.
    qkv_bias : bool
        Whether queries, keys and values have a bias.
    class_token : bool
        Put one learned token in front of the patches.
    global_pool : "token" or "avg"
        What the head reads: the class token, or the mean of the patch tokens.
    fc_norm : bool, optional
        True: normalise after pooling; False: before. As in timm, after for "avg" and before for "token" if not given.
        (Google's own average-pooling ViT normalises before: ``fc_norm=False``.)
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after the position embedding, after attention and inside MLPs; stochastic depth,
        growing linearly from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    act_layer : "gelu", "gelu_tanh" or "relu"
        "gelu" is exact; Google's weights need "gelu_tanh".
    norm_eps : float
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the patch does not divide the image, the heads do not divide the width, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    @checked
    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: int = 3,
        num_classes: int = 1000,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        class_token: bool = True,
        global_pool: str = "token",
        fc_norm: bool | None = None,
        drop_rate: float = 0.0,
        pos_drop_rate: float = 0.0,
        proj_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-6,
        grad_checkpointing: bool = False,
        seed: int = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if global_pool not in ("token", "avg"):
            raise ValueError(f'global_pool is {global_pool!r}; expected "token" or "avg"')
        if global_pool == "token" and not class_token:
            raise ValueError('global_pool="token" reads the class token, so it needs class_token=True')
        dtype = np.dtype(dtype).name
        self.config: dict[str, Any] = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        for name in ("in_chans", "embed_dim", "num_heads"):
            check_range(name, self.config[name], at_least=1)
        for name in ("num_classes", "seed"):
            check_range(name, self.config[name], at_least=0)
        check_range("depth", depth, at_least=0, below=MOST_BLOCKS + 1)
        for name in ("drop_rate", "pos_drop_rate", "proj_drop_rate", "drop_path_rate"):
            check_range(name, self.config[name], at_least=0, below=1)
        check_range("mlp_ratio", mlp_ratio, at_least=1 / embed_dim, below=inf)
        check_range("norm_eps", norm_eps, at_least=0, below=inf)
        self.in_chans, self.global_pool = in_chans, global_pool
        self.drop_rate, self.pos_drop_rate = drop_rate, pos_drop_rate

        self.patch_embed = PatchEmbed(img_size, patch_size, in_chans, embed_dim)
        self.cls_token = Param((1, 1, embed_dim), normal(0.02)) if class_token else None
        self.pos_embed = Param((1, self.patch_embed.num_patches + class_token, embed_dim), normal(0.02))
        blocks = [
            Block(
                embed_dim,
                num_heads,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
                proj_drop=proj_drop_rate,
                drop_path=float(rate),
                act_layer=act_layer,
                norm_eps=norm_eps,
            )
            for rate in np.linspace(0, drop_path_rate, depth)
        ]
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        norm_after_pool = global_pool == "avg" if fc_norm is None else fc_norm
        self.norm = None if norm_after_pool else LayerNorm(embed_dim, eps=norm_eps)
        self.fc_norm = LayerNorm(embed_dim, eps=norm_eps) if norm_after_pool else None
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.head = Linear(embed_dim, num_classes, init=normal(0.02)) if num_classes else None
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], ViTCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self._check(images)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, N, D)
        c_cls_token = c_norm = c_pool = c_fc_norm = c_head = None
        if self.cls_token:
            x, c_cls_token = prepend_token_forward(x, self.cls_token.value)  # (B, 1 + N, D)
        x, c_pos_embed = add_positions_forward(x, self.pos_embed.value)
        x, c_pos_drop = dropout_forward(x, rate=self.pos_drop_rate, rng=rng)
        c_blocks = []
        for block in self.blocks:
            x, c_block = block.forward(x, rng=rng)
            c_blocks.append(c_block)
        if self.norm:
            x, c_norm = self.norm.forward(x)
        tokens_shape = x.shape
        if self.global_pool == "token":
            x = x[:, 0]  # (B, D)
        else:
            patches = x[:, 1:] if self.cls_token else x
            x, c_pool = mean_pool_forward(patches)
        if self.fc_norm:
            x, c_fc_norm = self.fc_norm.forward(x)
        x, c_head_drop = dropout_forward(x, rate=self.drop_rate, rng=rng)
        if self.head:
            x, c_head = self.head.forward(x)
        return x, ViTCache(
            c_patch_embed,
            c_cls_token,
            c_pos_embed,
            c_pos_drop,
            c_blocks,
            c_norm,
            c_pool,
            c_fc_norm,
            c_head_drop,
            c_head,
            tokens_shape,
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: ViTCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = dlogits
        if self.head:
            dx = self.head.backward(dx, cache.head)
        (dx,) = dropout_backward(dx, cache.head_drop)
        if self.fc_norm:
            dx = self.fc_norm.backward(dx, cache.fc_norm)
        check_shape("dlogits", dx, cache.tokens_shape[::2])  # (B, D), which the head has checked, where there is one
        dtokens = np.zeros(cache.tokens_shape, dx.dtype)
        if self.global_pool == "token":
            dtokens[:, 0] = dx  # forward: x = x[:, 0]
        else:
            (dpatches,) = mean_pool_backward(dx, cache.pool)
            dtokens[:, -dpatches.shape[1] :] = dpatches  # forward: the patches stand behind the class token
        dx = dtokens
        if self.norm:
            dx = self.norm.backward(dx, cache.norm)
        for block, c_block in zip(reversed(self.blocks), reversed(cache.blocks), strict=True):
            dx = block.backward(dx, c_block)
        (dx,) = dropout_backward(dx, cache.pos_drop)
        dx, dpositions = add_positions_backward(dx, cache.pos_embed)
        self.pos_embed.add_grad(dpositions)
        if self.cls_token:
            dx, dtoken = prepend_token_backward(dx, cache.cls_token)
            self.cls_token.add_grad(dtoken)
        return self.patch_embed.backward(dx, cache.patch_embed)

    def _check(self, images: ndarray) -> None:
        check_type("images", images, ndarray)
        Y, X = self.patch_embed.img_size
        expected = f"(batch, {Y}, {X}, {self.in_chans})"
        if images.ndim != 4 or images.shape[1:3] != (Y, X):
            raise ValueError(f"images have shape {images.shape}; the model expects {expected}, channels last")
        if images.shape[3] != self.in_chans:
            raise ValueError(f"images have {images.shape[3]} channels; the model expects {self.in_chans}: {expected}")
        if images.dtype != self.pos_embed.dtype and not np.iscomplexobj(images):
            raise TypeError(
                f"images have dtype {images.dtype}; the model computes in {self.pos_embed.dtype} "
                "(scale pixels to about -1..1 and convert them first)"
            )


def _preset(size: str, patch: int, img_size: int = 224, **options: Any) -> dict[str, Any]:
    widths = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16)}
    widths |= {"huge": (1280, 32, 16), "giant": (1408, 40, 16), "gigantic": (1664, 48, 16)}
    embed_dim, depth, num_heads = widths[size]
    shape = {"embed_dim": embed_dim, "depth": depth, "num_heads": num_heads}
    return {"img_size": img_size, "patch_size": patch, **shape, **options}


_SMALL_IMAGES = {"img_size": 32, "patch_size": 4, "num_classes": 10, "num_heads": 4, "mlp_ratio": 2.0}

PRESETS: dict[str, dict[str, Any]] = {
    "vit_micro_patch4_32": {"embed_dim": 96, "depth": 4, **_SMALL_IMAGES},  # drawn shapes, in two minutes
    "vit_tiny_patch4_32": {"embed_dim": 128, "depth": 6, **_SMALL_IMAGES},  # CIFAR
    "vit_tiny_patch16_224": _preset("tiny", 16),
    "vit_tiny_patch16_384": _preset("tiny", 16, 384),
    "vit_small_patch32_224": _preset("small", 32),
    "vit_small_patch32_384": _preset("small", 32, 384),
    "vit_small_patch16_224": _preset("small", 16),
    "vit_small_patch16_384": _preset("small", 16, 384),
    "vit_small_patch8_224": _preset("small", 8),
    "vit_base_patch32_224": _preset("base", 32),
    "vit_base_patch32_384": _preset("base", 32, 384),
    "vit_base_patch16_224": _preset("base", 16),
    "vit_base_patch16_384": _preset("base", 16, 384),
    "vit_base_patch16_gap_224": _preset("base", 16, num_heads=16, class_token=False, global_pool="avg", fc_norm=False),
    "vit_base_patch8_224": _preset("base", 8),
    "vit_large_patch32_224": _preset("large", 32),
    "vit_large_patch32_384": _preset("large", 32, 384),
    "vit_large_patch16_224": _preset("large", 16),
    "vit_large_patch16_384": _preset("large", 16, 384),
    "vit_large_patch14_224": _preset("large", 14),
    "vit_huge_patch14_224": _preset("huge", 14),
    "vit_giant_patch14_224": _preset("giant", 14, mlp_ratio=48 / 11),
    "vit_gigantic_patch14_224": _preset("gigantic", 14, mlp_ratio=64 / 13),
}
