"""Depthwise convolution: each channel has a kernel of its own, so there is no matrix product, only weighted sums."""

import numpy as np

from minivit.ops.rows import COLUMN_BLOCK, column_sum
from minivit.ops.sliding import Sliding, rows_of_windows, spread, windows
from minivit.types import Float, ndarray


def conv_depthwise(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q 1 C"], window: Sliding
) -> Float[ndarray, "B Yo Xo C"]:
    """Sum of every window, weighted: ``einsum`` walks over a view of the windows and copies none.

    Where windows stand side by side, it walks over a row of them at one go: that is faster than channels alone.
    """
    if window.stride[1] > 1:
        return np.einsum("bijpqc,pqc->bijc", windows(x, window), weight[:, :, 0])
    met, C = rows_of_windows(x, window), x.shape[3]
    kernel = np.repeat(weight, window.out[1], 2).reshape(met.shape[2:])  # (P, Q, Xo C)
    return np.einsum("bipqn,pqn->bin", met, kernel).reshape(len(x), *window.out, C)


def conv_depthwise_gradients(
    dy: Float[ndarray, "B Yo Xo C"], x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q 1 C"], window: Sliding
) -> tuple[Float[ndarray, "B Y X C"], Float[ndarray, "P Q 1 C"]]:
    """Gradients of ``x`` and ``weight``. That of x is again a depthwise convolution, with the kernel turned."""
    dx = conv_depthwise(spread(dy, window), weight[::-1, ::-1], window.back)
    met = windows(x, window)
    blocks = [slice(start, start + COLUMN_BLOCK) for start in range(0, dy.shape[2], COLUMN_BLOCK)]
    sums = [np.einsum("bijpqc,bijc->bipqc", met[:, :, j], dy[:, :, j]) for j in blocks]  # all at once costs digits
    return dx, column_sum(np.concatenate(sums).reshape(-1, weight.size)).reshape(weight.shape)
