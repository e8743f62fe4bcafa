"""Embedding: each token takes its row of a table."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_shape, checked
from minivit.ops.input_grad import TableGrad
from minivit.types import Float, Int, ndarray

PAD = 0
"""The token that fills up a row."""


class EmbeddingCache(NamedTuple):
    """What ``embedding_backward`` needs."""

    tokens: Int[ndarray, "*B"]
    table_shape: tuple[int, ...]


@checked
def embedding_forward(tokens: ndarray, table: Float[ndarray, "V D"]) -> tuple[Float[ndarray, "*B D"], EmbeddingCache]:
    r"""The row of the table for each token.

    .. math:: y_n = W_{t_n}

    It is the linear map of one-hot rows, :math:`Y = \operatorname{onehot}(t)\, W`, without the zeros.

    Parameters
    ----------
    tokens : integers (...)
        Numbers of rows, 0 to V - 1, in any number of axes; there may be none.
    table : (V, D)
        A row for each token that there is: the vocabulary.

    Returns
    -------
    y : (..., D)
    cache : EmbeddingCache

    Raises
    ------
    TypeError
        If the tokens are no integers.
    ValueError
        If a token is outside 0..V-1: it does not count from the end.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.4.
    """
    check_numbers("token", tokens, len(table), "rows")
    tokens = tokens.astype(np.intp)  # a copy: whoever writes the next token into the array leaves the cache as it is
    return table[tokens], EmbeddingCache(tokens, table.shape)


@checked
def embedding_backward(dy: Float[ndarray, "*B D"], cache: EmbeddingCache) -> TableGrad:
    r"""Gradient of :func:`embedding_forward`: each row of the table gets the sum over the places that took it.

    .. math:: \bar W_v = \sum_{n :\, t_n = v} \bar y_n

    that is :math:`\operatorname{onehot}(t)^\top \bar Y`, the linear map's :math:`X^\top \bar Y`. Rows that no token
    took get 0. The places of a token are brought side by side, by sorting, and added up at once, in float64: a common
    token stands in so many places that float32 would lose digits.
    """
    tokens, (V, D) = cache
    check_shape("embedding_backward: dy", dy, (*tokens.shape, D))
    dtable = np.zeros_like(dy, shape=(V, D))
    order = tokens.argsort(axis=None, kind="stable")
    found, starts = np.unique(tokens.ravel()[order], return_index=True)
    if len(found):
        drows = dy.reshape(-1, D)[order]
        dtable[found] = np.add.reduceat(drows, starts, axis=0, dtype=np.result_type(dy, np.float64))
    return TableGrad(dtable)  # forward: y = table[tokens]
