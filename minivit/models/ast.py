"""Audio Spectrogram Transformer (AST): a Vision Transformer that reads the picture of a sound.

Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer".
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, check_type
from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import OverlappingPatchEmbed, OverlappingPatchEmbedCache
from minivit.layers.pool import MeanPool, PrefixTokens
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache, PrefixTokensCache
from minivit.ops.positions import (
    AddPositionsCache,
    PrependTokenCache,
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
)
from minivit.types import Count, Depth, Float, Positive, Rate, Size, ndarray


class ASTCache(NamedTuple):
    """Caches of the steps of :class:`AST`, in order. ``blocks[i].attn.attention.weights`` is an attention map."""

    patch_embed: OverlappingPatchEmbedCache
    dist_token: PrependTokenCache
    cls_token: PrependTokenCache
    pos_embed: AddPositionsCache
    pos_drop: DropoutCache | IdentityCache
    blocks: list[BlockCache | CheckpointCache]
    norm: LayerNormCache
    pool: PrefixTokensCache
    mean_of_tokens: MeanPoolCache
    fc_norm: LayerNormCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache


class AST(Model):
    """Overlapping patches of a log-mel spectrogram become tokens; class and distillation token read them together.

    A spectrogram is an image of one channel, whose rows are frequencies and whose columns are frames. What is more than
    in a :class:`ViT`: patches overlap, so that little falls between two of them; the mean of class and distillation
    token is what is read, as the paper began with the weights of a DeiT; and it is normalised once more.

    Parameters
    ----------
    n_mels, length : int
        Bands and frames of a spectrogram.
    patch_size, stride : int or (bands, frames)
        Of a patch, and from one patch to the next.
    num_classes : int
        0: no head, the mean of both tokens is returned, normalised.
    embed_dim, depth, num_heads, mlp_ratio
        Width of a token, number of blocks, heads per block, and width of the MLP as a multiple of ``embed_dim``.
    qkv_bias : bool
        Whether queries, keys and values have a bias.
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        As in :class:`ViT`. Only active when ``forward`` gets ``rng``.
    act_layer : "gelu", "gelu_tanh" or "relu"
    norm_eps : float
        Of all norms; that of transformers if not given. (The paper's code has 1e-6, and 1e-5 before the head.)
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If a patch is larger than the spectrogram, the heads do not divide the width, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        n_mels: Positive = 128,
        length: Positive = 1024,
        patch_size: Size = 16,
        stride: Size = 10,
        num_classes: Count = 527,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-12,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_range("mlp_ratio", mlp_ratio, at_least=1 / embed_dim, below=inf)
        check_range("norm_eps", norm_eps, at_least=0, below=inf)
        self.input_shape = (n_mels, length)

        self.patch_embed = OverlappingPatchEmbed((n_mels, length), patch_size, stride, 1, embed_dim)
        self.cls_token = Param((1, 1, embed_dim), "batch token width", normal(0.02))
        self.dist_token = Param((1, 1, embed_dim), "batch token width", normal(0.02))
        positions, grid = 2 + self.patch_embed.num_patches, self.patch_embed.grid_size
        self.pos_embed = Param((1, positions, embed_dim), "batch position width", normal(0.02), grid=grid)
        self.pos_drop = dropout(pos_drop_rate)
        blocks = [
            Block(
                embed_dim,
                num_heads,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
                proj_drop=proj_drop_rate,
                drop_path_rate=float(rate),
                act_layer=act_layer,
                norm_eps=norm_eps,
            )
            for rate in np.linspace(0, drop_path_rate, depth)
        ]
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        self.norm = LayerNorm(embed_dim, eps=norm_eps)
        self.pool = PrefixTokens(2)
        self.mean_of_tokens = MeanPool()
        self.fc_norm = LayerNorm(embed_dim, eps=norm_eps)
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.head: Layer = Linear(embed_dim, num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return (new((batch, *self.input_shape), self.dtype),)

    def forward(
        self, spectrograms: Float[ndarray, "B M T"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], ASTCache]:
        """Logits (B, num_classes) of spectrograms (B, n_mels, length), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the spectrograms are of another size or dtype than the model.
        """
        self.check_input(spectrograms)
        x, c_patch_embed = self.patch_embed.forward(spectrograms[..., None])  # (B, N, D)
        x, c_dist_token = prepend_token_forward(x, self.dist_token.value)
        x, c_cls_token = prepend_token_forward(x, self.cls_token.value)  # (B, 2 + N, D)
        x, c_pos_embed = add_positions_forward(x, self.pos_embed.value)
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x, c_blocks = run(self.blocks, x, rng=rng)
        x, c_norm = self.norm.forward(x)
        x, c_pool = self.pool.forward(x)  # (B, 2, D)
        x, c_mean_of_tokens = self.mean_of_tokens.forward(x)  # (B, D)
        x, c_fc_norm = self.fc_norm.forward(x)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_head = self.head.forward(x)
        return logits, ASTCache(
            patch_embed=c_patch_embed,
            dist_token=c_dist_token,
            cls_token=c_cls_token,
            pos_embed=c_pos_embed,
            pos_drop=c_pos_drop,
            blocks=c_blocks,
            norm=c_norm,
            pool=c_pool,
            mean_of_tokens=c_mean_of_tokens,
            fc_norm=c_fc_norm,
            head_drop=c_head_drop,
            head=c_head,
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: ASTCache) -> Float[ndarray, "B M T"]:
        """Add to the gradient of every parameter; return the gradient of the spectrograms."""
        dx = self.head.backward(dlogits, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.fc_norm.backward(dx, cache.fc_norm)
        dx = self.mean_of_tokens.backward(dx, cache.mean_of_tokens)
        dx = self.pool.backward(dx, cache.pool)
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.blocks, dx, cache.blocks)
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        dx, dpositions = add_positions_backward(dx, cache.pos_embed)
        self.pos_embed.add_grad(dpositions)
        for token, c_token in ((self.cls_token, cache.cls_token), (self.dist_token, cache.dist_token)):
            dx, dtoken = prepend_token_backward(dx, c_token)
            assert dtoken is not None
            token.add_grad(dtoken)
        return self.patch_embed.backward(dx, cache.patch_embed)[..., 0]  # forward: spectrograms[..., None]

    def check_input(self, spectrograms: ndarray) -> None:
        """See that spectrograms are what the model takes.

        Raises
        ------
        ValueError, TypeError
            If they have another size or dtype.
        """
        check_type("spectrograms", spectrograms, ndarray)
        if spectrograms.shape[1:] != self.input_shape:
            M, T = self.input_shape
            raise ValueError(f"spectrograms have shape {spectrograms.shape}; the model expects (batch, {M}, {T})")
        if spectrograms.dtype != self.dtype and not np.iscomplexobj(spectrograms):
            raise TypeError(f"spectrograms have dtype {spectrograms.dtype}; the model computes in {self.dtype}")


AST.add_presets({"ast_base_patch16_128x1024": {}})
