"""Transformer blocks: attention mixes tokens, the MLP thinks about each; both are added to what was there."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import SelfAttention, SelfAttentionCache
from minivit.layers.basic import LayerNorm, Mlp, MlpCache, mlp_width
from minivit.layers.dropout import drop_path
from minivit.layers.initial import zeros
from minivit.layers.layer import Layer
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


class Block(Layer):
    """Pre-norm block, that of ViT: ``x + attn(norm1(x))``, then ``x + mlp(norm2(x))``.

    ``attn`` is what mixes the tokens, if it is not a :class:`SelfAttention` with these heads, and ``mlp`` what thinks
    about each, if it is not an :class:`Mlp`. ``mlp_drop`` is the dropout inside the MLP, if it is not ``proj_drop``,
    that behind attention.

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
        mlp_drop: float | None = None,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-6,
        attn: Layer | None = None,
        mlp: Layer | None = None,
    ) -> None:
        self.norm1 = LayerNorm(dim, eps=norm_eps)
        self.attn = attn or SelfAttention(dim, num_heads, qkv_bias=qkv_bias, proj_drop=proj_drop)
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(dim, eps=norm_eps)
        in_mlp = proj_drop if mlp_drop is None else mlp_drop
        self.mlp = mlp or Mlp(dim, mlp_width(dim, mlp_ratio), act_layer=act_layer, drop=in_mlp)
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, BlockCache]:
        h, c_norm1 = self.norm1.forward(x)
        h, c_attn = self.attn.forward(h, mask=mask, rng=rng)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x = x + h  # never +=: we do not own x
        h, c_norm2 = self.norm2.forward(x)
        h, c_mlp = self.mlp.forward(h, rng=rng)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return x + h, BlockCache(
            norm1=c_norm1, attn=c_attn, drop_path1=c_drop_path1, norm2=c_norm2, mlp=c_mlp, drop_path2=c_drop_path2
        )

    def backward(self, dy: ndarray, cache: BlockCache) -> ndarray:
        dh = self.drop_path2.backward(dy, cache.drop_path2)  # the forward, read from the bottom up
        dh = self.mlp.backward(dh, cache.mlp)
        dx = dy + self.norm2.backward(dh, cache.norm2)  # forward: x + h; both ways get the gradient
        dh = self.drop_path1.backward(dx, cache.drop_path1)
        dh = self.attn.backward(dh, cache.attn)
        return dx + self.norm1.backward(dh, cache.norm1)


class PostNormBlock(Block):
    """Post-norm block, that of the original Transformer: ``norm1(x + attn(x))``, then ``norm2(x + mlp(x))``.

    The same parts and parameters as :class:`Block`; the normalisation stands on the main road, after each sum.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, BlockCache]:
        h, c_attn = self.attn.forward(x, mask=mask, rng=rng)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x, c_norm1 = self.norm1.forward(x + h)
        h, c_mlp = self.mlp.forward(x, rng=rng)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        y, c_norm2 = self.norm2.forward(x + h)
        return y, BlockCache(
            norm1=c_norm1, attn=c_attn, drop_path1=c_drop_path1, norm2=c_norm2, mlp=c_mlp, drop_path2=c_drop_path2
        )

    def backward(self, dy: ndarray, cache: BlockCache) -> ndarray:
        dsum = self.norm2.backward(dy, cache.norm2)
        dh = self.drop_path2.backward(dsum, cache.drop_path2)
        dx = dsum + self.mlp.backward(dh, cache.mlp)
        dsum = self.norm1.backward(dx, cache.norm1)
        dh = self.drop_path1.backward(dsum, cache.drop_path1)
        return dsum + self.attn.backward(dh, cache.attn)


class ResPostNormBlock(Block):
    """Block of Swin V2: ``x + norm1(attn(x))``, then ``x + norm2(mlp(x))``.

    The residual path goes through all blocks untouched, as in pre-norm; and what is added to it is normalised, so that
    it does not grow from block to block. The norms begin with scale 0: an untrained block hands on what it is given.

    Source: Liu et al. 2022, "Swin Transformer V2", section 3.2, figure 1.
    """

    def __init__(self, dim: int, num_heads: int, *, norm_eps: float = 1e-6, **options: Any) -> None:
        super().__init__(dim, num_heads, norm_eps=norm_eps, **options)
        self.norm1 = LayerNorm(dim, eps=norm_eps, initial=zeros)
        self.norm2 = LayerNorm(dim, eps=norm_eps, initial=zeros)

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, BlockCache]:
        h, c_attn = self.attn.forward(x, mask=mask, rng=rng)
        h, c_norm1 = self.norm1.forward(h)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x = x + h
        h, c_mlp = self.mlp.forward(x, rng=rng)
        h, c_norm2 = self.norm2.forward(h)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return x + h, BlockCache(
            norm1=c_norm1, attn=c_attn, drop_path1=c_drop_path1, norm2=c_norm2, mlp=c_mlp, drop_path2=c_drop_path2
        )

    def backward(self, dy: ndarray, cache: BlockCache) -> ndarray:
        dh = self.drop_path2.backward(dy, cache.drop_path2)
        dh = self.norm2.backward(dh, cache.norm2)
        dx = dy + self.mlp.backward(dh, cache.mlp)
        dh = self.drop_path1.backward(dx, cache.drop_path1)
        dh = self.norm1.backward(dh, cache.norm1)
        return dx + self.attn.backward(dh, cache.attn)
