"""Softmax and its logarithm over the last axis: scores become shares that sum to one."""

from typing import NamedTuple

import numpy as np

from minivit.ops.rows import row_dot, row_sum
from minivit.types import Float, ndarray


class SoftmaxCache(NamedTuple):
    """What ``softmax_backward`` needs: the output itself."""

    y: Float[ndarray, "... S"]


class SoftmaxGrads(NamedTuple):
    """Gradient of the argument of ``softmax_forward``."""

    x: Float[ndarray, "... S"]


def softmax_forward(x: Float[ndarray, "... S"]) -> tuple[Float[ndarray, "... S"], SoftmaxCache]:
    r"""Softmax over the last axis.

    .. math:: y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Where scores are large, the largest of each row is subtracted first, which changes nothing (it cancels) and keeps
    ``exp`` from overflowing. A row of which every score is ``-inf`` (nothing may be looked at) becomes zeros, not nan.

    Source: Bridle 1990; the shift is in Goodfellow et al. 2016, "Deep Learning", section 4.1.
    """
    y = np.exp(x if _exp_is_safe(x) else x - _largest_of_row(x))
    y /= np.maximum(row_sum(y), np.finfo(y.dtype).tiny)  # zero only where every score was -inf
    return y, SoftmaxCache(y)


def _exp_is_safe(x: ndarray) -> bool:
    """Whether exp(x), and the sums of its rows, are far inside the range of float32.

    The largest score of each row is the slowest part of a softmax (NumPy takes longer for it than for ``exp``); the two
    extremes of the whole array are found thirty times as fast, and tell in most cases that it is not needed.
    """
    return bool(np.real(x).min(initial=0) > -64 and np.real(x).max(initial=0) < 64)  # false where there is a nan


def _largest_of_row(x: ndarray) -> ndarray:
    largest = np.real(x).max(-1, keepdims=True)
    return np.maximum(largest, np.finfo(x.dtype).min)  # never -inf - -inf, which would be nan


def softmax_backward(dy: Float[ndarray, "... S"], cache: SoftmaxCache) -> SoftmaxGrads:
    r"""Gradient of :func:`softmax_forward`.

    The Jacobian is :math:`\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)`, symmetric, so

    .. math:: \bar x_j = \sum_i \bar y_i\, y_i (\delta_{ij} - y_j) = y_j \Big(\bar y_j - \sum_i \bar y_i y_i\Big)

    The sum is one number per row; the S x S Jacobian is never built.
    """
    y = cache.y
    dx = dy - row_dot(dy, y)
    dx *= y  # forward: y = exp(x) / sum(exp(x))
    return SoftmaxGrads(dx)


class LogSoftmaxCache(NamedTuple):
    """What ``log_softmax_backward`` needs: the output itself."""

    y: Float[ndarray, "... S"]


class LogSoftmaxGrads(NamedTuple):
    """Gradient of the argument of ``log_softmax_forward``."""

    x: Float[ndarray, "... S"]


def log_softmax_forward(x: Float[ndarray, "... S"]) -> tuple[Float[ndarray, "... S"], LogSoftmaxCache]:
    r"""Logarithm of the softmax over the last axis, without ever taking the log of a small number.

    .. math:: y_i = x_i - \log \sum_j e^{x_j}
    """
    y = x - np.real(x).max(-1, keepdims=True)
    y -= np.log(row_sum(np.exp(y)))
    return y, LogSoftmaxCache(y)


def log_softmax_backward(dy: Float[ndarray, "... S"], cache: LogSoftmaxCache) -> LogSoftmaxGrads:
    r"""Gradient of :func:`log_softmax_forward`.

    The sum's derivative is the softmax itself, :math:`\partial \log \sum_j e^{x_j} / \partial x_i = e^{y_i}`, so

    .. math:: \bar x_i = \bar y_i - e^{y_i} \sum_j \bar y_j
    """
    return LogSoftmaxGrads(dy - np.exp(cache.y) * row_sum(dy))  # forward: y = x - log(sum(exp(x)))
