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
    mean = _group_mean(_place_sum(x), x, num_groups)
    xhat = x - _of_channels(mean, x)
    var = _group_mean(_place_sum(xhat * xhat), x, num_groups)
    rstd = 1 / np.sqrt(var + eps)
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
    sums, along_xhat = _place_sum(dy), _place_sum(dy * xhat)  # (B, C)
    dbeta = column_sum(sums)  # forward: y += beta
    dgamma = column_sum(along_xhat)  # forward: y = xhat * gamma
    mean_g, mean_along = (_group_mean(a * gamma, dy, num_groups) for a in (sums, along_xhat))  # (B, G, 1)
    dx = dy * gamma  # forward: y = xhat * gamma
    dx -= _of_channels(mean_g, dy)  # forward: xhat = x - _of_channels(mean, x)
    dx -= xhat * _of_channels(mean_along, dy)  # forward: rstd = 1 / np.sqrt(var + eps)
    dx *= _of_channels(rstd, dy)  # forward: xhat *= _of_channels(rstd, x)
    return NormGrads(dx, dgamma, dbeta)


def _place_sum(x: Float[ndarray, "B *P C"]) -> Float[ndarray, "B C"]:
    """Over all places of a sample, channel by channel."""
    return token_sum(x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1]))


def _group_mean(sums: Float[ndarray, "B C"], x: Float[ndarray, "B *P C"], num_groups: int) -> Float[ndarray, "B G 1"]:
    """The mean of each group of x, or of what has its shape, of sums over places.

    The numbers stay where they stand: to bring those of a group together, in one row, costs a copy of all.
    """
    groups = sums.reshape(len(x), num_groups, x.shape[-1] // num_groups)
    return row_sum(groups) / (prod(x.shape[1:]) // num_groups)


def _of_channels(groups: Float[ndarray, "B G 1"], x: Float[ndarray, "B *P C"]) -> Float[ndarray, "B *ones C"]:
    """What each group has, for each of its channels, at all places."""
    B, *places, C = x.shape
    return np.repeat(groups, C // groups.shape[1], axis=1).reshape(B, *(1 for _ in places), C)
