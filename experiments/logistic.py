"""Logistic regression on pixels: what a network has to be better than."""

from math import prod
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers import Linear
from minivit.layers.initial import normal
from minivit.models import Model
from minivit.ops.linear import LinearCache
from minivit.types import Count, Positive, Size, pair


class LogisticRegressionCache(NamedTuple):
    """Cache of :class:`LogisticRegression`, and the shape of its images."""

    head: LinearCache
    shape: tuple[int, ...]


class LogisticRegression(Model):
    """Logits of images (B, Y, X, C): one linear map of all their pixels."""

    def __init__(
        self,
        *,
        img_size: Size = 32,
        in_chans: Positive = 3,
        num_classes: Count = 10,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.head = Linear(prod(pair(img_size)) * in_chans, num_classes, initial=normal(0.001))
        self.init(seed, dtype)

    def forward(self, images: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LogisticRegressionCache]:
        logits, c_head = self.head.forward(images.reshape(len(images), -1))
        return logits, LogisticRegressionCache(c_head, images.shape)

    def backward(self, dlogits: ndarray, cache: LogisticRegressionCache) -> ndarray:
        return self.head.backward(dlogits, cache.head).reshape(cache.shape)


LogisticRegression.add_presets({"logistic_regression_32": {}})
