"""Pooling: many places become one, by their mean or their largest number."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.checked import check_range, check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import token_sum
from minivit.types import Float, Int, Size, ndarray, pair


class MeanPoolCache(NamedTuple):
    """What ``mean_pool_backward`` needs."""

    x_shape: tuple[int, ...]
    num_prefix_tokens: int


@checked
def mean_pool_forward(
    x: Float[ndarray, "B N D"], *, num_prefix_tokens: int = 0
) -> tuple[Float[ndarray, "B D"], MeanPoolCache]:
    r"""Mean over the tokens (global average pooling), :math:`y_{bd} = \frac1N \sum_n x_{bnd}`.

    Parameters
    ----------
    num_prefix_tokens : int
        So many tokens in front (class and register tokens) are left out, as in timm.

    Raises
    ------
    ValueError
        If there are no tokens to take a mean of.
    """
    check_range("num_prefix_tokens", num_prefix_tokens, at_least=0)
    tokens = x[:, num_prefix_tokens:]
    if tokens.shape[1] == 0:
        raise ValueError(
            f"mean_pool: there are no tokens to take a mean of, x has shape {x.shape}, "
            f"and {num_prefix_tokens} in front are left out"
        )
    return token_sum(tokens) / tokens.shape[1], MeanPoolCache(x.shape, num_prefix_tokens)


@checked
def mean_pool_backward(dy: Float[ndarray, "B D"], cache: MeanPoolCache) -> InputGrad:
    r"""Gradient of :func:`mean_pool_forward`: each token an equal share, :math:`\bar x_{bnd} = \bar y_{bd} / N`."""
    check_shape("dy", dy, cache.x_shape[::2])
    dx = np.zeros(cache.x_shape, dy.dtype)
    tokens = dx[:, cache.num_prefix_tokens :]
    tokens += (dy / tokens.shape[1])[:, None]  # forward: y = sum / N
    return InputGrad(dx)


class FirstTokenCache(NamedTuple):
    """What ``first_token_backward`` needs."""

    x_shape: tuple[int, ...]


@checked
def first_token_forward(x: Float[ndarray, "B N D"]) -> tuple[Float[ndarray, "B D"], FirstTokenCache]:
    """The first token of each sequence, ``y = x[:, 0]``: the class token, when a classifier reads it.

    Raises
    ------
    ValueError
        If there are no tokens.

    References
    ----------
    Devlin et al. 2019, "BERT"; for images Dosovitskiy et al. 2021, equation 4.
    """
    if x.shape[1] == 0:
        raise ValueError(f"first_token: there are no tokens, x has shape {x.shape}")
    return x[:, 0].copy(), FirstTokenCache(x.shape)


@checked
def first_token_backward(dy: Float[ndarray, "B D"], cache: FirstTokenCache) -> InputGrad:
    """Gradient of :func:`first_token_forward`: to the first token; the others had no say."""
    check_shape("dy", dy, cache.x_shape[::2])
    dx = np.zeros(cache.x_shape, dy.dtype)
    dx[:, 0] = dy  # forward: y = x[:, 0]
    return InputGrad(dx)


class AvgPool2dCache(NamedTuple):
    """What ``avg_pool2d_backward`` needs."""

    x_shape: tuple[int, ...]
    kernel_size: tuple[int, int]
    stride: tuple[int, int]


@checked
def avg_pool2d_forward(
    x: Float[ndarray, "B Y X C"], *, kernel_size: Size, stride: Size | None = None
) -> tuple[Float[ndarray, "B Yo Xo C"], AvgPool2dCache]:
    r"""Mean of every window, each channel alone.

    .. math:: y_{bijc} = \frac{1}{PQ} \sum_{p,q} x_{b,\, s i + p,\, s j + q,\, c}

    Parameters
    ----------
    x : (B, Y, X, C)
    kernel_size : int or (rows, columns)
    stride : int or (rows, columns), optional
        As large as the window if not given: windows that touch and do not overlap.

    Raises
    ------
    ValueError
        If the window is larger than the map.
    """
    kernel, step = pair(kernel_size), pair(kernel_size if stride is None else stride)
    windows = np.moveaxis(_windows(x, kernel, step), 3, 5)  # (B, Yo, Xo, P, Q, C)
    size = kernel[0] * kernel[1]
    windows = windows.reshape(*windows.shape[:3], size, x.shape[3])
    return token_sum(windows) / size, AvgPool2dCache(x.shape, kernel, step)


@checked
def avg_pool2d_backward(dy: Float[ndarray, "B Yo Xo C"], cache: AvgPool2dCache) -> InputGrad:
    """Gradient of :func:`avg_pool2d_forward`: each window hands an equal share to each of its pixels."""
    x_shape, kernel, stride = cache
    y_shape = _windows(np.broadcast_to(0.0, x_shape), kernel, stride).shape[:4]
    check_shape("avg_pool2d_backward: dy", dy, y_shape)
    share = dy / (kernel[0] * kernel[1])
    dx = np.zeros(x_shape, dy.dtype)
    for p in range(kernel[0]):
        for q in range(kernel[1]):  # forward: y = mean over p and q
            _place(dx, dy, p, q, stride)[...] += share
    return InputGrad(dx)


class MaxPool2dCache(NamedTuple):
    """What ``max_pool2d_backward`` needs: where in its window each output was found, as p * Q + q."""

    x_shape: tuple[int, ...]
    winner: Int[ndarray, "B Yo Xo C"]
    kernel_size: tuple[int, int]
    stride: tuple[int, int]


@checked
def max_pool2d_forward(
    x: Float[ndarray, "B Y X C"], *, kernel_size: Size, stride: Size | None = None
) -> tuple[Float[ndarray, "B Yo Xo C"], MaxPool2dCache]:
    r"""Largest number of each window, each channel alone: :math:`y_{bijc} = \max_{pq} x_{b,\, si + p,\, sj + q,\, c}`.

    Parameters and errors as for :func:`avg_pool2d_forward`. Of equal numbers the first in reading order wins.
    """
    kernel, step = pair(kernel_size), pair(kernel_size if stride is None else stride)
    windows = _windows(x, kernel, step)
    flat = windows.reshape(*windows.shape[:4], kernel[0] * kernel[1])
    winner = np.real(flat).argmax(-1)
    y = np.take_along_axis(flat, winner[..., None], -1)[..., 0]
    return y, MaxPool2dCache(x.shape, winner, kernel, step)


@checked
def max_pool2d_backward(dy: Float[ndarray, "B Yo Xo C"], cache: MaxPool2dCache) -> InputGrad:
    """Gradient of :func:`max_pool2d_forward`: only the winner of a window had a say, so it alone gets the gradient."""
    x_shape, winner, kernel, stride = cache
    dx = np.zeros(x_shape, dy.dtype)
    for p in range(kernel[0]):
        for q in range(kernel[1]):  # forward: y = max over p and q
            pixels = _place(dx, dy, p, q, stride)
            np.add(pixels, dy, out=pixels, where=winner == p * kernel[1] + q)
    return InputGrad(dx)


def _windows(x: ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> ndarray:
    """A view (B, Yo, Xo, C, P, Q) of every window."""
    if kernel[0] > x.shape[1] or kernel[1] > x.shape[2]:
        raise ValueError(f"pool: a window of {kernel} is larger than the map of {x.shape[1:3]}")
    return sliding_window_view(x, kernel, axis=(1, 2))[:, :: stride[0], :: stride[1]]


def _place(dx: ndarray, dy: ndarray, p: int, q: int, stride: tuple[int, int]) -> ndarray:
    """The pixels that stand at place (p, q) of their windows: a view of dx with the shape of dy."""
    rows = slice(p, p + stride[0] * (dy.shape[1] - 1) + 1, stride[0])
    columns = slice(q, q + stride[1] * (dy.shape[2] - 1) + 1, stride[1])
    return dx[:, rows, columns]
