"""Activations: functions of one number, applied to every element.

Each cache holds what backward multiplies by and nothing else: the slope ``dy/dx``, or an array that gives it cheaply.
"""

from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from minivit.ops.erf import erf
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
    """What ``gelu_backward`` needs: the derivative at every x, computed while the parts were at hand."""

    slope: Float[ndarray, "..."]


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
    cdf = erf(x / sqrt(2))
    cdf += 1
    cdf *= 0.5
    slope = x * x
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / sqrt(2 * pi)  # the normal density phi(x)
    slope *= x
    slope += cdf
    return x * cdf, GeluCache(slope)


def gelu_backward(dy: Float[ndarray, "..."], cache: GeluCache) -> GeluGrads:
    r"""Gradient of :func:`gelu_forward`.

    By the product rule, with the normal density :math:`\varphi = \Phi'`,

    .. math:: \bar x = \bar y \left(\Phi(x) + x \varphi(x)\right), \qquad \varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}
    """
    return GeluGrads(dy * cache.slope)  # forward: y = x * cdf


class GeluTanhCache(NamedTuple):
    """What ``gelu_tanh_backward`` needs: the derivative at every x."""

    slope: Float[ndarray, "..."]


class GeluTanhGrads(NamedTuple):
    """Gradient of the argument of ``gelu_tanh_forward``."""

    x: Float[ndarray, "..."]


def gelu_tanh_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], GeluTanhCache]:
    r"""Gaussian error linear unit, in the approximation by tanh.

    .. math:: y = \tfrac12 x (1 + \tanh u), \qquad u = \sqrt{2/\pi}\, (x + 0.044715\, x^3)

    At most 5e-4 away from :func:`gelu_forward`. Google's ViT, Mixer and BERT were trained with it (flax ``nn.gelu``).

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    root = sqrt(2 / pi)
    square = x * x  # never x**3: NumPy's power is 76 times slower
    t = square * 0.044715
    t += 1
    t *= x
    t *= root
    np.tanh(t, out=t)
    slope = square
    slope *= 3 * 0.044715
    slope += 1
    slope *= root  # du/dx
    slope *= x
    slope *= 1 - t * t  # x * dtanh(u)/dx
    slope += t
    slope += 1
    slope *= 0.5
    t += 1
    t *= x
    t *= 0.5
    return t, GeluTanhCache(slope)


def gelu_tanh_backward(dy: Float[ndarray, "..."], cache: GeluTanhCache) -> GeluTanhGrads:
    r"""Gradient of :func:`gelu_tanh_forward`.

    With :math:`u' = \sqrt{2/\pi}\,(1 + 3 \cdot 0.044715\, x^2)` and :math:`\tanh' = 1 - \tanh^2`,

    .. math:: \bar x = \bar y \cdot \tfrac12 \left(1 + \tanh u + x\,(1 - \tanh^2 u)\, u'\right)
    """
    return GeluTanhGrads(dy * cache.slope)  # forward: y = x * (1 + tanh(u)) / 2


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
