"""A stage of PVT v2: from a map to a smaller one by patches that overlap, on which blocks work, and a norm."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, mlp_width
from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.depthwise_mlp import DepthwiseMlp
from minivit.layers.dropout import stage_rates
from minivit.layers.layer import Layer
from minivit.layers.patch_embed import ConvPatchEmbed, ConvPatchEmbedCache
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.layers.spatial_reduction import SpatialReductionAttention, check_reduction
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.sliding import sliding
from minivit.types import Size, pair


class PVTv2StageCache(NamedTuple):
    """Caches of the steps of :class:`PVTv2Stage`."""

    downsample: ConvPatchEmbedCache | IdentityCache
    blocks: list[BlockCache | CheckpointCache]
    norm: LayerNormCache


class PVTv2Stage(Layer):
    """Patches that overlap make a map of half the sides (but for the first stage, which gets one); blocks; a norm.

    Source: Wang et al. 2022, "PVT v2: Improved Baselines with Pyramid Vision Transformer", section 3.2.
    """

    def __init__(
        self,
        in_chans: int,
        dim: int,
        num_heads: int,
        *,
        downsample: bool,
        sr_ratio: int,
        linear: bool,
        mlp_ratio: float,
        qkv_bias: bool,
        proj_drop: float,
        drop_path_rates: list[float],
        norm_eps: float,
        inner_norm_eps: float,
        grad_checkpointing: bool,
    ) -> None:
        self.downsample: Layer = (
            ConvPatchEmbed(in_chans, dim, 3, stride=2, padding=1, norm_eps=inner_norm_eps) if downsample else Identity()
        )
        blocks = []
        for rate in drop_path_rates:
            attn = SpatialReductionAttention(
                dim,
                num_heads,
                sr_ratio=sr_ratio,
                linear=linear,
                qkv_bias=qkv_bias,
                proj_drop=proj_drop,
                norm_eps=inner_norm_eps,
            )
            mlp = DepthwiseMlp(dim, mlp_width(dim, mlp_ratio), extra_relu=linear, drop=proj_drop)
            blocks.append(Block(dim, num_heads, attn=attn, mlp=mlp, drop_path_rate=rate, norm_eps=norm_eps))
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks
        self.norm = LayerNorm(dim, eps=norm_eps)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PVTv2StageCache]:
        x, c_downsample = self.downsample.forward(x)
        x, c_blocks = run(self.blocks, x, rng=rng)
        y, c_norm = self.norm.forward(x)
        return y, PVTv2StageCache(c_downsample, c_blocks, c_norm)

    def backward(self, dy: ndarray, cache: PVTv2StageCache) -> ndarray:
        dx = self.norm.backward(dy, cache.norm)
        dx = run_backward(self.blocks, dx, cache.blocks)
        return self.downsample.backward(dx, cache.downsample)


def pvt_v2_stages(
    *,
    img_size: Size,
    in_chans: int,
    embed_dims: tuple[int, ...],
    depths: tuple[int, ...],
    num_heads: tuple[int, ...],
    sr_ratios: tuple[int, ...],
    mlp_ratios: tuple[float, ...],
    linear: bool,
    patch_size: Size,
    patch_stride: Size,
    drop_path_rate: float,
    norm_eps: float,
    inner_norm_eps: float,
    **options: Any,
) -> tuple[ConvPatchEmbed, list[PVTv2Stage]]:
    """The first patches, and the stages behind them; ``options`` are theirs.

    Raises
    ------
    ValueError
        As of :class:`minivit.models.PVTv2`.
    """
    check_stages(embed_dims=embed_dims, depths=depths, num_heads=num_heads, sr_ratios=sr_ratios, mlp_ratios=mlp_ratios)
    P, Q = pair(patch_size)
    half_a_patch = (P // 2, Q // 2)
    patch_embed = ConvPatchEmbed(
        in_chans, embed_dims[0], patch_size, stride=patch_stride, padding=half_a_patch, norm_eps=inner_norm_eps
    )
    map_size = sliding("PVTv2", pair(img_size), patch_size, stride=patch_stride, padding=half_a_patch).out
    made = []
    for i, (dim, rates) in enumerate(zip(embed_dims, stage_rates(drop_path_rate, depths), strict=True)):
        if i > 0:
            map_size = -(-map_size[0] // 2), -(-map_size[1] // 2)
        check_reduction(map_size, 1 if linear else sr_ratios[i], f"img_size is {img_size}, and in stage {i} ")
        made.append(
            PVTv2Stage(
                embed_dims[max(i - 1, 0)],
                dim,
                num_heads[i],
                downsample=i > 0,
                sr_ratio=sr_ratios[i],
                linear=linear,
                mlp_ratio=mlp_ratios[i],
                drop_path_rates=rates,
                norm_eps=norm_eps,
                inner_norm_eps=inner_norm_eps,
                **options,
            )
        )
    return patch_embed, made
