"""A stage of MViT: blocks, the first of which makes the map smaller, and one of which makes tokens wider."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.layers.dropout import stage_rates
from minivit.layers.layer import Layer
from minivit.layers.mvit_block import MViTBlock, MViTBlockCache
from minivit.layers.sequence import run, run_backward
from minivit.types import Size, pair

Strides = tuple[int | tuple[int, int], ...]
"""One for each stage."""


class MViTStageCache(NamedTuple):
    """Caches of the blocks of :class:`MViTStage`."""

    blocks: list[MViTBlockCache | CheckpointCache]


class MViTStage(Layer):
    """Blocks on maps of one size: the first pools its queries, if its stride says so.

    Parameters
    ----------
    in_dim, dim, dim_out : int
        Width of what comes in, between the blocks, and of what the last one gives.
    num_heads, map_size
        As of :class:`minivit.layers.MViTBlock`.
    stride_q : (rows, columns)
        Of the queries of the first block; in all others it is 1.
    kernel_qkv : int or (rows, columns)
    pool_all_q : bool
        Whether queries are pooled where their stride is 1, too.
    drop_path_rates : list of float
        One for each block.
    grad_checkpointing : bool
    block
        Further options of all blocks.

    References
    ----------
    Fan et al. 2021, "Multiscale Vision Transformers", section 3.2, "Scale stages".
    """

    def __init__(
        self,
        in_dim: int,
        dim: int,
        dim_out: int,
        num_heads: int,
        map_size: tuple[int, int],
        *,
        stride_q: tuple[int, int],
        kernel_qkv: Size,
        pool_all_q: bool,
        drop_path_rates: list[float],
        grad_checkpointing: bool,
        **block: Any,
    ) -> None:
        blocks, self.out_size, self.out_dim = [], map_size, dim_out if drop_path_rates else in_dim
        for j, rate in enumerate(drop_path_rates):
            stride = stride_q if j == 0 else (1, 1)
            one = MViTBlock(
                in_dim if j == 0 else dim,
                dim_out if j == len(drop_path_rates) - 1 else dim,
                num_heads,
                self.out_size,
                kernel_q=kernel_qkv if pool_all_q or max(stride) > 1 else 1,
                kernel_kv=kernel_qkv,
                stride_q=stride,
                drop_path_rate=rate,
                **block,
            )
            blocks.append(one)
            self.out_size = one.out_size
        self.blocks = [Checkpoint(one) for one in blocks] if grad_checkpointing else blocks

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, MViTStageCache]:
        x, c_blocks = run(self.blocks, x, rng=rng)
        return x, MViTStageCache(c_blocks)

    def backward(self, dy: ndarray, cache: MViTStageCache) -> ndarray:
        return run_backward(self.blocks, dy, cache.blocks)


def mvit_stages(
    depths: tuple[int, ...],
    dims: tuple[int, ...],
    num_heads: tuple[int, ...],
    map_size: tuple[int, int],
    *,
    expand_attn: bool,
    stride_q: list[tuple[int, int]],
    stride_kv: list[tuple[int, int]],
    drop_path_rate: float,
    **options: Any,
) -> list[MViTStage]:
    """Stages, each on the map that the one before leaves; ``options`` are those of all, as of :class:`MViTStage`.

    The next width is made by the first attention of its stage (``expand_attn``), or by the last MLP of the one before.
    Stochastic depth grows linearly, from 0 in the first block of all to ``drop_path_rate`` in the last.
    """
    stages: list[MViTStage] = []
    width, every = dims[0], zip(dims, num_heads, stage_rates(drop_path_rate, depths), strict=True)
    for i, (dim, heads, rates) in enumerate(every):
        stage = MViTStage(
            width,
            dim,
            dim if expand_attn else dims[min(i + 1, len(dims) - 1)],
            heads,
            map_size,
            expand_attn=expand_attn,
            stride_q=stride_q[i],
            stride_kv=stride_kv[i],
            drop_path_rates=rates,
            **options,
        )
        stages.append(stage)
        width, map_size = stage.out_dim, stage.out_size
    return stages


def doubled(numbers: int | tuple[int, ...], stages: int) -> tuple[int, ...]:
    """One number for each stage; a single one is that of the first, and each further one twice the one before."""
    return tuple(numbers * 2**i for i in range(stages)) if isinstance(numbers, int) else tuple(numbers)


def strides(
    stride_q: Strides, stride_kv: Strides | None, adaptive: Size
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Strides of queries, and of keys and values, stage by stage.

    Raises
    ------
    ValueError
        If one is less than 1.
    """
    given = {"stride_q": stride_q} | ({} if stride_kv is None else {"stride_kv": stride_kv})
    for name, steps in given.items():
        for step in steps:
            check_range(name, pair(step), at_least=1)
    of_queries = [pair(step) for step in stride_q]
    if stride_kv is not None:
        return of_queries, [pair(step) for step in stride_kv]
    of_keys, (rows, columns) = [], pair(adaptive)
    for down, right in of_queries:
        if min(down, right) > 1:
            rows, columns = max(rows // down, 1), max(columns // right, 1)
        of_keys.append((rows, columns))
    return of_queries, of_keys
