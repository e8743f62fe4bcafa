"""Attention without the matrix: exact, in memory that is linear in the number of tokens.

The N x S matrix of weights is never whole. Blocks of keys pass by, and each query keeps the largest score seen so far,
the sum of exponentials relative to it, and the weighted sum of values; when a larger score turns up, what was summed
is scaled down. Backward computes each block of weights again from q, k and one number per query.
"""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

import numpy as np

from minivit.checked import check_broadcast, checked
from minivit.ops.attention import AttentionGrads
from minivit.ops.rows import row_dot, row_sum, sum_to
from minivit.types import Bool, Float, ndarray


class AttentionChunkedCache(NamedTuple):
    """What ``attention_chunked_backward`` needs: everything here is linear in N or S, but a bias or mask given."""

    q: Float[ndarray, "*B N K"]
    k: Float[ndarray, "*B S K"]
    v: Float[ndarray, "*B S V"]
    y: Float[ndarray, "*B N V"]
    lse: Float[ndarray, "*B N 1"]  # log of the sum of exponentials of each query's scores
    bias: Float[ndarray, "..."] | None
    mask: Bool[ndarray, "..."] | None
    scale: float
    causal: bool
    block_size: int


@checked
def attention_chunked_forward(
    q: Float[ndarray, "*B N K"],
    k: Float[ndarray, "*B S K"],
    v: Float[ndarray, "*B S V"],
    bias: Float[ndarray, "..."] | None = None,
    *,
    mask: Bool[ndarray, "..."] | None = None,
    scale: float | None = None,
    causal: bool = False,
    block_size: int = 256,
) -> tuple[Float[ndarray, "*B N V"], AttentionChunkedCache]:
    r"""Same arguments and same result as :func:`~minivit.ops.attention.attention_forward`, one block of keys at a time.

    For every query the softmax over all keys is built up block by block. With m the largest score so far,
    :math:`\ell = \sum_j e^{s_j - m}` and :math:`z = \sum_j e^{s_j - m} v_j`, a new block with largest score m' gives

    .. math:: m_+ = \max(m, m'), \quad
              \ell_+ = e^{m - m_+} \ell + \textstyle\sum_j e^{s_j - m_+}, \quad
              z_+ = e^{m - m_+} z + \textstyle\sum_j e^{s_j - m_+} v_j

    and at the end :math:`y = z / \ell`.

    Parameters
    ----------
    causal : bool
        Let each query look at no key behind its own place, the queries being the last N of the S places. It is the mask
        ``np.tri(N, S, S - N, dtype=bool)`` without its N x S numbers, and with queries left out of the blocks of keys
        that all lie behind them: half of the products where N is S.
    block_size : int
        Number of keys looked at together; memory beyond inputs and output is N * block_size numbers per head.

    References
    ----------
    Rabe and Staats 2021, "Self-attention Does Not Need O(n^2) Memory"; Dao et al. 2022, "FlashAttention",
    algorithm 1; the running softmax is Milakov and Gimelshein 2018.
    """
    check_broadcast("attention", "the scores", (*q.shape[:-1], k.shape[-2]), bias=bias, mask=mask)
    if block_size < 1:
        raise ValueError(f"attention_chunked: block_size is {block_size}; expected at least 1")
    if causal and q.shape[-2] > k.shape[-2]:
        raise ValueError(
            f"attention_chunked: there are {q.shape[-2]} queries and {k.shape[-2]} keys; "
            "expected at least as many keys if causal, one in the place of each query"
        )
    scale = 1 / sqrt(q.shape[-1]) if scale is None else scale
    tops = np.full_like(np.real(q), -np.inf, shape=(*q.shape[:-1], 1))
    totals = np.zeros_like(tops, q.dtype)
    y = np.zeros_like(q, shape=(*q.shape[:-1], v.shape[-1]))
    for keys, queries, p in _score_blocks(q, k, bias, mask, scale, causal, block_size):
        total, z = totals[..., queries, :], y[..., queries, :]  # views: what these queries have so far
        old, top = tops[..., queries, :], np.maximum(tops[..., queries, :], np.real(p).max(-1, keepdims=True))
        finite_top = np.where(np.isneginf(top), 0, top)  # nothing allowed yet: avoid -inf - -inf
        shrink = np.exp(old - finite_top)
        p -= finite_top
        np.exp(p, out=p)
        total[...] = total * shrink + row_sum(p)
        z *= shrink
        z += p @ v[..., keys, :]
        tops[..., queries, :] = top
    nothing = totals == 0  # queries that may look at no key: zeros out, zero weights in backward
    totals[nothing] = 1
    y /= totals
    lse = tops + np.log(totals)
    lse[nothing] = np.inf
    return y, AttentionChunkedCache(q, k, v, y, lse, bias, mask, scale, causal, block_size)


