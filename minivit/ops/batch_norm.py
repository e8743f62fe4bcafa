"""Batch normalisation: of every channel, over all samples and places of the batch."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.layer_norm import NormGrads
from minivit.ops.rows import column_sum
from minivit.types import Float, ndarray


class BatchNormCache(NamedTuple):
    """What ``batch_norm_backward`` needs, and what the batch was like: mean and variance of each channel."""

    xhat: Float[ndarray, "*B C"]
    rstd: Float[ndarray, " C"]
    gamma: Float[ndarray, " C"]
    mean: Float[ndarray, " C"]
    var: Float[ndarray, " C"]


@checked
def batch_norm_forward(
    x: Float[ndarray, "*B C"], gamma: Float[ndarray, " C"], beta: Float[ndarray, " C"], *, eps: float = 1e-5
) -> tuple[Float[ndarray, "*B C"], BatchNormCache]:
    r"""Normalise each channel by its mean and variance over all other axes.

    .. math::
        \mu_c = \frac1n \sum_i x_{ic}, \qquad \sigma_c^2 = \frac1n \sum_i (x_{ic} - \mu_c)^2, \qquad
        y_{ic} = \frac{x_{ic} - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}\, \gamma_c + \beta_c

    What becomes of an image depends on the others in its batch; that is the point of it, and its price.

    Raises
    ------
    ValueError
        If there is only one number for each channel, which would become 0 whatever it is, or ``eps`` is negative.

    References
    ----------
    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 1.
    """
    check_range("batch_norm: eps", eps, at_least=0, below=inf)
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError(f"batch_norm: x has shape {x.shape}; expected at least two numbers for each channel")
    mean = column_sum(x) / n
    xhat = x - mean
    var = column_sum(xhat * xhat) / n
    rstd = 1 / np.sqrt(var + eps)
    xhat *= rstd
    return xhat * gamma + beta, BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var)


@checked
def batch_norm_backward(dy: Float[ndarray, "*B C"], cache: BatchNormCache) -> NormGrads:
    r"""Gradients of :func:`batch_norm_forward`.

    With :math:`g = \bar y \gamma`, what is derived for layer normalisation, in
    :func:`~minivit.ops.layer_norm.layer_norm_backward`, with columns for rows:

    .. math:: \bar x_{ic} = \frac{1}{\sqrt{\sigma_c^2 + \epsilon}}
              \left(g_{ic} - \frac1n \sum_j g_{jc} - \hat x_{ic} \frac1n \sum_j g_{jc} \hat x_{jc}\right)

    Source: Ioffe and Szegedy 2015, section 3.
    """
    xhat, rstd, gamma = cache.xhat, cache.rstd, cache.gamma
    n = prod(dy.shape[:-1])
    dbeta = column_sum(dy)  # forward: y = xhat * gamma + beta
    dgamma = column_sum(dy * xhat)  # forward: y = xhat * gamma + beta
    dx = dy - dbeta / n  # forward: xhat = x - mean
    dx -= xhat * (dgamma / n)  # forward: rstd = 1 / np.sqrt(var + eps)
    dx *= gamma * rstd  # forward: xhat *= rstd; and the scale gamma
    return NormGrads(dx, dgamma, dbeta)
