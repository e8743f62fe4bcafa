"""Vision Transformer (ViT): an image is a sequence of patches, and a Transformer reads it.

What was added to it later: by distillation a second token, and a head that reads it (DeiT); LayerScale (DeiT III,
DINOv2); registers, tokens for what is about no patch.

Sources: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale"; Touvron
et al. 2021, "Training data-efficient image transformers & distillation through attention"; Touvron et al. 2022, "DeiT
III: Revenge of the ViT"; Oquab et al. 2024, "DINOv2"; Darcet et al. 2024, "Vision Transformers Need Registers".
"""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.layers.basic import LayerNorm, Linear, check_act_layer
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.layers.pool import FirstToken, MeanPool, PrefixTokens
from minivit.layers.scaled_block import ScaledBlock, ScaledBlockCache
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward, run_each, run_each_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import FirstTokenCache, MeanPoolCache, PrefixTokensCache
from minivit.ops.positions import (
    AddPositionsCache,
    PrependTokenCache,
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
)
from minivit.types import Count, Depth, Eps, Factor, Float, Positive, Rate, Size, ndarray


class ViTCache(NamedTuple):
    """Caches of the steps of :class:`ViT`, in order. ``blocks[i].attn.attention.weights`` is an attention map."""

    patch_embed: PatchEmbedCache
    reg_token: PrependTokenCache
    dist_token: PrependTokenCache
    cls_token: PrependTokenCache
    pos_embed: AddPositionsCache
    pos_drop: DropoutCache | IdentityCache
    norm_pre: LayerNormCache | IdentityCache
    blocks: list[BlockCache | ScaledBlockCache | CheckpointCache]
    norm: LayerNormCache | IdentityCache
    pool: MeanPoolCache | FirstTokenCache | PrefixTokensCache
    fc_norm: LayerNormCache | IdentityCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache
    head_dist: LinearCache | IdentityCache | None
    mean_of_heads: MeanPoolCache | IdentityCache


