"""Attention inside windows, or of the whole map, with relative positions that the query decides."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_no_mask, check_shape
from minivit.layers.dropout import dropout
from minivit.layers.pooling_attention import PoolingAttention, PoolingAttentionCache
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.windows import (
    WindowPartitionCache,
    window_partition_backward,
    window_partition_forward,
    window_reverse_backward,
    window_reverse_forward,
)
from minivit.types import Size, pair


class RelativeWindowAttentionCache(NamedTuple):
    """Caches of the steps of :class:`RelativeWindowAttention`; ``attn.attention.weights`` is (B, W, H, N, N)."""

    partition: WindowPartitionCache
    attn: PoolingAttentionCache
    proj_drop: DropoutCache | IdentityCache
    reverse: WindowPartitionCache


class RelativeWindowAttention(PoolingAttention):
    r"""Self-attention of the tokens of each window of a map, with scores for how far down and right they lie apart.

    .. math:: \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{K}} + E\right) V, \qquad
              E_{(y,x),(u,v)} = q_{(y,x)} \cdot R_{y-u} + q_{(y,x)} \cdot C_{x-v}

    It is the attention of MViTv2 without pooling (:class:`minivit.layers.PoolingAttention`), in windows that stay where
    they are. Where windows do not divide the map, zeros fill it up at the bottom and on the right. They take part in
    attention like other tokens, with the bias of keys and values for a key and a value; nothing masks them.

    Parameters
    ----------
    dim, num_heads : int
    map_size : int or (rows, columns)
        Of the map that comes in.
    window_size : int or (rows, columns), optional
        It may be larger than the map, which is filled up then. None: all places of the map attend to each other, which
        is one window as large as the map.
    rel_pos : bool
        Whether there is E.
    qkv_bias : bool
    proj_drop : float

    References
    ----------
    Li et al. 2022, "Exploring Plain Vision Transformer Backbones for Object Detection", section 3; as it is, with this
    filling, in the code of Kirillov et al. 2023, "Segment Anything".
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        map_size: Size,
        *,
        window_size: Size | None = None,
        rel_pos: bool = True,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
    ) -> None:
        window = pair(map_size if window_size is None else window_size)
        none: dict[str, Any] = {"kernel_q": 1, "kernel_kv": 1, "residual_pooling": False}
        super().__init__(dim, dim, num_heads, window, rel_pos=rel_pos, qkv_bias=qkv_bias, **none)
        self.whole_size, self.window_size = pair(map_size), window
        self.proj_drop = dropout(proj_drop)

    def forward(  # type: ignore[override]
        self, x: ndarray, *, mask: None = None, rng: Generator | None = None
    ) -> tuple[ndarray, RelativeWindowAttentionCache]:
        """(B, Y, X, D) -> (B, Y, X, D): cut into windows; attend in each; put them back. ``mask`` must be None."""
        check_no_mask("RelativeWindowAttention", mask)
        check_shape("relative window attention: x", x, (len(x), *self.whole_size, x.shape[-1]))
        windows, c_partition = window_partition_forward(x, window_size=self.window_size)  # (B, W, N, D)
        h, c_attn = super().forward(windows, rng=rng)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        y, c_reverse = window_reverse_forward(h, map_size=self.whole_size, window_size=self.window_size)
        return y, RelativeWindowAttentionCache(
            partition=c_partition, attn=c_attn, proj_drop=c_proj_drop, reverse=c_reverse
        )

    def backward(self, dy: ndarray, cache: RelativeWindowAttentionCache) -> ndarray:  # type: ignore[override]
        """Add to the gradients of the parameters; return that of ``x``."""
        (dh,) = window_reverse_backward(dy, cache.reverse)
        dh = self.proj_drop.backward(dh, cache.proj_drop)
        dwindows = super().backward(dh, cache.attn)
        (dx,) = window_partition_backward(dwindows, cache.partition)
        return dx
