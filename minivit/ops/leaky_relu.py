"""Leaky ReLU: what is below zero is not lost, but becomes small."""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Bool, Float, Rate, ndarray


class LeakyReluCache(NamedTuple):
    """What ``leaky_relu_backward`` needs."""

    positive: Bool[ndarray, "*B D"]
    negative_slope: float


@checked
def leaky_relu_forward(
    x: Float[ndarray, "*B D"], *, negative_slope: Rate = 0.01
) -> tuple[Float[ndarray, "*B D"], LeakyReluCache]:
    r"""Leaky rectified linear unit, :math:`y = x` where :math:`x > 0`, else :math:`\alpha x`.

    Parameters
    ----------
    x : (..., D)
    negative_slope : float
        :math:`\alpha`, from 0 (ReLU) to below 1. PyTorch's is 0.01 where nothing is said; image restoration has 0.2.

    References
    ----------
    Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """
    positive = np.real(x) > 0
    return np.where(positive, x, x * x.dtype.type(negative_slope)), LeakyReluCache(positive, negative_slope)


@checked
def leaky_relu_backward(dy: Float[ndarray, "*B D"], cache: LeakyReluCache) -> InputGrad:
    r"""Gradient of :func:`leaky_relu_forward`: :math:`\bar y` where :math:`x > 0`, else :math:`\alpha \bar y`."""
    positive, slope = cache
    return InputGrad(np.where(positive, dy, dy * dy.dtype.type(slope)))  # formula: y = x, or alpha x
