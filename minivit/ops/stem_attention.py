"""Local attention on colours: what a pixel gives depends on where in the window it stands.

A first convolution finds edges: of the same colours, it takes other things at other places of its window. Values that
are one linear map of three colours cannot; here they are a mixture of several maps, in shares that each place has.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.local_attention import _in_rows, _met, _seen_from_map
from minivit.ops.rows import column_sum, token_sum
from minivit.ops.sliding import Padding, Sliding, sliding
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.types import Float, Size, ndarray


class StemAttentionCache(NamedTuple):
    """What ``stem_attention_backward`` needs. ``weights`` say where in its window each query looked."""

    q: Float[ndarray, "B Yo Xo H K"]
    k: Float[ndarray, "B Y X H K"]
    v: Float[ndarray, "M B Y X H V"]
    shares: Float[ndarray, "M S"]
    weights: Float[ndarray, "B Yo Xo H S"]
    window: Sliding


class StemAttentionGrads(NamedTuple):
    """Gradients of the arguments of ``stem_attention_forward``, by name."""

    q: Float[ndarray, "B Yo Xo H K"]
    k: Float[ndarray, "B Y X H K"]
    v: Float[ndarray, "M B Y X H V"]
    shares: Float[ndarray, "M S"]


@checked
def stem_attention_forward(
    q: Float[ndarray, "B Yo Xo H K"],
    k: Float[ndarray, "B Y X H K"],
    v: Float[ndarray, "M B Y X H V"],
    shares: Float[ndarray, "M S"],
    *,
    kernel_size: Size,
    stride: Size = 1,
    padding: Padding = 0,
) -> tuple[Float[ndarray, "B Yo Xo H V"], StemAttentionCache]:
    r"""Local attention whose values are mixed of M maps, in shares that depend on the place in the window.

    .. math:: y_{ij} = \sum_{p,q} \operatorname{softmax}_{pq}\!\left(q_{ij} \cdot k_{i+p,\,j+q}\right)
              \sum_m s_{m,pq}\, v^m_{i+p,\,j+q}

    As in :func:`minivit.ops.local_attention_forward` there are zeros around the map, which take their part in the
    softmax, and scores are not divided by anything.

    Parameters
    ----------
    q : (B, Yo, Xo, H, K)
        Queries, one at each position of the window.
    k : (B, Y, X, H, K)
        Keys of the map.
    v : (M, B, Y, X, H, V)
        What each of the M maps makes of it.
    shares : (M, S)
        How much of each there is at each place of the window, row by row (S = P*Q).
    kernel_size, stride, padding
        Of the window, as of :func:`minivit.ops.conv2d_forward`.

    Returns
    -------
    y : (B, Yo, Xo, H, V)
    cache : StemAttentionCache

    Raises
    ------
    ValueError
        If the window is larger than the padded map, stands at other positions than there are queries, or has another
        number of places than ``shares``.

    References
    ----------
    Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", section 3.2, "Replacing the Convolutional
    Stem".
    """
    window = sliding("stem_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)
    (P, Q), (B, H, K) = window.kernel, (len(k), *k.shape[3:])
    check_shape("stem_attention: q", q, (B, *window.out, H, K))
    check_shape("stem_attention: shares", shares, (len(v), P * Q))
    scores = _met(k, window) @ q[..., None, :, None]  # (B, Yo, Xo, H, P, Q, 1)
    weights, _ = softmax_forward(scores.reshape(*q.shape[:4], P * Q))
    y = np.zeros_like(v, shape=(*q.shape[:4], v.shape[-1]))
    for values, share in zip(v, shares, strict=True):
        y += token_sum((_in_rows(weights * share, window) @ _met(values, window))[..., 0, :])
    return y, StemAttentionCache(q, k, v, shares, weights, window)


@checked
def stem_attention_backward(dy: Float[ndarray, "B Yo Xo H V"], cache: StemAttentionCache) -> StemAttentionGrads:
    r"""Gradients of :func:`stem_attention_forward`.

    With :math:`a` for the weights, and :math:`g^m_{ij,pq} = \bar y_{ij} \cdot v^m_{i+p,\,j+q}`:

    .. math:: \bar a_{ij,pq} = \sum_m s_{m,pq}\, g^m_{ij,pq}, \qquad
              \bar s_{m,pq} = \sum_{ij} a_{ij,pq}\, g^m_{ij,pq}, \qquad
              \bar v^m_{rt} = \sum_{\substack{i+p=r\\ j+q=t}} a_{ij,pq}\, s_{m,pq}\, \bar y_{ij}

    Queries and keys as in :func:`minivit.ops.local_attention_backward`.
    """
    q, k, v, shares, weights, window = cache
    check_shape("stem_attention_backward: dy", dy, (*q.shape[:4], v.shape[-1]))
    dv, dshares, dweights = np.empty_like(v), np.empty_like(shares), np.zeros_like(weights)
    for m, share in enumerate(shares):
        dv[m] = _seen_from_map(weights * share, dy, window)  # formula: y = sum of weights * share * values
        met_by_dy = (_met(v[m], window) @ dy[..., None, :, None]).reshape(weights.shape)  # formula: the same
        dshares[m] = column_sum(met_by_dy * weights)  # formula: the same
        dweights += met_by_dy * share  # formula: the same
    (dscores,) = softmax_backward(dweights, SoftmaxCache(weights))  # forward: weights, _ = softmax_forward(
    dq = token_sum((_in_rows(dscores, window) @ _met(k, window))[..., 0, :])  # formula: scores = k @ q in the window
    dk = _seen_from_map(dscores, q, window)  # formula: scores = k @ q in the window
    return StemAttentionGrads(dq, dk, dv, dshares)
