"""Cross-entropy in which some rows count more than others."""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.losses import LogitsGrad, one_hot
from minivit.ops.rows import row_dot
from minivit.ops.softmax import log_softmax_forward
from minivit.types import Float, Int, Scalar, ndarray


class WeightedCrossEntropyCache(NamedTuple):
    """What ``weighted_cross_entropy_backward`` needs."""

    log_probs: Float[ndarray, "*B C"]
    labels: Float[ndarray, "*B C"]
    shares: Float[ndarray, "*B"]
    """Each row's part of the sum of all weights."""


@checked
def weighted_cross_entropy_forward(
    logits: Float[ndarray, "*B C"], targets: Int[ndarray, "*B"], weights: Float[ndarray, "*B"]
) -> tuple[Scalar, WeightedCrossEntropyCache]:
    r"""Cross-entropy of class numbers, a weighted mean over all rows.

    .. math:: L = -\frac{\sum_n w_n \log \operatorname{softmax}(z_n)_{t_n}}{\sum_n w_n}

    PyTorch's ``cross_entropy(..., weight=W)`` is this one with :math:`w_n = W_{t_n}`.

    Parameters
    ----------
    logits : (..., C)
    targets : integers (...)
    weights : (...)
        None below 0.

    Raises
    ------
    ValueError
        If a target is outside 0..C-1, a weight is below 0, or their sum is not above 0.
    """
    total = weights.sum()
    if not ((weights >= 0).all() and total > 0):
        raise ValueError("weighted_cross_entropy: weights must not be below 0, and their sum must be above")
    shares = weights / total
    log_probs, _ = log_softmax_forward(logits)
    labels = one_hot(targets, logits.shape[-1]).astype(shares.dtype, copy=False)
    log_likelihood = row_dot(labels, np.where(labels == 0, 0, log_probs))  # (..., 1); a logit may be -inf
    loss = -(shares[..., None] * log_likelihood).sum()
    return loss, WeightedCrossEntropyCache(log_probs, labels, shares)


@checked
def weighted_cross_entropy_backward(dy: Scalar, cache: WeightedCrossEntropyCache) -> LogitsGrad:
    r"""Gradient of :func:`weighted_cross_entropy_forward`: what was said minus what is true, by the row's share.

    .. math:: \bar z_{nc} = \bar L\, \frac{w_n}{\sum_m w_m} \left(\operatorname{softmax}(z_n)_c - [c = t_n]\right)
    """
    log_probs, labels, shares = cache
    dlogits = np.exp(log_probs)  # forward: log_probs, _ = log_softmax_forward(logits)
    dlogits -= labels  # formula: loss = -(shares * labels * log_probs).sum()
    dlogits *= dy * shares[..., None]
    return LogitsGrad(dlogits)
