"""A convolution, normalisation by the batch, and ReLU: of what decoders of segmentation are made."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.batch_norm import BatchNorm, FrozenCache
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import he_normal
from minivit.layers.layer import Layer
from minivit.ops.activations import ReluCache, relu_backward, relu_forward
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.conv import Conv2dCache


class ConvModuleCache(NamedTuple):
    """Caches of the steps of :class:`ConvModule`."""

    conv: Conv2dCache
    batch_norm: BatchNormCache | FrozenCache
    act: ReluCache


class ConvModule(Layer):
    """A convolution of P x P pixels that keeps the size of the map (P is odd), its norm, and ReLU.

    It has no bias: the norm would take it away again, and adds one of its own. Of one place of one image, which is all
    that pyramid pooling leaves of a batch of one, there are no statistics: the running averages stand in for them.

    Source: MMCV, whose name it has; the parts are called as in transformers' UPerNet.
    """

    def __init__(self, in_chans: int, out_chans: int, kernel_size: int) -> None:
        self.conv = Conv2d(in_chans, out_chans, kernel_size, padding=kernel_size // 2, bias=False, initial=he_normal)
        self.batch_norm = BatchNorm(out_chans)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ConvModuleCache]:
        """(B, Y, X, C) -> (B, Y, X, out_chans)."""
        h, c_conv = self.conv.forward(x)
        h, c_batch_norm = self._norm_of(h).forward(h)
        y, c_act = relu_forward(h)
        return y, ConvModuleCache(c_conv, c_batch_norm, c_act)

    def backward(self, dy: ndarray, cache: ConvModuleCache) -> ndarray:
        (dh,) = relu_backward(dy, cache.act)
        dh = self._norm_of(dh).backward(dh, cache.batch_norm)
        return self.conv.backward(dh, cache.conv)

    def _norm_of(self, h: ndarray) -> Layer:
        """What normalises this map."""
        alone = h.size == h.shape[-1]
        return self.batch_norm.frozen() if alone and isinstance(self.batch_norm, BatchNorm) else self.batch_norm

    def absorb(self, cache: Any) -> None:
        """Take in the statistics of the batch, if there were any."""
        if not isinstance(cache.batch_norm, FrozenCache):
            super().absorb(cache)
