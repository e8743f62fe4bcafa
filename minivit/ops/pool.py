"""Pooling: many places become one, by their mean or their largest number."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.kept import kept
from minivit.ops.rows import token_sum
from minivit.ops.sliding import Padding, Sliding, from_windows, places, sliding, windows
from minivit.types import Count, Float, Int, Positive, Size, ndarray


class MeanPoolCache(NamedTuple):
    """What ``mean_pool_backward`` needs."""

    x_shape: tuple[int, ...]
    num_prefix_tokens: int


@checked
def mean_pool_forward(
    x: Float[ndarray, "B N D"], *, num_prefix_tokens: Count = 0
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
    dx = np.zeros_like(dy, shape=cache.x_shape)
    tokens = dx[:, cache.num_prefix_tokens :]
    tokens += (dy / tokens.shape[1])[:, None]  # formula: y = sum / N
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
    dx = np.zeros_like(dy, shape=cache.x_shape)
    dx[:, 0] = dy  # forward: y = x[:, 0]
    return InputGrad(dx)


class PrefixTokensCache(NamedTuple):
    """What ``prefix_tokens_backward`` needs."""

    x_shape: tuple[int, ...]
    num_prefix_tokens: int


@checked
def prefix_tokens_forward(
    x: Float[ndarray, "B N D"], *, num_prefix_tokens: Positive
) -> tuple[Float[ndarray, "B M D"], PrefixTokensCache]:
    """The M tokens in front of the patches, ``y = x[:, :M]``: class and distillation token, where both are read.

    Raises
    ------
    ValueError
        If there are not so many tokens.

    References
    ----------
    Touvron et al. 2021, "Training data-efficient image transformers & distillation through attention", section 4.
    """
    if x.shape[1] < num_prefix_tokens:
        raise ValueError(f"prefix_tokens: x has shape {x.shape}; expected at least {num_prefix_tokens} tokens")
    return x[:, :num_prefix_tokens].copy(), PrefixTokensCache(x.shape, num_prefix_tokens)


@checked
def prefix_tokens_backward(dy: Float[ndarray, "B M D"], cache: PrefixTokensCache) -> InputGrad:
    """Gradient of :func:`prefix_tokens_forward`: to the tokens in front; the others had no say."""
    (B, N, D), M = cache
    check_shape("dy", dy, (B, M, D))
    dx = np.zeros_like(dy, shape=(B, N, D))
    dx[:, :M] = dy  # formula: y = x[:, :M]
    return InputGrad(dx)


class PatchTokensCache(NamedTuple):
    """What ``patch_tokens_backward`` needs."""

    x_shape: tuple[int, ...]
    num_prefix_tokens: int


@checked
def patch_tokens_forward(
    x: Float[ndarray, "B N D"], *, num_prefix_tokens: Count
) -> tuple[Float[ndarray, "B P D"], PatchTokensCache]:
    """The tokens of patches, behind M in front, ``y = x[:, M:]``: where something is to be said of each patch.

    Raises
    ------
    ValueError
        If there are not so many tokens in front.
    """
    if x.shape[1] < num_prefix_tokens:
        raise ValueError(f"patch_tokens: x has shape {x.shape}; expected at least {num_prefix_tokens} tokens")
    return x[:, num_prefix_tokens:].copy(), PatchTokensCache(x.shape, num_prefix_tokens)


@checked
def patch_tokens_backward(dy: Float[ndarray, "B P D"], cache: PatchTokensCache) -> InputGrad:
    """Gradient of :func:`patch_tokens_forward`: to the patches; the tokens in front had no say."""
    (B, N, D), M = cache
    check_shape("dy", dy, (B, N - M, D))
    dx = np.zeros_like(dy, shape=(B, N, D))
    dx[:, M:] = dy  # formula: y = x[:, M:]
    return InputGrad(dx)


class AvgPool2dCache(NamedTuple):
    """What ``avg_pool2d_backward`` needs."""

    y_shape: tuple[int, ...]
    window: Sliding


@checked
def avg_pool2d_forward(
    x: Float[ndarray, "B Y X C"], *, kernel_size: Size, stride: Size | None = None, padding: Padding = 0
) -> tuple[Float[ndarray, "B Yo Xo C"], AvgPool2dCache]:
    r"""Mean of every window, each channel alone, on the map padded with zeros.

    .. math:: y_{bijc} = \frac{1}{PQ} \sum_{p,q} x_{b,\, s i + p,\, s j + q,\, c}

    The zeros count: a window that lies half outside has half the mean. So has PyTorch unless told otherwise
    (``count_include_pad=False``); TensorFlow and JAX divide by the number of pixels inside.

    Parameters
    ----------
    x : (B, Y, X, C)
    kernel_size : int or (rows, columns)
    stride : int or (rows, columns), optional
        As large as the window if not given: windows that touch and do not overlap.
    padding : int, (rows, columns), ((top, bottom), (left, right)), or "same"
        At most half of the window, so that no window lies outside.

    Raises
    ------
    ValueError
        If the window is larger than the padded map, or the padding than half of the window.
    """
    window = _pooling("avg_pool2d", x, kernel_size, stride, padding)
    pixels = windows(x, window)  # (B, Yo, Xo, P, Q, C)
    B, Yo, Xo, P, Q, C = pixels.shape
    y = token_sum(pixels.reshape(B, Yo, Xo, P * Q, C)) / (P * Q)
    return y, AvgPool2dCache(y.shape, window)


@checked
def avg_pool2d_backward(dy: Float[ndarray, "B Yo Xo C"], cache: AvgPool2dCache) -> InputGrad:
    """Gradient of :func:`avg_pool2d_forward`: each window hands an equal share to each of its pixels."""
    y_shape, window = cache
    check_shape("avg_pool2d_backward: dy", dy, y_shape)
    (B, Yo, Xo, C), (P, Q) = y_shape, window.kernel
    share = dy / (P * Q)  # formula: y = sum / (P * Q)
    dwindows = np.broadcast_to(share[:, :, :, None, None], (B, Yo, Xo, P, Q, C))  # formula: y = sum of windows
    return InputGrad(from_windows(dwindows, window))  # formula: windows of x


class MaxPool2dCache(NamedTuple):
    """What ``max_pool2d_backward`` needs: where in its window each output was found, as p * Q + q."""

    winner: Int[ndarray, "B Yo Xo C"]
    window: Sliding


@checked
def max_pool2d_forward(
    x: Float[ndarray, "B Y X C"], *, kernel_size: Size, stride: Size | None = None, padding: Padding = 0
) -> tuple[Float[ndarray, "B Yo Xo C"], MaxPool2dCache]:
    r"""Largest number of each window, each channel alone: :math:`y_{bijc} = \max_{pq} x_{b,\, si + p,\, sj + q,\, c}`.

    Parameters and errors as for :func:`avg_pool2d_forward`; here the padding never wins. Of equal numbers the first in
    reading order wins, as in PyTorch.
    """
    window = _pooling("max_pool2d", x, kernel_size, stride, padding)
    y = windows(x, window, fill=-np.inf).max((3, 4))
    P, Q = window.kernel
    winner = np.zeros_like(y, np.min_scalar_type(-P * Q))  # one byte is enough for 128 places
    for (p, q), pixels, positions in reversed([*places(window)]):  # so that the first overrules the later ones
        np.copyto(winner[positions], p * Q + q, where=x[pixels] == y[positions])
    return y, MaxPool2dCache(winner, window)


@checked
def max_pool2d_backward(dy: Float[ndarray, "B Yo Xo C"], cache: MaxPool2dCache) -> InputGrad:
    """Gradient of :func:`max_pool2d_forward`: only the winner of a window had a say, so it alone gets the gradient."""
    winner, window = cache
    dx = np.zeros_like(dy, shape=(len(dy), *window.size, dy.shape[3]))
    for (p, q), pixels, positions in places(window):  # formula: y = max over p and q
        won = winner[positions] == p * window.kernel[1] + q
        dx[pixels] += kept(dy[positions], won)
    return InputGrad(dx)


def _pooling(label: str, x: ndarray, kernel_size: Size, stride: Size | None, padding: Padding) -> Sliding:
    """How a window slides that stands by default beside itself, and never outside of the map."""
    stride = kernel_size if stride is None else stride
    window = sliding(label, x.shape[1:3], kernel_size, stride=stride, padding=padding)
    if any(2 * max(sides) > side for sides, side in zip(window.padding, window.kernel, strict=True)):
        raise ValueError(f"{label}: padding is {padding}; expected at most half of the window, {window.kernel}")
    return window
