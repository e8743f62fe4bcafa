"""Fourier features: sines and cosines of a point, at frequencies that were drawn at random."""

from math import pi
from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.rows import token_product
from minivit.types import Float, ndarray


class FourierFeaturesCache(NamedTuple):
    """What ``fourier_features_backward`` needs."""

    x: Float[ndarray, "*B D"]
    frequencies: Float[ndarray, "D F"]
    sine: Float[ndarray, "*B F"]
    cosine: Float[ndarray, "*B F"]


class FourierFeaturesGrads(NamedTuple):
    """Gradients of the arguments of ``fourier_features_forward``, by name."""

    x: Float[ndarray, "*B D"]
    frequencies: Float[ndarray, "D F"]


@checked
def fourier_features_forward(
    x: Float[ndarray, "*B D"], frequencies: Float[ndarray, "D F"]
) -> tuple[Float[ndarray, "*B G"], FourierFeaturesCache]:
    r"""Waves that run in all directions, seen from one point.

    .. math:: y = [\sin(2\pi\, x W),\ \cos(2\pi\, x W)]

    The product of two such rows is a sum of :math:`\cos(2\pi (x - x') w)` over the frequencies: it depends on how two
    points lie to each other, and is the sharper around 0 the larger the frequencies are.

    Parameters
    ----------
    x : (..., D)
        Points, such as (x, y) in -1..1.
    frequencies : (D, F)
        W: normal numbers, in SAM of standard deviation 1, drawn once and never trained.

    Returns
    -------
    y : (..., 2 F)
        All sines, then all cosines.
    cache : FourierFeaturesCache

    References
    ----------
    Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains",
    equation 5 ("Gaussian"), with cosines first; for points of images Kirillov et al. 2023, "Segment Anything",
    appendix A, with sines first.
    """
    angle = x @ frequencies * (2 * pi)
    sine = np.sin(angle)
    cosine = np.cos(angle)
    return np.concatenate((sine, cosine), axis=-1), FourierFeaturesCache(x, frequencies, sine, cosine)


@checked
def fourier_features_backward(dy: Float[ndarray, "*B G"], cache: FourierFeaturesCache) -> FourierFeaturesGrads:
    r"""Gradients of :func:`fourier_features_forward`.

    A sine's slope is the cosine, a cosine's minus the sine. So with :math:`\theta = 2\pi\, x W` and the halves s and c
    of the gradient

    .. math:: \bar\theta = \bar s \cos\theta - \bar c \sin\theta, \qquad
              \bar x = 2\pi\, \bar\theta W^\top, \qquad \bar W = 2\pi\, x^\top \bar\theta
    """
    x, frequencies, sine, cosine = cache
    dsine, dcosine = np.split(dy, 2, axis=-1)  # forward: np.concatenate((sine, cosine), axis=-1)
    dangle = dsine * cosine  # forward: sine = np.sin(angle)
    dangle -= dcosine * sine  # forward: cosine = np.cos(angle)
    dangle *= 2 * pi  # forward: angle = x @ frequencies * (2 * pi)
    rows = x.reshape(-1, x.shape[-1]), dangle.reshape(-1, dangle.shape[-1])
    return FourierFeaturesGrads(dangle @ frequencies.T, token_product(*rows))  # formula: theta = 2 pi x W