class ViT(Model):
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
    distilled : bool
        Put a second one, the distillation token, behind the class token, which a head of its own, ``head_dist``, reads;
        the logits are the mean of both heads (DeiT).
    heads_apart : bool
        Of a distilled model, return the logits of both heads beside each other, (B, 2, num_classes), that of the class
        token first, instead of their mean. It is the same model, with the same parameters. DeiT is trained so: the head
        of the class token by the labels, the head of the distillation token by what a teacher says (the class that it
        holds for likeliest, "hard", or its probabilities), and the loss is the mean of both (section 4). A task that
        has a loss for each head asks for it in its ``model_options``.
    reg_tokens : int
        Put so many registers between class token and patches: tokens without a meaning, in which the blocks may keep
        what is about the whole image. No head reads them.
    no_embed_class : bool
        Positions are for patches alone; the tokens in front of them have none.
    pre_norm : bool
        Normalise the tokens in front of the first block, and let patches have no bias, which CLIP's image tower does
        (Radford et al. 2021, section 2.4).
    init_values : float, optional
        End both branches of each block in LayerScale, with factors that are this at first; without it, in none.
    global_pool : "token" or "avg"
        What the head reads: the class token, or the mean of the patch tokens.
    fc_norm : bool, optional
        True: normalise after pooling; False: before. As in timm, after for "avg" and before for "token" if not given.
        (Google's own average-pooling ViT normalises before: ``fc_norm=False``.)
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after the position embedding, after attention and inside MLPs; stochastic depth,
        growing linearly from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    mlp_drop_rate : float, optional
        Dropout inside MLPs, if it is not to be ``proj_drop_rate``, which then is that after attention alone. timm has
        no such option.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
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
        If the patch does not divide the image, the heads do not divide the width, options exclude each other, or one is
        out of range.
    TypeError
        If an option is of another type.
    """

    head_names: ClassVar[tuple[str, ...]] = ("head", "head_dist")

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        class_token: bool = True,
        distilled: bool = False,
        heads_apart: bool = False,
        reg_tokens: Count = 0,
        no_embed_class: bool = False,
        pre_norm: bool = False,
        init_values: Factor | None = None,
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
        if global_pool not in ("token", "avg"):
            raise ValueError(f'global_pool is {global_pool!r}; expected "token" or "avg"')
        if global_pool == "token" and not class_token:
            raise ValueError('global_pool="token" reads the class token, so it needs class_token=True')
        if distilled and not (global_pool == "token" and class_token):
            raise ValueError('distilled=True reads both tokens: it needs class_token=True and global_pool="token"')
        if heads_apart and not distilled:
            raise ValueError("heads_apart=True is for two heads: it needs distilled=True")
        if distilled and reg_tokens:
            raise ValueError(f"distilled=True has no registers; reg_tokens is {reg_tokens}, expected 0")
        check_act_layer(act_layer)
        self.in_chans, self.pre_norm = in_chans, pre_norm

        self.patch_embed = self.make_patch_embed(img_size, patch_size, in_chans, embed_dim)
        self.cls_token = Param((1, 1, embed_dim), "batch token width", normal(0.02)) if class_token else None
        self.dist_token = Param((1, 1, embed_dim), "batch token width", normal(0.02)) if distilled else None
        tokens = (1, reg_tokens, embed_dim)
        self.reg_token = Param(tokens, "batch token width", normal(0.02)) if reg_tokens else None
        self.num_prefix_tokens = class_token + distilled + reg_tokens
        self.without_position = self.num_prefix_tokens if no_embed_class else 0  # so many tokens in front
        num_positions = self.num_prefix_tokens - self.without_position + self.patch_embed.num_patches
        grid = self.patch_embed.grid_size
        self.pos_embed = Param((1, num_positions, embed_dim), "batch position width", normal(0.02), grid=grid)
        self.pos_drop = dropout(pos_drop_rate)
        self.norm_pre: Layer = LayerNorm(embed_dim, eps=norm_eps) if pre_norm else Identity()
        make_block = Block if init_values is None else partial(ScaledBlock, init_values=init_values)
        blocks = [
            make_block(
                embed_dim,
                num_heads,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
                proj_drop=proj_drop_rate,
                mlp_drop=mlp_drop_rate,
                drop_path_rate=rate,
                act_layer=act_layer,
                norm_eps=norm_eps,
            )
            for rate in stage_rates(drop_path_rate, (depth,))[0]
        ]
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        norm_after_pool = global_pool == "avg" if fc_norm is None else fc_norm
        self.norm: Layer = Identity() if norm_after_pool else LayerNorm(embed_dim, eps=norm_eps)
        pool = PrefixTokens(2) if distilled else FirstToken()
        self.pool: Layer = MeanPool(self.num_prefix_tokens) if global_pool == "avg" else pool
        self.fc_norm: Layer = LayerNorm(embed_dim, eps=norm_eps) if norm_after_pool else Identity()
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        head, head_dist = (
            Linear(embed_dim, num_classes, initial=normal(0.02)) if num_classes else Identity() for _ in range(2)
        )
        self.head: Layer = head
        self.head_dist: Layer | None = head_dist if distilled else None
        self.mean_of_heads: Layer = MeanPool() if distilled and not heads_apart else Identity()
        self.init(seed, dtype)

    def make_patch_embed(self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int) -> PatchEmbed:
        """What makes tokens of an image: the one step that a hybrid has otherwise."""
        return PatchEmbed(img_size, patch_size, in_chans, embed_dim, bias=not self.pre_norm)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B *heads classes"], ViTCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        With ``heads_apart`` the logits are (B, 2, num_classes).

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self.check_images(images, self.patch_embed.img_size, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, N, D)
        return self.from_patches(x, c_patch_embed, rng=rng)

    def from_patches(
        self, x: Float[ndarray, "B N D"], c_patch_embed: Any, *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, ViTCache]:
        """All that comes after patches have become tokens."""
        x, c_reg_token = prepend_token_forward(x, self.reg_token.value if self.reg_token else None)
        x, c_dist_token = prepend_token_forward(x, self.dist_token.value if self.dist_token else None)
        x, c_cls_token = prepend_token_forward(x, self.cls_token.value if self.cls_token else None)  # (B, 1 + R + N, D)
        x, c_pos_embed = add_positions_forward(x, self.positions())
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x, c_norm_pre = self.norm_pre.forward(x)
        x, c_blocks = run(self.blocks, x, rng=rng)
        x, c_norm = self.norm.forward(x)
        x, c_pool = self.pool.forward(x)  # (B, D), or of both tokens (B, 2, D)
        x, c_fc_norm = self.fc_norm.forward(x)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        if self.head_dist:
            x, (c_head, c_head_dist) = run_each((self.head, self.head_dist), x)  # (B, 2, classes)
        else:
            (x, c_head), c_head_dist = self.head.forward(x), None
        logits, c_mean_of_heads = self.mean_of_heads.forward(x)
        return logits, ViTCache(
            patch_embed=c_patch_embed,
            reg_token=c_reg_token,
            dist_token=c_dist_token,
            cls_token=c_cls_token,
            pos_embed=c_pos_embed,
            pos_drop=c_pos_drop,
            norm_pre=c_norm_pre,
            blocks=c_blocks,
            norm=c_norm,
            pool=c_pool,
            fc_norm=c_fc_norm,
            head_drop=c_head_drop,
            head=c_head,
            head_dist=c_head_dist,
            mean_of_heads=c_mean_of_heads,
        )

    def backward(self, dlogits: Float[ndarray, "B *heads classes"], cache: ViTCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        return self.patch_embed.backward(self.to_patches(dlogits, cache), cache.patch_embed)

    def to_patches(self, dlogits: ndarray, cache: ViTCache) -> Float[ndarray, "B N D"]:
        """The way back of :meth:`from_patches`."""
        dx = self.mean_of_heads.backward(dlogits, cache.mean_of_heads)
        if self.head_dist:
            dx = run_each_backward((self.head, self.head_dist), dx, (cache.head, cache.head_dist))
        else:
            dx = self.head.backward(dx, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.fc_norm.backward(dx, cache.fc_norm)
        dx = self.pool.backward(dx, cache.pool)
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.blocks, dx, cache.blocks)
        dx = self.norm_pre.backward(dx, cache.norm_pre)
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        dx, dpositions = add_positions_backward(dx, cache.pos_embed)
        # forward: np.concatenate((zeros, table), axis=1)
        self.pos_embed.add_grad(dpositions[:, self.without_position :])
        for token, c_token in (
            (self.cls_token, cache.cls_token),
            (self.dist_token, cache.dist_token),
            (self.reg_token, cache.reg_token),
        ):
            dx, dtoken = prepend_token_backward(dx, c_token)
            if token and dtoken is not None:
                token.add_grad(dtoken)
        return dx

    def with_heads(self, *, apart: bool) -> "ViT":
        """A distilled model with the same parameters, whose ``heads_apart`` is as given."""
        twin = type(self)(**{**self.config, "heads_apart": apart})
        twin.load_state_dict(self.state_dict())
        return twin

    def positions(self) -> Float[ndarray, "1 N D"]:
        """What is added to each token; to those that have no position, zeros."""
        table = self.pos_embed.value
        if self.without_position == 0:
            return table
        zeros = np.zeros_like(table, shape=(1, self.without_position, table.shape[2]))
        return np.concatenate((zeros, table), axis=1)


def _preset(size: str, patch: int, img_size: int = 224, **options: Any) -> dict[str, Any]:
    widths = {"tiny": (192, 12, 3), "small": (384, 12, 6), "medium": (512, 12, 8), "base": (768, 12, 12)}
    widths |= {"large": (1024, 24, 16), "huge": (1280, 32, 16), "giant": (1408, 40, 16), "gigantic": (1664, 48, 16)}
    embed_dim, depth, num_heads = widths[size]
    shape = {"embed_dim": embed_dim, "depth": depth, "num_heads": num_heads}
    return {"img_size": img_size, "patch_size": patch, **shape, **options}


_SMALL_IMAGES = {"img_size": 32, "patch_size": 4, "num_classes": 10, "num_heads": 4, "mlp_ratio": 2.0}
_DINOV2 = {"img_size": 518, "num_classes": 0, "init_values": 1e-5}
_DEIT3 = {"init_values": 1e-6, "no_embed_class": True}
_CLIP = {"num_classes": 512, "pre_norm": True, "act_layer": "quick_gelu", "norm_eps": 1e-5}
_REGISTERS = {"reg_tokens": 4, "no_embed_class": True}

ViT.add_presets(
    {
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
        "vit_base_patch16_gap_224": _preset(
            "base", 16, num_heads=16, class_token=False, global_pool="avg", fc_norm=False
        ),
        "vit_base_patch8_224": _preset("base", 8),
        "vit_large_patch32_224": _preset("large", 32),
        "vit_large_patch32_384": _preset("large", 32, 384),
        "vit_large_patch16_224": _preset("large", 16),
        "vit_large_patch16_384": _preset("large", 16, 384),
        "vit_large_patch14_224": _preset("large", 14),
        "vit_huge_patch14_224": _preset("huge", 14),
        "vit_giant_patch14_224": _preset("giant", 14, mlp_ratio=48 / 11),
        "vit_gigantic_patch14_224": _preset("gigantic", 14, mlp_ratio=64 / 13),
        "deit_tiny_patch16_224": _preset("tiny", 16),  # a DeiT without its distillation token is a ViT
        "deit_small_patch16_224": _preset("small", 16),
        "deit_base_patch16_224": _preset("base", 16),
        "deit_base_patch16_384": _preset("base", 16, 384),
        "deit_tiny_distilled_patch16_224": _preset("tiny", 16, distilled=True),
        "deit_small_distilled_patch16_224": _preset("small", 16, distilled=True),
        "deit_base_distilled_patch16_224": _preset("base", 16, distilled=True),
        "deit_base_distilled_patch16_384": _preset("base", 16, 384, distilled=True),
        "vit_small_patch14_dinov2": _preset("small", 14, **_DINOV2),
        "vit_base_patch14_dinov2": _preset("base", 14, **_DINOV2),
        "vit_large_patch14_dinov2": _preset("large", 14, **_DINOV2),
        "vit_small_patch14_reg4_dinov2": _preset("small", 14, **_DINOV2, **_REGISTERS),
        "vit_base_patch14_reg4_dinov2": _preset("base", 14, **_DINOV2, **_REGISTERS),
        "vit_large_patch14_reg4_dinov2": _preset("large", 14, **_DINOV2, **_REGISTERS),
        "deit3_small_patch16_224": _preset("small", 16, **_DEIT3),
        "deit3_medium_patch16_224": _preset("medium", 16, **_DEIT3),
        "deit3_base_patch16_224": _preset("base", 16, **_DEIT3),
        "deit3_large_patch16_224": _preset("large", 16, **_DEIT3),
        "deit3_huge_patch14_224": _preset("huge", 14, **_DEIT3),
        "vit_base_patch32_clip_quickgelu_224": _preset("base", 32, **_CLIP),  # image towers of CLIP, with a bias of 0
        "vit_base_patch16_clip_quickgelu_224": _preset("base", 16, **_CLIP),
        "vit_large_patch14_clip_quickgelu_224": _preset("large", 14, **{**_CLIP, "num_classes": 768}),
    }
)
