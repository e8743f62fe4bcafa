"""Transformer blocks: attention mixes tokens, the MLP thinks about each; both are added to what was there."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import SelfAttention, SelfAttentionCache
from minivit.layers.basic import LayerNorm, Mlp, MlpCache
from minivit.layers.dropout import drop_path
from minivit.layers.residual import PostNorm, PreNorm
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache


class BlockCache(NamedTuple):
    """Caches of the steps of a block, by name."""

    norm1: LayerNormCache
    attn: SelfAttentionCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    mlp: MlpCache
    drop_path2: DropPathCache | IdentityCache


class Block(PreNorm):
    """Pre-norm block, that of ViT: ``x + attn(norm1(x))``, then ``x + mlp(norm2(x))``.

    Source: Dosovitskiy et al. 2021, equations 2 and 3.
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
        self.mlp = Mlp(dim, int(dim * mlp_ratio), act_layer=act_layer, drop=proj_drop)
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, BlockCache]:
        x, (c_norm1, c_attn, c_drop_path1) = self.step(x, self.norm1, self.attn, self.drop_path1, mask=mask, rng=rng)
        x, (c_norm2, c_mlp, c_drop_path2) = self.step(x, self.norm2, self.mlp, self.drop_path2, rng=rng)
        return x, BlockCache(
            norm1=c_norm1, attn=c_attn, drop_path1=c_drop_path1, norm2=c_norm2, mlp=c_mlp, drop_path2=c_drop_path2
        )

    def backward(self, dy: ndarray, cache: BlockCache) -> ndarray:
        c_attn, c_mlp = (cache.norm1, cache.attn, cache.drop_path1), (cache.norm2, cache.mlp, cache.drop_path2)
        (dx,) = self.step_backward(dy, self.norm2, self.mlp, self.drop_path2, c_mlp)
        (dx,) = self.step_backward(dx, self.norm1, self.attn, self.drop_path1, c_attn)
        return dx


class PostNormBlock(PostNorm, Block):
    """Post-norm block, that of the original Transformer: ``norm1(x + attn(x))``, then ``norm2(x + mlp(x))``.

    The same parts and parameters as :class:`Block`; the normalisation stands on the main road, after each sum.

    Source: Vaswani et al. 2017, section 3.1.
    """
