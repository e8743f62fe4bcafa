"""A convolutional net for little time: it sees whitened patches, and makes a map smaller before it looks closer.

Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", whose net this is with fewer channels, ReLU
for GELU, and kernels drawn at random. Of its training there is nothing here.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

import minivit as mv
from minivit.layers import BatchNorm, Conv2d, Layer, Linear, MaxPool2d, MeanPool, Param, Relu, run, run_backward
from minivit.layers.initial import he_normal, normal
from minivit.models import Model
from minivit.ops import conv2d_backward, conv2d_forward
from minivit.ops.sliding import sliding, windows
from minivit.types import Count, Positive, Size

SIDE = 2  # of a patch
EPS = 5e-4  # is added to the variances of patches: what hardly varies is noise


class Patches(Layer):
    """All patches of a map, by kernels that are not learned."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        self.weight = Param((SIDE, SIDE, in_chans, out_chans), "row column in out", he_normal, learned=False)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Any]:
        return conv2d_forward(x, self.weight.value)

    def backward(self, dy: ndarray, cache: Any) -> ndarray:
        dx, _, _ = conv2d_backward(dy, cache)
        return dx


class QuickCnnCache(NamedTuple):
    """Caches of the steps of :class:`QuickCnn`, and the shape of its last map."""

    stem: Any
    body: list[Any]
    map_shape: tuple[int, ...]
    pool: Any
    head: Any


class QuickCnn(Model):
    """Logits of images (B, Y, X, C): patches, then stages that halve the map, and a linear map that reads its mean.

    A stage is a convolution, pooling, and another convolution; norms and activations stand behind the pooling, where
    maps have a quarter of the pixels.
    """

    head_names = ("head",)

    def __init__(
        self,
        *,
        img_size: Size = 32,
        in_chans: Positive = 3,
        num_classes: Count = 10,
        channels: tuple[int, ...] = (48, 128, 256),
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        width = 2 * SIDE**2 * in_chans
        self.stem = Patches(in_chans, width)
        self.body: list[Layer] = [Relu()]
        for chans in channels:
            self.body += [_conv(width, chans), MaxPool2d(2, stride=2), BatchNorm(chans), Relu()]
            self.body += [_conv(chans, chans), BatchNorm(chans), Relu()]
            width = chans
        self.pool = MeanPool()
        self.head = Linear(width, num_classes, initial=normal(0.02))
        self.init(seed, dtype)

    def forward(self, images: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, QuickCnnCache]:
        x, c_stem = self.stem.forward(images)
        x, c_body = run(self.body, x)
        map_shape = x.shape
        x, c_pool = self.pool.forward(x.reshape(len(x), -1, x.shape[3]))  # every place is a token
        logits, c_head = self.head.forward(x)
        return logits, QuickCnnCache(stem=c_stem, body=c_body, map_shape=map_shape, pool=c_pool, head=c_head)

    def backward(self, dlogits: ndarray, cache: QuickCnnCache) -> ndarray:
        dx = self.head.backward(dlogits, cache.head)
        dx = self.pool.backward(dx, cache.pool).reshape(cache.map_shape)
        dx = run_backward(self.body, dx, cache.body)
        return self.stem.backward(dx, cache.stem)


def _conv(in_chans: int, out_chans: int) -> Conv2d:
    return Conv2d(in_chans, out_chans, 3, padding=1, bias=False, initial=he_normal)


def whitening(images: ndarray) -> ndarray:
    """Kernels (2, 2, C, 8 C) that make all directions of patches vary alike, of normalised images, and their negatives.

    Eigenvectors of the covariance of patches, each divided by the square root of its eigenvalue.
    """
    views = windows(images, sliding("whitening", images.shape[1:3], SIDE))
    patches = views.reshape(-1, SIDE**2 * images.shape[3]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    kernels = (vectors / np.sqrt(values + EPS)).reshape(SIDE, SIDE, images.shape[3], -1)
    return np.concatenate([kernels, -kernels], axis=3)


def whitened(path: Path, images: ndarray, **options: Any) -> str:
    """A file with a model whose patches are whitened by these images, for a recipe's ``init``."""
    model = QuickCnn(**options)
    model.stem.weight.value = whitening(images)
    mv.save(model, path)
    return str(path)


QuickCnn.add_presets({"quick_cnn_32": {}})
