"""The block of MLP-Mixer: that of a Transformer, in which an MLP over the tokens stands where attention was."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm, Mlp, MlpCache
from minivit.layers.dropout import drop_path
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.types import Float


class MixerBlockCache(NamedTuple):
    """Caches of the steps of :class:`MixerBlock`, by name."""

    norm1: LayerNormCache
    mlp_tokens: MlpCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    mlp_channels: MlpCache
    drop_path2: DropPathCache | IdentityCache


class MixerBlock(Layer):
    """``token_mixing``, ``x + mlp_tokens(norm1(x).mT).mT``, then ``channel_mixing``, ``x + mlp_channels(norm2(x))``.

    ``mlp_tokens.fc1.weight`` is (N, E): column e weighs every token, so it can be drawn as a small map. All channels
    share it, as all tokens share the matrices of ``mlp_channels``.

    Source: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", section 2, equation 1.
    """

    def __init__(
        self,
        dim: int,
        num_tokens: int,
        *,
        tokens_dim: int,
        channels_dim: int,
        proj_drop: float = 0.0,
        drop_path_rate: float = 0.0,
        act_layer: str = "gelu",
        norm_eps: float = 1e-6,
    ) -> None:
        self.norm1 = LayerNorm(dim, eps=norm_eps)
        self.mlp_tokens = Mlp(num_tokens, tokens_dim, act_layer=act_layer, drop=proj_drop)
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(dim, eps=norm_eps)
        self.mlp_channels = Mlp(dim, channels_dim, act_layer=act_layer, drop=proj_drop)
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(
        self, x: Float[ndarray, "B N D"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B N D"], MixerBlockCache]:
        # token_mixing: a channel is a row. The swapped array is copied, because all that follows reads row by row.
        h, c_norm1 = self.norm1.forward(x)
        h, c_mlp_tokens = self.mlp_tokens.forward(h.mT.copy(), rng=rng)  # (B, D, N)
        h, c_drop_path1 = self.drop_path1.forward(h.mT.copy(), rng=rng)  # (B, N, D)
        x = x + h  # never +=: we do not own x
        # channel_mixing: a token is a row
        h, c_norm2 = self.norm2.forward(x)
        h, c_mlp_channels = self.mlp_channels.forward(h, rng=rng)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return x + h, MixerBlockCache(
            norm1=c_norm1,
            mlp_tokens=c_mlp_tokens,
            drop_path1=c_drop_path1,
            norm2=c_norm2,
            mlp_channels=c_mlp_channels,
            drop_path2=c_drop_path2,
        )

    def backward(self, dy: Float[ndarray, "B N D"], cache: MixerBlockCache) -> Float[ndarray, "B N D"]:
        # channel_mixing; the forward, read from the bottom up
        dh = self.drop_path2.backward(dy, cache.drop_path2)
        dh = self.mlp_channels.backward(dh, cache.mlp_channels)
        dx = dy + self.norm2.backward(dh, cache.norm2)  # forward: x + h; both ways get the gradient
        # token_mixing
        dh = self.drop_path1.backward(dx, cache.drop_path1)
        dh = self.mlp_tokens.backward(dh.mT.copy(), cache.mlp_tokens)  # forward: h.mT.copy()
        dh = self.norm1.backward(dh.mT.copy(), cache.norm1)  # forward: h.mT.copy()
        return dx + dh  # forward: x = x + h
