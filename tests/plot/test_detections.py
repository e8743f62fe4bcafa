"""Boxes with classes over images, habits of queries, and where a detector looks."""

import numpy as np
import pytest

from minivit import plot
from minivit.ops.average_precision import Found
from minivit.plot.segments import colour

IMAGES = np.full((2, 8, 12, 3), 90, np.uint8)
BOXES = np.array([[1.0, 2, 5, 6], [0, 0, 12, 8], [3, 3, 4, 4]])
NAMES = ("a $5_$", "b", "c")
ONE = Found(np.array([0.5, 0.9, 0.2]), np.array([0, 2, 1]), BOXES)
NONE = Found(np.array([0.4]), np.array([1]), BOXES[:1])


def corners(patch) -> list[float]:
    x, y = patch.get_xy()
    return [x, y, x + patch.get_width(), y + patch.get_height()]


def test_boxes_from_a_threshold_on() -> None:
    """In the colour of their class, with name and score; pixels' centres are whole numbers."""
    figure = plot.detections(IMAGES, [ONE, NONE], NAMES)
    first, second, *_ = figure.axes
    assert [text.get_text() for text in first.texts] == ["a $5_$ 50%", "c 90%"]  # the best last, above the others
    assert [corners(patch) for patch in first.patches] == (BOXES[:2] - 0.5).tolist()
    np.testing.assert_allclose(np.asarray(first.patches[1].get_edgecolor())[:3], colour(3))
    assert not second.patches
    assert second.get_xlabel() == "nothing"
    all_of_them, *_ = plot.detections(IMAGES, [ONE, NONE], NAMES, threshold=0.0).axes
    assert len(all_of_them.patches) == 3
    with pytest.raises(ValueError, match="found"):
        plot.detections(IMAGES, [ONE], NAMES)


def test_what_each_query_finds() -> None:
    """A point where the middle of its box is, upside down as images are: wide boxes red, tall ones blue."""
    boxes = np.array([[[0.2, 0.3, 0.5, 0.1], [0.5, 0.5, 0.2, 0.2]], [[0.4, 0.9, 0.1, 0.5], [0.1, 0.1, 0.2, 0.21]]])
    figure = plot.query_habits(boxes)
    first, second, *_ = figure.axes
    (points,) = first.collections
    np.testing.assert_allclose(np.asarray(points.get_offsets()), [[0.2, 0.3], [0.4, 0.9]])
    assert np.argmax(np.asarray(points.get_facecolor())[:, :3], axis=1).tolist() == [0, 2]
    assert np.argmax(np.asarray(second.collections[0].get_facecolor())[:, :3], axis=1).tolist() == [1, 1]
    assert first.get_ylim() == (1, 0)
    assert [ax.get_xlabel() for ax in plot.query_habits(boxes, most=1).axes if ax.collections] == ["query 0"]


def test_where_the_decoder_looks() -> None:
    weights = np.arange(18.0).reshape(3, 2, 3)
    boxes, *maps = plot.object_attention(IMAGES[0], ONE, weights, NAMES).axes
    assert len(boxes.patches) == 3
    for ax, map_, box in zip(maps, weights, BOXES, strict=True):
        np.testing.assert_array_equal(ax.images[1].get_array(), map_)
        assert ax.images[1].get_extent() == [-0.5, 11.5, 7.5, -0.5]
        assert [corners(patch) for patch in ax.patches] == [(box - 0.5).tolist()]
    with pytest.raises(ValueError, match="weights"):
        plot.object_attention(IMAGES[0], ONE, weights[:2], NAMES)


def test_where_the_encoder_looks() -> None:
    weights = np.random.default_rng(0).random((2, 3, 2, 3))
    image, first, second = plot.pixel_attention(IMAGES[0], weights, [(0, 0), (1, 2)]).axes
    assert len(image.images) == 1
    np.testing.assert_array_equal(first.images[1].get_array(), weights[0, 0])
    np.testing.assert_array_equal(second.images[1].get_array(), weights[1, 2])
    (point,) = second.lines
    np.testing.assert_allclose(np.asarray(point.get_xydata()), [[9.5, 5.5]])  # the middle of a place of 4 x 4 pixels
