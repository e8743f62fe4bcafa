"""From a feature map to classes."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Linear
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache, mean_pool_backward, mean_pool_forward


class ClassifierHeadCache(NamedTuple):
    """Caches of the steps of :class:`ClassifierHead`, and the sides of the map."""

    map_size: tuple[int, int]
    pool: MeanPoolCache
    drop: DropoutCache | IdentityCache
    fc: LinearCache | IdentityCache


class ClassifierHead(Layer):
    """The mean of a map over all its places, dropout, and one linear map to the classes (0: the mean is returned)."""

    def __init__(self, dim: int, num_classes: int, *, drop_rate: float = 0.0) -> None:
        self.drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.fc: Layer = Linear(dim, num_classes, initial=normal(0.02)) if num_classes else Identity()

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ClassifierHeadCache]:
        """(B, Y, X, C) -> (B, num_classes)."""
        B, Y, X, C = x.shape
        h, c_pool = mean_pool_forward(x.reshape(B, Y * X, C))  # (B, C)
        h, c_drop = self.drop.forward(h, rng=rng)
        logits, c_fc = self.fc.forward(h)
        return logits, ClassifierHeadCache(map_size=(Y, X), pool=c_pool, drop=c_drop, fc=c_fc)

    def backward(self, dlogits: ndarray, cache: ClassifierHeadCache) -> ndarray:
        dh = self.fc.backward(dlogits, cache.fc)
        dh = self.drop.backward(dh, cache.drop)
        (dx,) = mean_pool_backward(dh, cache.pool)
        return dx.reshape(len(dx), *cache.map_size, dx.shape[-1])  # forward: x.reshape(B, Y * X, C)
