"""RMS normalisation: every token to length sqrt(D), then a learned scale. No mean is subtracted, no shift is added."""

from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.rows import column_sum, row_dot  # sums, which keep more digits in float32
from minivit.types import Float, ndarray


class RmsNormCache(NamedTuple):
    """What ``rms_norm_backward`` needs."""

    xhat: Float[ndarray, "*B D"]
    rstd: Float[ndarray, "*B 1"]
    gamma: Float[ndarray, " D"]


class RmsNormGrads(NamedTuple):
    """Gradients of the arguments of ``rms_norm_forward``, by name."""

    x: Float[ndarray, "*B D"]
    gamma: Float[ndarray, " D"]


@checked
def rms_norm_forward(
    x: Float[ndarray, "*B D"], gamma: Float[ndarray, " D"], *, eps: float = 1e-5
) -> tuple[Float[ndarray, "*B D"], RmsNormCache]:
    r"""Divide each row by its root mean square.

    .. math:: \hat x = \frac{x}{\sqrt{\frac1D \sum_d x_d^2 + \epsilon}}, \qquad y = \gamma \hat x

    It is :func:`~minivit.ops.layer_norm.layer_norm_forward` of a row whose mean is 0, without a shift.

    Parameters
    ----------
    x : (..., D)
    gamma : (D,)
    eps : float
        1e-5 in iGPT. It stands under the root: others (T5, LLaMA) have 1e-6 there.

    References
    ----------
    Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", section 4. OpenAI's code of iGPT calls it layer
    norm.
    """
    check_range("rms_norm: eps", eps, at_least=0, below=inf)
    rstd = 1 / np.sqrt(row_dot(x, x) / x.shape[-1] + eps)
    xhat = x * rstd
    return xhat * gamma, RmsNormCache(xhat, rstd, gamma)


@checked
def rms_norm_backward(dy: Float[ndarray, "*B D"], cache: RmsNormCache) -> RmsNormGrads:
    r"""Gradients of :func:`rms_norm_forward`.

    :math:`\bar\gamma = \sum \bar y \hat x` over all rows, and within a row :math:`g = \bar y \gamma` is the gradient of
    :math:`\hat x = x\, r` with :math:`r = (\frac1D \sum_d x_d^2 + \epsilon)^{-1/2}`. A number x moves :math:`\hat x`
    directly and through r, for which :math:`\partial r / \partial x_d = -\frac1D r^2 \hat x_d`:

    .. math:: \bar x = r \left(g - \hat x\, \frac1D \sum_d g_d \hat x_d\right)

    which is g without its component along :math:`\hat x`: stretching a row does not change the output. In layer
    normalisation the mean of g goes, too; here it stays.
    """
    xhat, rstd, gamma = cache
    dgamma = column_sum(dy * xhat)  # forward: return xhat * gamma, RmsNormCache(xhat, rstd, gamma)
    dx = dy * gamma  # forward: return xhat * gamma, RmsNormCache(xhat, rstd, gamma)
    along_xhat = row_dot(dx, xhat) / xhat.shape[-1]  # forward: rstd = 1 / np.sqrt(row_dot(x, x) / x.shape[-1] + eps)
    dx -= xhat * along_xhat
    dx *= rstd  # forward: xhat = x * rstd
    return RmsNormGrads(dx, dgamma)
