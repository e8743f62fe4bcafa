"""An affine map of each channel by itself: what is left of a normalisation when nothing is normalised."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.rows import column_sum
from minivit.types import Float, ndarray


class AffineCache(NamedTuple):
    """What ``affine_backward`` needs."""

    x: Float[ndarray, "*B D"]
    alpha: Float[ndarray, " D"]


class AffineGrads(NamedTuple):
    """Gradients of the arguments of ``affine_forward``, by name."""

    x: Float[ndarray, "*B D"]
    alpha: Float[ndarray, " D"]
    beta: Float[ndarray, " D"]


@checked
def affine_forward(
    x: Float[ndarray, "*B D"], alpha: Float[ndarray, " D"], beta: Float[ndarray, " D"]
) -> tuple[Float[ndarray, "*B D"], AffineCache]:
    r"""Scale and shift each channel, :math:`y = \alpha\, x + \beta`.

    No statistics are taken, of whatever; so in inference it can be multiplied into the linear map behind it.

    References
    ----------
    Touvron et al. 2021, "ResMLP: Feedforward networks for image classification with data-efficient training",
    section 2, equation 1.
    """
    y = x * alpha
    y += beta
    return y, AffineCache(x, alpha)


@checked
def affine_backward(dy: Float[ndarray, "*B D"], cache: AffineCache) -> AffineGrads:
    r"""Gradients of :func:`affine_forward`: both parameters are used at every place, so they get sums over all places.

    .. math:: \bar x = \alpha\, \bar y, \qquad \bar\alpha = \sum \bar y\, x, \qquad \bar\beta = \sum \bar y
    """
    x, alpha = cache
    check_shape("affine_backward: dy", dy, x.shape)
    dbeta = column_sum(dy)  # forward: y += beta
    dalpha = column_sum(dy * x)  # forward: y = x * alpha
    return AffineGrads(dy * alpha, dalpha, dbeta)  # forward: y = x * alpha
