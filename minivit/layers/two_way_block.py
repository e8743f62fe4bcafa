"""A block of two sequences that read each other: few tokens that ask, and all places of an image."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import Attention, AttentionLayerCache
from minivit.layers.basic import LayerNorm, Mlp, MlpCache
from minivit.layers.layer import Layer
from minivit.ops.layer_norm import LayerNormCache


class TwoWay(NamedTuple):
    """What a :class:`TwoWayBlock` makes: tokens (B, N, D), and the places of an image (B, S, D)."""

    tokens: ndarray
    image: ndarray


class TwoWayBlockCache(NamedTuple):
    """Caches of the steps of :class:`TwoWayBlock`, by name.

    ``cross_attn_token_to_image.attention.weights`` (B, H, N, S) says where each token looks in the image.
    """

    self_attn: AttentionLayerCache
    norm1: LayerNormCache
    cross_attn_token_to_image: AttentionLayerCache
    norm2: LayerNormCache
    mlp: MlpCache
    norm3: LayerNormCache
    cross_attn_image_to_token: AttentionLayerCache
    norm4: LayerNormCache


class TwoWayBlock(Layer):
    """Tokens attend to each other, then to the image, think, and then the image attends to the tokens.

    Each step is added to what was there, and normalised after the sum. Whatever asks or offers, token or place of the
    image, has its position added once more; what is carried has not. The position of a token is the token as it was
    when it entered the first block.

    Parameters
    ----------
    dim, num_heads, mlp_dim : int
    inner_dim : int
        Width of the two attentions between tokens and image.
    first : bool
        Whether tokens are as they came in. Adding them to themselves would say nothing new: so its self-attention goes
        without positions, and, as in the official code, without a way around it.
    norm_eps : float
        1e-5 in the official code, 1e-6 in transformers.

    References
    ----------
    Kirillov et al. 2023, "Segment Anything", appendix A, "Lightweight mask decoder" and figure 14.
    """

    def __init__(
        self, dim: int, num_heads: int, mlp_dim: int, *, inner_dim: int, first: bool = False, norm_eps: float = 1e-5
    ) -> None:
        self.first = first
        self.self_attn = Attention(dim, num_heads)
        self.norm1 = LayerNorm(dim, eps=norm_eps)
        self.cross_attn_token_to_image = Attention(dim, num_heads, inner_dim=inner_dim)
        self.norm2 = LayerNorm(dim, eps=norm_eps)
        self.mlp = Mlp(dim, mlp_dim, act_layer="relu")
        self.norm3 = LayerNorm(dim, eps=norm_eps)
        self.cross_attn_image_to_token = Attention(dim, num_heads, inner_dim=inner_dim)
        self.norm4 = LayerNorm(dim, eps=norm_eps)

    def forward(
        self,
        tokens: ndarray,
        image: ndarray,
        tokens_pos: ndarray,
        image_pos: ndarray,
        *,
        rng: Generator | None = None,
    ) -> tuple[TwoWay, TwoWayBlockCache]:
        """Tokens (B, N, D), places (B, S, D), and the positions of both, -> tokens and places, as they came in."""
        if self.first:
            tokens, c_self_attn = self.self_attn.forward(tokens, tokens, tokens)
        else:
            q = tokens + tokens_pos
            h, c_self_attn = self.self_attn.forward(q, q, tokens)
            tokens = tokens + h
        tokens, c_norm1 = self.norm1.forward(tokens)

        k = image + image_pos
        h, c_token_to_image = self.cross_attn_token_to_image.forward(tokens + tokens_pos, k, image)
        tokens, c_norm2 = self.norm2.forward(tokens + h)

        h, c_mlp = self.mlp.forward(tokens)
        tokens, c_norm3 = self.norm3.forward(tokens + h)

        h, c_image_to_token = self.cross_attn_image_to_token.forward(k, tokens + tokens_pos, tokens)
        image, c_norm4 = self.norm4.forward(image + h)
        return TwoWay(tokens, image), TwoWayBlockCache(
            self_attn=c_self_attn,
            norm1=c_norm1,
            cross_attn_token_to_image=c_token_to_image,
            norm2=c_norm2,
            mlp=c_mlp,
            norm3=c_norm3,
            cross_attn_image_to_token=c_image_to_token,
            norm4=c_norm4,
        )

    def backward(self, dy: TwoWay, cache: TwoWayBlockCache) -> tuple[ndarray, ...]:
        """Add to the gradients of the parameters; return those of tokens, places, and the positions of both."""
        dtokens, dimage = dy
        dimage = self.norm4.backward(dimage, cache.norm4)  # the forward, read from the bottom up
        dk, dq, dcarried = self.cross_attn_image_to_token.backward(dimage, cache.cross_attn_image_to_token)
        dtokens = dtokens + dq + dcarried
        dtokens_pos = dq  # forward: tokens + tokens_pos

        dtokens = self.norm3.backward(dtokens, cache.norm3)
        dtokens = dtokens + self.mlp.backward(dtokens, cache.mlp)

        dtokens = self.norm2.backward(dtokens, cache.norm2)
        dq, dk_too, dcarried = self.cross_attn_token_to_image.backward(dtokens, cache.cross_attn_token_to_image)
        dk = dk + dk_too  # both attentions between tokens and image have had the same k
        dtokens, dtokens_pos = dtokens + dq, dtokens_pos + dq
        dimage, dimage_pos = dimage + dcarried + dk, dk  # forward: k = image + image_pos

        dtokens = self.norm1.backward(dtokens, cache.norm1)
        dq, dk, dcarried = self.self_attn.backward(dtokens, cache.self_attn)
        if self.first:
            return dq + dk + dcarried, dimage, dtokens_pos, dimage_pos
        dq = dq + dk  # forward: self.self_attn.forward(q, q, tokens)
        return dtokens + dcarried + dq, dimage, dtokens_pos + dq, dimage_pos
