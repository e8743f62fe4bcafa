"""Cosine attention: queries and keys are compared by their directions alone, on a scale that each head learns."""

from math import log
from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.attention import AttentionCache, attention_backward, attention_forward
from minivit.ops.rows import row_sum
from minivit.ops.unit_vectors import UnitVectorsCache, unit_vectors_backward, unit_vectors_forward
from minivit.types import Bool, Float, ndarray

LARGEST = log(100)
"""Of the logarithms of the scale: the temperature does not fall below 0.01."""


class CosineAttentionCache(NamedTuple):
    """What ``cosine_attention_backward`` needs; ``attention.weights`` is the attention map."""

    q: UnitVectorsCache
    k: UnitVectorsCache
    logit_scale: Float[ndarray, "H 1 1"]
    attention: AttentionCache


class CosineAttentionGrads(NamedTuple):
    """Gradients of the arguments of ``cosine_attention_forward``, by name; ``bias`` is None when none was given."""

    q: Float[ndarray, "*B H N K"]
    k: Float[ndarray, "*B H S K"]
    v: Float[ndarray, "*B H S V"]
    logit_scale: Float[ndarray, "H 1 1"]
    bias: Float[ndarray, "..."] | None


@checked
def cosine_attention_forward(
    q: Float[ndarray, "*B H N K"],
    k: Float[ndarray, "*B H S K"],
    v: Float[ndarray, "*B H S V"],
    logit_scale: Float[ndarray, "H 1 1"],
    bias: Float[ndarray, "..."] | None = None,
    *,
    mask: Bool[ndarray, "..."] | None = None,
) -> tuple[Float[ndarray, "*B H N V"], CosineAttentionCache]:
    r"""Attention whose scores are cosines.

    .. math:: Y_h = \operatorname{softmax}\!\left(\frac{\cos(Q_h, K_h)}{\tau_h} + \text{bias}_h\right) V_h, \qquad
              \frac{1}{\tau_h} = e^{\min(t_h,\, \ln 100)}

    The scores of plain attention grow with the lengths of queries and keys, and in large models a few of them take all.
    A cosine stays between -1 and 1.

    Parameters
    ----------
    q, k, v : (..., H, N, K), (..., H, S, K), (..., H, S, V)
        Queries, keys and values, split into heads.
    logit_scale : (H, 1, 1)
        t, the logarithm of the scale of each head. (The paper speaks of the temperature tau, which is larger than
        0.01; its code learns t, and clamps it.)
    bias, mask
        As of :func:`minivit.ops.attention_forward`.

    Returns
    -------
    y : (..., H, N, V)
    cache : CosineAttentionCache

    Raises
    ------
    ValueError, TypeError
        As :func:`minivit.ops.attention_forward`.

    References
    ----------
    Liu et al. 2022, "Swin Transformer V2: Scaling Up Capacity and Resolution", section 3.2, equation 2.
    """
    check_shape("cosine_attention: logit_scale", logit_scale, (q.shape[-3], 1, 1))
    uq, c_q = unit_vectors_forward(q)
    uk, c_k = unit_vectors_forward(k)
    scale = _scale(logit_scale)
    y, c_attention = attention_forward(uq * scale, uk, v, bias, mask=mask, scale=1.0)
    return y, CosineAttentionCache(c_q, c_k, logit_scale, c_attention)


@checked
def cosine_attention_backward(dy: Float[ndarray, "*B H N V"], cache: CosineAttentionCache) -> CosineAttentionGrads:
    r"""Gradients of :func:`cosine_attention_forward`: those of attention, of directions, and of the scale.

    With :math:`\hat q` and :math:`\hat k` of length 1, and attention of :math:`e^t \hat q` and :math:`\hat k`:

    .. math:: \bar t_h = e^{t_h} \sum_{b,n} \hat q_{bhn} \cdot \overline{(e^t \hat q)}_{bhn}

    summed over all samples and queries of the head; and 0 where t is clamped.
    """
    scale = _scale(cache.logit_scale)
    dscaled, duk, dv, dbias = attention_backward(dy, cache.attention)  # forward: y, c_attention = attention_forward(
    products = row_sum(dscaled * cache.q.y)  # formula: uq * scale, in each query; (..., H, N, 1)
    products = np.moveaxis(products, -3, 0)
    dscale = row_sum(products.reshape(len(scale), -1)).reshape(scale.shape)
    dlogit_scale = np.where(np.real(cache.logit_scale) <= LARGEST, dscale * scale, 0)  # formula: exp(min(t, log 100))
    (dq,) = unit_vectors_backward(dscaled * scale, cache.q)  # forward: uq, c_q = unit_vectors_forward(q)
    (dk,) = unit_vectors_backward(duk, cache.k)  # forward: uk, c_k = unit_vectors_forward(k)
    return CosineAttentionGrads(dq, dk, dv, dlogit_scale, dbias)


def _scale(logit_scale: Float[ndarray, "H 1 1"]) -> Float[ndarray, "H 1 1"]:
    return np.exp(np.minimum(logit_scale, logit_scale.dtype.type(LARGEST)))
