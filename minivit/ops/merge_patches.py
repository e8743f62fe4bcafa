"""Patch merging: four neighbours of a map become one of four times the channels."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, ndarray


class MergePatchesCache(NamedTuple):
    """What ``merge_patches_backward`` needs."""

    map_shape: tuple[int, ...]


@checked
def merge_patches_forward(x: Float[ndarray, "B Y X C"]) -> tuple[Float[ndarray, "B Y2 X2 C4"], MergePatchesCache]:
    """Put each 2 x 2 tokens of a map side by side: half the rows, half the columns, four times the channels.

    Their order is that of the official code, down first: (0, 0), (1, 0), (0, 1), (1, 1). A map with an odd side is
    filled up with zeros at the bottom and on the right, as in timm and transformers.

    Parameters
    ----------
    x : (B, Y, X, C)

    Returns
    -------
    y : (B, ceil(Y / 2), ceil(X / 2), 4 * C)
    cache : MergePatchesCache

    References
    ----------
    Liu et al. 2021, "Swin Transformer", section 3.1.
    """
    B, Y, X, C = x.shape
    if Y % 2 or X % 2:
        x = np.pad(x, ((0, 0), (0, Y % 2), (0, X % 2), (0, 0)))
    rows, columns = -(-Y // 2), -(-X // 2)
    neighbours = x.reshape(B, rows, 2, columns, 2, C).transpose(0, 1, 3, 4, 2, 5)  # (B, Y / 2, X / 2, right, down, C)
    return neighbours.reshape(B, rows, columns, 4 * C), MergePatchesCache((B, Y, X, C))


@checked
def merge_patches_backward(dy: Float[ndarray, "B Y2 X2 C4"], cache: MergePatchesCache) -> InputGrad:
    """Gradient of :func:`merge_patches_forward`: every number goes back to where it came from."""
    B, Y, X, C = cache.map_shape
    rows, columns = -(-Y // 2), -(-X // 2)
    check_shape("merge_patches_backward: dy", dy, (B, rows, columns, 4 * C))
    neighbours = dy.reshape(B, rows, columns, 2, 2, C).transpose(0, 1, 4, 2, 3, 5)  # (B, Y / 2, down, X / 2, right, C)
    dx = neighbours.reshape(B, 2 * rows, 2 * columns, C)[:, :Y, :X]  # formula: a permutation of the numbers, and zeros
    return InputGrad(dx)
