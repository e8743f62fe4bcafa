"""MLP-Mixer: neither attention nor convolution, but an MLP over the tokens, and one over the channels, in turn.

Source: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision".
"""

from collections.abc import Callable
from math import inf
from typing import Annotated, Any, NamedTuple

import numpy as np

from minivit.layers.basic import LayerNorm, Linear, check_act_layer, mlp_width
from minivit.layers.checkpoint import Checkpoint
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.mixer_block import MixerBlock
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.layers.pool import MeanPool
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache
from minivit.types import Count, Depth, Eps, Float, Positive, Range, Rate, Size, ndarray


class MixerCache(NamedTuple):
    """Caches of the steps of :class:`Mixer`, in order."""

    stem: PatchEmbedCache
    blocks: list[Any]
    norm: Any
    pool: MeanPoolCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache


class Mixer(Model):
    """Patches become tokens, and MLPs along the two axes of (N, D) take turns: over the tokens, over the channels.

    There is no embedding of positions: each weight of token mixing belongs to a place of the grid. That is also why a
    Mixer takes images of one size only, whereas the matrices of a ViT fit any number of tokens.

    Parameters
    ----------
    img_size, patch_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the pooled token is returned).
    num_blocks, embed_dim : int
        Number of blocks and width D of a token.
    mlp_ratio : float or (float, float)
        Hidden widths of token mixing and of channel mixing, both as multiples of ``embed_dim``, as in timm: that of
        token mixing does not grow with the number of tokens.
    drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head and inside MLPs; stochastic depth, of the same rate in every block, as in timm. (The
        paper lets it grow linearly.) Only active when ``forward`` gets ``rng``.
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
        If the patch does not divide the image, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        num_blocks: Depth = 8,
        embed_dim: Positive = 512,
        mlp_ratio: Annotated[float | tuple[float, float], Range(above=0, below=inf)] = (0.5, 4.0),
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-6,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        tokens_ratio, channels_ratio = np.broadcast_to(mlp_ratio, 2).tolist()  # of one number, both
        tokens_dim, channels_dim = mlp_width(embed_dim, tokens_ratio), mlp_width(embed_dim, channels_ratio)
        self._build(
            lambda num_tokens: MixerBlock(
                embed_dim,
                num_tokens,
                tokens_dim=tokens_dim,
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

    def _build(
        self,
        block: Callable[[int], Layer],
        norm: Layer,
        *,
        img_size: Size,
        patch_size: Size,
        in_chans: int,
        num_classes: int,
        num_blocks: int,
        embed_dim: int,
        drop_rate: float,
        act_layer: str,
        grad_checkpointing: bool,
    ) -> None:
        """The parts, in the order of forward; ``block`` makes one, for so many tokens."""
        check_act_layer(act_layer)
        self.in_chans = in_chans
        self.stem = PatchEmbed(img_size, patch_size, in_chans, embed_dim)
        blocks = [block(self.stem.num_patches) for _ in range(num_blocks)]
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        self.norm = norm
        self.pool = MeanPool()
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely; timm and Google begin with zeros
        self.head: Layer = Linear(embed_dim, num_classes, initial=normal(0.02)) if num_classes else Identity()

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], MixerCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self.check_images(images, self.stem.img_size, self.in_chans)
        x, c_stem = self.stem.forward(images)  # (B, N, D)
        x, c_blocks = run(self.blocks, x, rng=rng)
        x, c_norm = self.norm.forward(x)
        x, c_pool = self.pool.forward(x)  # (B, D)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_head = self.head.forward(x)
        return logits, MixerCache(
            stem=c_stem, blocks=c_blocks, norm=c_norm, pool=c_pool, head_drop=c_head_drop, head=c_head
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: MixerCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.pool.backward(dx, cache.pool)
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.blocks, dx, cache.blocks)
        return self.stem.backward(dx, cache.stem)


def _preset(num_blocks: int, embed_dim: int, patch_size: int) -> dict[str, int]:
    return {"patch_size": patch_size, "num_blocks": num_blocks, "embed_dim": embed_dim}


Mixer.add_presets(
    {
        "mixer_tiny_patch4_32": {**_preset(8, 128, 4), "img_size": 32, "num_classes": 10},  # CIFAR
        "mixer_s32_224": _preset(8, 512, 32),
        "mixer_s16_224": _preset(8, 512, 16),
        "mixer_b32_224": _preset(12, 768, 32),
        "mixer_b16_224": _preset(12, 768, 16),
        "mixer_l32_224": _preset(24, 1024, 32),
        "mixer_l16_224": _preset(24, 1024, 16),
    }
)
