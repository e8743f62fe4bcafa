"""Matching: which prediction is for which object, so that all pairs together cost least; and what their boxes lose."""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.ops.boxes import (
    BoxCornersCache,
    GiouCache,
    box_corners_backward,
    box_corners_forward,
    giou_backward,
    giou_forward,
)
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import row_dot
from minivit.types import Factor, Float, Int, Scalar, ndarray


@checked
def matching_cost(
    probs: Float[ndarray, "*B Q C"],
    boxes: Float[ndarray, "*B Q 4"],
    labels: Int[ndarray, "N"],
    targets: Float[ndarray, "N 4"],
    *,
    class_cost: Factor = 1.0,
    box_cost: Factor = 5.0,
    giou_cost: Factor = 2.0,
) -> Float[ndarray, "*B Q N"]:
    r"""What it would cost to give each object of an image to each query.

    .. math:: C_{qn} = -\lambda_p\, p_q(c_n) + \lambda_1 \lVert b_q - b_n \rVert_1
              - \lambda_G\, \mathrm{GIoU}(b_q, b_n)

    The class has its probability, not the logarithm of it: so its share and those of the boxes are about as large. And
    only differences count, so it is :math:`-p` for :math:`1 - p`. It decides a choice, and has no gradient.

    Parameters
    ----------
    probs : (..., Q, C)
        Of each query, the probabilities of its classes.
    boxes, targets : (..., Q, 4), (N, 4)
        Centre and size (cx, cy, w, h) of the boxes of queries and of objects.
    labels : integers (N,)
        Classes of the objects.
    class_cost, box_cost, giou_cost : float
        :math:`\lambda_p, \lambda_1, \lambda_G`.

    Raises
    ------
    ValueError
        If a label is outside 0..C-1, or a weight is not above 0.

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", section 3.1; the weights are those of the
    official code (``HungarianMatcher``).
    """
    check_numbers("matching_cost: label", labels, probs.shape[-1], "classes")
    distance = abs(boxes[..., :, None, :] - targets).sum(-1)  # (..., Q, N)
    corners, _ = box_corners_forward(boxes)
    theirs, _ = box_corners_forward(targets)
    giou, _ = giou_forward(corners[..., :, None, :], theirs)
    return -class_cost * probs[..., labels] + box_cost * distance - giou_cost * giou


class Matching(NamedTuple):
    """Pairs: prediction ``rows[i]`` is for object ``columns[i]``; rows ascend."""

    rows: Int[ndarray, "M"]
    columns: Int[ndarray, "M"]


@checked
def match_literal(cost: Float[ndarray, "Q N"]) -> Matching:
    """As :func:`match`, by trying all: Q! / (Q - N)! ways, if there are N <= Q columns. Of equal sums, the first."""
    Q, N = cost.shape
    if Q < N:
        columns, rows = match_literal(cost.T)
        order = np.argsort(rows)
        return Matching(rows[order], columns[order])
    columns, best, least = np.arange(N), None, np.inf
    for rows in permutations(range(Q), N):
        total = cost[list(rows), columns].sum()
        if best is None or total < least:
            best, least = rows, total
    rows = np.array(best, dtype=np.intp)
    order = np.argsort(rows)
    return Matching(rows[order], columns[order])


@checked
def match(cost: Float[ndarray, "Q N"]) -> Matching:
    r"""The pairs of rows and columns, each used at most once, whose costs have the smallest sum.

    .. math:: \hat\sigma = \arg\min_\sigma \sum_n C_{\sigma(n),\, n}

    Every column finds a row, if there are as many rows; else every row finds a column. It is the assignment problem,
    solved in O(Q N min(Q, N)) by scipy.

    Raises
    ------
    ValueError
        If a cost is nan or minus infinity, or there is no way without an infinite one.

    References
    ----------
    Kuhn 1955, "The Hungarian Method for the Assignment Problem"; Carion et al. 2020, "End-to-End Object Detection with
    Transformers", section 3.1, equation 1.
    """
    from scipy.optimize import linear_sum_assignment

    if np.isnan(cost).any() or (cost == -np.inf).any():
        raise ValueError("match: a cost is nan or minus infinity; expected numbers, or infinity for what cannot be")
    return Matching(*linear_sum_assignment(cost))


