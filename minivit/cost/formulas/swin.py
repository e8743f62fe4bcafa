r"""Parameters and MACs of a Swin Transformer.

Source: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 3. Stage s
has width :math:`C_s = 2^s C` on a grid of :math:`(H / 4) / 2^s` rows; the MLPs are four times as wide.
"""

from minivit.checked import checked
from minivit.cost.formulas.attention import num_tokens, window_msa_macs
from minivit.cost.formulas.conv import conv_params
from minivit.cost.formulas.vit import block_params
from minivit.types import Count, Depths, Positive, Size, pair


@checked
def swin_params(
    *,
    embed_dim: Positive = 96,
    depths: Depths = (2, 2, 6, 2),
    num_heads: tuple[int, ...] = (3, 6, 12, 24),
    window_size: Size = 7,
    patch_size: Size = 4,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
) -> int:
    r"""Parameters of a Swin Transformer; the defaults are Swin-T. The size of the image is in none
    of them, as long as no map is smaller than a window.

    A block is a ViT's, :math:`12 C_s^2 + 13 C_s`, and a table of :math:`(2M - 1)^2` relative positions for each head.
    Between stages a norm over four neighbours, :math:`8 C_s`, and a map of theirs without bias, :math:`8 C_s^2`. In
    front, the map of the patches and a norm; at the end, a norm and the head.

    Raises
    ------
    ValueError
        If there is not a number of heads for each stage.
    """
    if len(num_heads) != len(depths):
        raise ValueError(f"{len(depths)} stages in depths, but {len(num_heads)} in num_heads")
    M, L = pair(window_size)
    widths = [embed_dim * 2**stage for stage in range(len(depths))]
    total = conv_params(patch_size, in_chans, embed_dim) + 2 * embed_dim
    for C, depth, heads in zip(widths, depths, num_heads, strict=True):
        total += depth * (block_params(C, 4 * C) + (2 * M - 1) * (2 * L - 1) * heads)
    total += sum(8 * C**2 + 8 * C for C in widths[:-1])
    return total + 2 * widths[-1] + (widths[-1] + 1) * num_classes


@checked
def swin_macs(
    *,
    img_size: Size = 224,
    embed_dim: Positive = 96,
    depths: Depths = (2, 2, 6, 2),
    window_size: Size = 7,
    patch_size: Size = 4,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
) -> int:
    r"""MACs of a Swin Transformer for one image; the defaults are Swin-T.

    A block is :math:`\Omega(\text{W-MSA}) + 8 hw C_s^2`, the merging of four neighbours
    :math:`\lceil \frac h2 \rceil \lceil \frac w2 \rceil \cdot 4 C_s \cdot 2 C_s`. Shifted windows
    are as many as others. (The official repository's count is a little higher: it adds the norms.)

    Raises
    ------
    ValueError
        If the windows do not divide the grid of a stage that has blocks.
    """
    (Y, X), (P, Q) = pair(img_size), pair(patch_size)
    grid, C = (Y // P, X // Q), embed_dim
    total = num_tokens(img_size, patch_size) * conv_params(patch_size, in_chans, C, bias=False)
    for stage, depth in enumerate(depths):
        if stage:
            grid = -(-grid[0] // 2), -(-grid[1] // 2)  # odd maps are filled up
            total += 8 * num_tokens(grid) * C**2
            C *= 2
        if depth:
            total += depth * (window_msa_macs(grid, C, window_size) + 8 * num_tokens(grid) * C**2)
    return total + C * num_classes
