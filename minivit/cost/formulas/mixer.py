r"""Parameters and MACs of an MLP-Mixer: linear in the tokens N, where attention is quadratic.

Source: Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", section 2 and table 1. The lectures'
slide draws both MLPs without their hidden widths (:math:`N \to N`, :math:`C \to C`); here they are E over the tokens,
and F over the channels.
"""

from minivit.checked import checked
from minivit.cost.formulas.attention import num_tokens
from minivit.cost.formulas.conv import conv_params
from minivit.types import Count, Positive, Size


@checked
def token_mixing_params(tokens: Positive, tokens_dim: Positive, *, channels: Positive = 1) -> int:
    r"""Parameters of an MLP over N tokens with E hidden numbers, :math:`2NE + E + N`, for each of so many channels.

    Mixer has one for all channels. As a depthwise convolution usually is, with kernels of its own for each channel, it
    would have C times as many, and as many multiplications as before: :func:`token_mixing_macs`.
    """
    return channels * (2 * tokens * tokens_dim + tokens_dim + tokens)


@checked
def token_mixing_macs(tokens: Positive, tokens_dim: Positive, channels: Positive) -> int:
    r"""MACs of an MLP over N tokens in each of C channels, :math:`2NEC`: whether or not the channels share it."""
    return 2 * tokens * tokens_dim * channels


@checked
def mixer_params(
    *,
    img_size: Size = 224,
    patch_size: Size = 16,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
    num_blocks: Count = 12,
    embed_dim: Positive = 768,
    tokens_dim: Positive = 384,
    channels_dim: Positive = 3072,
    tied: bool = True,
) -> int:
    r"""Parameters of a Mixer with N tokens of width C, L blocks and K classes; the defaults are Mixer-B/16.

    .. math:: (P^2 C_\text{in} C + C) + L (2NE + E + N + 2CF + F + C + 4C) + 2C + (CK + K)

    In order: the linear map of the patches, the blocks with two norms each, the last norm, the head. With
    ``tied=False``, each channel has a token mixing of its own.
    """
    N, C, F = num_tokens(img_size, patch_size), embed_dim, channels_dim
    block = token_mixing_params(N, tokens_dim, channels=1 if tied else C) + 2 * C * F + F + C + 4 * C
    return conv_params(patch_size, in_chans, C) + num_blocks * block + 2 * C + (C + 1) * num_classes


@checked
def mixer_macs(
    *,
    img_size: Size = 224,
    patch_size: Size = 16,
    in_chans: Positive = 3,
    num_classes: Count = 1000,
    num_blocks: Count = 12,
    embed_dim: Positive = 768,
    tokens_dim: Positive = 384,
    channels_dim: Positive = 3072,
) -> int:
    r"""MACs of a Mixer for one image: :math:`N P^2 C_\text{in} C + L (2NEC + 2NCF) + CK`.

    All but the head is N times something. (E, in the paper, does not grow with N. If it did, this would be quadratic.)
    """
    N, C = num_tokens(img_size, patch_size), embed_dim
    block = token_mixing_macs(N, tokens_dim, C) + 2 * N * C * channels_dim
    return N * conv_params(patch_size, in_chans, C, bias=False) + num_blocks * block + C * num_classes
