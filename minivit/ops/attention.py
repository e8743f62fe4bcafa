"""Scaled dot-product attention: each query takes a mean of the values, weighted by how well their keys match it."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from minivit.checked import check_broadcast, checked
from minivit.ops.rows import sum_to
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.types import Bool, Float, ndarray


class AttentionCache(NamedTuple):
    """What ``attention_backward`` needs. ``weights`` is the attention map: row n says what query n looked at."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    weights: Float[ndarray, "*B N S"]
    scale: float
    bias_shape: tuple[int, ...] | None


class AttentionGrads(NamedTuple):
    """Gradients of the arguments of ``attention_forward``, by name; ``bias`` is None when none was given."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    bias: Float[ndarray, "..."] | None


@checked
def attention_forward(
    q: Float[ndarray, "*B N K"],
    k: Float[ndarray, "*B S K"],
    v: Float[ndarray, "*B S V"],
    bias: Float[ndarray, "..."] | None = None,
    *,
    mask: Bool[ndarray, "..."] | None = None,
    scale: float | None = None,
) -> tuple[Float[ndarray, "*B N V"], AttentionCache]:
    r"""Scaled dot-product attention.

    .. math:: Y = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{K}} + \text{bias}\right) V

    (K under the root is the width of a head: the sum of K products of independent unit normals has variance K.)

    Parameters
    ----------
    q : (..., N, K)
        Queries. The leading axes, usually (B, H), are shared by q, k and v.
    k : (..., S, K)
        Keys; S may differ from N (cross-attention).
    v : (..., S, V)
        Values.
    bias : broadcastable to (..., N, S), optional
        Added to the scores before the softmax: relative positions, or minus infinity to forbid.
    mask : bool, broadcastable to (..., N, S), optional
        True where a query may look at a key. A query that may look at nothing, by mask or by bias, gets zeros.
    scale : float, optional
        What the scores are multiplied by; 1 / sqrt(K) if not given.

    Returns
    -------
    y : (..., N, V)
    cache : AttentionCache

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If ``mask`` is not boolean.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1.
    """
    check_broadcast("attention", "the scores", (*q.shape[:-1], k.shape[-2]), bias=bias, mask=mask)
    scale = 1 / sqrt(q.shape[-1]) if scale is None else scale
    # a copy that lies in memory as it is read: OpenBLAS multiplies small matrices at half speed where one is transposed
    scores = q @ np.multiply(k.mT, scale, order="C")  # (..., N, S)
    if bias is not None:
        scores += bias
    if mask is not None:
        scores[np.broadcast_to(~mask, scores.shape)] = -np.inf
    weights, _ = softmax_forward(scores)
    return weights @ v, AttentionCache(q, k, v, weights, scale, None if bias is None else bias.shape)


@checked
def attention_backward(dy: Float[ndarray, "*B N V"], cache: AttentionCache) -> AttentionGrads:
    r"""Gradients of :func:`attention_forward`: four matrix products and one softmax, from the output back.

    With :math:`S = s\, Q K^\top + \text{bias}`, :math:`A = \operatorname{softmax}(S)` and :math:`Y = A V`, where s is
    ``scale``, one over the root of the width of a query if nothing else was asked for:

    .. math::
        \bar V = A^\top \bar Y, \quad \bar A = \bar Y V^\top, \quad
        \bar S = A \circ \Big(\bar A - \textstyle\sum_j \bar A_{\cdot j} A_{\cdot j}\Big), \quad
        \bar Q = s\, \bar S K, \quad \bar K = s\, \bar S^\top Q

    A forbidden place has weight 0, so its score gets gradient 0 without being asked.
    """
    q, k, v, weights, scale, bias_shape = cache
    dv = weights.mT @ dy  # forward: y = weights @ v
    dweights = dy @ np.ascontiguousarray(v.mT, like=v)  # forward: y = weights @ v
    (dscores,) = softmax_backward(dweights, SoftmaxCache(weights))  # forward: weights, _ = softmax_forward(scores)
    dbias = None if bias_shape is None else sum_to(dscores, bias_shape)  # forward: scores += bias
    dq = dscores @ k  # forward: scores = q @ np.multiply(k.mT, scale, order="C")
    dq *= scale  # forward: scores = q @ np.multiply(k.mT, scale, order="C")
    dk = dscores.mT @ q  # forward: scores = q @ np.multiply(k.mT, scale, order="C")
    dk *= scale  # forward: scores = q @ np.multiply(k.mT, scale, order="C")
    return AttentionGrads(dq, dk, dv, dbias)


def attention_loops(q: Float[ndarray, "N K"], k: Float[ndarray, "S K"], v: Float[ndarray, "S V"]) -> ndarray:
    """One head of one sample, as the definition says it: for every query, a softmax over the keys, a weighted sum."""
    y = np.zeros_like(v, shape=(len(q), v.shape[1]))
    for n, query in enumerate(q):
        scores = [query @ key / sqrt(len(query)) for key in k]
        shares = np.exp(np.array(scores, v.dtype))
        for share, value in zip(shares / shares.sum(), v, strict=True):
            y[n] += share * value
    return y


def attention_one_loop(q: Float[ndarray, "N K"], k: Float[ndarray, "S K"], v: Float[ndarray, "S V"]) -> ndarray:
    """The same with one loop: a query's scores with all keys are one product, its mean of the values is another."""
    y = np.zeros_like(v, shape=(len(q), v.shape[1]))
    for n, query in enumerate(q):
        shares, _ = softmax_forward(k @ query / sqrt(len(query)))  # (S,)
        y[n] = shares @ v
    return y
