"""A caption written by a recurrent decoder that looks at the picture before each word (Show, Attend and Tell).

Source: Xu et al. 2015, "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention".
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np

from minivit.layers.attention_decoder import AttentionDecoder, AttentionDecoderCache
from minivit.layers.basic import LayerNorm
from minivit.layers.initial import lecun_normal, normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import run, run_backward
from minivit.models.model import Model
from minivit.ops.activations import ReluCache, relu_backward, relu_forward
from minivit.ops.conv import Conv2dCache, conv2d_backward, conv2d_forward
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.positions import AddPositionsCache, add_positions_backward, add_positions_forward
from minivit.types import Count, Float, Int, Positive, Range, Size, ndarray, pair

Width = Annotated[int, Range(at_least=2)]


class ConvCache(NamedTuple):
    """Caches of the steps of :class:`Conv`."""

    conv: Conv2dCache
    norm: LayerNormCache
    relu: ReluCache


class Conv(Layer):
    """Convolution with a kernel of 3 x 3, normalisation of each place alone, ReLU.

    A norm over places would tell every cell of the whole picture; where attention falls would then say little.
    """

    def __init__(self, in_chans: int, out_chans: int, *, stride: int) -> None:
        self.weight = Param((3, 3, in_chans, out_chans), "row column in out", lecun_normal)
        self.bias = Param((out_chans,), "out", zeros)
        self.norm = LayerNorm(out_chans)
        self.stride = stride

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, ConvCache]:
        x, c_conv = conv2d_forward(x, self.weight.value, self.bias.value, stride=self.stride, padding=1)
        x, c_norm = self.norm.forward(x)
        x, c_relu = relu_forward(x)
        return x, ConvCache(c_conv, c_norm, c_relu)

    def backward(self, dy: ndarray, cache: ConvCache) -> ndarray:
        (dx,) = relu_backward(dy, cache.relu)
        dx = self.norm.backward(dx, cache.norm)
        dx, dweight, dbias = conv2d_backward(dx, cache.conv)
        self.weight.add_grad(dweight)
        assert dbias is not None
        self.bias.add_grad(dbias)
        return dx


class ShowAttendTellCache(NamedTuple):
    """Caches of the steps of :class:`ShowAttendTell`, in order, and the shape of the grid of features."""

    convs: list[ConvCache]
    map_shape: tuple[int, ...]
    pos_embed: AddPositionsCache
    decoder: AttentionDecoderCache

    @property
    def alignment(self) -> ndarray:
        """(B, T, rows, columns): where on the grid the decoder looked before it wrote each word."""
        B, Y, X, _ = self.map_shape
        return self.decoder.alignment.reshape(B, self.decoder.alignment.shape[1], Y, X)


class ShowAttendTell(Model):
    """Three convolutions make a grid of features of a picture; a recurrent decoder looks at it and writes.

    A cell stands for 4 x 4 pixels and has seen 15 x 15. The grid is a set of vectors to the decoder, with
    :math:`e_{t,i,j} = f_{att}(s_{t-1}, h_{i,j})`; so that it can say where a thing is, each cell has learned numbers of
    its own added.

    Parameters
    ----------
    img_size : int or (rows, columns)
    in_chans : int
    vocab_size : int
        How many tokens there are.
    embed_dim : int
        Width of tokens, states and features; the first map has half as many channels.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or of another type.

    Notes
    -----
    The paper takes a large convolutional net that was trained to classify, and leaves it as it is; this one is small
    and learns from the captions. The paper's regularisation, that each cell be looked at about once, is left out.
    """

    def __init__(
        self,
        *,
        img_size: Size = 32,
        in_chans: Positive = 3,
        vocab_size: Positive = 32,
        embed_dim: Width = 64,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.img_size, self.in_chans = pair(img_size), in_chans
        self.convs = [
            Conv(in_chans, embed_dim // 2, stride=2),
            Conv(embed_dim // 2, embed_dim, stride=2),
            Conv(embed_dim, embed_dim, stride=1),
        ]
        Y, X = (-(-side // 4) for side in self.img_size)  # two strides of 2, and what is left over makes a cell
        self.pos_embed = Param((1, Y * X, embed_dim), "batch position width", normal(0.02), grid=(Y, X))
        self.decoder = AttentionDecoder(vocab_size, embed_dim, embed_dim)
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return (*super().example(batch, length, new), new((batch, length), np.intp))

    def forward(
        self,
        images: Float[ndarray, "B Y X C"],
        before: Int[ndarray, "B T"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[Float[ndarray, "B T V"], ShowAttendTellCache]:
        """Logits (B, T, vocab_size) of each next word, of images (B, Y, X, C) and the words before (B, T)."""
        self.check_images(images, self.img_size, self.in_chans)
        x, c_convs = run(self.convs, images)  # (B, rows, columns, D)
        B, Y, X, D = x.shape
        cells = x.reshape(B, Y * X, D)
        cells, c_pos_embed = add_positions_forward(cells, self.pos_embed.value)
        logits, c_decoder = self.decoder.forward(cells, before)
        return logits, ShowAttendTellCache(convs=c_convs, map_shape=x.shape, pos_embed=c_pos_embed, decoder=c_decoder)

    def backward(self, dlogits: Float[ndarray, "B T V"], cache: ShowAttendTellCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images. Words have none."""
        dcells = self.decoder.backward(dlogits, cache.decoder)
        dcells, dpositions = add_positions_backward(dcells, cache.pos_embed)
        self.pos_embed.add_grad(dpositions)
        return run_backward(self.convs, dcells.reshape(cache.map_shape), cache.convs)
