"""Activations: functions of one number, applied to every element.

Each cache holds what gives the slope ``dy/dx`` cheaply, if possible the output, which the next layer keeps anyway. The
slope itself is computed when backward asks for it.
"""

from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from minivit.ops.normal import normal_cdf, normal_pdf
from minivit.types import Bool, Float, ndarray


class ReluCache(NamedTuple):
    """What ``relu_backward`` needs."""

    positive: Bool[ndarray, "..."]


class ReluGrads(NamedTuple):
    """Gradient of the argument of ``relu_forward``."""

    x: Float[ndarray, "..."]


def relu_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], ReluCache]:
    r"""Rectified linear unit, :math:`y = \max(x, 0)`.

    Source: Nair and Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".
    """
    positive = np.real(x) > 0
    return x * positive, ReluCache(positive)


def relu_backward(dy: Float[ndarray, "..."], cache: ReluCache) -> ReluGrads:
    r"""Gradient of :func:`relu_forward`: :math:`\bar x = \bar y` where :math:`x > 0`, else 0 (at the kink too)."""
    return ReluGrads(dy * cache.positive)  # forward: y = x * positive


class GeluCache(NamedTuple):
    """What ``gelu_backward`` needs."""

    x: Float[ndarray, "..."]
    y: Float[ndarray, "..."]


class GeluGrads(NamedTuple):
    """Gradient of the argument of ``gelu_forward``."""

    x: Float[ndarray, "..."]


def gelu_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], GeluCache]:
    r"""Gaussian error linear unit, exact.

    .. math:: y = x \Phi(x), \qquad \Phi(x) = \tfrac12 \left(1 + \operatorname{erf}(x / \sqrt 2)\right)

    where :math:`\Phi` is the probability that a standard normal number is below x. This is the GELU of PyTorch, timm,
    DeiT and Swin; Google's own ViT and Mixer use :func:`gelu_tanh_forward`.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    y = x * normal_cdf(x)
    return y, GeluCache(x, y)


def gelu_backward(dy: Float[ndarray, "..."], cache: GeluCache) -> GeluGrads:
    r"""Gradient of :func:`gelu_forward`.

    By the product rule, with the normal density :math:`\varphi = \Phi'`,

    .. math:: \bar x = \bar y \left(\Phi(x) + x \varphi(x)\right), \qquad \varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}
    """
    x, y = cache
    dx = normal_pdf(x)
    dx *= x  # forward: y = x * normal_cdf(x), through the second factor
    dx += _second_factor(x, y)  # ... through the first
    dx *= dy
    return GeluGrads(dx)


@np.errstate(invalid="ignore")  # 0 / 0
def _second_factor(x: ndarray, y: ndarray) -> ndarray:
    """Phi(x) from y = x Phi(x). Phi(0) is 1/2."""
    cdf = y / x
    cdf[x == 0] = 0.5
    return cdf


class GeluTanhCache(NamedTuple):
    """What ``gelu_tanh_backward`` needs."""

    x: Float[ndarray, "..."]
    y: Float[ndarray, "..."]


class GeluTanhGrads(NamedTuple):
    """Gradient of the argument of ``gelu_tanh_forward``."""

    x: Float[ndarray, "..."]


def gelu_tanh_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], GeluTanhCache]:
    r"""Gaussian error linear unit, in the approximation by tanh.

    .. math:: y = x \tilde\Phi(x), \qquad \tilde\Phi(x) = \tfrac12 (1 + \tanh u), \quad
              u = \sqrt{2/\pi}\, (x + 0.044715\, x^3)

    At most 5e-4 away from :func:`gelu_forward`. Google's ViT, Mixer and BERT were trained with it (flax ``nn.gelu``).

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    cdf = x * x  # never x**3: NumPy's power is 76 times slower
    cdf *= 0.044715
    cdf += 1
    cdf *= x
    cdf *= sqrt(2 / pi)
    np.tanh(cdf, out=cdf)
    cdf += 1
    cdf *= 0.5
    y = x * cdf
    return y, GeluTanhCache(x, y)


def gelu_tanh_backward(dy: Float[ndarray, "..."], cache: GeluTanhCache) -> GeluTanhGrads:
    r"""Gradient of :func:`gelu_tanh_forward`.

    By the product rule. From :math:`\tanh' = 1 - \tanh^2` follows
    :math:`\tilde\Phi' = 2 \tilde\Phi (1 - \tilde\Phi)\, u'`, so

    .. math:: \bar x = \bar y \left(\tilde\Phi + 2 x \tilde\Phi (1 - \tilde\Phi)\, u'\right), \qquad
              u' = \sqrt{2/\pi}\,(1 + 3 \cdot 0.044715\, x^2)
    """
    x, y = cache
    cdf = _second_factor(x, y)
    dx = x * x
    dx *= 3 * 0.044715
    dx += 1
    dx *= 2 * sqrt(2 / pi)  # 2 du/dx
    dx *= y  # forward: y = x * cdf, through the second factor
    dx *= 1 - cdf
    dx += cdf  # ... through the first
    dx *= dy
    return GeluTanhGrads(dx)


class SigmoidCache(NamedTuple):
    """What ``sigmoid_backward`` needs: the output itself."""

    y: Float[ndarray, "..."]


class SigmoidGrads(NamedTuple):
    """Gradient of the argument of ``sigmoid_forward``."""

    x: Float[ndarray, "..."]


def sigmoid_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], SigmoidCache]:
    r"""Logistic sigmoid.

    .. math:: y = \frac{1}{1 + e^{-x}} = \tfrac12 \left(1 + \tanh \tfrac x2\right)

    The form with tanh is the same function and overflows for no x.
    """
    y = np.tanh(x * 0.5)
    y += 1
    y *= 0.5
    return y, SigmoidCache(y)


def sigmoid_backward(dy: Float[ndarray, "..."], cache: SigmoidCache) -> SigmoidGrads:
    r"""Gradient of :func:`sigmoid_forward`: :math:`\bar x = \bar y \, y (1 - y)`."""
    y = cache.y
    return SigmoidGrads(dy * y * (1 - y))  # forward: y = sigmoid(x)
