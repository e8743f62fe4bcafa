"""Transposed convolution whose patches do not overlap: each place of a map becomes a patch of a larger map."""

from math import prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.linear import LinearCache, linear_backward, linear_forward
from minivit.ops.patches import patchify_forward, unpatchify_forward
from minivit.types import Float, ndarray


class ConvTranspose2dCache(NamedTuple):
    """What ``conv_transpose2d_backward`` needs."""

    x: Float[ndarray, "B Y X C"]
    weight: Float[ndarray, "P Q C O"]
    has_bias: bool


class ConvTranspose2dGrads(NamedTuple):
    """Gradients of the arguments of ``conv_transpose2d_forward``, by name."""

    x: Float[ndarray, "B Y X C"]
    weight: Float[ndarray, "P Q C O"]
    bias: Float[ndarray, " O"] | None


@checked
def conv_transpose2d_forward(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"], bias: Float[ndarray, " O"] | None = None
) -> tuple[Float[ndarray, "B Yo Xo O"], ConvTranspose2dCache]:
    r"""Let every place of a map become a patch of P x Q places: the map grows by these factors.

    .. math:: y_{b,\, P i + p,\, Q j + q,\, o} = \beta_o + \sum_c x_{b,i,j,c}\; W_{p,q,c,o}

    It is the transpose of the convolution that cuts an image into patches, :func:`minivit.ops.conv2d_forward` with a
    stride as large as its kernel: what went from a patch to a place goes from a place to a patch. Patches do not
    overlap, so nothing is added up.

    Parameters
    ----------
    x : (B, Y, X, C)
    weight : (P, Q, C, O)
        Rows and columns of a patch, input channels, output channels. (PyTorch's ``ConvTranspose2d`` keeps (C, O, P, Q),
        inputs first, unlike its ``Conv2d``. Its ``stride`` is the kernel's size here.)
    bias : (O,), optional

    Returns
    -------
    y : (B, P * Y, Q * X, O)
    cache : ConvTranspose2dCache

    References
    ----------
    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4; with a kernel of 2 x 2 in
    Kirillov et al. 2023, "Segment Anything", appendix A, "Lightweight mask decoder".
    """
    B, Y, X, C = x.shape
    P, Q, *_ = weight.shape
    h, _ = linear_forward(x.reshape(B, Y * X, C), _matrix(weight), None if bias is None else np.tile(bias, P * Q))
    y, _ = unpatchify_forward(h, img_size=(P * Y, Q * X), patch_size=(P, Q))
    return y, ConvTranspose2dCache(x, weight, bias is not None)


@checked
def conv_transpose2d_backward(dy: Float[ndarray, "B Yo Xo O"], cache: ConvTranspose2dCache) -> ConvTranspose2dGrads:
    r"""Gradients of :func:`conv_transpose2d_forward`.

    Each number of a patch is made of one place, so a place gets the gradients of its patch, and a weight those of its
    number in all patches:

    .. math:: \bar x_{bijc} = \sum_{p,q,o} \bar y_{b,\, P i + p,\, Q j + q,\, o}\, W_{pqco}, \qquad
              \bar W_{pqco} = \sum_{b,i,j} x_{bijc}\, \bar y_{b,\, P i + p,\, Q j + q,\, o}

    The first is the convolution of :math:`\bar y` that this one is the transpose of. The bias gets the sum of all
    gradients of its channel.
    """
    x, weight, has_bias = cache
    B, Y, X, C = x.shape
    P, Q, _, O = weight.shape
    check_shape("conv_transpose2d_backward: dy", dy, (B, P * Y, Q * X, O))
    dh, _ = patchify_forward(dy, patch_size=(P, Q))  # formula: a permutation of the numbers
    c_linear = LinearCache(x.reshape(B, Y * X, C), _matrix(weight), has_bias)
    dx, dmatrix, dbiases = linear_backward(dh, c_linear)  # formula: h = x W + b
    dweight = dmatrix.reshape(C, P, Q, O).transpose(1, 2, 0, 3)  # formula: a permutation of the numbers
    dbias = None if dbiases is None else np.ascontiguousarray(dbiases).reshape(P * Q, O).sum(0)  # formula: tile
    return ConvTranspose2dGrads(dx.reshape(x.shape), dweight.copy(), dbias)


def _matrix(weight: Float[ndarray, "P Q C O"]) -> Float[ndarray, "C PQO"]:
    """From a place to the numbers of its patch, in the order of :func:`minivit.ops.patchify_forward`."""
    return weight.transpose(2, 0, 1, 3).reshape(weight.shape[2], prod(weight.shape) // weight.shape[2])


def conv_transpose2d_loops(
    x: Float[ndarray, "B Y X C"], weight: Float[ndarray, "P Q C O"]
) -> Float[ndarray, "B Yo Xo O"]:
    """The definition, place by place: its vector times the matrix of each number of the patch."""
    (B, Y, X, _), (P, Q, _, O) = x.shape, weight.shape
    y = np.empty_like(x, shape=(B, P * Y, Q * X, O))
    for b, i, j, p, q in np.ndindex(B, Y, X, P, Q):
        y[b, P * i + p, Q * j + q] = x[b, i, j] @ weight[p, q]
    return y
