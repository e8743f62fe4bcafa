"""Attention inside the windows of a map."""

import copy
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_shape
from minivit.layers.attention import SelfAttention, SelfAttentionCache
from minivit.layers.basic import Linear
from minivit.layers.initial import normal
from minivit.layers.param import Param
from minivit.ops.linear import LinearCache
from minivit.ops.relative_position import (
    RelativePositionBiasCache,
    relative_position_bias_backward,
    relative_position_bias_forward,
)
from minivit.ops.rows import sum_to
from minivit.ops.windows import (
    WindowPartitionCache,
    shifted_window_mask,
    window_partition_backward,
    window_partition_forward,
    window_reverse_backward,
    window_reverse_forward,
)
from minivit.types import Shift, Size, pair


class WindowAttentionCache(NamedTuple):
    """Caches of the steps of :class:`WindowAttention`; ``attn.attention.weights`` is (B, W, H, N, N)."""

    partition: WindowPartitionCache
    relative_position_bias: RelativePositionBiasCache | None
    attn: SelfAttentionCache
    reverse: WindowPartitionCache


class WindowAttention(SelfAttention):
    r"""Self-attention of the tokens of each window of a map, with a bias for how they lie to each other.

    .. math:: \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{K}} + B\right) V

    Parameters
    ----------
    dim, num_heads : int
    map_size : int or (rows, columns)
        Of the map that comes in.
    window_size, shift_size : int or (rows, columns)
    pad_first : bool
        How the map is cut; see :func:`minivit.ops.windows.window_partition_forward`.
    relative_position : "bias", "none" or "only"
        "bias": B is learned, for each head and each way from one token of a window to another. "none": there is no B.
        "only": there are no queries and keys, and B alone says who looks where.
    qkv_bias, proj_drop
        As in :class:`minivit.layers.attention.SelfAttention`.

    References
    ----------
    Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 3.2.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        map_size: Size,
        *,
        window_size: Size,
        shift_size: Shift = 0,
        pad_first: bool = False,
        relative_position: str = "bias",
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
    ) -> None:
        check_relative_position(relative_position)
        super().__init__(dim, num_heads, qkv_bias=qkv_bias, proj_drop=proj_drop)
        if relative_position == "only":
            self.qkv = OnlyValues(dim, dim, bias=qkv_bias)
        (M, L), self.map_size = pair(window_size), pair(map_size)
        self.cut = {"window_size": (M, L), "shift_size": pair(shift_size), "pad_first": pad_first}
        self.relative_position_bias_table = (
            None
            if relative_position == "none"
            else Param(((2 * M - 1) * (2 * L - 1), num_heads), "way head", normal(0.02))
        )

    @property
    def mask(self) -> ndarray | None:
        """True where a token of a window may look at another (W, 1, N, N); None where all may look at all."""
        return shifted_mask(self.map_size, self.cut["window_size"], self.cut["shift_size"])

    def forward(  # type: ignore[override]
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, WindowAttentionCache]:
        """(B, Y, X, D) -> (B, Y, X, D): cut into windows; attend in each; put them back.

        Strangers, whom ``self.mask`` (W, 1, N, N; None where all may look at all) keeps apart, have the score minus
        infinity. ``mask`` may forbid further pairs; it is broadcastable to (B, W, H, N, N).
        """
        check_shape("window attention: x", x, (len(x), *self.map_size, x.shape[-1]))
        windows, c_partition = window_partition_forward(x, **self.cut)  # (B, W, N, D)
        bias, c_bias = None, None
        if self.relative_position_bias_table:
            table = self.relative_position_bias_table.value
            bias, c_bias = relative_position_bias_forward(table, window_size=self.cut["window_size"])  # (H, N, N)
        if self.mask is not None:  # minus infinity between strangers
            zero, infinity = x.dtype.type(0), x.dtype.type(np.inf)
            bias = np.where(self.mask, zero if bias is None else bias, -infinity)  # (W, H, N, N)
        h, c_attn = super().forward(windows, bias, mask=mask, rng=rng)
        y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
        return y, WindowAttentionCache(
            partition=c_partition, relative_position_bias=c_bias, attn=c_attn, reverse=c_reverse
        )

    def backward(self, dy: ndarray, cache: WindowAttentionCache) -> ndarray:  # type: ignore[override]
        """Add to the gradients of the parameters, the table's too; return that of ``x``.

        Strangers have weight 0, so their scores have gradient 0; all windows read the same table.
        """
        (dh,) = window_reverse_backward(dy, cache.reverse)
        dwindows = super().backward(dh, cache.attn)
        if isinstance(dwindows, tuple):  # there was a bias
            dwindows, dbias = dwindows
            if self.relative_position_bias_table and cache.relative_position_bias:
                dbias = sum_to(dbias, dbias.shape[-3:])  # formula: the same bias for every window
                (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
                self.relative_position_bias_table.add_grad(dtable)
        (dx,) = window_partition_backward(dwindows, cache.partition)
        return dx


class AnyWindowAttention(WindowAttention):
    """Attention inside the windows of maps of any size, each with the mask of its own; ``map_size`` is of no effect."""

    def forward(  # type: ignore[override]
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, WindowAttentionCache]:
        """(B, Y, X, D) -> (B, Y, X, D), as the layer of the same parameters that was made for such maps."""
        layer = copy.copy(self)  # so that two threads may have maps of two sizes
        layer.map_size = x.shape[1:3]
        return super(AnyWindowAttention, layer).forward(x, mask=mask, rng=rng)


def check_relative_position(relative_position: str) -> None:
    """ValueError for another word; a model asks it, too, which may have no block that would."""
    if relative_position not in ("bias", "only", "none"):
        raise ValueError(f'relative_position is {relative_position!r}; expected "bias", "only" or "none"')


@lru_cache(maxsize=16)
def shifted_mask(
    map_size: tuple[int, int], window_size: tuple[int, int], shift_size: tuple[int, int]
) -> ndarray | None:
    """True where a token of a window may look at another (W, 1, N, N); None where all may look at all.

    All blocks of a stage share it, and a model that is only built or counted has none.
    """
    if not any(shift_size):
        return None
    mask = shifted_window_mask(map_size, window_size, shift_size)[:, None]
    mask.flags.writeable = False
    return mask


class OnlyValues(Linear):
    """Values, and zeros in place of queries and keys: then all scores are equal, and positions alone decide.

    Source: Liu et al. 2021, "Swin Transformer", table 4, "rel. pos. w/o app.".
    """

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LinearCache]:
        v, cache = super().forward(x, rng=rng)
        return np.concatenate((np.zeros_like(v), np.zeros_like(v), v), axis=-1), cache

    def backward(self, dy: ndarray, cache: LinearCache) -> ndarray:
        return super().backward(dy[..., -self.weight.shape[-1] :], cache)


def window_attention_in_full(layer: WindowAttention, x: ndarray) -> ndarray:
    """The same as ``layer.forward(x)``, without windows: all tokens of the map, an explicit mask and an explicit bias.

    Every token asks every other, (Y X)^2 scores, and all are forbidden but those of neighbours in the same window.

    Raises
    ------
    ValueError
        If windows do not divide the map: what fills it up would be tokens, too.
    """
    (B, Y, X, D), (M, L), (down, right) = x.shape, layer.cut["window_size"], layer.cut["shift_size"]
    if Y % M or X % L:
        raise ValueError(f"windows of {M} x {L} do not divide a map of {Y} x {X}")
    y0, x0 = np.divmod(np.arange(Y * X), X)  # where each token is,
    row, column = (y0 - down) % Y, (x0 - right) % X  # where the roll puts it,
    belongs = np.stack((row // M, column // L, y0 < down, x0 < right))  # its window, and whether it came around an edge
    may_look = np.all(belongs[:, :, None] == belongs[:, None, :], axis=0)  # (Y*X, Y*X)
    bias = np.where(may_look, x.dtype.type(0), x.dtype.type(-np.inf))
    if layer.relative_position_bias_table:
        way = (row[:, None] - row + M - 1) * (2 * L - 1) + (column[:, None] - column + L - 1)
        table = layer.relative_position_bias_table.value
        bias = bias + np.moveaxis(table[np.where(may_look, way, 0)], -1, 0)  # (H, Y*X, Y*X)
    h, _ = SelfAttention.forward(layer, x.reshape(B, Y * X, D), bias)
    return h.reshape(B, Y, X, D)
