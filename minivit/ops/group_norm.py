"""Group normalisation: neighbouring channels of a sample, over all its places, to mean 0 and variance 1."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.layer_norm import LayerNormCache, NormGrads, layer_norm_backward, layer_norm_forward
from minivit.ops.rows import column_sum
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
    rows = _rows(x, num_groups)
    ones = np.ones_like(x, shape=rows.shape[-1])
    _, (xhat, rstd, _) = layer_norm_forward(rows, ones, np.zeros_like(ones), eps=eps)
    xhat = _places(xhat, x.shape)
    y = xhat * gamma
    y += beta
    return y, GroupNormCache(xhat, rstd, gamma)


@checked
def group_norm_backward(dy: Float[ndarray, "B *P C"], cache: GroupNormCache) -> NormGrads:
    r"""Gradients of :func:`group_norm_forward`: those of layer normalisation, for rows that are groups.

    Scale and shift belong to channels, so their gradients are sums over samples and places; what is left is a layer
    normalisation without scale and shift, whose gradient is derived in
    :func:`~minivit.ops.layer_norm.layer_norm_backward`.
    """
    xhat, rstd, gamma = cache
    num_groups = rstd.shape[1]
    dbeta = column_sum(dy)  # forward: y = xhat * gamma + beta
    dgamma = column_sum(dy * xhat)  # forward: y = xhat * gamma + beta
    drows, rows = _rows(dy * gamma, num_groups), _rows(xhat, num_groups)  # forward: y = xhat * gamma + beta
    ones = np.ones_like(dy, shape=rows.shape[-1])
    drows, _, _ = layer_norm_backward(drows, LayerNormCache(rows, rstd, ones))  # forward: xhat = layer_norm(rows)
    return NormGrads(_places(drows, dy.shape), dgamma, dbeta)


def _rows(x: ndarray, num_groups: int) -> ndarray:
    """(B, ..., C) -> (B, G, places * C / G): all numbers of a group in one row."""
    B, *places, C = x.shape
    groups = x.reshape(B, prod(places), num_groups, C // num_groups).swapaxes(1, 2)
    return groups.reshape(B, num_groups, prod(places) * C // num_groups)


def _places(rows: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Undo :func:`_rows`: every number back to its place and channel."""
    B, *places, C = shape
    num_groups = rows.shape[1]
    return rows.reshape(B, num_groups, prod(places), C // num_groups).swapaxes(1, 2).reshape(shape)
