"""Softmax and its logarithm over the last axis: scores become shares that sum to one."""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import largest, row_dot, row_sum  # the largest number, and sums, of each row
from minivit.types import Float, ndarray


class SoftmaxCache(NamedTuple):
    """What ``softmax_backward`` needs: the output itself."""

    y: Float[ndarray, "*B S"]


@checked
def softmax_forward(x: Float[ndarray, "*B S"]) -> tuple[Float[ndarray, "*B S"], SoftmaxCache]:
    r"""Softmax over the last axis.

    .. math:: y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    In a row whose sum leaves the range of exp, the largest score is subtracted first, which changes nothing (it
    cancels). A row of which every score is ``-inf`` (nothing may be looked at) becomes zeros, not nan.

    Source: Bridle 1990; the shift is in Goodfellow et al. 2016, "Deep Learning", section 4.1.
    """
    y, total = _exp_and_sum(x)
    # Skip this branch at first reading: it is for rows so extreme that exp leaves its range. To find the largest score
    # of each row takes NumPy about as long as exp, and scores are rarely large. Between these bounds no exp has
    # overflowed, and what has underflowed is too small to count.
    sums = np.real(total[..., 0])
    if not (sums.min(initial=1) > 1e-24 and sums.max(initial=1) < 1e24):  # so too if one is nan
        extreme = ~((sums > 1e-24) & (sums < 1e24))  # each row by itself, whatever its neighbours are
        y[extreme], total[extreme] = _exp_and_sum(x[extreme] - largest(x[extreme]))
        total[extreme] = np.maximum(total[extreme], np.finfo(y.dtype).tiny)  # zero only where every score was -inf
    y /= total
    return y, SoftmaxCache(y)


@np.errstate(over="ignore")  # seen in the sum
def _exp_and_sum(x: ndarray) -> tuple[ndarray, ndarray]:
    y = np.exp(x)
    return y, row_sum(y)


@checked
def softmax_backward(dy: Float[ndarray, "*B S"], cache: SoftmaxCache) -> InputGrad:
    r"""Gradient of :func:`softmax_forward`.

    The Jacobian is :math:`\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)`, symmetric, so

    .. math:: \bar x_j = \sum_i \bar y_i\, y_i (\delta_{ij} - y_j) = y_j \Big(\bar y_j - \sum_i \bar y_i y_i\Big)

    The sum is one number per row; the S x S Jacobian is never built.
    """
    y = cache.y
    dx = dy - row_dot(dy, y)
    dx *= y  # formula: y = exp(x) / sum(exp(x))
    return InputGrad(dx)


class LogSoftmaxCache(NamedTuple):
    """What ``log_softmax_backward`` needs: the output itself."""

    y: Float[ndarray, "*B S"]


@checked
def log_softmax_forward(x: Float[ndarray, "*B S"]) -> tuple[Float[ndarray, "*B S"], LogSoftmaxCache]:
    r"""Logarithm of the softmax over the last axis, without ever taking the log of a small number.

    .. math:: y_i = x_i - \log \sum_j e^{x_j}

    A row of which every score is ``-inf`` stays so.
    """
    y = x - largest(x)
    y -= np.log(np.maximum(row_sum(np.exp(y)), np.finfo(x.dtype).tiny))  # zero only where every score was -inf
    return y, LogSoftmaxCache(y)


@checked
def log_softmax_backward(dy: Float[ndarray, "*B S"], cache: LogSoftmaxCache) -> InputGrad:
    r"""Gradient of :func:`log_softmax_forward`.

    The sum's derivative is the softmax itself, :math:`\partial \log \sum_j e^{x_j} / \partial x_i = e^{y_i}`, so

    .. math:: \bar x_i = \bar y_i - e^{y_i} \sum_j \bar y_j
    """
    return InputGrad(dy - np.exp(cache.y) * row_sum(dy))  # formula: y = x - log(sum(exp(x)))
