"""Images to patches and back: an exact rearrangement, no arithmetic."""

from math import prod
from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Size, ndarray, pair


class PatchifyCache(NamedTuple):
    """What ``patchify_backward`` needs."""

    image_shape: tuple[int, ...]
    patch_size: tuple[int, int]


@checked
def patchify_forward(
    x: Float[ndarray, "B Y X C"], *, patch_size: Size
) -> tuple[Float[ndarray, "B N PPC"], PatchifyCache]:
    """Cut images into patches that do not overlap; each patch becomes one row of numbers.

    Patches are numbered row by row. Inside a patch the order is (row, column, channel), which is the order of a
    convolution kernel of shape (P, P, C, D): with it a linear map of patches *is* a convolution with stride P.

    Parameters
    ----------
    x : (B, Y, X, C)
    patch_size : int or (rows, columns)

    Returns
    -------
    patches : (B, N, P*P*C) with N = (Y / P) * (X / P)
    cache : PatchifyCache

    Raises
    ------
    ValueError
        If the patch does not divide the image, or is not positive.

    References
    ----------
    Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", section 3.1.
    """
    B, Y, X, C = x.shape
    rows, columns = pair(patch_size)
    if Y % rows or X % columns:
        raise ValueError(
            f"patchify: an image of {Y} x {X} pixels cannot be cut into patches of {rows} x {columns}; "
            "both sides must be multiples of the patch's"
        )
    tiles = x.reshape(B, Y // rows, rows, X // columns, columns, C)
    tiles = tiles.transpose(0, 1, 3, 2, 4, 5)  # (B, Y / P, X / P, P, P, C)
    return tiles.reshape(B, Y // rows * (X // columns), rows * columns * C), PatchifyCache(x.shape, (rows, columns))


@checked
def patchify_backward(dy: Float[ndarray, "B N PPC"], cache: PatchifyCache) -> InputGrad:
    """Gradient of :func:`patchify_forward`: every number goes back to where it came from."""
    (B, Y, X, C), patch_size = cache
    check_shape("patchify_backward: dy", dy, (B, Y * X // prod(patch_size), prod(patch_size) * C))
    dx, _ = unpatchify_forward(dy, img_size=(Y, X), patch_size=patch_size)  # formula: a permutation of the pixels
    return InputGrad(dx)


class UnpatchifyCache(NamedTuple):
    """What ``unpatchify_backward`` needs."""

    patch_size: tuple[int, int]


@checked
def unpatchify_forward(
    x: Float[ndarray, "B N PPC"], *, img_size: Size, patch_size: Size
) -> tuple[Float[ndarray, "B Y X C"], UnpatchifyCache]:
    """Put patches back together: the inverse of :func:`patchify_forward`.

    Raises
    ------
    ValueError
        If the number of patches or their length does not make an image of ``img_size``.
    """
    B, N, length = x.shape
    (Y, X), (rows, columns) = pair(img_size), pair(patch_size)
    if Y % rows or X % columns or (Y // rows) * (X // columns) != N or length % (rows * columns):
        raise ValueError(
            f"unpatchify: {N} patches of {length} numbers do not make an image of {Y} x {X} pixels "
            f"from patches of {rows} x {columns}"
        )
    C = length // (rows * columns)
    tiles = x.reshape(B, Y // rows, X // columns, rows, columns, C)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(B, Y, X, C), UnpatchifyCache((rows, columns))


@checked
def unpatchify_backward(dy: Float[ndarray, "B Y X C"], cache: UnpatchifyCache) -> InputGrad:
    """Gradient of :func:`unpatchify_forward`: cut the gradient image into patches."""
    dx, _ = patchify_forward(dy, patch_size=cache.patch_size)  # formula: a permutation of the numbers
    return InputGrad(dx)
