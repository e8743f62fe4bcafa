"""Activations: functions of one number, applied to every element.

Each cache holds what gives the slope ``dy/dx`` cheaply, if possible the output, which the next layer keeps anyway. The
slope itself is computed when backward asks for it.
"""

from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.kept import kept
from minivit.ops.normal import normal_cdf, normal_pdf
from minivit.types import Bool, Float, ndarray


class ReluCache(NamedTuple):
    """What ``relu_backward`` needs."""

    positive: Bool[ndarray, "*B D"]


@checked
def relu_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], ReluCache]:
    r"""Rectified linear unit, :math:`y = \max(x, 0)`.

    Source: Nair and Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".
    """
    return np.maximum(x, 0), ReluCache(np.real(x) > 0)


@checked
def relu_backward(dy: Float[ndarray, "*B D"], cache: ReluCache) -> InputGrad:
    r"""Gradient of :func:`relu_forward`: :math:`\bar x = \bar y` where :math:`x > 0`, else 0 (at the kink too)."""
    return InputGrad(kept(dy, cache.positive))  # forward: return np.maximum(x, 0)


class GeluCache(NamedTuple):
    """What ``gelu_backward`` needs."""

    x: Float[ndarray, "*B D"]
    y: Float[ndarray, "*B D"]


@checked
def gelu_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], GeluCache]:
    r"""Gaussian error linear unit, exact.

    .. math:: y = x \Phi(x), \qquad \Phi(x) = \tfrac12 \left(1 + \operatorname{erf}(x / \sqrt 2)\right)

    where :math:`\Phi` is the probability that a standard normal number is below x. This is the GELU of PyTorch, timm,
    DeiT and Swin; Google's own ViT and Mixer use :func:`gelu_tanh_forward`.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    y = x * normal_cdf(x)
    return y, GeluCache(x, y)


@checked
def gelu_backward(dy: Float[ndarray, "*B D"], cache: GeluCache) -> InputGrad:
    r"""Gradient of :func:`gelu_forward`.

    By the product rule, with the normal density :math:`\varphi = \Phi'`,

    .. math:: \bar x = \bar y \left(\Phi(x) + x \varphi(x)\right), \qquad \varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}
    """
    x, y = cache
    dx = normal_pdf(x)
    dx *= x  # forward: y = x * normal_cdf(x); through the second factor
    dx += _second_factor(x, y)  # ... through the first
    dx *= dy
    return InputGrad(dx)


def gelu_slope(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    r"""The slope of GELU as it is defined, :math:`\Phi(x) + x \varphi(x)`, for reading and for tests.

    :func:`gelu_backward` finds :math:`\Phi(x)` in the output, where it need not be computed again, as :math:`y / x`.
    """
    return normal_cdf(x) + x * normal_pdf(x)


@np.errstate(invalid="ignore")  # 0 / 0
def _second_factor(x: ndarray, y: ndarray) -> ndarray:
    """Phi(x) from y = x Phi(x). Phi(0) is 1/2."""
    cdf = y / x
    cdf[x == 0] = 0.5
    return cdf


class GeluTanhCache(NamedTuple):
    """What ``gelu_tanh_backward`` needs."""

    x: Float[ndarray, "*B D"]


@checked
def gelu_tanh_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], GeluTanhCache]:
    r"""Gaussian error linear unit, in the approximation by tanh.

    .. math:: y = x \tilde\Phi(x), \qquad \tilde\Phi(x) = \tfrac12 (1 + \tanh u) = \frac{1}{1 + e^{-2u}}, \quad
              u = \sqrt{2/\pi}\, (x + 0.044715\, x^3)

    At most 5e-4 away from :func:`gelu_forward`. Google's ViT, Mixer and BERT were trained with it (flax ``nn.gelu``).

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    y = _exp_minus_2u(x)
    y += 1
    np.divide(x, y, out=y)
    return y, GeluTanhCache(x)


@checked
def gelu_tanh_backward(dy: Float[ndarray, "*B D"], cache: GeluTanhCache) -> InputGrad:
    r"""Gradient of :func:`gelu_tanh_forward`.

    By the product rule. With :math:`e = e^{-2|u|}`, which overflows for no x, :math:`\tilde\Phi` is
    :math:`1 / (1 + e)` for positive x and :math:`e / (1 + e)` for negative x, and its slope is even in x:

    .. math:: \bar x = \bar y \left(\tilde\Phi + x\, \frac{e}{(1 + e)^2}\, 2 u'\right), \qquad
              u' = \sqrt{2/\pi}\,(1 + 3 \cdot 0.044715\, x^2)
    """
    x = np.clip(cache.x, -25, 25)  # beyond, the slope is 0 or 1 to the last digit
    e = _exp_minus_2u(np.abs(x))
    share = 1 / (1 + e)
    dx = x * x
    dx *= 3 * 0.044715
    dx += 1
    dx *= 2 * sqrt(2 / pi)  # 2 du/dx
    dx *= x  # formula: y = x * cdf; through the second factor
    dx *= e * share
    dx += np.maximum(e, x > 0)  # ... through the first; np.where takes ten times as long
    dx *= share
    dx *= dy
    return InputGrad(dx)


