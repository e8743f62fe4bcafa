r"""Parameters and MACs of a Vision Transformer: a polynomial in the tokens N and the width D.

Source: Dosovitskiy et al. 2021, section 3.1 and table 1. The number of heads is in none of them.
"""

from minivit.checked import checked
from minivit.cost.formulas.attention import attention_entries, msa_macs, num_tokens
from minivit.cost.formulas.conv import conv_macs, conv_params
from minivit.types import Count, Positive, Size, pair


@checked
def block_params(embed_dim: Positive, mlp_dim: Positive, *, qkv_bias: bool = True) -> int:
    r"""Parameters of a Transformer block of width D with an MLP of width F: :math:`4D^2 + 2DF + 9D + F`.

    Queries, keys, values and output: four (D, D) matrices and biases, :math:`4D^2 + 4D`. The MLP: (D, F) and (F, D) and
    their biases, :math:`2DF + F + D`. Two norms with gamma and beta: 4D. With the usual F = 4D: :math:`12 D^2 + 13 D`.
    """
    D, F = embed_dim, mlp_dim
    return 4 * D**2 + 2 * D * F + 9 * D + F - (not qkv_bias) * 3 * D


@checked
def vit_params(
    *,
    img_size: Size = 224,
    patch_size: Size = 16,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
    embed_dim: Positive = 768,
    depth: Count = 12,
    mlp_dim: Positive = 3072,
    qkv_bias: bool = True,
    class_token: bool = True,
) -> int:
    r"""Parameters of a ViT with N tokens (the class token among them), L blocks and K classes.

    .. math:: (P^2 C D + D) + D + ND + L (4D^2 + 2DF + 9D + F) + 2D + (DK + K)

    In order: the linear map of the patches, the class token, the positions, the blocks, the last norm, the head. A
    larger image adds positions, and nothing else.
    """
    N = num_tokens(img_size, patch_size, class_token=class_token)
    patches = conv_params(patch_size, in_chans, embed_dim) + (class_token + N) * embed_dim
    blocks = depth * block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)
    return patches + blocks + 2 * embed_dim + (embed_dim + 1) * num_classes


@checked
def encoder_macs(tokens: Positive, embed_dim: Positive, mlp_dim: Positive, depth: Count = 1) -> int:
    r"""MACs of L Transformer blocks on N tokens, a polynomial in N and D: :math:`L \, (4ND^2 + 2NDF + 2N^2D)`.

    Attention is :math:`4ND^2 + 2N^2D` (:func:`~minivit.cost.formulas.attention.msa_macs`), the MLP two products,
    :math:`2NDF`. With F = 4D it is :math:`L (12ND^2 + 2N^2D)`: the part that is quadratic in N is half of it at 6D
    tokens.
    """
    return depth * (msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim)


@checked
def vit_macs(
    *,
    img_size: Size = 224,
    patch_size: Size = 16,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
    embed_dim: Positive = 768,
    depth: Count = 12,
    mlp_dim: Positive = 3072,
    class_token: bool = True,
) -> int:
    r"""MACs of a ViT for one image, N tokens of which the class token is one.

    .. math:: (HW / P^2) \, P^2 C D + L (4ND^2 + 2NDF + 2N^2D) + DK

    The map of the patches (the class token does not pass through it), the blocks, and the head on one token.
    """
    (Y, X), (P, Q) = pair(img_size), pair(patch_size)
    N = num_tokens(img_size, patch_size, class_token=class_token)
    patches = conv_macs((Y // P, X // Q), patch_size, in_chans, embed_dim)
    return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes


@checked
def attention_share(
    *,
    img_size: Size = 224,
    patch_size: Size = 16,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
    embed_dim: Positive = 768,
    depth: Count = 12,
    mlp_dim: Positive = 3072,
    class_token: bool = True,
) -> float:
    r"""Share of a ViT's MACs that make or use attention matrices, :math:`2 L N^2 D` of all of them.

    This is the part that grows with the square of N. It is about :math:`N / (6D + N)`: 4.1 % for ViT-B/16 at 224
    pixels, 46.9 % at 1024.
    """
    quadratic = 2 * depth * attention_entries(img_size, patch_size, class_token=class_token) * embed_dim
    return quadratic / vit_macs(
        img_size=img_size,
        patch_size=patch_size,
        in_chans=in_chans,
        num_classes=num_classes,
        embed_dim=embed_dim,
        depth=depth,
        mlp_dim=mlp_dim,
        class_token=class_token,
    )
