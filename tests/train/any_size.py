"""A model that takes images of any size: it has no option ``img_size``."""

from typing import NamedTuple

import numpy as np

from minivit.layers import Linear
from minivit.models import MODELS, Model
from minivit.ops.linear import LinearCache


class AnySizeCache(NamedTuple):
    shape: tuple[int, ...]
    head: LinearCache


class AnySize(Model):
    """The mean colour says what it is."""

    def __init__(
        self, *, in_chans: int = 3, num_classes: int = 10, seed: int = 0, dtype: str | type = "float32"
    ) -> None:
        self.in_chans = in_chans
        self.head = Linear(in_chans, num_classes)
        self.init(seed, dtype)

    def forward(self, images, *, rng=None):
        self.check_images(images, None, self.in_chans)
        logits, c_head = self.head.forward(images.mean((1, 2)))
        return logits, AnySizeCache(images.shape, c_head)

    def backward(self, dy, cache):
        _, Y, X, _ = cache.shape
        dmean = self.head.backward(dy, cache.head)
        return np.broadcast_to(dmean[:, None, None] / (Y * X), cache.shape)


del MODELS["AnySize"]  # other tests ask for all models of the house: it is found where it is used
