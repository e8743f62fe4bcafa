"""A Transformer that reads a text and says one thing of it: what stands at its end."""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm
from minivit.layers.block import Block, BlockCache
from minivit.layers.embedding import Embedding
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.positions import LearnedPositions
from minivit.layers.sequence import run, run_backward
from minivit.ops.embedding import EmbeddingCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.pick_token import PickTokenCache, pick_token_backward, pick_token_forward
from minivit.ops.positions import AddPositionsCache


class TextTowerCache(NamedTuple):
    """Caches of the steps of :class:`TextTower`; ``end.places`` says where each text ends."""

    embed: EmbeddingCache
    positions: AddPositionsCache
    blocks: list[BlockCache]
    norm: LayerNormCache
    end: PickTokenCache


class TextTower(Layer):
    """Tokens (B, N) become (B, D): causal pre-norm blocks, a norm, and the token at the end of each text.

    A token looks at itself and at those before it, so what stands behind the end of a text, its padding, has no say.

    ``end`` is the token that ends a text; the text ends where it stands first. Without it, where its highest token
    stands first, because in the official vocabulary the end has the highest number. ``options`` are those of
    :class:`~minivit.layers.Block`.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        dim: int,
        depth: int,
        num_heads: int,
        *,
        end: int | None = None,
        norm_eps: float = 1e-5,
        **options: Any,
    ) -> None:
        self.end = end
        self.embed = Embedding(vocab_size, dim, initial=normal(0.02))
        self.positions = LearnedPositions(max_length, dim)
        self.blocks = [Block(dim, num_heads, norm_eps=norm_eps, **options) for _ in range(depth)]
        self.norm = LayerNorm(dim, eps=norm_eps)

    def forward(self, tokens: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, TextTowerCache]:
        x, c_embed = self.embed.forward(tokens)  # (B, N, D)
        x, c_positions = self.positions.forward(x)
        N = tokens.shape[1]
        x, c_blocks = run(self.blocks, x, mask=np.tri(N, dtype=bool, like=x), rng=rng)
        x, c_norm = self.norm.forward(x)
        y, c_end = pick_token_forward(x, places=self.ends(tokens))  # (B, D)
        return y, TextTowerCache(embed=c_embed, positions=c_positions, blocks=c_blocks, norm=c_norm, end=c_end)

    def backward(self, dy: ndarray, cache: TextTowerCache) -> None:
        """Add to the gradient of every parameter; tokens, which are integers, have none."""
        (dx,) = pick_token_backward(dy, cache.end)
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.blocks, dx, cache.blocks)
        dx = self.positions.backward(dx, cache.positions)
        self.embed.backward(dx, cache.embed)

    def ends(self, tokens: ndarray) -> ndarray:
        """Where each text ends.

        Raises
        ------
        ValueError
            If one has no end. (transformers take its first token then, without a word.)
        """
        if self.end is None:
            return tokens.argmax(1)
        is_end = tokens == self.end
        if not is_end.any(1).all():
            first = int((~is_end.any(1)).argmax())
            raise ValueError(f"text {first} has no token {self.end}, which ends a text; expected one in each")
        return is_end.argmax(1)
