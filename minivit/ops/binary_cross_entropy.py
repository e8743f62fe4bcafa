"""The loss of yes or no: logistic loss, or binary cross-entropy."""

from math import prod
from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.activations import sigmoid_forward
from minivit.ops.losses import LogitsGrad
from minivit.types import Float, Scalar, ndarray


class BinaryCrossEntropyCache(NamedTuple):
    """What ``binary_cross_entropy_backward`` needs."""

    logits: Float[ndarray, "*B C"]
    targets: Float[ndarray, "*B C"]


@checked
def binary_cross_entropy_forward(
    logits: Float[ndarray, "*B C"], targets: Float[ndarray, "*B C"]
) -> tuple[Scalar, BinaryCrossEntropyCache]:
    r"""How wrong each number alone is about a yes (1) or a no (0), a mean over all numbers.

    .. math:: L = -\frac1n \sum_i \left(t_i \log \sigma(z_i) + (1 - t_i) \log \sigma(-z_i)\right)
              = \frac1n \sum_i \left(\log(1 + e^{z_i}) - t_i z_i\right)

    with the logistic sigmoid :math:`\sigma`. ``targets`` are constants, and may lie between. (PyTorch:
    ``binary_cross_entropy_with_logits``.)

    Raises
    ------
    ValueError
        If the shapes differ (they are never broadcast), or there are no numbers.

    References
    ----------
    Goodfellow et al. 2016, "Deep Learning", section 6.2.2.2, on the softplus of logits.
    """
    if logits.size == 0:
        raise ValueError(f"binary_cross_entropy: there is nothing to take a mean of, logits have shape {logits.shape}")
    positive = np.real(logits) > 0
    # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)): exp grows to infinity nowhere, and who is right loses no digits
    rest = np.log1p(np.exp(np.where(positive, -logits, logits)))
    loss = (rest + (positive - targets) * logits).sum() / logits.size
    return loss, BinaryCrossEntropyCache(logits, targets)


@checked
def binary_cross_entropy_backward(dy: Scalar, cache: BinaryCrossEntropyCache) -> LogitsGrad:
    r"""Gradient of :func:`binary_cross_entropy_forward`: what was said minus what is true.

    The slope of the softplus :math:`\log(1 + e^z)` is the sigmoid, so

    .. math:: \bar z_i = \frac{\bar L}{n} \left(\sigma(z_i) - t_i\right)
    """
    logits, targets = cache
    probs, _ = sigmoid_forward(logits)
    return LogitsGrad((probs - targets) * (dy / prod(logits.shape)))  # formula: mean of log(1 + exp(z)) - t z
