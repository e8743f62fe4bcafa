r"""What attention over an image costs: on pixels, on patches, in windows.

Sources: Dosovitskiy et al. 2021, section 3.1 (:math:`N = HW / P^2`); Liu et al. 2021 (Swin), section 3.2, equations 1
and 2; Chen et al. 2020 (Image GPT), for a Transformer on pixels.
"""

from minivit.checked import checked
from minivit.types import Positive, Size, pair


def _parts(name: str, size: Size, part_name: str, part: Size) -> int:
    """How many parts cut a grid without a rest."""
    (Y, X), (P, Q) = pair(size), pair(part)
    if Y % P or X % Q:
        raise ValueError(f"{name} is {Y} x {X}, and {part_name} {P} x {Q} does not divide it")
    return (Y // P) * (X // Q)


@checked
def num_tokens(img_size: Size, patch_size: Size = 1, *, class_token: bool = False) -> int:
    r"""Tokens of an image, :math:`N = HW / P^2`: the patches, and one more if there is a class token.

    An image of H rows and W columns is :math:`(H / P) (W / P)` patches of side P. A patch of one pixel is a pixel.

    Source: Dosovitskiy et al. 2021, section 3.1.

    Raises
    ------
    ValueError
        If the patches do not divide the image.
    """
    return _parts("img_size", img_size, "patch_size", patch_size) + class_token


@checked
def attention_entries(img_size: Size, patch_size: Size = 1, *, class_token: bool = False) -> int:
    r"""Entries of one attention matrix: :math:`R^4` on the pixels of an R x R image, :math:`(R / P)^4` on its patches.

    Every token looks at every token, so the matrix is N x N. On pixels :math:`N = R^2`, hence :math:`R^4`; on patches
    :math:`N = R^2 / P^2`. On a grid of H x W tokens, ``attention_entries((H, W))``, it is :math:`H^2 W^2`: quadratic in
    the area. A class token makes it :math:`(N + 1)^2`. One matrix is that of one head in one layer, for one image.
    """
    return num_tokens(img_size, patch_size, class_token=class_token) ** 2


@checked
def window_attention_entries(grid_size: Size, window_size: Size) -> int:
    r"""Entries of all attention matrices of one head, in windows of M x M tokens: :math:`M^2 HW`.

    A window holds :math:`M^2` tokens, so its matrix has :math:`M^4` entries, and there are :math:`(H / M) (W / M)`
    windows:

    .. math:: M^4 \frac{H}{M} \frac{W}{M} = M^2 H W.

    Linear in the area of the grid, where without windows it is :math:`H^2 W^2`.

    Source: Liu et al. 2021, section 3.2.

    Raises
    ------
    ValueError
        If the windows do not divide the grid. (Swin pads it then.)
    """
    M, L = pair(window_size)
    return _parts("grid_size", grid_size, "window_size", window_size) * (M * L) ** 2


@checked
def attention_bytes(
    entries: Positive, *, depth: Positive = 1, num_heads: Positive = 1, batch: Positive = 1, itemsize: Positive = 4
) -> int:
    """Bytes of all attention maps of a model: a matrix of ``entries`` for each layer, head and image.

    This is what backward needs of the maps; an implementation that keeps the scores beside them keeps twice as much.
    """
    return entries * depth * num_heads * batch * itemsize


@checked
def msa_macs(grid_size: Size, channels: Positive) -> int:
    r"""MACs of multi-head self-attention on a grid of h x w tokens with C channels.

    .. math:: \Omega(\text{MSA}) = 4 hw C^2 + 2 (hw)^2 C

    Queries, keys, values and the output are four products of (hw, C) with (C, C): :math:`4 hw C^2`. Each of the H heads
    multiplies (hw, C / H) with (C / H, hw) for the scores and (hw, hw) with (hw, C / H) for the output:
    :math:`2 (hw)^2 C / H` per head, so the number of heads cancels. The softmax is left out.

    Source: Liu et al. 2021, equation 1.
    """
    N, C = num_tokens(grid_size), channels
    return 4 * N * C**2 + 2 * N**2 * C


@checked
def window_msa_macs(grid_size: Size, channels: Positive, window_size: Size) -> int:
    r"""MACs of multi-head self-attention in windows of M x M tokens.

    .. math:: \Omega(\text{W-MSA}) = 4 hw C^2 + 2 M^2 hw C

    The four projections are the same as in :func:`msa_macs`. Each of the :math:`hw / M^2` windows is an attention over
    :math:`M^2` tokens: :math:`(hw / M^2) \cdot 2 M^4 C = 2 M^2 hw C`.

    Source: Liu et al. 2021, equation 2.
    """
    N, C = num_tokens(grid_size), channels
    return 4 * N * C**2 + 2 * window_attention_entries(grid_size, window_size) * C
