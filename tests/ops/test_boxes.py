"""Boxes: what overlaps, counted pixel by pixel; edges that touch; boxes without an area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.ops import (
    box_corners_backward,
    box_corners_forward,
    box_iou_backward,
    box_iou_forward,
    giou_backward,
    giou_forward,
)

RNG = np.random.default_rng(0)


def painted(box):
    """The box on a grid of 12 x 12 pixels."""
    x0, y0, x1, y1 = map(int, box)
    canvas = np.zeros((12, 12), bool)
    canvas[y0:y1, x0:x1] = True
    return canvas


@given(corners=st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_areas_are_pixels(corners):
    edges = np.sort(np.reshape(corners, (2, 2, 2)), axis=1).reshape(2, 4).astype(float)  # x0, y0, x1, y1
    a, b = edges
    first, second = painted(a), painted(b)
    common, union = (first & second).sum(), (first | second).sum()
    iou, _ = box_iou_forward(a[None], b[None])
    assert iou[0] == pytest.approx(common / union if union else 0)
    hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
    giou, cache = giou_forward(a[None], b[None])
    assert giou[0] == pytest.approx((common / union if union else 0) - ((hull - union) / hull if hull else 0))
    assert -1 <= giou[0] <= iou[0]
    assert all(np.isfinite(grad).all() for grad in giou_backward(np.ones(1), cache))


def test_corners_and_back():
    boxes = RNG.uniform(0, 1, (5, 3, 4))
    corners, cache = box_corners_forward(boxes)
    np.testing.assert_allclose((corners[..., :2] + corners[..., 2:]) / 2, boxes[..., :2], atol=1e-15)
    np.testing.assert_allclose(corners[..., 2:] - corners[..., :2], boxes[..., 2:], atol=1e-15)
    (dx,) = box_corners_backward(np.ones_like(boxes), cache)
    assert (dx[..., :2] == 2).all()
    assert (dx[..., 2:] == 0).all()


def test_boxes_apart_are_pulled_together_by_giou_alone():
    a, b = np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[3.0, 0.0, 4.0, 1.0]])
    iou, c_iou = box_iou_forward(a, b)
    assert iou == 0
    assert not np.any(box_iou_backward(np.ones(1), c_iou).a)
    giou, c_giou = giou_forward(a, b)
    da, _ = giou_backward(np.ones(1), c_giou)
    assert giou == -0.5
    assert da[0, 2] > 0


def test_equal_boxes_are_at_a_maximum():
    """Edges that coincide belong to both by half, so nothing pulls either way."""
    box = np.array([[0.2, 0.1, 0.7, 0.9]])
    for forward, backward in ((box_iou_forward, box_iou_backward), (giou_forward, giou_backward)):
        y, cache = forward(box, box.copy())
        da, db = backward(np.ones(1), cache)
        assert y == 1
        np.testing.assert_allclose(da + db, 0, atol=1e-12)


def test_points():
    point = np.zeros((1, 4), np.float32)
    for forward, backward in ((box_iou_forward, box_iou_backward), (giou_forward, giou_backward)):
        y, cache = forward(point, point.copy())
        assert not y.any()
        assert y.dtype == np.float32
        assert all((grad == 0).all() for grad in backward(np.ones(1, np.float32), cache))


def test_no_boxes():
    none, some = np.zeros((0, 4)), RNG.uniform(0, 1, (3, 4))
    giou, cache = giou_forward(some[:, None], none[None])
    assert giou.shape == (3, 0)
    da, db = giou_backward(giou, cache)
    assert da.shape == (3, 1, 4)
    assert db.shape == (1, 0, 4)


def test_boxes_that_do_not_fit_each_other():
    with pytest.raises(ValueError, match=r"box_iou: boxes \(3, 4\) and \(2, 4\) do not broadcast"):
        box_iou_forward(np.zeros((3, 4)), np.zeros((2, 4)))