@np.errstate(over="ignore")  # where it grows to infinity, the probability is 0
def _exp_minus_2u(x: ndarray) -> ndarray:
    """exp(-2 u), with u of :func:`gelu_tanh_forward`."""
    y = x * x  # never x**3: NumPy's power is a hundred times slower
    y *= 0.044715
    y += 1
    y *= x
    y *= -2 * sqrt(2 / pi)
    return np.exp(y, out=y)


class QuickGeluCache(NamedTuple):
    """What ``quick_gelu_backward`` needs."""

    x: Float[ndarray, "*B D"]


@checked
@np.errstate(over="ignore")
def quick_gelu_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], QuickGeluCache]:
    r"""Gaussian error linear unit, in the approximation by a sigmoid.

    .. math:: y = x \, \sigma(1.702\, x), \qquad \sigma(u) = \frac{1}{1 + e^{-u}}

    At most 0.0204 away from :func:`gelu_forward`. OpenAI's iGPT and CLIP were trained with it.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    share, _ = sigmoid_forward(1.702 * x)
    return x * share, QuickGeluCache(x)


@checked
@np.errstate(over="ignore")
def quick_gelu_backward(dy: Float[ndarray, "*B D"], cache: QuickGeluCache) -> InputGrad:
    r"""Gradient of :func:`quick_gelu_forward`.

    By the product rule, with :math:`\sigma' = \sigma (1 - \sigma)` and the factor of the inner function. With
    :math:`u = 1.702\, x` and :math:`e = e^{-|u|}`, :math:`\sigma` is :math:`1 / (1 + e)` for positive x and
    :math:`e / (1 + e)` for negative x, and its slope is even:

    .. math:: \bar x = \bar y \left(\sigma + u\, \sigma (1 - \sigma)\right)
                     = \bar y \left(\sigma + u\, \frac{e}{(1 + e)^2}\right)
    """
    u = 1.702 * cache.x  # forward: share, _ = sigmoid_forward(1.702 * x)
    e = np.exp(-np.abs(u))
    share = 1 / (1 + e)
    dx = e * share  # 0 where u is infinite, and so are its products with x
    dx *= cache.x  # formula: y = x * share; through the second factor
    dx *= 1.702
    dx += np.maximum(e, u > 0)  # ... through the first, as in gelu_tanh
    dx *= share
    dx *= dy
    return InputGrad(dx)


class SigmoidCache(NamedTuple):
    """What ``sigmoid_backward`` needs: the output itself."""

    y: Float[ndarray, "*B D"]


@checked
@np.errstate(over="ignore")
def sigmoid_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], SigmoidCache]:
    r"""Logistic sigmoid.

    .. math:: y = \frac{1}{1 + e^{-x}}

    Where the exponential overflows, y is 0. (The form with tanh, :math:`\tfrac12 (1 + \tanh \tfrac x2)`, does not
    overflow, but in float32 it has no right digit left at x = -17, and is 0 from x = -20 on.)
    """
    y = 1 / (1 + np.exp(-x))
    return y, SigmoidCache(y)


@checked
def sigmoid_backward(dy: Float[ndarray, "*B D"], cache: SigmoidCache) -> InputGrad:
    r"""Gradient of :func:`sigmoid_forward`: :math:`\bar x = \bar y \, y (1 - y)`."""
    y = cache.y
    return InputGrad(dy * y * (1 - y))  # forward: y = 1 / (1 + np.exp(-x))


class TanhCache(NamedTuple):
    """What ``tanh_backward`` needs: the output itself."""

    y: Float[ndarray, "*B D"]


@checked
def tanh_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], TanhCache]:
    r"""Hyperbolic tangent, :math:`y = \tanh x`: a number between -1 and 1, as the states of recurrent nets are.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.4.
    """
    y = np.tanh(x)
    return y, TanhCache(y)


@checked
def tanh_backward(dy: Float[ndarray, "*B D"], cache: TanhCache) -> InputGrad:
    r"""Gradient of :func:`tanh_forward`: :math:`\bar x = \bar y \, (1 - y^2)`."""
    y = cache.y
    return InputGrad(dy * (1 - y * y))  # forward: y = np.tanh(x)
