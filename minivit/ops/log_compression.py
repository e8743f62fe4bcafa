"""Logarithmic compression: large numbers are brought together, small ones stay apart."""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, ndarray


class LogCompressionCache(NamedTuple):
    """What ``log_compression_backward`` needs."""

    x: Float[ndarray, "*B D"]


@checked
def log_compression_forward(x: Float[ndarray, "*B D"]) -> tuple[Float[ndarray, "*B D"], LogCompressionCache]:
    r"""The logarithm of one more than the size of each number, :math:`y = \log(1 + |x|)`.

    Of what a ReLU has left, it is about x where that is small, and grows by the same step whenever a large x doubles,
    as loudness does. The sign is lost.

    Source: Schneider et al. 2019, "wav2vec": in its code (``log_compression``), not in its text.
    """
    return np.log1p(x * _sign(x)), LogCompressionCache(x)


@checked
def log_compression_backward(dy: Float[ndarray, "*B D"], cache: LogCompressionCache) -> InputGrad:
    r"""Gradient of :func:`log_compression_forward`: :math:`\bar x = \bar y \operatorname{sign}(x) / (1 + |x|)`, 0 at
    the kink.
    """
    (x,) = cache
    sign = _sign(x)
    return InputGrad(dy * sign / (1 + x * sign))  # formula: y = log(1 + |x|)


def _sign(x: ndarray) -> ndarray:
    return np.sign(np.real(x))
