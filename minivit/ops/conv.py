"""Two-dimensional convolution, channels last: a linear map of every window of the image."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.checked import check_shape, checked
from minivit.ops.patches import pair
from minivit.ops.rows import column_sum
from minivit.types import Float, Size, ndarray

Padding = Size | tuple[tuple[int, int], tuple[int, int]]


class Conv2dCache(NamedTuple):
    """What ``conv2d_backward`` needs; ``padded`` is ``x`` itself where there is no padding."""

    padded: Float[ndarray, "B Yp Xp C"]
    weight: Float[ndarray, "P Q CG O"]
    has_bias: bool
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]
    groups: int


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
    padding : int, (rows, columns), or ((top, bottom), (left, right))
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

    Notes
    -----
    The windows are a strided view; ``reshape`` copies them into one matrix only where a view cannot say it (a 1 x 1
    kernel copies nothing). Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
    """
    stride, dilation, padding = pair(stride), pair(dilation), _four_sides(padding)
    P, Q, group_in, O = weight.shape
    if groups < 1 or x.shape[3] != group_in * groups or O % groups:
        raise ValueError(
            f"conv2d: x has {x.shape[3]} channels and weight {weight.shape} makes {O} from {group_in} in each of "
            f"{groups} groups; channels in must be {group_in} * {groups}, channels out a multiple of {groups}"
        )
    padded = np.pad(x, ((0, 0), *padding, (0, 0))) if any(map(any, padding)) else x
    if min(padded.shape[1] - dilation[0] * (P - 1), padded.shape[2] - dilation[1] * (Q - 1)) < 1:
        raise ValueError(f"conv2d: the kernel ({P} x {Q}, dilation {dilation}) is larger than the image {padded.shape}")
    windows = _windows(padded, (P, Q), stride, dilation)
    columns = _columns(windows, groups)  # (G, B*Yo*Xo, P*Q*C/G)
    y = _from_groups(columns @ _matrix(weight, groups)).reshape(*windows.shape[:3], O)
    if bias is not None:
        y += bias
    return y, Conv2dCache(padded, weight, bias is not None, stride, padding, dilation, groups)


@checked
def conv2d_backward(dy: Float[ndarray, "B Yo Xo O"], cache: Conv2dCache) -> Conv2dGrads:
    r"""Gradients of :func:`conv2d_forward`.

    Written as a matrix product over windows, :math:`Y = \text{windows} \cdot W + \beta`, the gradients are those of a
    linear map. What is new is the way back from windows to pixels: a pixel that lay in many windows gets the sum of
    their gradients, one kernel position (p, q) after the other.
    """
    padded, weight, has_bias, stride, padding, dilation, groups = cache
    P, Q, group_in, O = weight.shape
    windows = _windows(padded, (P, Q), stride, dilation)
    check_shape("conv2d_backward: dy", dy, (*windows.shape[:3], O))
    rows = dy.reshape(-1, groups, O // groups).transpose(1, 0, 2)  # (G, B*Yo*Xo, O/G)
    dbias = column_sum(dy) if has_bias else None  # forward: y += bias
    columns = _columns(windows, groups)
    dmatrix = columns.mT @ rows  # forward: y = columns @ matrix
    dweight = _from_groups(dmatrix).reshape(weight.shape)
    dcolumns = rows @ _matrix(weight, groups).mT  # forward: y = columns @ matrix
    dwindows = dcolumns.reshape(groups, *dy.shape[:3], P, Q, group_in)  # (G, B, Yo, Xo, P, Q, C/G)
    dpadded = np.zeros_like(padded)
    grouped = dpadded.reshape(*padded.shape[:3], groups, group_in)  # a view that can be written to
    for p in range(P):
        for q in range(Q):  # forward: columns = the windows of padded
            rows_hit = slice(p * dilation[0], p * dilation[0] + stride[0] * (dy.shape[1] - 1) + 1, stride[0])
            columns_hit = slice(q * dilation[1], q * dilation[1] + stride[1] * (dy.shape[2] - 1) + 1, stride[1])
            grouped[:, rows_hit, columns_hit] += dwindows[:, :, :, :, p, q].transpose(1, 2, 3, 0, 4)
    (top, bottom), (left, right) = padding  # forward: padded = x with zeros around
    dx = dpadded[:, top : padded.shape[1] - bottom, left : padded.shape[2] - right]
    return Conv2dGrads(dx, dweight, dbias)


def _four_sides(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    top, bottom = (rows, rows) if isinstance(rows, int) else rows
    left, right = (columns, columns) if isinstance(columns, int) else columns
    if min(top, bottom, left, right) < 0:
        raise ValueError(f"conv2d: padding is {padding}; expected 0 or more")
    return (top, bottom), (left, right)


def _windows(padded: ndarray, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> ndarray:
    """A view (B, Yo, Xo, C, P, Q) of every window the kernel visits."""
    reach = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    windows = sliding_window_view(padded, reach, axis=(1, 2))
    return windows[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def _columns(windows: ndarray, groups: int) -> ndarray:
    """(G, B*Yo*Xo, P*Q*C/G): one row per window, in the order of the kernel's own axes."""
    B, Yo, Xo, C, P, Q = windows.shape
    grouped = windows.reshape(B, Yo, Xo, groups, C // groups, P, Q).transpose(3, 0, 1, 2, 5, 6, 4)
    return grouped.reshape(groups, B * Yo * Xo, P * Q * C // groups)


def _matrix(weight: ndarray, groups: int) -> ndarray:
    """(G, P*Q*C/G, O/G): the kernel of each group as a matrix."""
    return weight.reshape(-1, groups, weight.shape[3] // groups).transpose(1, 0, 2)


def _from_groups(a: ndarray) -> ndarray:
    """(G, rows, O/G) -> (rows, O): the groups' outputs side by side."""
    groups, rows, width = a.shape
    return a.transpose(1, 0, 2).reshape(rows, groups * width)


def conv2d_loops(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], stride: int = 1
) -> Float[ndarray, "B Yo Xo O"]:
    """The definition with its loops: at every place, multiply the window by the kernel and sum."""
    P, Q, _, O = weight.shape
    rows, columns = (x.shape[1] - P) // stride + 1, (x.shape[2] - Q) // stride + 1
    y = np.zeros((len(x), rows, columns, O), x.dtype)
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
    y = np.zeros((len(x), rows, columns, O), x.dtype)
    for i in range(rows):
        for j in range(columns):
            windows = x[:, i * stride : i * stride + P, j * stride : j * stride + Q]  # (B, P, Q, C)
            y[:, i, j] = windows.reshape(len(x), -1) @ weight.reshape(-1, O)
    return y
