"""Matching: scipy's against trying all, what a pair costs, and the loss of boxes that are matched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.ops import box_corners_forward, giou_forward
from minivit.ops.matching import match, match_literal, matched_boxes_backward, matched_boxes_forward, matching_cost


@given(seed=st.integers(0, 2**32 - 1), queries=st.integers(1, 5), objects=st.integers(0, 5))
def test_equal_to_trying_all(seed, queries, objects):
    cost = np.random.default_rng(seed).standard_normal((queries, objects))
    found, literal = match(cost), match_literal(cost)
    np.testing.assert_array_equal(found.rows, literal.rows)
    np.testing.assert_array_equal(found.columns, literal.columns)
    assert len(found.rows) == min(queries, objects)
    assert len({*found.rows.tolist()}) == len({*found.columns.tolist()}) == len(found.rows)


def test_greedy_is_worse():
    """The first object would take what the second needs more."""
    cost = np.array([[1.0, 2.0], [2.0, 9.0]])
    rows, columns = match(cost)
    assert cost[rows, columns].sum() == 4
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_costs_that_are_no_costs(bad):
    with pytest.raises(ValueError, match="a cost is nan or minus infinity"):
        match(np.array([[0.0, bad]]))


def test_of_equal_sums_trying_all_takes_the_first():
    found = match_literal(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, np.inf]]))
    assert found.rows.tolist() == [0, 2]
    assert found.columns.tolist() == [1, 0]
    nothing_can_be = match_literal(np.full((3, 2), np.inf))
    assert nothing_can_be.rows.tolist() == [0, 1]


RNG = np.random.default_rng(0)
BOXES, OBJECTS = RNG.uniform(0.2, 0.8, (5, 4)), RNG.uniform(0.2, 0.8, (3, 4))
ROWS, COLUMNS = np.array([1, 4]), np.array([2, 0])


def giou_of(a, b):
    return giou_forward(box_corners_forward(a[None])[0], box_corners_forward(b[None])[0])[0][0]


def test_what_a_pair_costs():
    probs, labels = RNG.dirichlet(np.ones(6), (2, 5)), np.array([3, 0, 3])
    boxes = RNG.uniform(0.2, 0.8, (2, 5, 4))
    cost = matching_cost(probs, boxes, labels, OBJECTS)
    assert cost.shape == (2, 5, 3)
    for b, q, n in np.ndindex(cost.shape):
        distance, giou = np.abs(boxes[b, q] - OBJECTS[n]).sum(), giou_of(boxes[b, q], OBJECTS[n])
        assert cost[b, q, n] == pytest.approx(-probs[b, q, labels[n]] + 5 * distance - 2 * giou)
    assert matching_cost(probs, boxes, labels[:0], OBJECTS[:0]).shape == (2, 5, 0)


def test_what_matched_boxes_lose():
    loss, _ = matched_boxes_forward(BOXES, OBJECTS, ROWS, COLUMNS, box_weight=5.0, giou_weight=2.0)
    pairs = [(BOXES[1], OBJECTS[2]), (BOXES[4], OBJECTS[0])]
    assert loss == pytest.approx(np.mean([5 * np.abs(a - b).sum() + 2 * (1 - giou_of(a, b)) for a, b in pairs]))
    perfect, cache = matched_boxes_forward(OBJECTS, OBJECTS, COLUMNS, COLUMNS)
    assert perfect == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(matched_boxes_backward(1.0, cache).x, 0, atol=1e-12)


def test_boxes_that_are_matched_with_nothing_have_no_gradient():
    _, cache = matched_boxes_forward(BOXES, OBJECTS, ROWS, COLUMNS)
    (dx,) = matched_boxes_backward(1.0, cache)
    assert np.flatnonzero(dx.any(1)).tolist() == ROWS.tolist()


def test_no_pairs_lose_nothing():
    none = np.zeros(0, np.intp)
    for target in (OBJECTS, OBJECTS[:0]):
        loss, cache = matched_boxes_forward(BOXES.astype(np.float32), target.astype(np.float32), none, none)
        assert loss == 0
        assert np.asarray(loss).dtype == np.float32
        (dx,) = matched_boxes_backward(np.float32(1), cache)
        np.testing.assert_array_equal(dx, np.zeros((5, 4), np.float32))


def test_pairs_of_what_is_not_there():
    with pytest.raises(ValueError, match="matched_boxes: row 5 is out of range; expected 0 to 4 for 5 boxes"):
        matched_boxes_forward(BOXES, OBJECTS, ROWS + 1, COLUMNS)
    with pytest.raises(ValueError, match="matched_boxes: column -1 is out of range; expected 0 to 2 for 3 objects"):
        matched_boxes_forward(BOXES, OBJECTS, ROWS, COLUMNS - 1)
    with pytest.raises(ValueError, match="matching_cost: label 6 is out of range; expected 0 to 5 for 6 classes"):
        matching_cost(np.ones((5, 6)), BOXES, np.array([0, 6, 1]), OBJECTS)
