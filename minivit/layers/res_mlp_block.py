"""The block of ResMLP: one linear map over the tokens, an MLP over the channels, and no normalisation."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.affine import Affine
from minivit.layers.basic import Linear, Mlp, MlpCache
from minivit.layers.dropout import drop_path
from minivit.layers.initial import full
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import IdentityCache
from minivit.ops.affine import AffineCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_scale import LayerScaleCache, layer_scale_backward, layer_scale_forward
from minivit.ops.linear import LinearCache
from minivit.types import Float


class ResMlpBlockCache(NamedTuple):
    """Caches of the steps of :class:`ResMlpBlock`, by name."""

    norm1: AffineCache
    linear_tokens: LinearCache
    ls1: LayerScaleCache
    drop_path1: DropPathCache | IdentityCache
    norm2: AffineCache
    mlp_channels: MlpCache
    ls2: LayerScaleCache
    drop_path2: DropPathCache | IdentityCache


class ResMlpBlock(Layer):
    """``x + ls1 * linear_tokens(norm1(x).mT).mT``, then ``x + ls2 * mlp_channels(norm2(x))``.

    The norms are affine maps. What each branch adds is small at first (LayerScale); without a norm, deep models do not
    train otherwise.

    Source: Touvron et al. 2021, "ResMLP: Feedforward networks for image classification with data-efficient training",
    equations 2 and 3.
    """

    def __init__(
        self,
        dim: int,
        num_tokens: int,
        *,
        channels_dim: int,
        init_values: float,
        proj_drop: float = 0.0,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
    ) -> None:
        self.norm1 = Affine(dim)
        self.linear_tokens = Linear(num_tokens, num_tokens)
        self.ls1 = Param((dim,), "out", full(init_values))
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = Affine(dim)
        self.mlp_channels = Mlp(dim, channels_dim, act_layer=act_layer, drop=proj_drop)
        self.ls2 = Param((dim,), "out", full(init_values))
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(
        self, x: Float[ndarray, "B N D"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B N D"], ResMlpBlockCache]:
        # over the tokens: a channel is a row
        h, c_norm1 = self.norm1.forward(x)
        h, c_linear_tokens = self.linear_tokens.forward(h.mT.copy())  # (B, D, N)
        h, c_ls1 = layer_scale_forward(h.mT.copy(), self.ls1.value)  # (B, N, D)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x = x + h  # never +=: we do not own x
        # over the channels: a token is a row
        h, c_norm2 = self.norm2.forward(x)
        h, c_mlp_channels = self.mlp_channels.forward(h, rng=rng)
        h, c_ls2 = layer_scale_forward(h, self.ls2.value)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return x + h, ResMlpBlockCache(
            norm1=c_norm1,
            linear_tokens=c_linear_tokens,
            ls1=c_ls1,
            drop_path1=c_drop_path1,
            norm2=c_norm2,
            mlp_channels=c_mlp_channels,
            ls2=c_ls2,
            drop_path2=c_drop_path2,
        )

    def backward(self, dy: Float[ndarray, "B N D"], cache: ResMlpBlockCache) -> Float[ndarray, "B N D"]:
        # over the channels; the forward, read from the bottom up
        dh = self.drop_path2.backward(dy, cache.drop_path2)
        dh, dls2 = layer_scale_backward(dh, cache.ls2)
        self.ls2.add_grad(dls2)
        dh = self.mlp_channels.backward(dh, cache.mlp_channels)
        dx = dy + self.norm2.backward(dh, cache.norm2)  # forward: x + h; both ways get the gradient
        # over the tokens
        dh = self.drop_path1.backward(dx, cache.drop_path1)
        dh, dls1 = layer_scale_backward(dh, cache.ls1)
        self.ls1.add_grad(dls1)
        dh = self.linear_tokens.backward(dh.mT.copy(), cache.linear_tokens)  # forward: h.mT.copy()
        return dx + self.norm1.backward(dh.mT.copy(), cache.norm1)  # forward: h.mT.copy()
