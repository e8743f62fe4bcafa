"""Contrastive learning: among many, find the one that belongs to you."""

from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward
from minivit.ops.rows import row_dot
from minivit.types import Float, Scalar, Temperature, ndarray


class UnitNormCache(NamedTuple):
    """What ``unit_norm_backward`` needs."""

    y: Float[ndarray, "*B D"]
    length: Float[ndarray, "*B 1"]


@checked
def unit_norm_forward(x: Float[ndarray, "*B D"], *, eps: float = 1e-12) -> tuple[Float[ndarray, "*B D"], UnitNormCache]:
    r"""Scale every row to length one (L2 normalisation), :math:`y = x / \sqrt{\sum_d x_d^2 + \epsilon^2}`.

    (PyTorch's ``normalize`` divides by the larger of the length and eps, which has a kink; the same but for rows of
    almost zeros.)
    """
    check_range("unit_norm: eps", eps, above=0, below=inf)
    length = np.sqrt(row_dot(x, x) + eps * eps)
    y = x / length
    return y, UnitNormCache(y, length)


@checked
def unit_norm_backward(dy: Float[ndarray, "*B D"], cache: UnitNormCache) -> InputGrad:
    r"""Gradient of :func:`unit_norm_forward`: what points along y cannot change a length that is fixed.

    .. math:: \bar x = \frac{1}{\lVert x \rVert} \left(\bar y - y \sum_d y_d \bar y_d\right)
    """
    y, length = cache
    return InputGrad((dy - y * row_dot(y, dy)) / length)  # forward: y = x / length


class InfoNceCache(NamedTuple):
    """What ``info_nce_backward`` needs."""

    query: UnitNormCache
    key: UnitNormCache
    loss: CrossEntropyCache
    temperature: float


class InfoNceGrads(NamedTuple):
    """Gradients of the arguments of ``info_nce_forward``, by name."""

    query: Float[ndarray, "B D"]
    key: Float[ndarray, "B D"]


@checked
def info_nce_forward(
    query: Float[ndarray, "B D"], key: Float[ndarray, "B D"], *, temperature: Temperature = 0.1
) -> tuple[Scalar, InfoNceCache]:
    r"""Cross-entropy of finding, among all keys, the one of the same sample, by their cosine similarity.

    .. math:: L = -\frac1B \sum_i \log \frac{e^{\cos(q_i, k_i) / \tau}}{\sum_j e^{\cos(q_i, k_j) / \tau}}

    Every sample's loss depends on all keys: the loss of a batch is not the mean of the losses of its parts.

    Raises
    ------
    ValueError
        If there are no samples, or the temperature is below 0.001 or above 10,000.

    References
    ----------
    van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", equation 4; with cosines
    Chen et al. 2020, "A Simple Framework for Contrastive Learning" (SimCLR), equation 1.
    """
    if len(query) == 0:
        raise ValueError(f"info_nce: there are no samples, query has shape {query.shape}")
    q, c_query = unit_norm_forward(query)
    k, c_key = unit_norm_forward(key)
    logits = q @ k.T / temperature  # (B, B): row i has the similarities of query i
    loss, c_loss = cross_entropy_forward(logits, np.arange(len(q), like=q))
    return loss, InfoNceCache(query=c_query, key=c_key, loss=c_loss, temperature=temperature)


@checked
def info_nce_backward(dy: Scalar, cache: InfoNceCache) -> InfoNceGrads:
    """Gradients of :func:`info_nce_forward`: of the queries, and of the keys."""
    (dlogits,) = cross_entropy_backward(dy, cache.loss)
    dsimilarity = dlogits / cache.temperature  # forward: logits = q @ k.T / temperature
    (dquery,) = unit_norm_backward(dsimilarity @ cache.key.y, cache.query)  # forward: q @ k.T
    (dkey,) = unit_norm_backward(dsimilarity.T @ cache.query.y, cache.key)
    return InfoNceGrads(dquery, dkey)
