"""Nearest upsampling: every pixel becomes a block of its like."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Size, ndarray, pair


class UpsampleNearestCache(NamedTuple):
    """What ``upsample_nearest_backward`` needs."""

    x_shape: tuple[int, ...]
    scale: tuple[int, int]


@checked
def upsample_nearest_forward(
    x: Float[ndarray, "B Y X C"], *, scale: Size = 2
) -> tuple[Float[ndarray, "B Yo Xo C"], UpsampleNearestCache]:
    r"""Repeat every row and every column.

    .. math:: y_{bijc} = x_{b,\, \lfloor i / r \rfloor,\, \lfloor j / s \rfloor,\, c}

    :func:`minivit.ops.resize_forward` multiplies by matrices, which would be full of zeros here.

    Parameters
    ----------
    x : (B, Y, X, C)
    scale : int or (rows, columns)
        r and s, whole numbers: then PyTorch's ``interpolate(mode="nearest")`` is the same.

    Returns
    -------
    y : (B, r * Y, s * X, C)
    cache : UpsampleNearestCache

    References
    ----------
    In front of a convolution, against the checkerboards of transposed ones: Odena et al. 2016, "Deconvolution and
    Checkerboard Artifacts".
    """
    r, s = pair(scale)
    return x.repeat(r, axis=1).repeat(s, axis=2), UpsampleNearestCache(x.shape, (r, s))


@checked
def upsample_nearest_backward(dy: Float[ndarray, "B Yo Xo C"], cache: UpsampleNearestCache) -> InputGrad:
    r"""Gradient of :func:`upsample_nearest_forward`: a pixel gets the sum of its block.

    .. math:: \bar x_{bijc} = \sum_{p < r} \sum_{q < s} \bar y_{b,\, r i + p,\, s j + q,\, c}
    """
    (B, Y, X, C), (r, s) = cache
    check_shape("upsample_nearest_backward: dy", dy, (B, r * Y, s * X, C))
    blocks = dy.reshape(B, Y, r, X, s, C)
    return InputGrad(blocks.sum(axis=(2, 4)))  # formula: y[:, r * i + p, s * j + q] = x[:, i, j]
