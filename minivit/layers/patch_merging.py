"""Patch merging: between two stages, half the rows, half the columns, twice the width."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.layer import Layer
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.merge_patches import MergePatchesCache, merge_patches_backward, merge_patches_forward


class PatchMergingCache(NamedTuple):
    """Caches of the steps of :class:`PatchMerging`."""

    merge: MergePatchesCache
    norm: LayerNormCache
    reduction: LinearCache


class PatchMerging(Layer):
    """Put 2 x 2 neighbours side by side (4C), normalise, and map them to 2C. (The paper does not mention the norm.)

    Source: Liu et al. 2021, "Swin Transformer", section 3.1.
    """

    def __init__(self, dim: int, *, norm_eps: float = 1e-5) -> None:
        self.norm = LayerNorm(4 * dim, eps=norm_eps)
        self.reduction = Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PatchMergingCache]:
        """(B, Y, X, C) -> (B, ceil(Y / 2), ceil(X / 2), 2C)."""
        h, c_merge = merge_patches_forward(x)  # (B, Y / 2, X / 2, 4C)
        h, c_norm = self.norm.forward(h)
        y, c_reduction = self.reduction.forward(h)
        return y, PatchMergingCache(c_merge, c_norm, c_reduction)

    def backward(self, dy: ndarray, cache: PatchMergingCache) -> ndarray:
        dh = self.reduction.backward(dy, cache.reduction)
        dh = self.norm.backward(dh, cache.norm)
        (dx,) = merge_patches_backward(dh, cache.merge)
        return dx


class PatchMergingV2(PatchMerging):
    """That of Swin V2: map the 2 x 2 neighbours to 2C first, and normalise what comes out, as its blocks do.

    Source: Liu et al. 2022, "Swin Transformer V2", its code. (The paper does not mention it.)
    """

    def __init__(self, dim: int, *, norm_eps: float = 1e-5) -> None:
        super().__init__(dim)
        self.norm = LayerNorm(2 * dim, eps=norm_eps)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PatchMergingCache]:
        h, c_merge = merge_patches_forward(x)  # (B, Y / 2, X / 2, 4C)
        h, c_reduction = self.reduction.forward(h)
        y, c_norm = self.norm.forward(h)
        return y, PatchMergingCache(c_merge, c_norm, c_reduction)

    def backward(self, dy: ndarray, cache: PatchMergingCache) -> ndarray:
        dh = self.norm.backward(dy, cache.norm)
        dh = self.reduction.backward(dh, cache.reduction)
        (dx,) = merge_patches_backward(dh, cache.merge)
        return dx
