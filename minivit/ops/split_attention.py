"""Split attention: several ways to look at a map are added up, each channel in shares of its own."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.rows import token_sum
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.types import Float, ndarray


class SplitAttentionCache(NamedTuple):
    """What ``split_attention_backward`` needs; ``weights`` are the shares."""

    x: Float[ndarray, "*B K N C"]
    weights: Float[ndarray, "*B C K"]


class SplitAttentionGrads(NamedTuple):
    """Gradients of the arguments of ``split_attention_forward``, by name."""

    x: Float[ndarray, "*B K N C"]
    scores: Float[ndarray, "*B K C"]


@checked
def split_attention_forward(
    x: Float[ndarray, "*B K N C"], scores: Float[ndarray, "*B K C"]
) -> tuple[Float[ndarray, "*B N C"], SplitAttentionCache]:
    r"""Add up K maps, of each channel with shares that are its softmax over the maps.

    .. math:: y_{nc} = \sum_k a_{kc}\, x_{knc}, \qquad a_{kc} = \frac{e^{s_{kc}}}{\sum_l e^{s_{lc}}}

    Parameters
    ----------
    x : (..., K, N, C)
        What K branches have made of the same N places.
    scores : (..., K, C)
        How much is thought of each branch, channel by channel, for a whole image.

    Returns
    -------
    y : (..., N, C)
    cache : SplitAttentionCache

    References
    ----------
    Zhang et al. 2020, "ResNeSt: Split-Attention Networks", section 3.1; as Yu et al. 2021, "S2-MLPv2", section 3.2,
    equations 7 to 9, and CycleMLP's code have it.
    """
    *B, K, _, C = x.shape
    check_shape("split_attention: scores", scores, (*B, K, C))
    weights, _ = softmax_forward(scores.mT)  # (..., C, K)
    y = (x * weights.mT[..., None, :]).sum(-3)  # (..., N, C): a few branches
    return y, SplitAttentionCache(x, weights)


@checked
def split_attention_backward(dy: Float[ndarray, "*B N C"], cache: SplitAttentionCache) -> SplitAttentionGrads:
    r"""Gradients of :func:`split_attention_forward`.

    .. math:: \bar x_{knc} = a_{kc}\, \bar y_{nc}, \qquad \bar a_{kc} = \sum_n x_{knc}\, \bar y_{nc}

    and from the shares back to the scores by the softmax of each channel.
    """
    x, weights = cache
    *B, _, N, C = x.shape
    check_shape("split_attention_backward: dy", dy, (*B, N, C))
    dy = dy[..., None, :, :]
    dx = dy * weights.mT[..., None, :]  # forward: y = (x * weights.mT[..., None, :]).sum(-3)
    dweights = token_sum(dy * x).mT  # forward: y = (x * weights.mT[..., None, :]).sum(-3)
    (dscores,) = softmax_backward(np.ascontiguousarray(dweights, like=x), SoftmaxCache(weights))  # (..., C, K)
    return SplitAttentionGrads(dx, dscores.mT)  # forward: weights, _ = softmax_forward(scores.mT)
