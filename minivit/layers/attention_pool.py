"""Attention pooling: the mean of a map asks all of its places, and what it gets stands for the image."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.attention import Attention, AttentionLayerCache
from minivit.layers.basic import Linear
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.pool import FirstTokenCache, first_token_backward, first_token_forward
from minivit.ops.positions import AddPositionsCache, add_positions_backward, add_positions_forward
from minivit.ops.prepend_mean import PrependMeanCache, prepend_mean_backward, prepend_mean_forward


class AttentionPoolCache(NamedTuple):
    """Caches of the steps of :class:`AttentionPool`; ``attn.attention.weights`` (B, H, 1, 1 + N) is the attention map.

    Its first column is what the mean looks at itself.
    """

    mean: PrependMeanCache
    pos_embed: AddPositionsCache
    query: FirstTokenCache
    attn: AttentionLayerCache


class AttentionPool(Layer):
    """One token of N: their mean is put in front, positions are added, and the first token attends to all.

    ``grid_size`` are rows and columns of the map whose places the tokens are: each has a learned position, and so has
    the mean. ``out_dim`` is the width of what comes out of the last map.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4.
    """

    def __init__(self, grid_size: tuple[int, int], dim: int, num_heads: int, out_dim: int) -> None:
        rows, columns = grid_size
        table = (1 + rows * columns, dim)
        self.pos_embed = Param(table, "position width", normal(dim**-0.5), grid=(rows, columns))
        self.attn = Attention(dim, num_heads)
        self.attn.proj = Linear(dim, out_dim)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AttentionPoolCache]:
        """(B, N, D) -> (B, out_dim)."""
        x, c_mean = prepend_mean_forward(x)  # (B, 1 + N, D)
        x, c_pos_embed = add_positions_forward(x, self.pos_embed.value)
        query, c_query = first_token_forward(x)  # (B, D)
        y, c_attn = self.attn.forward(query[:, None], x, x)  # (B, 1, out_dim)
        return y[:, 0], AttentionPoolCache(mean=c_mean, pos_embed=c_pos_embed, query=c_query, attn=c_attn)

    def backward(self, dy: ndarray, cache: AttentionPoolCache) -> ndarray:
        """Add to the gradients of the parameters; return that of the tokens."""
        dquery, dkey, dvalue = self.attn.backward(dy[:, None], cache.attn)
        (dfirst,) = first_token_backward(dquery[:, 0], cache.query)
        dx, dpositions = add_positions_backward(dkey + dvalue + dfirst, cache.pos_embed)  # x was read three times
        self.pos_embed.add_grad(dpositions)
        (dx,) = prepend_mean_backward(dx, cache.mean)
        return dx
