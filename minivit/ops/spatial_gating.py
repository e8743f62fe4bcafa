"""Spatial gating: one half of the channels lets the other through, by a linear map over the tokens."""

from math import prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.rows import column_sum, token_product
from minivit.types import Float, ndarray


class SpatialGatingCache(NamedTuple):
    """What ``spatial_gating_backward`` needs; ``gate`` is what ``u`` was multiplied by."""

    u: Float[ndarray, "*B N D"]
    v: Float[ndarray, "*B N D"]
    weight: Float[ndarray, "N N"]
    gate: Float[ndarray, "*B N D"]


class SpatialGatingGrads(NamedTuple):
    """Gradients of the arguments of ``spatial_gating_forward``, by name."""

    u: Float[ndarray, "*B N D"]
    v: Float[ndarray, "*B N D"]
    weight: Float[ndarray, "N N"]
    bias: Float[ndarray, " N"]


@checked
def spatial_gating_forward(
    u: Float[ndarray, "*B N D"],
    v: Float[ndarray, "*B N D"],
    weight: Float[ndarray, "N N"],
    bias: Float[ndarray, " N"],
) -> tuple[Float[ndarray, "*B N D"], SpatialGatingCache]:
    r"""Multiply ``u`` by what the tokens of ``v`` are worth to each place.

    .. math:: y_{nd} = u_{nd}\, g_{nd}, \qquad g_{nd} = \sum_m W_{mn}\, v_{md} + b_n

    Each channel has the same map from tokens to tokens, which does not depend on the input, as attention does; but what
    comes out is multiplied by the input, so the whole is of second order. With W near 0 and b = 1 nothing is changed at
    first.

    Parameters
    ----------
    u, v : (..., N, D)
        The two halves of the channels; ``v`` has been normalised.
    weight : (N, N)
        From tokens (rows) to tokens (columns), as all linear maps here.
    bias : (N,)
        One number for each token, and not for each channel.

    Returns
    -------
    y : (..., N, D)
    cache : SpatialGatingCache

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Liu et al. 2021, "Pay Attention to MLPs", section 2.1, equations 2 and 4.
    """
    gate = weight.mT @ v  # (..., N, D)
    gate += bias[:, None]
    return u * gate, SpatialGatingCache(u, v, weight, gate)


@checked
def spatial_gating_backward(dy: Float[ndarray, "*B N D"], cache: SpatialGatingCache) -> SpatialGatingGrads:
    r"""Gradients of :func:`spatial_gating_forward`: each factor gets the other one.

    .. math:: \bar u = \bar y\, g, \quad \bar g = \bar y\, u, \quad \bar v = W \bar g, \quad
        \bar W_{mn} = \sum_{b,d} v_{bmd}\, \bar g_{bnd}, \quad \bar b_n = \sum_{b,d} \bar g_{bnd}
    """
    u, v, weight, gate = cache
    check_shape("spatial_gating_backward: dy", dy, u.shape)
    du = dy * gate  # forward: return u * gate, SpatialGatingCache(u, v, weight, gate)
    dgate = dy * u  # forward: return u * gate, SpatialGatingCache(u, v, weight, gate)
    dv = weight @ dgate  # forward: gate = weight.mT @ v
    rows_v, rows_dgate = _channels_as_rows(v), _channels_as_rows(dgate)  # (..., N): every channel of every sample
    dweight = token_product(rows_v, rows_dgate)  # forward: gate = weight.mT @ v
    dbias = column_sum(rows_dgate)  # forward: gate += bias[:, None]
    return SpatialGatingGrads(du, dv, dweight, dbias)


def _channels_as_rows(a: Float[ndarray, "*B N D"]) -> Float[ndarray, "rows N"]:
    *B, N, D = a.shape
    return np.ascontiguousarray(a.mT, like=a).reshape(prod(B) * D, N)


def spatial_gating_loops(
    u: Float[ndarray, "N D"], v: Float[ndarray, "N D"], weight: Float[ndarray, "N N"], bias: Float[ndarray, " N"]
) -> Float[ndarray, "N D"]:
    """The same of one sample, as the formula says it: token by token, channel by channel."""
    y = np.empty_like(u)
    for n, d in np.ndindex(u.shape):
        gate = bias[n]
        for m in range(len(v)):
            gate = gate + weight[m, n] * v[m, d]
        y[n, d] = u[n, d] * gate
    return y
