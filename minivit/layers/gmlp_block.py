"""The block of gMLP: an MLP over the channels, in the middle of which tokens gate one another."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import ACTIVATIONS, LayerNorm, Linear, check_act_layer
from minivit.layers.dropout import drop_path, dropout
from minivit.layers.initial import normal, ones
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropoutCache, DropPathCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.spatial_gating import SpatialGatingCache, spatial_gating_backward, spatial_gating_forward
from minivit.types import Float


class Gate(Layer):
    """``u * (v.mT W + b).mT``: ``v`` says, place by place, how much of ``u`` is let through.

    At first W is next to 0 and b is 1: the gate is open and changes nothing.
    """

    def __init__(self, num_tokens: int) -> None:
        self.weight = Param((num_tokens, num_tokens), "in out", normal(1e-6))
        self.bias = Param((num_tokens,), "out", ones)

    def forward(
        self, u: Float[ndarray, "B N E"], v: Float[ndarray, "B N E"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B N E"], SpatialGatingCache]:
        return spatial_gating_forward(u, v, self.weight.value, self.bias.value)

    def backward(self, dy: Float[ndarray, "B N E"], cache: SpatialGatingCache) -> tuple[ndarray, ndarray]:
        du, dv, dweight, dbias = spatial_gating_backward(dy, cache)
        self.weight.add_grad(dweight)
        self.bias.add_grad(dbias)
        return du, dv


class SpatialGatingUnitCache(NamedTuple):
    """Caches of the steps of :class:`SpatialGatingUnit`."""

    norm: LayerNormCache
    proj: SpatialGatingCache


class SpatialGatingUnit(Layer):
    """One half of the channels, gated by the other half, which is normalised first: (B, N, 2E) to (B, N, E).

    Source: Liu et al. 2021, "Pay Attention to MLPs", section 2.1. (Which half is which, and eps, are timm's.)
    """

    def __init__(self, dim: int, num_tokens: int) -> None:
        self.norm = LayerNorm(dim // 2, eps=1e-5)
        self.proj = Gate(num_tokens)

    def forward(
        self, x: Float[ndarray, "B N D"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B N E"], SpatialGatingUnitCache]:
        u, v = np.split(x, 2, axis=-1)  # views
        v, c_norm = self.norm.forward(v)
        y, c_proj = self.proj.forward(u, v)
        return y, SpatialGatingUnitCache(c_norm, c_proj)

    def backward(self, dy: Float[ndarray, "B N E"], cache: SpatialGatingUnitCache) -> Float[ndarray, "B N D"]:
        du, dv = self.proj.backward(dy, cache.proj)
        dv = self.norm.backward(dv, cache.norm)
        return np.concatenate((du, dv), axis=-1)  # forward: u, v = np.split(x, 2, axis=-1)


class GatedMlpCache(NamedTuple):
    """Caches of the steps of :class:`GatedMlp`, in order."""

    fc1: LinearCache
    act: NamedTuple
    drop1: DropoutCache | IdentityCache
    gate: SpatialGatingUnitCache
    fc2: LinearCache
    drop2: DropoutCache | IdentityCache


class GatedMlp(Layer):
    """An MLP with a gate behind its activation, which halves what is wide in the middle."""

    def __init__(
        self, dim: int, hidden_dim: int, num_tokens: int, *, act_layer: str = "gelu", drop: float = 0.0
    ) -> None:
        check_act_layer(act_layer)
        self.fc1 = Linear(dim, hidden_dim)
        self.act = ACTIVATIONS[act_layer]
        self.drop1 = dropout(drop)
        self.gate = SpatialGatingUnit(hidden_dim, num_tokens)
        self.fc2 = Linear(hidden_dim // 2, dim)
        self.drop2 = dropout(drop)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, GatedMlpCache]:
        h, c_fc1 = self.fc1.forward(x)
        h, c_act = self.act.forward(h)
        h, c_drop1 = self.drop1.forward(h, rng=rng)
        h, c_gate = self.gate.forward(h)
        h, c_fc2 = self.fc2.forward(h)
        h, c_drop2 = self.drop2.forward(h, rng=rng)
        return h, GatedMlpCache(fc1=c_fc1, act=c_act, drop1=c_drop1, gate=c_gate, fc2=c_fc2, drop2=c_drop2)

    def backward(self, dy: ndarray, cache: GatedMlpCache) -> ndarray:
        dh = self.drop2.backward(dy, cache.drop2)
        dh = self.fc2.backward(dh, cache.fc2)
        dh = self.gate.backward(dh, cache.gate)
        dh = self.drop1.backward(dh, cache.drop1)
        (dh,) = self.act.backward(dh, cache.act)
        return self.fc1.backward(dh, cache.fc1)


class GmlpBlockCache(NamedTuple):
    """Caches of the steps of :class:`GmlpBlock`."""

    norm: LayerNormCache
    mlp_channels: GatedMlpCache
    drop_path: DropPathCache | IdentityCache


class GmlpBlock(Layer):
    """``x + mlp_channels(norm(x))``: there is one branch, and tokens meet in its gate alone.

    Source: Liu et al. 2021, "Pay Attention to MLPs", figure 1 and equation 1.
    """

    def __init__(
        self,
        dim: int,
        num_tokens: int,
        *,
        channels_dim: int,
        proj_drop: float = 0.0,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-6,
    ) -> None:
        self.norm = LayerNorm(dim, eps=norm_eps)
        self.mlp_channels = GatedMlp(dim, channels_dim, num_tokens, act_layer=act_layer, drop=proj_drop)
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, GmlpBlockCache]:
        h, c_norm = self.norm.forward(x)
        h, c_mlp_channels = self.mlp_channels.forward(h, rng=rng)
        h, c_drop_path = self.drop_path.forward(h, rng=rng)
        return x + h, GmlpBlockCache(c_norm, c_mlp_channels, c_drop_path)  # never +=: we do not own x

    def backward(self, dy: ndarray, cache: GmlpBlockCache) -> ndarray:
        dh = self.drop_path.backward(dy, cache.drop_path)
        dh = self.mlp_channels.backward(dh, cache.mlp_channels)
        return dy + self.norm.backward(dh, cache.norm)  # forward: x + h; both ways get the gradient
