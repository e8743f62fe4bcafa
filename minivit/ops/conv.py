"""Two-dimensional convolution, channels last: a linear map of every window of the image.

There are three ways to compute it, of the same result. Which one is the fastest depends on the shapes alone: see
:mod:`minivit.ops.conv_shifts`, :mod:`minivit.ops.conv_depthwise` and :mod:`minivit.ops.conv_columns`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.conv_columns import conv_columns, conv_columns_gradients
from minivit.ops.conv_depthwise import conv_depthwise, conv_depthwise_gradients
from minivit.ops.conv_shifts import conv_shifts, conv_shifts_gradients
from minivit.ops.rows import column_sum
from minivit.ops.sliding import Padding, Sliding, sliding
from minivit.types import Float, Size, ndarray


class Conv2dCache(NamedTuple):
    """What ``conv2d_backward`` needs."""

    x: Float[ndarray, "B Y X C"]
    weight: Float[ndarray, "P Q CG O"]
    has_bias: bool
    window: Sliding


class Conv2dGrads(NamedTuple):
    """Gradients of the arguments of ``conv2d_forward``, by name."""

    x: Float[ndarray, "B Y X C"]
    weight: Float[ndarray, "P Q CG O"]
    bias: Float[ndarray, " O"] | None


@checked
def conv2d_forward(
    x: Float[ndarray, "B Y X C"],
    weight: Float[ndarray, "P Q CG O"],
    bias: Float[ndarray, " O"] | None = None,
    *,
    stride: Size = 1,
    padding: Padding = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Float[ndarray, "B Yo Xo O"], Conv2dCache]:
    r"""Convolution (cross-correlation, as in every deep-learning library).

    .. math:: y_{b,i,j,o} = \beta_o + \sum_{p,q,c} x_{b,\, s i + d p,\, s j + d q,\, c}\; W_{p,q,c,o}

    with stride s and dilation d, on the image padded with zeros.

    Parameters
    ----------
    x : (B, Y, X, C)
    weight : (P, Q, C / groups, O)
        Kernel rows, kernel columns, input channels of one group, output channels.
    bias : (O,), optional
    stride, dilation : int or (rows, columns)
    padding : int, (rows, columns), ((top, bottom), (left, right)), or "same"
        "same": as many zeros as let ceil(Y / stride) rows come out; of an odd number, one more at the end.
    groups : int
        Input and output channels are cut into so many groups; each output sees the inputs of its own group only.
        ``groups=C`` is the depthwise convolution.

    Returns
    -------
    y : (B, Yo, Xo, O) with Yo = (Y + top + bottom - d (P - 1) - 1) // s + 1
    cache : Conv2dCache

    Raises
    ------
    ValueError
        If channels, groups and kernel do not fit, or the kernel is larger than the padded image.

    References
    ----------
    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
    """
    check_channels("conv2d", x.shape[3], weight.shape, groups)
    window = sliding("conv2d", x.shape[1:3], weight.shape[:2], stride=stride, padding=padding, dilation=dilation)
    y = _form(x, weight, window).convolve(x, weight, window)
    if bias is not None:
        y += bias
    return y, Conv2dCache(x, weight, bias is not None, window)


@checked
def conv2d_backward(dy: Float[ndarray, "B Yo Xo O"], cache: Conv2dCache) -> Conv2dGrads:
    r"""Gradients of :func:`conv2d_forward`.

    The output is linear in the kernel and in the image. A weight gets from every position the gradient there times the
    pixel it met there; a pixel gets from every window it lay in the gradient there times the weight it met there:

    .. math:: \bar W_{pqco} = \sum_{b,i,j} x_{b,\, s i + d p,\, s j + d q,\, c}\; \bar y_{bijo}, \qquad
              \bar x_{b,u,v,c} = \sum_{\substack{i,p:\; s i + d p = u\\ j,q:\; s j + d q = v}} \sum_o
              \bar y_{bijo}\, W_{pqco}

    and the bias the sum of all gradients of its channel. (With groups, o and c are of the same group.)
    """
    x, weight, has_bias, window = cache
    check_shape("conv2d_backward: dy", dy, (len(x), *window.out, weight.shape[3]))
    dbias = column_sum(dy) if has_bias else None  # forward: y += bias
    dx, dweight = _form(x, weight, window).gradients(dy, x, weight, window)  # forward: convolve(x, weight, window)
    return Conv2dGrads(dx, dweight, dbias)


def check_channels(label: str, C: int, weight_shape: tuple[int, ...], groups: int) -> None:
    """ValueError where channels, kernel and groups do not fit."""
    *_, group_in, O = weight_shape
    if groups < 1 or group_in * groups != C or O % groups:
        raise ValueError(
            f"{label}: x has {C} channels and weight {weight_shape} makes {O} from {group_in} in each of "
            f"{groups} groups; channels in must be {group_in} * {groups}, channels out a multiple of {groups}"
        )


class Form(NamedTuple):
    """A way to compute a convolution: ``y = convolve(x, weight, window)`` and its gradients."""

    convolve: Callable[[ndarray, ndarray, Sliding], ndarray]
    gradients: Callable[[ndarray, ndarray, ndarray, Sliding], tuple[ndarray, ndarray]]


FORMS = {
    "depthwise": Form(conv_depthwise, conv_depthwise_gradients),
    "shifts": Form(conv_shifts, conv_shifts_gradients),
    "columns": Form(conv_columns, conv_columns_gradients),
}
"""The ways to compute a convolution, from the most special to the one that computes all."""


def _form(x: ndarray, weight: ndarray, window: Sliding) -> Form:
    """The fastest way for these shapes, however many images there are.

    Shifts multiply image by image, which pays where an image has as many positions as the kernel has channels.
    """
    C, (_, _, group_in, O), (Yo, Xo) = x.shape[3], weight.shape, window.out
    if group_in == 1 and C == O > 1:
        return FORMS["depthwise"]
    return FORMS["shifts" if group_in == C and window.stride == (1, 1) and Yo * Xo >= max(C, O) else "columns"]


def conv2d_loops(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], stride: int = 1
) -> Float[ndarray, "B Yo Xo O"]:
    """The definition with its loops: at every place, multiply the window by the kernel and sum."""
    P, Q, _, O = weight.shape
    rows, columns = (x.shape[1] - P) // stride + 1, (x.shape[2] - Q) // stride + 1
    y = np.zeros_like(x, shape=(len(x), rows, columns, O))
    for b in range(len(x)):
        for i in range(rows):
            for j in range(columns):
                window = x[b, i * stride : i * stride + P, j * stride : j * stride + Q]  # (P, Q, C)
                for o in range(O):
                    y[b, i, j, o] = (window * weight[..., o]).sum()
    return y


def conv2d_places(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], stride: int = 1
) -> Float[ndarray, "B Yo Xo O"]:
    """The same with loops over the places only: there, the windows of all images times the kernel.

    A window is a row of P * Q * C numbers and the kernel a matrix of shape (P * Q * C, O), so one product gives all
    outputs of all images.
    """
    P, Q, _, O = weight.shape
    rows, columns = (x.shape[1] - P) // stride + 1, (x.shape[2] - Q) // stride + 1
    y = np.zeros_like(x, shape=(len(x), rows, columns, O))
    for i in range(rows):
        for j in range(columns):
            windows = x[:, i * stride : i * stride + P, j * stride : j * stride + Q]  # (B, P, Q, C)
            y[:, i, j] = windows.reshape(len(x), -1) @ weight.reshape(-1, O)
    return y
