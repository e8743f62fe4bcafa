"""Blocks of DETR: what asks and what offers is told its position in every block anew; what is carried is not."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import Attention, AttentionLayerCache
from minivit.layers.basic import LayerNorm, Mlp, MlpCache
from minivit.layers.dropout import drop_path
from minivit.layers.residual import PostNorm, PreNorm
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache

NORM_EPS = 1e-5


class PositionedSelfAttention(Attention):
    """Self-attention in which positions are added to queries and keys, and not to values."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] (positions for keys, and no bias)
        self, x: ndarray, pos: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, AttentionLayerCache]:
        """(B, N, D), and positions of the same shape -> (B, N, D)."""
        q = x + pos
        return super().forward(q, q, x, mask=mask, rng=rng)

    def backward(self, dy: ndarray, cache: AttentionLayerCache) -> tuple[ndarray, ndarray]:
        dquery, dkey, dvalue = super().backward(dy, cache)
        dpos = dquery + dkey  # forward: q = x + pos
        return dpos + dvalue, dpos


class PositionedCrossAttention(Attention):
    """Attention to a memory in which both sides are told their positions: queries theirs, keys theirs."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] (positions beside both, and no bias)
        self,
        x: ndarray,
        query_pos: ndarray,
        memory: ndarray,
        pos: ndarray,
        *,
        mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, AttentionLayerCache]:
        """(B, Q, D) with positions, and (B, S, D) with positions -> (B, Q, D)."""
        return super().forward(x + query_pos, memory + pos, memory, mask=mask, rng=rng)

    def backward(self, dy: ndarray, cache: AttentionLayerCache) -> tuple[ndarray, ...]:
        dquery, dkey, dvalue = super().backward(dy, cache)
        # forward: return super().forward(x + query_pos, memory + pos, memory, mask=mask, rng=rng)
        return dquery, dquery, dkey + dvalue, dkey


class DetrEncoderBlockCache(NamedTuple):
    """Caches of the steps of an encoder block; ``attn.attention.weights`` is (B, H, S, S)."""

    norm1: LayerNormCache
    attn: AttentionLayerCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    mlp: MlpCache
    drop_path2: DropPathCache | IdentityCache


class DetrEncoderBlock(PreNorm):
    """Places of an image read each other, then each thinks; pre-norm.

    Source: Carion et al. 2020, "End-to-End Object Detection with Transformers", appendix A.3, figure 10.
    """

    def __init__(
        self, dim: int, num_heads: int, mlp_dim: int, *, drop_rate: float = 0.0, drop_path_rate: float = 0.0
    ) -> None:
        self.norm1 = LayerNorm(dim, eps=NORM_EPS)
        self.attn = PositionedSelfAttention(dim, num_heads, proj_drop=drop_rate)
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(dim, eps=NORM_EPS)
        self.mlp = Mlp(dim, mlp_dim, act_layer="relu", drop=drop_rate)
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(
        self, x: ndarray, pos: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, DetrEncoderBlockCache]:
        """Places (B, S, D) and their positions -> (B, S, D)."""
        x, (c_norm1, c_attn, c_drop_path1) = self.step(
            x, self.norm1, self.attn, self.drop_path1, pos, mask=mask, rng=rng
        )
        x, (c_norm2, c_mlp, c_drop_path2) = self.step(x, self.norm2, self.mlp, self.drop_path2, rng=rng)
        return x, DetrEncoderBlockCache(
            norm1=c_norm1, attn=c_attn, drop_path1=c_drop_path1, norm2=c_norm2, mlp=c_mlp, drop_path2=c_drop_path2
        )

    def backward(self, dy: ndarray, cache: DetrEncoderBlockCache) -> tuple[ndarray, ndarray]:
        """Gradients of the places and of their positions."""
        c_mlp = cache.norm2, cache.mlp, cache.drop_path2
        (dx,) = self.step_backward(dy, self.norm2, self.mlp, self.drop_path2, c_mlp)
        c_attn = cache.norm1, cache.attn, cache.drop_path1
        dx, dpos = self.step_backward(dx, self.norm1, self.attn, self.drop_path1, c_attn)
        return dx, dpos


class PostNormDetrEncoderBlock(PostNorm, DetrEncoderBlock):
    """The same with the normalisation behind each sum, as the paper's models have it."""


