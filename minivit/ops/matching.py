"""Matching: which prediction is for which object, so that all pairs together cost least. It has no gradient."""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.types import Float, Int, ndarray


class Matching(NamedTuple):
    """Pairs: prediction ``rows[i]`` is for object ``columns[i]``; rows ascend."""

    rows: Int[ndarray, "M"]
    columns: Int[ndarray, "M"]


@checked
def match(cost: Float[ndarray, "Q N"]) -> Matching:
    r"""The pairs of rows and columns, each used at most once, whose costs have the smallest sum.

    .. math:: \hat\sigma = \arg\min_\sigma \sum_n C_{\sigma(n),\, n}

    Every column finds a row, if there are as many rows; else every row finds a column. It is the assignment problem,
    solved in O(Q N min(Q, N)) by scipy.

    Raises
    ------
    ValueError
        If a cost is nan or minus infinity.

    References
    ----------
    Kuhn 1955, "The Hungarian Method for the Assignment Problem"; Carion et al. 2020, "End-to-End Object Detection with
    Transformers", section 3.1, equation 1.
    """
    from scipy.optimize import linear_sum_assignment

    if np.isnan(cost).any() or (cost == -np.inf).any():
        raise ValueError("match: a cost is nan or minus infinity; expected numbers, or infinity for what cannot be")
    return Matching(*linear_sum_assignment(cost))


@checked
def match_literal(cost: Float[ndarray, "Q N"]) -> Matching:
    """As :func:`match`, by trying all: Q! / (Q - N)! ways, if there are N <= Q columns. Of equal sums, the first."""
    Q, N = cost.shape
    if Q < N:
        columns, rows = match_literal(cost.T)
        order = np.argsort(rows)
        return Matching(rows[order], columns[order])
    columns = np.arange(N)
    best = min(permutations(range(Q), N), key=lambda rows: cost[list(rows), columns].sum())
    rows = np.array(best, dtype=np.intp)
    order = np.argsort(rows)
    return Matching(rows[order], columns[order])
