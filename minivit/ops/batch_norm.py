"""Batch normalisation: of every channel, over all samples and places of the batch; and what inference makes of it."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.layer_norm import NormGrads
from minivit.ops.rows import column_sum, plus_row, times_row
from minivit.types import Float, Share, ndarray


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
        If there are fewer than two numbers for each channel (a single one would become 0 whatever it is), or ``eps`` is
        negative.

    References
    ----------
    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 1.
    """
    check_range("batch_norm: eps", eps, at_least=0, below=inf)
    n = prod(x.shape[:-1])
    if n < 2:
        few = f"batch_norm: x has shape {x.shape}; expected at least two numbers for each channel"
        raise ValueError(f"{few}: more images, or larger ones")
    mean = column_sum(x) / n
    xhat = plus_row(x, -mean)  # x - mean; of few channels, several rows at a time
    var = column_sum(xhat * xhat) / n
    rstd = 1 / np.sqrt(var + eps)
    times_row(xhat, rstd, out=xhat)
    y = times_row(xhat, gamma)
    plus_row(y, beta, out=y)
    return y, BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var)


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
    dbeta = column_sum(dy)  # forward: plus_row(y, beta, out=y)
    dgamma = column_sum(dy * xhat)  # forward: y = times_row(xhat, gamma)
    dx = plus_row(dy, -dbeta / n)  # forward: xhat = plus_row(x, -mean)
    dx -= times_row(xhat, dgamma / n)  # forward: rstd = 1 / np.sqrt(var + eps)
    times_row(dx, gamma * rstd, out=dx)  # forward: times_row(xhat, rstd, out=xhat); and the scale gamma
    return NormGrads(dx, dgamma, dbeta)


class RunningAverages(NamedTuple):
    """What is remembered of the batches so far: mean and variance of each channel."""

    mean: Float[ndarray, " C"]
    var: Float[ndarray, " C"]


@checked
def running_averages(
    running_mean: Float[ndarray, " C"],
    running_var: Float[ndarray, " C"],
    mean: Float[ndarray, " C"],
    var: Float[ndarray, " C"],
    count: int,
    *,
    momentum: Share = 0.1,
) -> RunningAverages:
    r"""Move the running averages towards what a batch was like, by a share ``momentum`` of the way.

    .. math::
        \mu \leftarrow (1 - m)\, \mu + m\, \mu_B, \qquad
        \sigma^2 \leftarrow (1 - m)\, \sigma^2 + m\, \frac{n}{n - 1}\, \sigma_B^2

    The variance of n numbers about their own mean is too small on average; n / (n - 1) makes it that of all numbers. As
    in PyTorch and timm; TensorFlow's ``momentum`` is the share that stays, 1 - m.

    Parameters
    ----------
    running_mean, running_var : (C,)
        The averages so far.
    mean, var : (C,)
        Of the batch, as in the cache of :func:`batch_norm_forward`: the variance is the biased one, divided by n.
    count : int
        n, how many numbers of each channel there were in the batch.
    momentum : float
        m, from 0 to 1.

    Raises
    ------
    ValueError
        If ``count`` is less than 2, or ``momentum`` is not between 0 and 1.

    References
    ----------
    Ioffe and Szegedy 2015, "Batch Normalization", section 3.1 and algorithm 2.
    """
    check_range("running_averages: count", count, at_least=2)
    unbiased = var * (count / (count - 1))
    return RunningAverages(
        (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * unbiased
    )


class ScaleAndShift(NamedTuple):
    """What a normalisation is whose mean and variance are fixed: ``y = x * scale + shift``."""

    scale: Float[ndarray, " C"]
    shift: Float[ndarray, " C"]


@checked
def fixed_scale_and_shift(
    gamma: Float[ndarray, " C"],
    beta: Float[ndarray, " C"],
    mean: Float[ndarray, " C"],
    var: Float[ndarray, " C"],
    *,
    eps: float = 1e-5,
) -> ScaleAndShift:
    r"""What is left of batch normalisation when the batch's mean and variance give way to the running averages.

    .. math::
        \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}\, \gamma + \beta = x\, s + t, \qquad
        s = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}, \qquad t = \beta - \mu\, s

    Then what becomes of an image no longer depends on the others; and a linear map before it can take both over.

    Raises
    ------
    ValueError
        If ``eps`` is negative.

    References
    ----------
    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2.
    """
    check_range("fixed_scale_and_shift: eps", eps, at_least=0, below=inf)
    scale = gamma / np.sqrt(var + eps)
    return ScaleAndShift(scale, beta - mean * scale)