class MatchedBoxesCache(NamedTuple):
    """What ``matched_boxes_backward`` needs."""

    x_shape: tuple[int, ...]
    rows: Int[ndarray, "B"]
    sign: Float[ndarray, "B 4"]
    corners: BoxCornersCache
    giou: GiouCache
    box_weight: float
    giou_weight: float


@checked
def matched_boxes_forward(
    x: Float[ndarray, "Q 4"],
    target: Float[ndarray, "N 4"],
    rows: Int[ndarray, "B"],
    columns: Int[ndarray, "B"],
    *,
    box_weight: Factor = 5.0,
    giou_weight: Factor = 2.0,
) -> tuple[Scalar, MatchedBoxesCache]:
    r"""How far boxes are from those of the objects that they were matched with, a mean over the pairs.

    .. math:: L = \frac1B \sum_{i=1}^B \left(\lambda_1 \lVert x_{r_i} - t_{c_i} \rVert_1
              + \lambda_G \left(1 - \mathrm{GIoU}(x_{r_i}, t_{c_i})\right)\right)

    The distance alone would say more of a large box than of a small one that is as wrong by its share; GIoU does not.
    Boxes that were matched with nothing are not asked where they are.

    Parameters
    ----------
    x : (Q, 4)
        Centre and size (cx, cy, w, h) of all boxes.
    target : (N, 4)
        The same of the objects: constants.
    rows, columns : integers (B,)
        As of :func:`match`: box ``rows[i]`` is for object ``columns[i]``; B pairs, or none.
    box_weight, giou_weight : float
        :math:`\lambda_1, \lambda_G`.

    Returns
    -------
    loss : scalar
        0 if there are no pairs.
    cache : MatchedBoxesCache

    Raises
    ------
    ValueError
        If there are not as many rows as columns, one of them is out of range, or a weight is not above 0.

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", section 3.1, equation 2 and "Bounding box
    loss"; the weights are those of its section A.4.
    """
    check_numbers("matched_boxes: row", rows, len(x), "boxes")
    check_numbers("matched_boxes: column", columns, len(target), "objects")
    rows = rows.astype(np.intp)  # a copy: whoever writes into the array leaves the cache as it is
    ours, theirs = x[rows], target[columns]
    difference = ours - theirs
    sign = np.sign(np.real(difference))
    corners, c_corners = box_corners_forward(ours)
    giou, c_giou = giou_forward(corners, box_corners_forward(theirs)[0])
    costs = box_weight * row_dot(sign, difference)[:, 0] + giou_weight * (1 - giou)
    cache = MatchedBoxesCache(x.shape, rows, sign, c_corners, c_giou, box_weight, giou_weight)
    return costs.sum() / max(1, len(rows)), cache


@checked
def matched_boxes_backward(dy: Scalar, cache: MatchedBoxesCache) -> InputGrad:
    r"""Gradient of :func:`matched_boxes_forward`; who was matched with whom is taken as it is.

    .. math:: \bar x_{r_i} = \frac{\bar L}{B} \left(\lambda_1 \operatorname{sign}(x_{r_i} - t_{c_i})
              - \lambda_G \frac{\partial\, \mathrm{GIoU}}{\partial x_{r_i}}\right)

    and 0 for boxes that were matched with nothing. A choice stays the same where boxes move a little, so it
    has no slope, save where another one would cost as much.
    """
    x_shape, rows, sign, c_corners, c_giou, box_weight, giou_weight = cache
    dcosts = np.full_like(sign[:, 0], dy / max(1, len(rows)))  # forward: costs.sum() / max(1, len(rows))
    dcorners, _ = giou_backward(-giou_weight * dcosts, c_giou)  # formula: giou_weight * (1 - giou)
    (dours,) = box_corners_backward(dcorners, c_corners)  # forward: corners, c_corners = box_corners_forward(ours)
    dours += box_weight * sign * dcosts[:, None]  # formula: the slope of |d| is its sign
    dx = np.zeros_like(dours, shape=x_shape)
    np.add.at(dx, rows, dours)  # forward: x[rows]
    return InputGrad(dx)
