"""What is asked for in an image, as tokens and as a map: points, boxes, and masks that are not right yet."""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from minivit.layers.basic import Activation, LayerNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.prompts import NEGATIVE
from minivit.layers.sequence import run, run_backward
from minivit.ops.embedding import EmbeddingCache, embedding_backward, embedding_forward
from minivit.ops.fourier_features import (
    FourierFeaturesCache,
    fourier_features_backward,
    fourier_features_forward,
)
from minivit.types import Float, Int, ndarray


class Prompt(NamedTuple):
    """What a :class:`PromptEncoder` makes: tokens, what the image's map gets added, and where its places are."""

    tokens: Float[ndarray, "B N D"]
    dense: Float[ndarray, "... D"]
    """(M, S, D) for M masks; (1, D), the same for all places, without."""
    positions: Float[ndarray, "S D"]


class PromptEncoderCache(NamedTuple):
    """Caches of the steps of :class:`PromptEncoder`, and which points are any."""

    real: ndarray
    features: FourierFeaturesCache
    rows: EmbeddingCache
    mask_downscaling: list[Any] | None
    positions: FourierFeaturesCache


class PromptEncoder(Layer):
    """A token for each point: waves of where it is, and a learned row for what it is. A map for a mask.

    Parameters
    ----------
    dim : int
        Width of a token; even.
    grid_size : (rows, columns)
        Of the image's map.
    img_size : (rows, columns)
        In pixels.
    mask_in_chans : int
        Channels in the middle of the network that makes a mask as small as the map; a multiple of 4.
    learn_frequencies : bool
        Whether the frequencies of the waves, which are drawn at random, are trained, too. They are not in the paper and
        in the official code; in transformers they are a parameter.
    act_layer : str

    References
    ----------
    Kirillov et al. 2023, "Segment Anything", section 3 and appendix A, "Prompt encoder".
    """

    def __init__(
        self,
        dim: int,
        grid_size: tuple[int, int],
        img_size: tuple[int, int],
        *,
        mask_in_chans: int = 16,
        learn_frequencies: bool = False,
        act_layer: str = "gelu",
    ) -> None:
        self.grid_size, self.img_size = grid_size, img_size
        self.frequencies = Param((2, dim // 2), "coordinate wave", normal(1.0), learned=learn_frequencies)
        self.point_embeddings = [Param((1, dim), "token width", normal(0.02)) for _ in range(4)]
        self.not_a_point_embed = Param((1, dim), "token width", normal(0.02))
        self.no_mask_embed = Param((1, dim), "token width", normal(0.02))
        quarter = mask_in_chans // 4
        self.mask_downscaling: list[Layer] = [
            Conv2d(1, quarter, 2, stride=2),
            LayerNorm(quarter, eps=1e-6),
            Activation(act_layer),
            Conv2d(quarter, mask_in_chans, 2, stride=2),
            LayerNorm(mask_in_chans, eps=1e-6),
            Activation(act_layer),
            Conv2d(mask_in_chans, dim, 1),
        ]

    def forward(
        self,
        points: Float[ndarray, "B N 2"],
        labels: Int[ndarray, "B N"],
        masks: Float[ndarray, "M Y X"] | None = None,
        *,
        rng: Generator | None = None,
    ) -> tuple[Prompt, PromptEncoderCache]:
        """Points (x, y) in pixels, (0, 0) in the middle of the first, with labels of :mod:`minivit.layers.prompts`.

        Masks are logits, four times as large as the image's map on each side.
        """
        (Y, X), real = self.img_size, (labels >= NEGATIVE)[..., None]
        shares = (points + 0.5) / np.array([X, Y], points.dtype)
        waves, c_features = fourier_features_forward(2 * shares - 1, self.frequencies.value)
        kinds = [param.value for param in self._kinds]
        table = np.concatenate((np.zeros_like(kinds[0]), *kinds))
        rows, c_rows = embedding_forward(np.maximum(labels + 2, 0), table)
        tokens = np.where(real, waves, 0) + rows

        dense, c_downscaling = self.no_mask_embed.value, None
        if masks is not None:
            h, c_downscaling = run(self.mask_downscaling, masks[..., None])
            M, rows, columns, D = h.shape
            dense = h.reshape(M, rows * columns, D)  # (M, S, D)

        Y, X = self.grid_size
        y, x = np.divmod(np.arange(Y * X), X)
        middles = np.stack(((x + 0.5) / X, (y + 0.5) / Y), axis=-1).astype(self.frequencies.dtype)
        positions, c_positions = fourier_features_forward(2 * middles - 1, self.frequencies.value)
        return Prompt(tokens, dense, positions), PromptEncoderCache(
            real=real, features=c_features, rows=c_rows, mask_downscaling=c_downscaling, positions=c_positions
        )

    def backward(self, dy: Prompt, cache: PromptEncoderCache) -> tuple[ndarray, None, ndarray | None]:
        """Add to the gradients of the parameters; return those of points, labels (which have none) and masks."""
        (Y, X), dmasks = self.img_size, None
        dfrequencies = fourier_features_backward(dy.positions, cache.positions).frequencies
        if cache.mask_downscaling is None:
            self.no_mask_embed.add_grad(dy.dense.copy())
        else:
            M, _, D = dy.dense.shape
            dh = dy.dense.reshape(M, *self.grid_size, D)  # forward: h.reshape(M, rows * columns, D)
            dmasks = run_backward(self.mask_downscaling, dh, cache.mask_downscaling)[..., 0]
        (dtable,) = embedding_backward(dy.tokens, cache.rows)
        for i, param in enumerate(self._kinds, 1):
            param.add_grad(dtable[i : i + 1].copy())  # forward: np.concatenate((np.zeros_like(kinds[0]), *kinds))
        dshares, dmore = fourier_features_backward(np.where(cache.real, dy.tokens, 0), cache.features)
        if self.frequencies.learned:
            self.frequencies.add_grad(dfrequencies + dmore)
        return 2 * dshares / np.array([X, Y], dshares.dtype), None, dmasks  # forward: 2 * shares - 1

    @property
    def _kinds(self) -> list[Param]:
        """The learned rows, in the order of labels from -1 on."""
        return [self.not_a_point_embed, *self.point_embeddings]
