"""Audio Spectrogram Transformer (AST): a Vision Transformer that reads the picture of a sound.

Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer".
"""

from collections.abc import Callable
from math import inf
from typing import Annotated, NamedTuple

import numpy as np

from minivit.audio.kaldi import KaldiFbankCache
from minivit.audio.log_mel import LogMelCache
from minivit.checked import check_range, check_type
from minivit.layers.basic import LayerNorm, Linear, check_act_layer
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.log_mel import LogMel
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
from minivit.types import Count, Depth, Eps, Factor, Float, Positive, Range, Rate, Size, ndarray

Frequency = Annotated[int, Range(at_least=100, at_most=1_000_000)]
"""Samples in a second, of which 10 ms are at least one."""


class StandardizeCache(NamedTuple):
    """Backward needs nothing."""


class Standardize(Layer):
    """``(x - mean) / (2 std)``: to mean 0 and a standard deviation of one half, by numbers that were measured."""

    def __init__(self, mean: float, std: float) -> None:
        self.mean, self.scale = mean, 1 / (2 * std)

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, StandardizeCache]:
        return (x - self.mean) * self.scale, StandardizeCache()

    def backward(self, dy: ndarray, cache: StandardizeCache) -> ndarray:
        return dy * self.scale  # forward: (x - self.mean) * self.scale


class ASTCache(NamedTuple):
    """Caches of the steps of :class:`AST`, in order. ``blocks[i].attn.attention.weights`` is an attention map."""

    log_mel: KaldiFbankCache | LogMelCache | IdentityCache
    standardize: StandardizeCache | IdentityCache
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
        Bands and frames of a spectrogram; of a model that hears waves, ``length`` is that of a wave, in samples.
    sr : int, optional
        Samples in a second of the waves that the model hears; spectrograms are what it sees if it is not given. Of a
        wave it makes the features of the paper, which are Kaldi's: frames of 25 ms, one every 10 ms, Hann windows.
    mean, std : float
        Of these features; those of AudioSet, as in transformers, if not given. They are brought to a mean of 0 and a
        standard deviation of one half, as the spectrograms are expected to be that a model without ``sr`` gets.
    patch_size, stride : int or (bands, frames)
        Of a patch, and from one patch to the next.
    num_classes : int
        0: no head, the mean of both tokens is returned, normalised.
    embed_dim, depth, num_heads, mlp_ratio
        Width of a token, number of blocks, heads per block, and width of the MLP as a multiple of ``embed_dim``.
    qkv_bias : bool
        Whether queries, keys and values have a bias.
    drop_rate, pos_drop_rate, proj_drop_rate, mlp_drop_rate, drop_path_rate : float
        As in :class:`ViT`. Only active when ``forward`` gets ``rng``.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
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
        If a patch is larger than the spectrogram, a wave is shorter than a frame, the heads do not divide the width, or
        an option is out of range.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        n_mels: Positive = 128,
        length: Positive = 1024,
        sr: Frequency | None = None,
        mean: float = -4.2677393,
        std: float = 4.5689974,
        patch_size: Size = 16,
        stride: Size = 10,
        num_classes: Count = 527,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        mlp_drop_rate: Rate | None = None,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-12,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_act_layer(act_layer)
        check_range("mean", mean, above=-inf, below=inf)
        check_range("std", std, above=0, below=inf)
        self.input_shape = (n_mels, length) if sr is None else (length,)

        self.log_mel: Layer = Identity()
        self.standardize: Layer = Identity()
        frames = length
        if sr is not None:
            frame, hop = sr * 25 // 1000, sr // 100
            if length < frame:
                raise ValueError(f"length is {length}; expected at least {frame} samples, a frame of 25 ms at {sr} Hz")
            frames = 1 + (length - frame) // hop
            options = {"n_mels": n_mels, "win_length": frame, "hop_length": hop, "window": "hann"}
            self.log_mel = LogMel(sr=float(sr), kaldi=True, **options)
            self.standardize = Standardize(mean, std)
        self.patch_embed = OverlappingPatchEmbed((n_mels, frames), patch_size, stride, 1, embed_dim)
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
                mlp_drop=mlp_drop_rate,
                drop_path_rate=rate,
                act_layer=act_layer,
                norm_eps=norm_eps,
            )
            for rate in stage_rates(drop_path_rate, (depth,))[0]
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
        self, inputs: Float[ndarray, "B *bands T"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], ASTCache]:
        """Logits (B, num_classes) of spectrograms (B, n_mels, length), or of waves (B, length); cache for backward.

        Raises
        ------
        ValueError, TypeError
            If the inputs are of another size or dtype than the model.
        """
        self.check_inputs(inputs)
        x, c_log_mel = self.log_mel.forward(inputs)  # (B, M, T)
        x, c_standardize = self.standardize.forward(x)
        x, c_patch_embed = self.patch_embed.forward(x[..., None])  # (B, N, D)
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
            log_mel=c_log_mel,
            standardize=c_standardize,
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

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: ASTCache) -> Float[ndarray, "B *bands T"]:
        """Add to the gradient of every parameter; return the gradient of the inputs."""
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
        dx = self.patch_embed.backward(dx, cache.patch_embed)[..., 0]  # forward: self.patch_embed.forward(x[..., None])
        dx = self.standardize.backward(dx, cache.standardize)
        return self.log_mel.backward(dx, cache.log_mel)

    def check_inputs(self, inputs: ndarray) -> None:
        """See that spectrograms, or waves, are what the model takes.

        Raises
        ------
        ValueError, TypeError
            If they have another size or dtype.
        """
        what = "waves" if self.config["sr"] else "spectrograms"
        check_type(what, inputs, ndarray)
        if inputs.ndim == 0 or inputs.shape[1:] != self.input_shape:
            expected = ", ".join(map(str, ("batch", *self.input_shape)))
            raise ValueError(f"{what} have shape {inputs.shape}; the model expects ({expected})")
        if inputs.dtype != self.dtype and not np.iscomplexobj(inputs):
            hint = " (divide samples of 16 bits by 32768)" if inputs.dtype == np.int16 else ""
            raise TypeError(f"{what} have dtype {inputs.dtype}; the model computes in {self.dtype}{hint}")


AST.add_presets(
    {
        "ast_base_patch16_128x1024": {},
        "ast_tiny_patch16_64x98": {  # the embedded sounds, each a second at 8 kHz
            "n_mels": 64,
            "length": 8_000,
            "sr": 8_000,
            "mean": -5.14,
            "std": 3.63,
            "num_classes": 15,
            "embed_dim": 64,
            "depth": 3,
            "num_heads": 4,
            "mlp_ratio": 2.0,
        },
    }
)
