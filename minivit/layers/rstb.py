"""The residual block of SwinIR: blocks of Swin, and convolutions behind them.

Source: Liang et al. 2021, "SwinIR: Image Restoration Using Swin Transformer", section 3.2.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.block import Block
from minivit.layers.conv2d import Conv2d
from minivit.layers.layer import Layer
from minivit.layers.patch_merging import PatchMerging
from minivit.layers.sequence import Layers, run, run_backward
from minivit.layers.swin_stage import SwinStage, SwinStageCache
from minivit.layers.upsampling import LeakyRelu
from minivit.layers.window_attention import AnyWindowAttention


class SwinIRStage(SwinStage):
    """Blocks of Swin on maps of any size; ``map_size`` is that of the images that the model is built for."""

    def parts(self, windows_like: str) -> tuple[type, type, type]:
        return AnyWindowAttention, Block, PatchMerging


class RSTBCache(NamedTuple):
    """Caches of the steps of :class:`RSTB`."""

    residual_group: SwinStageCache
    conv: Any


class RSTB(Layer):
    """Residual Swin Transformer block: ``x + conv(blocks(x))``; the convolution looks across the edges of windows.

    Source: Liang et al. 2021, section 3.2, equations 9 and 10.
    """

    def __init__(self, dim: int, num_heads: int, map_size: tuple[int, int], *, resi_connection: str, **options: Any):
        self.residual_group = SwinIRStage(
            dim, num_heads, map_size, downsample=False, windows_like="transformers", **options
        )
        self.conv = convolutions(dim, resi_connection)

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, RSTBCache]:
        h, c_group = self.residual_group.forward(x, rng=rng)
        h, c_conv = run(in_a_row(self.conv), h)
        return x + h, RSTBCache(c_group, c_conv)

    def backward(self, dy: ndarray, cache: RSTBCache) -> ndarray:
        dh = run_backward(in_a_row(self.conv), dy, cache.conv)
        return dy + self.residual_group.backward(dh, cache.residual_group)  # forward: return x + h


def convolutions(dim: int, resi_connection: str) -> Layer | list[Layer]:
    """What ends an RSTB and the body, under the official names: "conv", or "conv.0", "conv.2" and "conv.4".

    Raises
    ------
    ValueError
        If it is none of the two, or of so few channels there is no quarter.
    """
    if resi_connection == "1conv":
        return Conv2d(dim, dim, 3, padding=1)
    if resi_connection != "3conv":
        raise ValueError(f'resi_connection is {resi_connection!r}; expected "1conv" or "3conv"')
    if dim < 4:
        raise ValueError(f'embed_dim is {dim}; with resi_connection="3conv", a quarter of which is used, at least 4')
    few = Conv2d(dim // 4, dim // 4, 1)
    ends = Conv2d(dim, dim // 4, 3, padding=1), Conv2d(dim // 4, dim, 3, padding=1)
    return [ends[0], LeakyRelu(0.2), few, LeakyRelu(0.2), ends[1]]


def in_a_row(part: Layer | list[Layer]) -> Layers:
    """One layer as a sequence of one."""
    return [part] if isinstance(part, Layer) else part
