"""Parameters and MACs of a convolution."""

from minivit.checked import checked
from minivit.types import Positive, Size, pair


@checked
def conv_params(
    kernel_size: Size, in_chans: Positive, out_chans: Positive, *, groups: Positive = 1, bias: bool = True
) -> int:
    r"""Parameters of a convolution, :math:`PQ \, (C / G) \, C' + C'`.

    Each of the C' filters sees P x Q places of the C / G channels of its group, and adds one number. A kernel of 1 x 1
    is a linear map; ``groups=in_chans`` is a depthwise convolution. The stride makes no difference.

    Raises
    ------
    ValueError
        If the groups do not divide the channels.
    """
    if in_chans % groups or out_chans % groups:
        raise ValueError(f"{groups} groups do not divide {in_chans} input and {out_chans} output channels")
    P, Q = pair(kernel_size)
    return P * Q * (in_chans // groups) * out_chans + bias * out_chans


@checked
def conv_macs(
    out_size: Size, kernel_size: Size, in_chans: Positive, out_chans: Positive, *, groups: Positive = 1
) -> int:
    r"""MACs of a convolution with an output of H x W pixels: :math:`HW \, PQ \, (C / G) \, C'`.

    At every place of the output, each weight is multiplied once. Multiplications with the zeros of the padding count;
    adding the bias does not.
    """
    Y, X = pair(out_size)
    return Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)
