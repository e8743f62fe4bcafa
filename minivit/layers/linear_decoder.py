"""Decoders of segmentation that are linear, or nearly: each place of each map says by itself what it is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Linear, Relu
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout
from minivit.layers.initial import he_normal, normal
from minivit.layers.layer import Layer
from minivit.layers.sequence import IdentityCache, run, run_backward, run_beside, run_beside_backward
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.resize import ResizeCache, resize_backward, resize_forward


class LinearDecoderCache(NamedTuple):
    """Caches of the steps of :class:`LinearDecoder`; lists go from the finest map to the coarsest."""

    classifiers: list[LinearCache]
    up: list[ResizeCache]


class LinearDecoder(Layer):
    r"""Logits of each map by one linear map, made as large as the finest, and added up.

    .. math:: Y = \sum_i \operatorname{up}(S_i W_i) + b

    Because "up" is linear, and the same for each channel, these are the logits of one linear map of what all stages say
    of a pixel (Hariharan et al. 2015, "Hypercolumns for Object Segmentation and Fine-grained Localization"); but few
    channels are made larger, not many. It looks nowhere: what it finds, the stages have found.
    """

    def __init__(self, in_chans: Sequence[int], num_classes: int) -> None:
        self.classifiers = [
            Linear(chans, num_classes, bias=i == 0, initial=normal(0.02)) for i, chans in enumerate(in_chans)
        ]

    def forward(self, maps: Sequence[ndarray], *, rng: Generator | None = None) -> tuple[ndarray, LinearDecoderCache]:
        """Maps (B, Y, X, C), the finest first -> logits (B, Y, X, num_classes) of the finest."""
        h, c_classifiers = run_beside(self.classifiers, maps)
        h, c_up = enlarged(h, maps[0].shape[1:3])
        return sum(h[1:], h[0]), LinearDecoderCache(c_classifiers, c_up)

    def backward(self, dlogits: ndarray, cache: LinearDecoderCache) -> list[ndarray]:
        """Add to the gradients of the parameters; return those of the maps."""
        dh = enlarged_backward([dlogits] * len(cache.up), cache.up)  # formula: a sum
        return run_beside_backward(self.classifiers, dh, cache.classifiers)


class MlpDecoderCache(NamedTuple):
    """Caches of the steps of :class:`MlpDecoder`; lists go from the finest map to the coarsest."""

    linear_projections: list[LinearCache]
    up: list[ResizeCache]
    linear_fuse: Conv2dCache
    batch_norm: NamedTuple
    act: NamedTuple
    drop: DropoutCache | IdentityCache
    classifier: Conv2dCache


class MlpDecoder(Layer):
    r"""SegFormer's decoder: every map to as many channels, as large as the finest; what lies on each other is mixed.

    .. math:: H = \operatorname{relu}(\operatorname{norm}([\operatorname{up}(S_n W_n + b_n), \dots, S_1 W_1 + b_1]\,
              W)), \qquad Y = H W' + b'

    [ ] puts channels side by side, those of the coarsest map first, as the official code does it. The norm is one by
    the batch; the paper's equations 4 name neither it nor ReLU.

    Parameters
    ----------
    in_chans : sequence of int
        Channels of the maps, the finest first.
    channels : int
        Of all that is made of them.
    drop_rate : float
        Dropout in front of the last map.

    References
    ----------
    Xie et al. 2021, "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", section 3.2.
    """

    def __init__(self, in_chans: Sequence[int], num_classes: int, *, channels: int, drop_rate: float = 0.0) -> None:
        self.linear_projections = [Linear(chans, channels) for chans in in_chans]
        self.linear_fuse = Conv2d(len(in_chans) * channels, channels, 1, bias=False, initial=he_normal)
        self.batch_norm = BatchNorm(channels)
        self.act = Relu()
        self.drop = dropout(drop_rate)
        self.classifier = Conv2d(channels, num_classes, 1, initial=normal(0.02))

    @property
    def fuse(self) -> Sequence[Layer]:
        return self.linear_fuse, self.batch_norm, self.act, self.drop, self.classifier

    def forward(self, maps: Sequence[ndarray], *, rng: Generator | None = None) -> tuple[ndarray, MlpDecoderCache]:
        """Maps (B, Y, X, C), the finest first -> logits (B, Y, X, num_classes) of the finest."""
        h, c_projections = run_beside(self.linear_projections, maps)
        h, c_up = enlarged(h, maps[0].shape[1:3])
        logits, c_fuse = run(self.fuse, np.concatenate(h[::-1], axis=-1), rng=rng)
        return logits, MlpDecoderCache(c_projections, c_up, *c_fuse)

    def backward(self, dlogits: ndarray, cache: MlpDecoderCache) -> list[ndarray]:
        """Add to the gradients of the parameters; return those of the maps."""
        dh = run_backward(self.fuse, dlogits, cache[2:])
        dh = np.split(dh, len(cache.up), axis=-1)[::-1]  # forward: np.concatenate(h[::-1], axis=-1)
        return run_beside_backward(self.linear_projections, enlarged_backward(dh, cache.up), cache.linear_projections)


def enlarged(maps: Sequence[ndarray], size: tuple[int, int]) -> tuple[list[ndarray], list[ResizeCache]]:
    """Each map bilinearly of this size; outer edges of pixels coincide, and one that is as large stays as it is."""
    pairs = [resize_forward(x, size=size) for x in maps]
    return [y for y, _ in pairs], [cache for _, cache in pairs]


def enlarged_backward(dys: Sequence[ndarray], caches: Sequence[ResizeCache]) -> list[ndarray]:
    """The mirror of :func:`enlarged`."""
    return [resize_backward(dy, cache).x for dy, cache in zip(dys, caches, strict=True)]
