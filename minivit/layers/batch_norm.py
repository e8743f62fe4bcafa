"""Batch normalisation as a layer: the statistics of a batch are data that it hands on, and never change it."""

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Norm
from minivit.layers.initial import ones, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Initial, Param
from minivit.nests import mapped
from minivit.ops.batch_norm import (
    BatchNormCache,
    ScaleAndShift,
    batch_norm_backward,
    batch_norm_forward,
    fixed_scale_and_shift,
    running_averages,
)
from minivit.ops.rows import column_sum, plus_row, times_row

AnyLayer = TypeVar("AnyLayer", bound=Layer)


class BatchNorm(Norm):
    """Normalise each channel by the batch (Ioffe and Szegedy 2015); names and ``momentum`` are PyTorch's.

    ``forward`` always uses the batch's own mean and variance, which are in its cache; the running averages only change
    when a training step has the layer :meth:`absorb` them, after all shards, in their order. To compute with the
    averages, take :func:`frozen`: ``predict`` does.

    In a training step every shard (of 16 images, or what is left over, but none alone) is normalised by itself: "ghost
    batch normalisation", Hoffer et al. 2017, which trains as well or better than that of a large batch. Other libraries
    normalise the whole batch.
    """

    def __init__(self, dim: int, *, eps: float = 1e-5, momentum: float = 0.1, initial: Initial = ones) -> None:
        super().__init__(dim, eps=eps, initial=initial)
        self.running_mean = Param((dim,), "out", zeros, learned=False)
        self.running_var = Param((dim,), "out", ones, learned=False)
        self.momentum = momentum

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, BatchNormCache]:
        return batch_norm_forward(x, self.weight.value, self.bias.value, eps=self.eps)

    def backward(self, dy: ndarray, cache: BatchNormCache) -> ndarray:
        return self.add_grads(*batch_norm_backward(dy, cache))

    def absorb(self, cache: BatchNormCache) -> None:
        """Move the running averages towards the batch: a share ``momentum``, of the variance the unbiased one."""
        count, momentum = cache.xhat.size // cache.xhat.shape[-1], self.momentum
        averages = self.running_mean.value, self.running_var.value
        moved = running_averages(*averages, cache.mean, cache.var, count, momentum=momentum)
        self.running_mean.value, self.running_var.value = moved

    def scale_and_shift(self) -> ScaleAndShift:
        """What the running averages make of the normalisation: for each channel a factor, and what is added."""
        averages = self.running_mean.value, self.running_var.value
        return fixed_scale_and_shift(self.weight.value, self.bias.value, *averages, eps=self.eps)

    def add_fixed_grads(self, dy: ndarray, x: ndarray) -> None:
        r"""Gradients of ``weight`` and ``bias``, where x has become ``x * scale + shift`` with fixed averages.

        Scale and shift both contain the weight: :math:`\bar\gamma = \sum \bar y\, (x - \mu) / \sqrt{\sigma^2 +
        \epsilon}`. Not summed with x, less the sum with :math:`\mu`: of two large numbers, few digits would be left.
        """
        var = self.running_var.value
        along = x - self.running_mean.value
        along *= dy
        self.weight.add_grad(column_sum(along) / np.sqrt(var + np.asarray(self.eps, var.dtype)))
        self.bias.add_grad(column_sum(dy))

    def frozen(self) -> Layer:
        """What it is for inference."""
        return Frozen(self)


def _scaled_and_shifted(x: ndarray, scale: ndarray, shift: ndarray) -> ndarray:
    """``x * scale + shift``, channel by channel."""
    y = times_row(x, scale)
    return plus_row(y, shift, out=y)


class FrozenCache(NamedTuple):
    """What the backward of :class:`Frozen` needs."""

    x: ndarray
    scale: ndarray


class Frozen(Layer):
    """What a normalisation by the batch is after training: for each channel a fixed scale and shift.

    ``norm`` says what they are, as :meth:`BatchNorm.scale_and_shift` does, and adds to the gradients of its parameters,
    as :meth:`BatchNorm.add_fixed_grads` does; they keep their names. So a network can be fine-tuned with the averages
    that it has.
    """

    def __init__(self, norm: Any) -> None:
        self.norm = norm

    def _walk(self, prefix: str):
        return self.norm._walk(prefix)

    def absorb(self, cache: Any) -> None:
        """Its averages stay as they are."""

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, FrozenCache]:
        scale, shift = self.norm.scale_and_shift()
        return _scaled_and_shifted(x, scale, shift), FrozenCache(x, scale)

    def backward(self, dy: ndarray, cache: FrozenCache) -> ndarray:
        self.norm.add_fixed_grads(dy, cache.x)  # forward: scale, shift = self.norm.scale_and_shift()
        return times_row(dy, cache.scale)  # formula: x * scale + shift


def frozen(layer: AnyLayer) -> AnyLayer:
    """A replica that computes with running averages, in place of its batches' statistics: for inference.

    Every layer that keeps such averages has a method ``frozen``, which gives the layer that stands in its place:
    :meth:`BatchNorm.frozen`.

    Raises
    ------
    TypeError
        If a layer inside absorbs statistics and has no such method: it would compute as in training, without a word.
    """
    twin = layer.replica()
    keeps_averages = len(twin.named_state()) > len(twin.named_params())
    return _freeze(twin) if keeps_averages else twin


def _freeze(part: Any) -> Any:
    if not isinstance(part, Layer) or isinstance(part, Frozen):
        return part
    if (own := getattr(part, "frozen", None)) is not None:
        return own()
    kept = [name for name, item in vars(part).items() if isinstance(item, Param) and not item.learned]
    if kept and type(part).absorb is not Layer.absorb:  # else it is a table that nothing moves
        raise TypeError(f"{type(part).__name__} moves {kept[0]}, but has no method frozen, to compute with it")
    vars(part).update(mapped(_freeze, vars(part)))
    return part


class FixedBatchNormCache(NamedTuple):
    """What the backward of :class:`FixedBatchNorm` needs."""

    scale: ndarray


class FixedBatchNorm(BatchNorm):
    """A batch norm that is never trained again: scale, shift and both averages are kept and saved, and do not learn.

    The backbones of detectors have it, whose batches are too small for statistics (``FrozenBatchNorm2d`` in DETR's
    official code). Unlike :class:`Frozen` it needs nothing of x for its backward.
    """

    def __init__(self, norm: BatchNorm) -> None:
        (dim,) = norm.weight.shape
        super().__init__(dim, eps=norm.eps)
        self.weight.learned = self.bias.learned = False

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Any]:
        scale, shift = self.scale_and_shift()
        return _scaled_and_shifted(x, scale, shift), FixedBatchNormCache(scale)

    def backward(self, dy: ndarray, cache: Any) -> ndarray:
        return times_row(dy, cache.scale)  # formula: x * scale + shift

    def absorb(self, cache: Any) -> None:
        """Its averages stay as they are."""

    def frozen(self) -> Layer:
        """It is what it is for inference, already."""
        return self


def fix_batch_norms(part: Any) -> Any:
    """Put a :class:`FixedBatchNorm` in the place of each :class:`BatchNorm` inside, before values are drawn."""
    if isinstance(part, BatchNorm):
        return FixedBatchNorm(part)
    if isinstance(part, Layer):
        vars(part).update(mapped(fix_batch_norms, vars(part)))
    return part
