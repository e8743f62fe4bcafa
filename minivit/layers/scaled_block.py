"""LayerScale as a layer, and the Transformer block that ends both its branches in one."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import SelfAttentionCache
from minivit.layers.basic import MlpCache
from minivit.layers.block import Block
from minivit.layers.initial import full
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.layer_scale import LayerScaleCache, layer_scale_backward, layer_scale_forward


class LayerScale(Layer):
    """A learned factor for each channel, ``init_values`` at first.

    Source: Touvron et al. 2021, "Going deeper with Image Transformers", section 2.1.
    """

    def __init__(self, dim: int, init_values: float) -> None:
        self.gamma = Param((dim,), "out", full(init_values))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LayerScaleCache]:
        return layer_scale_forward(x, self.gamma.value)

    def backward(self, dy: ndarray, cache: LayerScaleCache) -> ndarray:
        dx, dgamma = layer_scale_backward(dy, cache)
        self.gamma.add_grad(dgamma)
        return dx


class ScaledBlockCache(NamedTuple):
    """Caches of the steps of :class:`ScaledBlock`, in order."""

    norm1: LayerNormCache
    attn: SelfAttentionCache
    ls1: LayerScaleCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    mlp: MlpCache
    ls2: LayerScaleCache
    drop_path2: DropPathCache | IdentityCache


class ScaledBlock(Block):
    """Pre-norm block with LayerScale: ``x + ls1(attn(norm1(x)))``, then ``x + ls2(mlp(norm2(x)))``.

    That of CaiT, DeiT III and DINOv2. Other arguments as of :class:`minivit.layers.Block`.

    Source: Touvron et al. 2021, "Going deeper with Image Transformers", equation 5.
    """

    def __init__(self, dim: int, num_heads: int, *, init_values: float, **options: Any) -> None:
        super().__init__(dim, num_heads, **options)
        self.ls1 = LayerScale(dim, init_values)
        self.ls2 = LayerScale(dim, init_values)

    def forward(  # type: ignore[override]
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, ScaledBlockCache]:
        h, c_norm1 = self.norm1.forward(x)
        h, c_attn = self.attn.forward(h, mask=mask, rng=rng)
        h, c_ls1 = self.ls1.forward(h)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x = x + h
        h, c_norm2 = self.norm2.forward(x)
        h, c_mlp = self.mlp.forward(h, rng=rng)
        h, c_ls2 = self.ls2.forward(h)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return x + h, ScaledBlockCache(
            norm1=c_norm1,
            attn=c_attn,
            ls1=c_ls1,
            drop_path1=c_drop_path1,
            norm2=c_norm2,
            mlp=c_mlp,
            ls2=c_ls2,
            drop_path2=c_drop_path2,
        )

    def backward(self, dy: ndarray, cache: ScaledBlockCache) -> ndarray:  # type: ignore[override]
        dh = self.drop_path2.backward(dy, cache.drop_path2)  # the forward, read from the bottom up
        dh = self.ls2.backward(dh, cache.ls2)
        dh = self.mlp.backward(dh, cache.mlp)
        dx = dy + self.norm2.backward(dh, cache.norm2)  # forward: x + h; both ways get the gradient
        dh = self.drop_path1.backward(dx, cache.drop_path1)
        dh = self.ls1.backward(dh, cache.ls1)
        dh = self.attn.backward(dh, cache.attn)
        return dx + self.norm1.backward(dh, cache.norm1)
