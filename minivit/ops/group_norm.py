"""Group normalisation: neighbouring channels of a sample, over all its places, to mean 0 and variance 1."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.layer_norm import NormGrads
from minivit.ops.rows import column_sum, row_sum, token_sum
from minivit.types import Float, ndarray


class GroupNormCache(NamedTuple):
    """What ``group_norm_backward`` needs."""

    xhat: Float[ndarray, "B *P C"]
    rstd: Float[ndarray, "B G 1"]
    gamma: Float[ndarray, " C"]


@checked
def group_norm_forward(
    x: Float[ndarray, "B *P C"],
    gamma: Float[ndarray, " C"],
    beta: Float[ndarray, " C"],
    *,
    num_groups: int,
    eps: float = 1e-5,
) -> tuple[Float[ndarray, "B *P C"], GroupNormCache]:
    r"""Normalise each group of channels of each sample: layer normalisation of rows that are groups.

    .. math::
        \hat x_{bg} = \frac{x_{bg} - \mu_{bg}}{\sqrt{\sigma_{bg}^2 + \epsilon}}, \qquad
        y_{bpc} = \gamma_c\, \hat x_{bpc} + \beta_c

    where :math:`x_{bg}` are the numbers of group g: those of its C / G neighbouring channels at all places. One group
    normalises each sample as a whole; as many as there are channels is instance normalisation. No sample sees another,
    so there is nothing that would have to be averaged while training, as for batch normalisation.

    Parameters
    ----------
    x : (B, ..., C)
        Feature maps (B, Y, X, C), tokens (B, N, C), or sound (B, T, C). (PyTorch has the channels second.)
    gamma, beta : (C,)
    num_groups : int
        G, which divides C.
    eps : float
        1e-5 in PyTorch, 1e-6 in Flax.

    Raises
    ------
    ValueError
        If ``num_groups`` does not divide the channels, there are no places, or ``eps`` is negative.

    References
    ----------
    Wu and He 2018, "Group Normalization", section 3.
    """
    check_range("group_norm: eps", eps, at_least=0, below=inf)
    if num_groups < 1 or x.shape[-1] % num_groups:
        raise ValueError(f"group_norm: {x.shape[-1]} channels are not divisible by num_groups {num_groups}")
    if prod(x.shape[1:]) == 0:
        raise ValueError(f"group_norm: there are no places to normalise, x has shape {x.shape}")
    xhat = x - _of_channels(_group_mean(x, num_groups), x)
    rstd = 1 / np.sqrt(_group_mean(xhat * xhat, num_groups) + eps)
    xhat *= _of_channels(rstd, x)
    y = xhat * gamma
    y += beta
    return y, GroupNormCache(xhat, rstd, gamma)


@checked
def group_norm_backward(dy: Float[ndarray, "B *P C"], cache: GroupNormCache) -> NormGrads:
    r"""Gradients of :func:`group_norm_forward`: those of layer normalisation, for rows that are groups.

    Scale and shift belong to channels, so their gradients are sums over samples and places; what is left is a layer
    normalisation without scale and shift, whose gradient is derived in
    :func:`~minivit.ops.layer_norm.layer_norm_backward`. With :math:`g = \gamma \bar y` and means over the group:

    .. math:: \bar x = \frac{1}{\sqrt{\sigma^2 + \epsilon}}
              \left(g - \overline{g} - \hat x\, \overline{g \hat x}\right)
    """
    xhat, rstd, gamma = cache
    num_groups = rstd.shape[1]
    dbeta = column_sum(dy)  # forward: y += beta
    dx = dy * gamma  # forward: y = xhat * gamma
    along_xhat = dy * xhat
    dgamma = column_sum(along_xhat)  # forward: y = xhat * gamma
    along_xhat *= gamma
    along_xhat = _group_mean(along_xhat, num_groups)  # forward: _group_mean(xhat * xhat)
    dx -= _of_channels(_group_mean(dx, num_groups), dy)  # forward: xhat = x - _group_mean(x)
    dx -= xhat * _of_channels(along_xhat, dy)  # forward: rstd = 1 / np.sqrt(_group_mean(xhat * xhat) + eps)
    dx *= _of_channels(rstd, dy)  # forward: xhat *= rstd
    return NormGrads(dx, dgamma, dbeta)


def _group_mean(x: Float[ndarray, "B *P C"], num_groups: int) -> Float[ndarray, "B G 1"]:
    """Over all places and the channels of a group: where they stand, as to bring them together costs a copy."""
    B, *places, C = x.shape
    channels = token_sum(x.reshape(B, prod(places), C))
    return row_sum(channels.reshape(B, num_groups, C // num_groups)) / (prod(places) * (C // num_groups))


def _of_channels(groups: Float[ndarray, "B G 1"], x: Float[ndarray, "B *P C"]) -> Float[ndarray, "B *ones C"]:
    """What each group has, for each of its channels, at all places."""
    B, *places, C = x.shape
    return np.repeat(groups, C // groups.shape[1], axis=1).reshape(B, *(1 for _ in places), C)
