"""The mean of all tokens as one more token in front of them."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import token_sum
from minivit.types import Float, ndarray


class PrependMeanCache(NamedTuple):
    """What ``prepend_mean_backward`` needs."""

    x_shape: tuple[int, ...]


@checked
def prepend_mean_forward(x: Float[ndarray, "B N D"]) -> tuple[Float[ndarray, "B M D"], PrependMeanCache]:
    r"""Put the mean of the N tokens in front of them: M = N + 1 come out.

    .. math:: y_0 = \frac1N \sum_n x_n, \qquad y_{1 + n} = x_n

    Raises
    ------
    ValueError
        If there are no tokens to take a mean of.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4: what
    attention pooling asks with.
    """
    if x.shape[1] == 0:
        raise ValueError(f"prepend_mean: there are no tokens to take a mean of, x has shape {x.shape}")
    mean = token_sum(x) / x.shape[1]
    return np.concatenate((mean[:, None], x), axis=1), PrependMeanCache(x.shape)


@checked
def prepend_mean_backward(dy: Float[ndarray, "B M D"], cache: PrependMeanCache) -> InputGrad:
    r"""Gradient of :func:`prepend_mean_forward`: each token its own, and an equal share of the mean's.

    .. math:: \bar x_n = \bar y_{1 + n} + \bar y_0 / N
    """
    B, N, D = cache.x_shape
    check_shape("prepend_mean_backward: dy", dy, (B, N + 1, D))
    return InputGrad(dy[:, 1:] + dy[:, :1] / N)  # forward: mean = token_sum(x) / x.shape[1]
