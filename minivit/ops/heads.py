"""Heads of attention: split the width of a token into heads, merge heads back, and attend in all of them at once."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.attention import AttentionCache, AttentionGrads, attention_backward, attention_forward
from minivit.ops.input_grad import InputGrad
from minivit.types import Bool, Float, Positive, ndarray


class SplitHeadsCache(NamedTuple):
    """``split_heads_backward`` needs nothing: the shape of ``dy`` says it all."""


@checked
def split_heads_forward(
    x: Float[ndarray, "*B N D"], *, num_heads: Positive
) -> tuple[Float[ndarray, "*B H N K"], SplitHeadsCache]:
    """(..., N, D) -> (..., H, N, K) with D = H * K: head h owns the columns h*K to (h+1)*K. A view of ``x``.

    The leading axes are the batch, or the batch and its windows.

    Raises
    ------
    ValueError
        If ``num_heads`` does not divide the width, or is not positive.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.
    """
    *B, N, D = x.shape
    if D % num_heads:
        raise ValueError(f"split_heads: width {D} is not divisible by num_heads {num_heads}")
    return x.reshape(*B, N, num_heads, D // num_heads).swapaxes(-3, -2), SplitHeadsCache()


@checked
def split_heads_backward(dy: Float[ndarray, "*B H N K"], cache: SplitHeadsCache) -> InputGrad:
    """Gradient of :func:`split_heads_forward`: merge the heads of the gradient."""
    dx, _ = merge_heads_forward(dy)  # formula: a permutation of the numbers
    return InputGrad(dx)


class MergeHeadsCache(NamedTuple):
    """What ``merge_heads_backward`` needs."""

    num_heads: int


@checked
def merge_heads_forward(x: Float[ndarray, "*B H N K"]) -> tuple[Float[ndarray, "*B N D"], MergeHeadsCache]:
    """(..., H, N, K) -> (..., N, H*K), the heads side by side: the inverse of :func:`split_heads_forward`."""
    *B, H, N, K = x.shape
    return x.swapaxes(-3, -2).reshape(*B, N, H * K), MergeHeadsCache(H)


@checked
def merge_heads_backward(dy: Float[ndarray, "*B N D"], cache: MergeHeadsCache) -> InputGrad:
    """Gradient of :func:`merge_heads_forward`: split the gradient into heads."""
    dx, _ = split_heads_forward(dy, num_heads=cache.num_heads)  # formula: a permutation of the numbers
    return InputGrad(dx)


@checked
def multi_head_attention_forward(
    q: Float[ndarray, "*B H N K"],
    k: Float[ndarray, "*B H S K"],
    v: Float[ndarray, "*B H S V"],
    bias: Float[ndarray, "..."] | None = None,
    *,
    mask: Bool[ndarray, "..."] | None = None,
) -> tuple[Float[ndarray, "*B N D"], AttentionCache]:
    r"""Attend in every head on its own; what the heads found stands side by side.

    .. math:: Y = [Y_1, \dots, Y_H], \qquad
              Y_h = \operatorname{softmax}\!\left(\frac{Q_h K_h^\top}{\sqrt{K}} + \text{bias}_h\right) V_h

    (K under the root is the width of a head.) One head can look at one thing. H heads, each of a share of the width,
    cost the same products and look at H things.

    Parameters
    ----------
    q : (..., H, N, K)
        Queries, split into heads. The leading axes are the batch, or the batch and its windows.
    k, v : (..., H, S, K), (..., H, S, V)
        Keys and values, of the same sequence as the queries or of others.
    bias : broadcastable to (..., H, N, S), optional
        Added to the scores: relative positions.
    mask : bool, broadcastable to (..., H, N, S), optional
        True where a query may look at a key. (In PyTorch's ``MultiheadAttention``, True where it must not.)

    Returns
    -------
    y : (..., N, H*V)
        Head h owns the columns h*V to (h+1)*V.
    cache : AttentionCache
        That of attention in all heads: ``weights[b, h]`` is the map of head h.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.
    """
    y, cache = attention_forward(q, k, v, bias, mask=mask)  # (..., H, N, V)
    y, _ = merge_heads_forward(y)  # (..., N, H*V)
    return y, cache


@checked
def multi_head_attention_backward(dy: Float[ndarray, "... N D"], cache: AttentionCache) -> AttentionGrads:
    """Gradients of :func:`multi_head_attention_forward`.

    Heads share nothing but the bias: each gets the gradient of its own columns, and a bias that was stretched over the
    heads the sum of theirs.
    """
    *B, H, N, _ = cache.q.shape
    check_shape("multi_head_attention_backward: dy", dy, (*B, N, H * cache.v.shape[-1]))
    dh, _ = split_heads_forward(dy, num_heads=H)  # forward: y, _ = merge_heads_forward(y)
    return attention_backward(dh, cache)  # forward: y, cache = attention_forward(q, k, v, bias, mask=mask)
