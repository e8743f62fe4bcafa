"""Additive attention: what to look at is decided by a small network, of what is asked and what is there."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_broadcast, checked
from minivit.ops.rows import column_sum, token_sum
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.types import Bool, Float, ndarray


class AdditiveAttentionCache(NamedTuple):
    """What ``additive_attention_backward`` needs. ``weights`` is the attention map, ``hidden`` K numbers for each of
    its places: the dot products of :func:`minivit.ops.attention_forward` need not keep these.
    """

    v: Float[ndarray, "*B S V"]
    vector: Float[ndarray, " K"]
    hidden: Float[ndarray, "*B N S K"]
    weights: Float[ndarray, "*B N S"]


class AdditiveAttentionGrads(NamedTuple):
    """Gradients of the arguments of ``additive_attention_forward``, by name."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    vector: Float[ndarray, " K"]


@checked
def additive_attention_forward(
    q: Float[ndarray, "*B N K"],
    k: Float[ndarray, "*B S K"],
    v: Float[ndarray, "*B S V"],
    vector: Float[ndarray, " K"],
    *,
    mask: Bool[ndarray, "..."] | None = None,
) -> tuple[Float[ndarray, "*B N V"], AdditiveAttentionCache]:
    r"""Attention whose scores come from a network of one hidden layer.

    .. math:: e_{ni} = v_a \cdot \tanh(q_n + k_i), \qquad \alpha_n = \operatorname{softmax}(e_n), \qquad
              y_n = \sum_i \alpha_{ni} v_i

    In the recurrent decoder :math:`q = W_a s_{t-1}`, of its state, and :math:`k_i = U_a h_i`, of what it looks at. That
    stays the same from step to step; so the two products are left to the caller, who computes the second only once.

    Parameters
    ----------
    q : (..., N, K)
        Queries. The leading axes, usually (B,), are shared by q, k and v.
    k : (..., S, K)
        Keys.
    v : (..., S, V)
        Values: what is looked at.
    vector : (K,)
        :math:`v_a`, which makes a score of the hidden layer.
    mask : bool, broadcastable to (..., N, S), optional
        True where a query may look at a key. A query that may look at nothing gets zeros.

    Returns
    -------
    y : (..., N, V)
    cache : AdditiveAttentionCache

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If ``mask`` is not boolean.

    References
    ----------
    Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", section 3.1 and
    appendix A.1.2.
    """
    check_broadcast("additive_attention", "the scores", (*q.shape[:-1], k.shape[-2]), mask=mask)
    hidden = np.tanh(q[..., :, None, :] + k[..., None, :, :])  # (..., N, S, K)
    scores = hidden @ vector  # (..., N, S)
    if mask is not None:
        scores[np.broadcast_to(~mask, scores.shape)] = -np.inf
    weights, _ = softmax_forward(scores)
    return weights @ v, AdditiveAttentionCache(v=v, vector=vector, hidden=hidden, weights=weights)


@checked
def additive_attention_backward(dy: Float[ndarray, "*B N V"], cache: AdditiveAttentionCache) -> AdditiveAttentionGrads:
    r"""Gradients of :func:`additive_attention_forward`, from the output back.

    The weighted mean and the softmax are those of :func:`minivit.ops.attention_backward`. With
    :math:`t_{ni} = \tanh(q_n + k_i)`, whose slope is :math:`1 - t_{ni}^2`, and :math:`e_{ni} = v_a \cdot t_{ni}`,

    .. math::
        \bar v_a = \sum_{n,i} \bar e_{ni}\, t_{ni}, \qquad
        \bar u_{ni} = \bar e_{ni}\, v_a \circ (1 - t_{ni}^2), \qquad
        \bar q_n = \sum_i \bar u_{ni}, \qquad \bar k_i = \sum_n \bar u_{ni}

    A forbidden place has weight 0, so its score gets gradient 0 without being asked.
    """
    v, vector, hidden, weights = cache
    dv = weights.mT @ dy  # forward: y = weights @ v
    dweights = dy @ v.mT  # forward: y = weights @ v
    (dscores,) = softmax_backward(dweights, SoftmaxCache(weights))  # forward: weights, _ = softmax_forward(scores)
    dvector = column_sum(dscores[..., None] * hidden)  # forward: scores = hidden @ vector
    dsum = dscores[..., None] * vector  # forward: scores = hidden @ vector
    dsum *= 1 - hidden * hidden  # formula: hidden = tanh(q + k)
    dq = token_sum(dsum)  # forward: q[..., :, None, :]; the same for all S keys
    dk = token_sum(np.swapaxes(dsum, -3, -2))  # forward: k[..., None, :, :]; the same for all N queries
    return AdditiveAttentionGrads(dq, dk, dv, dvector)


def additive_attention_loops(
    q: Float[ndarray, "N K"], k: Float[ndarray, "S K"], v: Float[ndarray, "S V"], vector: Float[ndarray, " K"]
) -> ndarray:
    """One sample, as the definition says it: for every query, a score for each key, a softmax, a weighted sum."""
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n, query in enumerate(q):
        scores = [vector @ np.tanh(query + key) for key in k]
        shares, _ = softmax_forward(np.array(scores, v.dtype))
        for share, value in zip(shares, v, strict=True):
            y[n] += share * value
    return y
