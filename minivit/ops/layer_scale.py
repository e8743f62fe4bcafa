"""LayerScale: what a branch adds to a token is first made small, each channel by a learned factor."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.rows import column_sum
from minivit.types import Float, ndarray


class LayerScaleCache(NamedTuple):
    """What ``layer_scale_backward`` needs: both factors."""

    x: Float[ndarray, "... D"]
    gamma: Float[ndarray, " D"]


class LayerScaleGrads(NamedTuple):
    """Gradients of the arguments of ``layer_scale_forward``, by name."""

    x: Float[ndarray, "... D"]
    gamma: Float[ndarray, " D"]


@checked
def layer_scale_forward(
    x: Float[ndarray, "... D"], gamma: Float[ndarray, " D"]
) -> tuple[Float[ndarray, "... D"], LayerScaleCache]:
    r"""Multiply each channel by a number of its own, :math:`y_{\ldots d} = \gamma_d\, x_{\ldots d}`.

    At the end of a branch, :math:`x + \gamma\, f(x)`, with :math:`\gamma` near 0 at first: so a deep model starts as
    one that passes its input on, and each block is let in as far as it helps. (In front of it there may be a matrix,
    into which a trained :math:`\gamma` can be multiplied; it makes training easier, not the model richer.)

    Raises
    ------
    ValueError
        If there is not one factor for each channel.

    References
    ----------
    Touvron et al. 2021, "Going deeper with Image Transformers", section 2.1.
    """
    return x * gamma, LayerScaleCache(x, gamma)


@checked
def layer_scale_backward(dy: Float[ndarray, "... D"], cache: LayerScaleCache) -> LayerScaleGrads:
    r"""Gradients of :func:`layer_scale_forward`.

    A factor is used at every place, so its gradient is a sum over all of them, tokens and samples alike:

    .. math:: \bar x_{\ldots d} = \gamma_d\, \bar y_{\ldots d}, \qquad
        \bar\gamma_d = \sum_{\ldots} \bar y_{\ldots d}\, x_{\ldots d}
    """
    x, gamma = cache
    check_shape("dy", dy, x.shape)
    return LayerScaleGrads(dy * gamma, column_sum(dy * x))  # forward: x * gamma
