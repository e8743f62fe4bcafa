"""Attention without a softmax: every score, as it is or cut off at zero, is divided by the number of keys.

The two other forms of the non-local block, "Gaussian" and "embedded Gaussian", have a softmax: they are
:func:`minivit.ops.attention_forward` with ``scale=1``.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.kept import kept
from minivit.ops.rows import column_sum, row_sum, token_sum
from minivit.types import Float, ndarray


class DotProductMeanCache(NamedTuple):
    """What ``dot_product_mean_backward`` needs. ``weights`` is the map of who looks where."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    weights: Float[ndarray, "*B N S"]


class DotProductMeanGrads(NamedTuple):
    """Gradients of the arguments of ``dot_product_mean_forward``, by name."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]


@checked
def dot_product_mean_forward(
    q: Float[ndarray, "*B N K"], k: Float[ndarray, "*B S K"], v: Float[ndarray, "*B S V"]
) -> tuple[Float[ndarray, "*B N V"], DotProductMeanCache]:
    r"""The mean of the values, each times how well its key matches: the non-local block's "dot product".

    .. math:: y_n = \frac1S \sum_j (q_n \cdot k_j)\, v_j

    A softmax would divide by the sum of the scores; here it is their number, whatever they are, so weights may be
    negative and need not sum to one. (Without a softmax, the brackets may stand elsewhere,
    :math:`Q\,(K^\top V) / S`, which costs no map of N x S: that is linear attention.)

    Parameters
    ----------
    q : (..., N, K)
        Queries, the paper's :math:`\theta(x)`.
    k : (..., S, K)
        Keys, :math:`\phi(x)`.
    v : (..., S, V)
        Values, :math:`g(x)`.

    Returns
    -------
    y : (..., N, V)
    cache : DotProductMeanCache

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Wang et al. 2018, "Non-local Neural Networks", section 3.2, equation 4.
    """
    weights = q @ k.mT  # (..., N, S)
    weights /= k.shape[-2]
    return weights @ v, DotProductMeanCache(q=q, k=k, v=v, weights=weights)


@checked
def dot_product_mean_backward(dy: Float[ndarray, "*B N V"], cache: DotProductMeanCache) -> DotProductMeanGrads:
    r"""Gradients of :func:`dot_product_mean_forward`.

    .. math:: \bar V = A^\top \bar Y, \qquad \bar A = \bar Y V^\top, \qquad \bar Q = \bar A K / S, \qquad
              \bar K = \bar A^\top Q / S
    """
    q, k, v, weights = cache
    dv = weights.mT @ dy  # forward: return weights @ v
    dscores = dy @ v.mT  # forward: return weights @ v
    dscores /= k.shape[-2]  # forward: weights /= k.shape[-2]
    return DotProductMeanGrads(dscores @ k, dscores.mT @ q, dv)  # forward: weights = q @ k.mT


class ConcatenationMeanCache(NamedTuple):
    """What ``concatenation_mean_backward`` needs. ``weights`` is the map of who looks where."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    vector: Float[ndarray, " twoK"]
    weights: Float[ndarray, "*B N S"]


class ConcatenationMeanGrads(NamedTuple):
    """Gradients of the arguments of ``concatenation_mean_forward``, by name."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    vector: Float[ndarray, " twoK"]


@checked
def concatenation_mean_forward(
    q: Float[ndarray, "*B N K"],
    k: Float[ndarray, "*B S K"],
    v: Float[ndarray, "*B S V"],
    vector: Float[ndarray, " twoK"],
) -> tuple[Float[ndarray, "*B N V"], ConcatenationMeanCache]:
    r"""The same with scores that a vector reads from query and key beside each other: "concatenation".

    .. math:: y_n = \frac1S \sum_j \operatorname{ReLU}\!\left(w \cdot [q_n, k_j]\right) v_j

    The product is a number of the query plus a number of the key, so N + S of them are enough for all N x S pairs.

    Parameters
    ----------
    q, k, v : (..., N, K), (..., S, K), (..., S, V)
        As of :func:`dot_product_mean_forward`.
    vector : (2 K,)
        :math:`w`: first what meets the query, then what meets the key.

    Returns
    -------
    y : (..., N, V)
    cache : ConcatenationMeanCache

    Raises
    ------
    ValueError
        If the vector is not twice as long as queries and keys are wide.

    References
    ----------
    Wang et al. 2018, "Non-local Neural Networks", section 3.2, equation 5; Santoro et al. 2017, "A simple neural
    network module for relational reasoning".
    """
    K = q.shape[-1]
    if len(vector) != 2 * K:
        raise ValueError(f"concatenation_mean: vector has {len(vector)} numbers; queries and keys of {K} need {2 * K}")
    of_query, of_key = q @ vector[:K], k @ vector[K:]  # (..., N), (..., S)
    weights = np.maximum(of_query[..., :, None] + of_key[..., None, :], 0)  # (..., N, S)
    weights /= k.shape[-2]
    return weights @ v, ConcatenationMeanCache(q=q, k=k, v=v, vector=vector, weights=weights)


@checked
def concatenation_mean_backward(dy: Float[ndarray, "*B N V"], cache: ConcatenationMeanCache) -> ConcatenationMeanGrads:
    r"""Gradients of :func:`concatenation_mean_forward`.

    With the gradient :math:`\bar s_{nj}` of the sum inside the ReLU, a query's number gets that of its row, and a key's
    number that of its column:

    .. math:: \bar q_n = \Big(\sum_j \bar s_{nj}\Big) w_q, \qquad \bar k_j = \Big(\sum_n \bar s_{nj}\Big) w_k, \qquad
              \bar w = \Big[\sum_n \Big(\sum_j \bar s_{nj}\Big) q_n,\ \sum_j \Big(\sum_n \bar s_{nj}\Big) k_j\Big]
    """
    q, k, v, vector, weights = cache
    K = q.shape[-1]
    dv = weights.mT @ dy  # forward: return weights @ v
    dweights = dy @ v.mT  # forward: return weights @ v
    dweights /= k.shape[-2]  # forward: weights /= k.shape[-2]
    dscores = kept(dweights, np.real(weights) > 0)  # forward: weights = np.maximum(
    dof_query = row_sum(dscores)  # forward: of_query[..., :, None]; the same for all S keys
    dof_key = token_sum(dscores)[..., None]  # forward: of_key[..., None, :]; the same for all N queries
    dvector = np.concatenate((column_sum(dof_query * q), column_sum(dof_key * k)))  # formula: q . w_q, k . w_k
    return ConcatenationMeanGrads(dof_query * vector[:K], dof_key * vector[K:], dv, dvector)


def non_local_loops(
    q: Float[ndarray, "N K"],
    k: Float[ndarray, "S K"],
    v: Float[ndarray, "S V"],
    vector: Float[ndarray, " twoK"] | None = None,
) -> ndarray:
    """One image, as the definition says it: for every place, f with every other place, times g of that; then 1 / S.

    With a ``vector``, f is that of :func:`concatenation_mean_forward`, else of :func:`dot_product_mean_forward`.
    """
    y = np.zeros_like(v, shape=(len(q), v.shape[1]))
    for n, query in enumerate(q):
        for key, value in zip(k, v, strict=True):
            f = query @ key if vector is None else max(vector @ np.concatenate((query, key)), 0)
            y[n] += f * value / len(k)
    return y
