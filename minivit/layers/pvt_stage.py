"""A stage of a Pyramid Vision Transformer: from a map to a smaller and wider one, on which blocks work."""

from math import prod
from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import ConvPatchEmbed, ConvPatchEmbedCache
from minivit.layers.sequence import IdentityCache, run, run_backward
from minivit.layers.spatial_reduction import SpatialReductionAttention
from minivit.ops.dropout import DropoutCache
from minivit.ops.positions import (
    AddPositionsCache,
    PrependTokenCache,
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
)
from minivit.types import Size


class PVTStageCache(NamedTuple):
    """Caches of the steps of :class:`PVTStage`, in order."""

    patch_embed: ConvPatchEmbedCache
    cls_token: PrependTokenCache
    pos_embed: AddPositionsCache
    pos_drop: DropoutCache | IdentityCache
    blocks: list[BlockCache | CheckpointCache]


class PVTStage(Layer):
    """Patches become places of a smaller map, a table says where each stands, and blocks work on them.

    Source: Wang et al. 2021, "Pyramid Vision Transformer", section 3.2, figure 3.

    Parameters
    ----------
    in_chans, dim, num_heads : int
        Channels of the map that comes in, width of a token, heads.
    map_size : (rows, columns)
        Of the map that its patches make.
    class_token : bool
        Whether it is the last stage, in which one more token stands in front of the places; then tokens come out
        (B, 1 + N, D), and a map (B, Y, X, D) otherwise.
    drop_path_rates : list of float
        One for each block.
    pos_drop : float
        Dropout behind the positions.
    patch_size, sr_ratio, qkv_bias, proj_drop, inner_norm_eps, grad_checkpointing, **options
        As in :class:`minivit.models.PVT`, and of :class:`Block`.
    """

    def __init__(
        self,
        in_chans: int,
        dim: int,
        num_heads: int,
        map_size: tuple[int, int],
        *,
        patch_size: Size,
        sr_ratio: int,
        class_token: bool,
        qkv_bias: bool,
        pos_drop: float,
        proj_drop: float,
        drop_path_rates: list[float],
        inner_norm_eps: float,
        grad_checkpointing: bool,
        **options: Any,
    ) -> None:
        self.map_size = map_size
        self.patch_embed = ConvPatchEmbed(in_chans, dim, patch_size, stride=patch_size, norm_eps=inner_norm_eps)
        self.cls_token = Param((1, 1, dim), "batch token width", normal(0.02)) if class_token else None
        positions = (1, class_token + prod(map_size), dim)
        self.pos_embed = Param(positions, "batch position width", normal(0.02), grid=map_size)
        self.pos_drop = dropout(pos_drop)
        blocks = []
        for rate in drop_path_rates:
            attn = SpatialReductionAttention(
                dim, num_heads, sr_ratio=sr_ratio, qkv_bias=qkv_bias, proj_drop=proj_drop, norm_eps=inner_norm_eps
            )
            blocks.append(Block(dim, num_heads, attn=attn, proj_drop=proj_drop, drop_path_rate=rate, **options))
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PVTStageCache]:
        x, c_patch_embed = self.patch_embed.forward(x)  # (B, Y, X, D)
        map_shape = x.shape
        x = x.reshape(len(x), prod(self.map_size), x.shape[-1])
        x, c_cls_token = prepend_token_forward(x, self.cls_token.value if self.cls_token else None)
        x, c_pos_embed = add_positions_forward(x, self.pos_embed.value)
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x = x if self.cls_token else x.reshape(map_shape)
        x, c_blocks = run(self.blocks, x, rng=rng)
        return x, PVTStageCache(
            patch_embed=c_patch_embed,
            cls_token=c_cls_token,
            pos_embed=c_pos_embed,
            pos_drop=c_pos_drop,
            blocks=c_blocks,
        )

    def backward(self, dy: ndarray, cache: PVTStageCache) -> ndarray:
        B, D = len(dy), dy.shape[-1]
        dx = run_backward(self.blocks, dy, cache.blocks)
        dx = dx.reshape(B, self.pos_embed.shape[1], D)  # forward: x if self.cls_token else x.reshape(map_shape)
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        dx, dpositions = add_positions_backward(dx, cache.pos_embed)
        self.pos_embed.add_grad(dpositions)
        dx, dtoken = prepend_token_backward(dx, cache.cls_token)
        if self.cls_token and dtoken is not None:
            self.cls_token.add_grad(dtoken)
        dx = dx.reshape(B, *self.map_size, D)  # forward: x.reshape(len(x), prod(self.map_size), x.shape[-1])
        return self.patch_embed.backward(dx, cache.patch_embed)
