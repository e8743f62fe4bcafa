"""Split the width of a token into heads, and merge heads back: views where memory allows, never arithmetic."""

from typing import NamedTuple

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, ndarray


class SplitHeadsCache(NamedTuple):
    """``split_heads_backward`` needs nothing: the shape of ``dy`` says it all."""


@checked
def split_heads_forward(
    x: Float[ndarray, "B N D"], *, num_heads: int
) -> tuple[Float[ndarray, "B H N K"], SplitHeadsCache]:
    """(B, N, D) -> (B, H, N, K) with D = H * K: head h owns the columns h*K to (h+1)*K. A view of ``x``.

    Raises
    ------
    ValueError
        If ``num_heads`` does not divide the width.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.
    """
    B, N, D = x.shape
    if num_heads < 1 or D % num_heads:
        raise ValueError(f"split_heads: width {D} is not divisible by num_heads {num_heads}")
    return x.reshape(B, N, num_heads, D // num_heads).transpose(0, 2, 1, 3), SplitHeadsCache()


@checked
def split_heads_backward(dy: Float[ndarray, "B H N K"], cache: SplitHeadsCache) -> InputGrad:
    """Gradient of :func:`split_heads_forward`: merge the heads of the gradient."""
    dx, _ = merge_heads_forward(dy)  # forward: a permutation of the numbers
    return InputGrad(dx)


class MergeHeadsCache(NamedTuple):
    """What ``merge_heads_backward`` needs."""

    num_heads: int


@checked
def merge_heads_forward(x: Float[ndarray, "B H N K"]) -> tuple[Float[ndarray, "B N D"], MergeHeadsCache]:
    """(B, H, N, K) -> (B, N, H*K), the heads side by side: the inverse of :func:`split_heads_forward`."""
    B, H, N, K = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, N, H * K), MergeHeadsCache(H)


@checked
def merge_heads_backward(dy: Float[ndarray, "B N D"], cache: MergeHeadsCache) -> InputGrad:
    """Gradient of :func:`merge_heads_forward`: split the gradient into heads."""
    dx, _ = split_heads_forward(dy, num_heads=cache.num_heads)  # forward: a permutation of the numbers
    return InputGrad(dx)
