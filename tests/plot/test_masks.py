"""Masks over images, and the clicks that asked for them."""

import numpy as np
import pytest

from minivit import plot
from tests.unchecked import without_annotations

IMAGES = np.full((3, 8, 12, 3), 90, np.uint8)
MASKS = np.zeros((3, 8, 12), bool)
MASKS[0, 2:5, 3:9] = True
MASKS[2] = True
POINTS = np.array([[[4.0, 3.0], [10, 7]], [[1, 1], [0, 0]], [[5, 5], [6, 6]]])
LABELS = np.array([[1, 0], [1, -1], [1, 1]])


def test_clicks_masks_and_boxes_are_where_they_belong():
    figure = plot.prompted_masks(IMAGES, MASKS, POINTS, LABELS, POINTS.reshape(3, 4), titles=["a", "b", "c"])
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_xlabel() for ax in panels] == ["a", "b", "c"]
    for ax, mask, points, labels in zip(panels, MASKS, POINTS, LABELS, strict=True):
        alpha = np.asarray(ax.images[1].get_array())[..., 3]
        np.testing.assert_array_equal(alpha > 0, mask)
        drawn = [tuple(np.ravel(line.get_xydata()).tolist()) for line in ax.lines]
        assert drawn == [tuple(point) for point, label in zip(points.tolist(), labels, strict=True) if label >= 0]
        (box,) = ax.patches
        assert box.get_extents().width > 0
    assert panels[0].lines[0].get_color() != panels[0].lines[1].get_color()


def test_without_titles_and_boxes():
    figure = plot.prompted_masks(IMAGES[:1], MASKS[:1], POINTS[:1], LABELS[:1], columns=2)
    assert not next(ax for ax in figure.axes if ax.images).patches


@without_annotations
def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="masks"):
        plot.prompted_masks(IMAGES, MASKS[:2], POINTS, LABELS)
