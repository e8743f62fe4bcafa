"""Decoder blocks: tokens look at those before them, then at what the encoder made of the source."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import Attention, AttentionLayerCache, SelfAttention, SelfAttentionCache
from minivit.layers.basic import LayerNorm, Mlp, MlpCache, mlp_width
from minivit.layers.dropout import drop_path
from minivit.layers.residual import PostNorm, PreNorm
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache


class DecoderBlockCache(NamedTuple):
    """Caches of the steps of a decoder block, by name; ``cross_attn.attention.weights`` is (B, H, T, S)."""

    norm1: LayerNormCache
    attn: SelfAttentionCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    cross_attn: AttentionLayerCache
    drop_path2: DropPathCache | IdentityCache
    norm3: LayerNormCache
    mlp: MlpCache
    drop_path3: DropPathCache | IdentityCache


class DecoderBlock(PreNorm):
    """Pre-norm block of a decoder: ``x + attn(norm1(x))``, ``x + cross_attn(norm2(x), memory)``, ``x + mlp(norm3(x))``.

    Source: Vaswani et al. 2017, section 3.1, with the normalisation in front, as Xiong et al. 2020, "On Layer
    Normalization in the Transformer Architecture", have it.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-6,
    ) -> None:
        self.norm1 = LayerNorm(dim, eps=norm_eps)
        self.attn = SelfAttention(dim, num_heads, qkv_bias=qkv_bias, proj_drop=proj_drop)
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(dim, eps=norm_eps)
        self.cross_attn = Attention(dim, num_heads, qkv_bias=qkv_bias, proj_drop=proj_drop)
        self.drop_path2 = drop_path(drop_path_rate)
        self.norm3 = LayerNorm(dim, eps=norm_eps)
        self.mlp = Mlp(dim, mlp_width(dim, mlp_ratio), act_layer=act_layer, drop=proj_drop)
        self.drop_path3 = drop_path(drop_path_rate)

    def forward(
        self,
        x: ndarray,
        memory: ndarray,
        *,
        memory_mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[ndarray, DecoderBlockCache]:
        """(B, T, D) and what the encoder made of the source, (B, S, D) -> (B, T, D).

        A token looks at itself and at those before it. So what follows the end of a sequence needs no mask.
        """
        causal = np.tri(x.shape[1], dtype=bool, like=x)
        x, (c_norm1, c_attn, c_drop_path1) = self.step(x, self.norm1, self.attn, self.drop_path1, mask=causal, rng=rng)
        x, (c_norm2, c_cross_attn, c_drop_path2) = self.step(
            x, self.norm2, self.cross_attn, self.drop_path2, memory, memory, mask=memory_mask, rng=rng
        )
        x, (c_norm3, c_mlp, c_drop_path3) = self.step(x, self.norm3, self.mlp, self.drop_path3, rng=rng)
        return x, DecoderBlockCache(
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

    def backward(self, dy: ndarray, cache: DecoderBlockCache) -> tuple[ndarray, ndarray]:
        c_attn = cache.norm1, cache.attn, cache.drop_path1
        c_cross_attn = cache.norm2, cache.cross_attn, cache.drop_path2
        c_mlp = cache.norm3, cache.mlp, cache.drop_path3
        (dx,) = self.step_backward(dy, self.norm3, self.mlp, self.drop_path3, c_mlp)
        dx, dkey, dvalue = self.step_backward(dx, self.norm2, self.cross_attn, self.drop_path2, c_cross_attn)
        (dx,) = self.step_backward(dx, self.norm1, self.attn, self.drop_path1, c_attn)
        return dx, dkey + dvalue  # forward: memory, memory; what offers, and what carries


class PostNormDecoderBlock(PostNorm, DecoderBlock):
    """Post-norm block of a decoder, that of the original Transformer: each step is ``norm(x + layer(x))``."""
