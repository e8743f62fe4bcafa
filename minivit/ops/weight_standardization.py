"""Weight standardisation: the kernel of a convolution to mean 0 and variance 1, for each of its outputs."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.input_grad import WeightGrad
from minivit.ops.rows import column_sum
from minivit.types import Float, ndarray


class WeightStandardizationCache(NamedTuple):
    """What ``weight_standardization_backward`` needs: the kernel without its mean, and what it was divided by."""

    centered: Float[ndarray, "P Q I O"]
    std: Float[ndarray, " O"]
    divisor: Float[ndarray, " O"]


@checked
def weight_standardization_forward(
    weight: Float[ndarray, "P Q I O"], *, eps: float = 1e-8, eps_beside: str = "variance"
) -> tuple[Float[ndarray, "P Q I O"], WeightStandardizationCache]:
    r"""Give the numbers that make an output mean 0 and variance 1.

    .. math::
        \hat W_{pqio} = \frac{W_{pqio} - \mu_o}{\sqrt{\sigma_o^2 + \epsilon}}, \qquad
        \mu_o = \frac1n \sum_{pqi} W_{pqio}, \qquad \sigma_o^2 = \frac1n \sum_{pqi} (W_{pqio} - \mu_o)^2

    An output is then no longer for what all its inputs have in common, and how large the weights are does not count.
    With group normalisation behind the convolution, it does what batch normalisation does, and needs no batch.

    Parameters
    ----------
    weight : (P, Q, I, O)
        A kernel as :func:`~minivit.ops.conv.conv2d_forward` takes it.
    eps : float
    eps_beside : "variance" or "deviation"
        timm adds eps, 1e-8 in its hybrids, to the variance; Google adds 1e-5 to the standard deviation,
        :math:`\sigma_o + \epsilon`.

    Raises
    ------
    ValueError
        If ``eps_beside`` is neither, or ``eps`` is not above 0: a kernel of equal numbers is divided by it.

    References
    ----------
    Qiao et al. 2019, "Micro-Batch Training with Batch-Channel Normalization and Weight Standardization", section 2.1.
    """
    check_range("weight_standardization: eps", eps, above=0, below=inf)
    if eps_beside not in ("variance", "deviation"):
        raise ValueError(f'weight_standardization: eps_beside is {eps_beside!r}; expected "variance" or "deviation"')
    n = prod(weight.shape[:3])
    centered = weight - column_sum(weight) / n
    variance = column_sum(centered * centered) / n
    if eps_beside == "variance":
        std = divisor = np.sqrt(variance + eps)
    else:
        std = np.sqrt(variance)
        divisor = std + eps
    return centered / divisor, WeightStandardizationCache(centered, std, divisor)


@checked
def weight_standardization_backward(dy: Float[ndarray, "P Q I O"], cache: WeightStandardizationCache) -> WeightGrad:
    r"""Gradient of :func:`weight_standardization_forward`.

    With :math:`c = W - \mu` and the divisor :math:`s`, which is :math:`\sqrt{\sigma^2 + \epsilon}` or
    :math:`\sigma + \epsilon`, a number c moves :math:`\hat W = c / s` directly and through s. Let r be the root in s,
    :math:`\sqrt{\sigma^2 + \epsilon}` or :math:`\sigma`; then

    .. math::
        \frac{\partial s}{\partial c} = \frac{c}{n r}, \qquad \bar s = -\frac{1}{s^2} \sum \bar y\, c, \qquad
        \bar c = \frac{\bar y}{s} + \bar s\, \frac{c}{n r}, \qquad \bar W = \bar c - \frac1n \sum \bar c

    with all sums over what makes one output, and of c the sum is 0. Where the numbers of an output are all equal,
    :math:`\sigma` has a kink; its slope is taken to be 0.

    Source: Qiao et al. 2019, section 3.1, for the first form.
    """
    centered, std, divisor = cache
    n = prod(dy.shape[:3])
    ddivisor = -column_sum(dy * centered) / (divisor * divisor)  # forward: return centered / divisor
    slope = np.where(std == 0, 0, ddivisor / np.where(std == 0, 1, std))  # forward: std = np.sqrt(variance)
    dcentered = dy / divisor  # forward: return centered / divisor
    dcentered += centered * (slope / n)  # forward: variance = column_sum(centered * centered) / n
    dcentered -= column_sum(dy) / (n * divisor)  # forward: centered = weight - column_sum(weight) / n
    return WeightGrad(dcentered)