@checked
def attention_chunked_backward(dy: Float[ndarray, "*B N V"], cache: AttentionChunkedCache) -> AttentionGrads:
    r"""Gradients of :func:`attention_chunked_forward`, the four products of attention block by block.

    A block of weights comes back as :math:`A = e^{S - \text{lse}}`. The softmax's sum over *all* keys,
    :math:`\sum_j \bar A_{nj} A_{nj}`, needs no weights at all: since :math:`\bar A = \bar Y V^\top`, it is
    :math:`\sum_d \bar y_{nd}\, y_{nd}` (Dao et al. 2022, appendix B.2).
    """
    q, k, v, y, lse, bias, mask, scale, causal, block_size = cache
    dq, dk, dv = np.zeros_like(q), np.empty_like(k), np.empty_like(v)
    dbias = None if bias is None else np.zeros_like(bias)
    mean_dweight = row_dot(dy, y)
    for keys, queries, p in _score_blocks(q, k, bias, mask, scale, causal, block_size):
        dz = dy[..., queries, :]  # of the queries that look at these keys
        p -= lse[..., queries, :]
        np.exp(p, out=p)  # p is this block of the attention weights
        dv[..., keys, :] = p.mT @ dz  # formula: y = weights @ v
        dscores = dz @ v[..., keys, :].mT  # formula: y = weights @ v
        dscores -= mean_dweight[..., queries, :]  # formula: weights = softmax(scores)
        dscores *= p
        if dbias is not None:  # forward: scores += _of_block(bias, queries, keys)
            part = _of_block(dbias, queries, keys)
            part += sum_to(dscores, part.shape)
        dq[..., queries, :] += dscores @ k[..., keys, :]  # formula: scores = (q * scale) @ k.mT
        dk[..., keys, :] = dscores.mT @ q[..., queries, :]  # formula: scores = (q * scale) @ k.mT
    dq *= scale
    dk *= scale
    return AttentionGrads(dq, dk, dv, dbias)


def _score_blocks(
    q: ndarray, k: ndarray, bias: ndarray | None, mask: ndarray | None, scale: float, causal: bool, block_size: int
) -> Iterator[tuple[slice, slice, ndarray]]:
    """One block of keys after the other: the keys, the queries that look at them, and their scores (..., n, block).

    These are all queries or, if causal, those in the places of the block's first key and behind it.
    """
    N, S = q.shape[-2], k.shape[-2]
    scaled = q * scale
    for start in range(0, S, block_size):
        first = max(0, start - (S - N)) if causal else 0
        queries, keys = slice(first, N), slice(start, min(start + block_size, S))
        scores = scaled[..., queries, :] @ k[..., keys, :].mT
        if bias is not None:
            scores += _of_block(bias, queries, keys)
        if mask is not None:
            scores[np.broadcast_to(~_of_block(mask, queries, keys), scores.shape)] = -np.inf
        if causal:
            seen = np.tri(N - first, keys.stop - start, S - N + first - start, dtype=bool, like=q)
            scores[np.broadcast_to(~seen, scores.shape)] = -np.inf
        yield keys, queries, scores


def _of_block(a: ndarray, queries: slice, keys: slice) -> ndarray:
    """The part of a bias or mask that is for these, as a view; all of it along an axis where it is the same for all."""
    if a.ndim and a.shape[-1] > 1:
        a = a[..., keys]
    return a[..., queries, :] if a.ndim > 1 and a.shape[-2] > 1 else a
