"""Layer normalisation: every token to mean 0 and variance 1, then a learned scale and shift."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.rows import column_sum, row_dot, row_sum, sum_to  # sums, which keep more digits in float32
from minivit.types import Float, ndarray


class LayerNormCache(NamedTuple):
    """What ``layer_norm_backward`` needs."""

    xhat: Float[ndarray, "*B D"]
    rstd: Float[ndarray, "*B 1"]
    gamma: Float[ndarray, " D"]


class NormGrads(NamedTuple):
    """Gradients of the arguments of all norms, by name."""

    x: Float[ndarray, "..."]
    gamma: Float[ndarray, "..."]
    beta: Float[ndarray, "..."]


@checked
def layer_norm_forward(
    x: Float[ndarray, "*B D"], gamma: Float[ndarray, " D"], beta: Float[ndarray, " D"], *, eps: float = 1e-6
) -> tuple[Float[ndarray, "*B D"], LayerNormCache]:
    r"""Normalise the last axis.

    .. math::
        \mu = \frac1D \sum_d x_d, \quad \sigma^2 = \frac1D \sum_d (x_d - \mu)^2, \quad
        \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \quad y = \gamma \hat x + \beta

    Parameters
    ----------
    x : (..., D)
        Each row of width D has its own mean and variance (biased: divided by D).
    gamma, beta : (D,)
    eps : float
        1e-6 in timm's and Google's ViT, Mixer, DeiT; 1e-5 in Swin, CLIP, DETR; 1e-12 in the ViT of
        transformers.

    References
    ----------
    Ba, Kiros and Hinton 2016, "Layer Normalization", section 3.
    """
    if not 0 <= eps < inf:
        raise ValueError(f"layer_norm: eps is {eps}; expected at least 0 and finite")
    width = x.shape[-1]
    xhat = x - row_sum(x) / width
    rstd = 1 / np.sqrt(row_dot(xhat, xhat) / width + eps)
    xhat *= rstd
    y = xhat * gamma
    y += beta
    return y, LayerNormCache(xhat, rstd, gamma)


@checked
def layer_norm_backward(dy: Float[ndarray, "*B D"], cache: LayerNormCache) -> NormGrads:
    r"""Gradients of :func:`layer_norm_forward`.

    From :math:`y = \gamma \hat x + \beta`, over all rows: :math:`\bar \beta = \sum \bar y`,
    :math:`\bar \gamma = \sum \bar y \hat x`, and within a row :math:`g = \bar y \gamma` is the gradient of
    :math:`\hat x = c\, r` with :math:`c = x - \mu` and :math:`r = (\sigma^2 + \epsilon)^{-1/2}`. With
    :math:`\sigma^2 = \frac1D \sum_d c_d^2`, a number c moves :math:`\hat x` directly and through r:

    .. math::
        \frac{\partial r}{\partial c_d} = -\frac12 r^3 \cdot \frac{2 c_d}{D} = -\frac1D r^2 \hat x_d, \qquad
        \bar r = \sum_d g_d c_d = \frac1r \sum_d g_d \hat x_d, \qquad
        \bar c_d = r g_d - \bar r\, \frac1D r^2 \hat x_d = r \Big(g_d - \hat x_d \frac1D \sum_j g_j \hat x_j\Big)

    A mean that is subtracted in the forward is subtracted from the gradient, :math:`\bar x = \bar c - \frac1D \sum_d
    \bar c_d`, and :math:`\hat x` has mean 0, so only that of g is left of it:

    .. math:: \bar x = \frac{1}{\sqrt{\sigma^2 + \epsilon}}
              \left(g - \frac1D \sum_d g_d - \hat x \frac1D \sum_d g_d \hat x_d\right)

    which is g with its components along 1 and along :math:`\hat x` removed: moving all x together, or stretching them,
    does not change the output. (The formula is exact. The picture is, as far as eps is small beside :math:`\sigma^2`:
    :math:`\hat x` is a little shorter than :math:`\sqrt D`, so a trace of that component is left.)
    """
    xhat, rstd, gamma = cache
    width = xhat.shape[-1]
    dbeta = column_sum(dy)  # forward: y += beta
    dgamma = column_sum(dy * xhat)  # forward: y = xhat * gamma
    dx = dy * gamma  # forward: y = xhat * gamma
    along_xhat = row_dot(dx, xhat) / width  # forward: row_dot(xhat, xhat) / width
    dx -= row_sum(dx) / width  # forward: xhat = x - row_sum(x) / width
    dx -= xhat * along_xhat  # forward: rstd = 1 / np.sqrt(row_dot(xhat, xhat) / width + eps)
    dx *= rstd  # forward: xhat *= rstd
    return NormGrads(dx, dgamma, dbeta)


class LayerNormSampleCache(NamedTuple):
    """What ``layer_norm_sample_backward`` needs."""

    xhat: Float[ndarray, "B N D"]
    rstd: Float[ndarray, "B 1"]
    gamma: Float[ndarray, "..."]


@checked
def layer_norm_sample_forward(
    x: Float[ndarray, "B N D"], gamma: Float[ndarray, "..."], beta: Float[ndarray, "..."], *, eps: float = 1e-6
) -> tuple[Float[ndarray, "B N D"], LayerNormSampleCache]:
    r"""Normalise each sample over all its tokens and widths together: layer normalisation of a row of N D numbers.

    .. math::
        \mu_b = \frac{1}{ND} \sum_{nd} x_{bnd}, \quad \sigma_b^2 = \frac{1}{ND} \sum_{nd} (x_{bnd} - \mu_b)^2, \quad
        y = \gamma \frac{x - \mu_b}{\sqrt{\sigma_b^2 + \epsilon}} + \beta

    This is how some lectures draw layer normalisation, and it is group normalisation with a single group. The
    Transformers of practice use :func:`layer_norm_forward`, in which no token sees another.

    Parameters
    ----------
    x : (B, N, D)
    gamma, beta : (D,) or (N, D)
        One scale and shift per channel, or one for each place as in PyTorch's ``LayerNorm((N, D))``.

    References
    ----------
    Ba, Kiros and Hinton 2016, section 3; Wu and He 2018, "Group Normalization", section 3, for one group.
    """
    if gamma.shape != beta.shape or gamma.shape not in (x.shape[1:], x.shape[2:]):
        raise ValueError(
            f"layer_norm_sample: gamma has shape {gamma.shape} and beta {beta.shape}; "
            f"both must be (D,) = {x.shape[2:]} or (N, D) = {x.shape[1:]}"
        )
    check_range("layer_norm_sample: eps", eps, at_least=0, below=inf)
    size = prod(x.shape[1:])
    if size == 0:
        raise ValueError(f"layer_norm_sample: there are no tokens to normalise, x has shape {x.shape}")
    scale, shift = (np.broadcast_to(a, x.shape[1:]).reshape(size) for a in (gamma, beta))  # one for each place
    y, (xhat, rstd, _) = layer_norm_forward(x.reshape(len(x), size), scale, shift, eps=eps)
    return y.reshape(x.shape), LayerNormSampleCache(xhat.reshape(x.shape), rstd, gamma)


@checked
def layer_norm_sample_backward(dy: Float[ndarray, "B N D"], cache: LayerNormSampleCache) -> NormGrads:
    """Gradients of :func:`layer_norm_sample_forward`: those of layer norm, in which a sample is a row.

    A scale that all tokens share gets the sum of their gradients.
    """
    xhat, rstd, gamma = cache
    B, N, D = dy.shape
    scale = np.broadcast_to(gamma, (N, D)).reshape(N * D)
    rows = LayerNormCache(xhat.reshape(B, N * D), rstd, scale)
    dx, dscale, dshift = layer_norm_backward(dy.reshape(B, N * D), rows)  # formula: y = layer_norm(rows)
    dgamma, dbeta = (sum_to(a.reshape(N, D), gamma.shape) for a in (dscale, dshift))  # formula: broadcast
    return NormGrads(dx.reshape(B, N, D), dgamma, dbeta)
