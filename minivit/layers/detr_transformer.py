"""The Transformer of DETR: places of an image go in, and come out as vectors, one for each thing that may be there."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm
from minivit.layers.detr_block import (
    NORM_EPS,
    DetrDecoderBlock,
    DetrDecoderBlockCache,
    DetrEncoderBlock,
    DetrEncoderBlockCache,
    PostNormDetrDecoderBlock,
    PostNormDetrEncoderBlock,
)
from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.rows import sum_to


class Detections(NamedTuple):
    """What DETR says of each image: of each of Q queries, after each of L blocks of the decoder."""

    logits: ndarray
    """(B, L, Q, classes + 1): of the classes, and last of "no object"."""
    boxes: ndarray
    """(B, L, Q, 4): centre and size (cx, cy, w, h), as shares of the image's sides."""


class Decoded(NamedTuple):
    """What :class:`DetrTransformer` makes."""

    queries: ndarray
    """(B, L, Q, D): what each of L decoder blocks has made of the queries, normalised."""
    memory: ndarray
    """(B, S, D): what the encoder has made of the image's places."""


class DetrTransformerCache(NamedTuple):
    """Caches of the blocks of :class:`DetrTransformer`, and the shapes of the positions.

    ``decoder[-1].cross_attn.attention.weights`` (B, H, Q, S) says where each query looks in the image.
    """

    encoder: list[DetrEncoderBlockCache]
    encoder_norm: LayerNormCache | IdentityCache
    decoder: list[DetrDecoderBlockCache]
    norm: LayerNormCache
    shapes: tuple[tuple[int, ...], tuple[int, ...]]


class DetrTransformer(Layer):
    """An encoder for the places of an image, and a decoder whose queries are all answered at once.

    The decoder begins with zeros: what tells one query from another is its position, which is learned. One and the same
    norm stands behind each block of the decoder, whose outputs are all handed on. With ``pre_norm`` there is a norm
    behind the encoder, too; the paper's models have none of either.

    Source: Carion et al. 2020, "End-to-End Object Detection with Transformers", section 3.2 and official code.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_dim: int,
        *,
        encoder_depth: int,
        decoder_depth: int,
        pre_norm: bool = False,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        read = DetrEncoderBlock if pre_norm else PostNormDetrEncoderBlock
        ask = DetrDecoderBlock if pre_norm else PostNormDetrDecoderBlock
        rates = {"drop_rate": drop_rate, "drop_path_rate": drop_path_rate}
        self.encoder = [read(dim, num_heads, mlp_dim, **rates) for _ in range(encoder_depth)]
        self.encoder_norm: Layer = LayerNorm(dim, eps=NORM_EPS) if pre_norm else Identity()
        self.decoder = [ask(dim, num_heads, mlp_dim, **rates) for _ in range(decoder_depth)]
        self.norm = LayerNorm(dim, eps=NORM_EPS)

    def forward(
        self,
        x: ndarray,
        query_embed: ndarray,
        pos: ndarray,
        *,
        mask: ndarray | None = None,
        rng: Generator | None = None,
    ) -> tuple[Decoded, DetrTransformerCache]:
        """Places (B, S, D), positions of the queries (Q, D) and of the places, (B or 1, S, D) -> :class:`Decoded`.

        ``mask`` (B, S) is False for places that no image has.
        """
        shapes = query_embed.shape, pos.shape
        readable = None if mask is None else mask[:, None, None]  # (B, 1, 1, S), for all heads and queries
        pos = np.broadcast_to(pos, x.shape)
        query_pos = np.broadcast_to(query_embed, (len(x), *query_embed.shape))

        c_encoder = []
        for block in self.encoder:
            x, cache = block.forward(x, pos, mask=readable, rng=rng)
            c_encoder.append(cache)
        memory, c_encoder_norm = self.encoder_norm.forward(x)

        queries, answers, c_decoder = np.zeros_like(x, shape=query_pos.shape), [], []
        for block in self.decoder:
            queries, cache = block.forward(queries, query_pos, memory, pos, mask=readable, rng=rng)
            answers.append(queries)
            c_decoder.append(cache)
        y, c_norm = self.norm.forward(np.stack(answers, axis=1))
        return Decoded(y, memory), DetrTransformerCache(
            encoder=c_encoder, encoder_norm=c_encoder_norm, decoder=c_decoder, norm=c_norm, shapes=shapes
        )

    def backward(self, dy: Decoded, cache: DetrTransformerCache) -> tuple[ndarray, ndarray, ndarray]:
        """Gradients of the places, and of the positions of queries and places."""
        danswers = self.norm.backward(dy.queries, cache.norm)
        dmemory, dx = dy.memory, np.zeros_like(danswers[:, 0])
        dpos, dquery_pos = np.zeros_like(dmemory), np.zeros_like(dx)
        for i, block in reversed([*enumerate(self.decoder)]):
            dx = dx + danswers[:, i]  # forward: answers.append(queries)
            dx, dquery_pos_too, dmemory_too, dpos_too = block.backward(dx, cache.decoder[i])
            dquery_pos, dmemory, dpos = dquery_pos + dquery_pos_too, dmemory + dmemory_too, dpos + dpos_too

        dx = self.encoder_norm.backward(dmemory, cache.encoder_norm)
        for block, c_block in zip(reversed(self.encoder), reversed(cache.encoder), strict=True):
            dx, dpos_too = block.backward(dx, c_block)
            dpos = dpos + dpos_too
        query_shape, pos_shape = cache.shapes
        return dx, sum_to(dquery_pos, query_shape), sum_to(dpos, pos_shape)