class DetrDecoderBlockCache(NamedTuple):
    """Caches of the steps of a decoder block; ``cross_attn.attention.weights`` is (B, H, Q, S)."""

    norm1: LayerNormCache
    attn: AttentionLayerCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    cross_attn: AttentionLayerCache
    drop_path2: DropPathCache | IdentityCache
    norm3: LayerNormCache
    mlp: MlpCache
    drop_path3: DropPathCache | IdentityCache


class DetrDecoderBlock(PreNorm):
    """Queries read each other, then the image, then each thinks; pre-norm. No query is kept from any other.

    Source: as of :class:`DetrEncoderBlock`.
    """

    def __init__(
        self, dim: int, num_heads: int, mlp_dim: int, *, drop_rate: float = 0.0, drop_path_rate: float = 0.0
    ) -> None:
        self.norm1 = LayerNorm(dim, eps=NORM_EPS)
        self.attn = PositionedSelfAttention(dim, num_heads, proj_drop=drop_rate)
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(dim, eps=NORM_EPS)
        self.cross_attn = PositionedCrossAttention(dim, num_heads, proj_drop=drop_rate)
        self.drop_path2 = drop_path(drop_path_rate)
        self.norm3 = LayerNorm(dim, eps=NORM_EPS)
        self.mlp = Mlp(dim, mlp_dim, act_layer="relu", drop=drop_rate)
        self.drop_path3 = drop_path(drop_path_rate)

    def forward(
        self,
        x: ndarray,
        query_pos: ndarray,
        memory: ndarray,
        pos: ndarray,
        *,
        mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, DetrDecoderBlockCache]:
        """Queries (B, Q, D) and their positions, the image's places (B, S, D) and theirs -> (B, Q, D)."""
        x, (c_norm1, c_attn, c_drop_path1) = self.step(x, self.norm1, self.attn, self.drop_path1, query_pos, rng=rng)
        x, (c_norm2, c_cross_attn, c_drop_path2) = self.step(
            x, self.norm2, self.cross_attn, self.drop_path2, query_pos, memory, pos, mask=mask, rng=rng
        )
        x, (c_norm3, c_mlp, c_drop_path3) = self.step(x, self.norm3, self.mlp, self.drop_path3, rng=rng)
        return x, DetrDecoderBlockCache(
            norm1=c_norm1,
            attn=c_attn,
            drop_path1=c_drop_path1,
            norm2=c_norm2,
            cross_attn=c_cross_attn,
            drop_path2=c_drop_path2,
            norm3=c_norm3,
            mlp=c_mlp,
            drop_path3=c_drop_path3,
        )

    def backward(self, dy: ndarray, cache: DetrDecoderBlockCache) -> tuple[ndarray, ...]:
        """Gradients of the queries, their positions, the image's places and theirs."""
        c_mlp = cache.norm3, cache.mlp, cache.drop_path3
        (dx,) = self.step_backward(dy, self.norm3, self.mlp, self.drop_path3, c_mlp)
        c_cross_attn = cache.norm2, cache.cross_attn, cache.drop_path2
        dx, dquery_pos, dmemory, dpos = self.step_backward(
            dx, self.norm2, self.cross_attn, self.drop_path2, c_cross_attn
        )
        c_attn = cache.norm1, cache.attn, cache.drop_path1
        dx, dquery_pos_too = self.step_backward(dx, self.norm1, self.attn, self.drop_path1, c_attn)
        return dx, dquery_pos + dquery_pos_too, dmemory, dpos


class PostNormDetrDecoderBlock(PostNorm, DetrDecoderBlock):
    """The same with the normalisation behind each sum, as the paper's models have it."""
