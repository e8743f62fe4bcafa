"""A stage of Swin: blocks on maps of one size, whose windows are shifted in every second block.

Source: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 3.1.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.block import Block, BlockCache
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import stage_rates
from minivit.layers.layer import Layer
from minivit.layers.patch_merging import PatchMerging, PatchMergingCache
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.layers.window_attention import AnyWindowAttention, WindowAttention
from minivit.types import Size, pair

NORM_EPS = 1e-5

BACKBONE = "mmsegmentation"
"""How windows are cut that maps of any size have."""


class SwinStageCache(NamedTuple):
    """Caches of the steps of :class:`SwinStage`."""

    downsample: PatchMergingCache | IdentityCache
    blocks: list[BlockCache | CheckpointCache]


class SwinStage(Layer):
    """Blocks on maps of one size: every second one has its windows shifted by half a window.

    Parameters
    ----------
    map_size : (rows, columns)
        Of the maps that the blocks work on.
    drop_path_rates : list of float
        One for each block.
    shifted : bool
        False: no windows are shifted, and no block looks across their edges.
    attention : dict
        Options of the attention.
    windows_like, **options
        As in :class:`minivit.models.Swin`, and of its blocks.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        map_size: tuple[int, int],
        *,
        window_size: Size,
        drop_path_rates: list[float],
        downsample: bool,
        attention: dict[str, Any],
        shifted: bool = True,
        windows_like: str = "timm",
        proj_drop: float,
        grad_checkpointing: bool,
        **options: Any,
    ) -> None:
        attend, block, merge = self.parts(windows_like)
        self.map_size = map_size
        self.downsample: Layer = merge(dim // 2, norm_eps=NORM_EPS) if downsample else Identity()
        window_size, shift_size = fit_windows(map_size, window_size, windows_like)
        blocks = []
        for i, rate in enumerate(drop_path_rates):
            shift = shift_size if shifted and i % 2 else 0
            attn = attend(
                dim, num_heads, map_size, window_size=window_size, shift_size=shift, proj_drop=proj_drop, **attention
            )
            blocks.append(
                block(dim, num_heads, attn=attn, proj_drop=proj_drop, drop_path_rate=rate, norm_eps=NORM_EPS, **options)
            )
        self.blocks = [Checkpoint(block) for block in blocks] if grad_checkpointing else blocks

    def parts(self, windows_like: str) -> tuple[type, type, type]:
        """What attends, what a block is, and what merges patches."""
        return AnyWindowAttention if windows_like == BACKBONE else WindowAttention, Block, PatchMerging

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, SwinStageCache]:
        x, c_downsample = self.downsample.forward(x)
        x, c_blocks = run(self.blocks, x, rng=rng)
        return x, SwinStageCache(c_downsample, c_blocks)

    def backward(self, dy: ndarray, cache: SwinStageCache) -> ndarray:
        dx = run_backward(self.blocks, dy, cache.blocks)
        return self.downsample.backward(dx, cache.downsample)


def stages(
    stage: type[SwinStage],
    attention: Sequence[dict[str, Any]],
    *,
    grid_size: tuple[int, int],
    embed_dim: int,
    depths: tuple[int, ...],
    num_heads: tuple[int, ...],
    drop_path_rate: float,
    **options: Any,
) -> list[SwinStage]:
    """Each of twice the width and half the sides of the one before; ``attention`` and the rest are their options."""
    Y, X = grid_size
    rates = stage_rates(drop_path_rate, depths)
    return [
        stage(
            embed_dim * 2**i,
            heads,
            (-(-Y // 2**i), -(-X // 2**i)),
            drop_path_rates=rates[i],
            downsample=i > 0,
            attention=attends,
            **options,
        )
        for i, (heads, attends) in enumerate(zip(num_heads, attention, strict=True))
    ]


def fit_windows(map_size: tuple[int, int], window_size: Size, like: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The window and the shift for maps of this size: where one window holds a whole side, it ends there and stays.

    ``like`` "timm" looks at each side alone; "transformers", as the official code, at the smaller side for both; for
    "mmsegmentation" windows stay as they are, and move.

    Raises
    ------
    ValueError
        If ``like`` is none of these, or the windows of transformers are not square.
    """
    (M, L), (Y, X) = pair(window_size), map_size
    if like == "timm":
        return (min(M, Y), min(L, X)), (M // 2 if M < Y else 0, L // 2 if L < X else 0)
    if like == BACKBONE:
        return (M, L), (M // 2, L // 2)
    if like != "transformers":
        raise ValueError(f'windows_like is {like!r}; expected "timm", "transformers" or "{BACKBONE}"')
    if M != L:
        raise ValueError(f'the window is {M} x {L}; with windows_like="transformers", expected a square one')
    side = min(M, Y, X)
    return (side, side), (M // 2, M // 2) if min(Y, X) > M else (0, 0)
