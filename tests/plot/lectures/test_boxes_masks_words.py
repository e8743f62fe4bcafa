from typing import Any

import numpy as np

from minivit.plot.lectures import boxes_masks_words as lecture

IMAGE = np.zeros((8, 8, 3), np.uint8)
GUESSES = np.array([[0.0, 0, 4, 4], [4, 4, 8, 8], [1, 1, 3, 3]])
TRUTHS = np.array([[4, 4, 8, 7], [0, 0, 4, 3]])
COST = np.array([[3.0, -1], [-2, 4], [5, 6]])
PAIRS = np.array([0, 1]), np.array([1, 0])


def test_a_matching_is_framed_in_the_matrix_and_joined_in_the_image():
    figure: Any = lecture.matching(IMAGE, GUESSES, TRUTHS, COST, PAIRS)
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["A", "B", "0", "1", "2"]
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[1.5, 1.5], [1.5, 1.0]])  # query 0 to object 1
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[5.5, 5.5], [5.5, 5.0]])
    assert [text.get_text() for text in right.texts] == ["3.00", "−1.00", "−2.00", "4.00", "5.00", "6.00"]
    np.testing.assert_allclose([frame.get_center() for frame in right.patches], [[1, 0], [0, 1]], atol=1e-12)
    assert [label.get_text() for label in right.get_xticklabels()] == ["A", "B"]


def test_costs_have_the_colours_and_the_contrast_of_other_matrices():
    image, panel = lecture.matching(IMAGE, GUESSES, TRUTHS, COST, PAIRS).axes
    panel: Any
    orange, blue = (np.array(panel.images[0].cmap(share)[:3]) for share in (0.0, 1.0))
    assert orange[0] > orange[2]
    assert blue[2] > blue[0]
    assert [text.get_color() for text in panel.texts] == ["black"] * 5 + ["white"]  # on the darkest blue
    assert [text.get_color() for text in image.texts] == ["black"] * 3 + ["white", "black"]  # and on query 1's blue


def test_values_and_slopes_stand_side_by_side():
    x = np.arange(3.0)
    figure: Any = lecture.overlaps(x, {"IoU": (x, 0 * x), "GIoU": (2 * x, x)})
    value, slope = figure.axes
    np.testing.assert_allclose(value.lines[1].get_ydata(), 2 * x)
    np.testing.assert_allclose(slope.lines[1].get_ydata(), x)
    assert [text.get_text() for text in value.get_legend().get_texts()] == ["IoU", "GIoU"]


def test_a_walk_shows_its_steps_over_the_target():
    path = np.array([[0.0, 0, 1, 1], [1, 0, 2, 1], [2, 0, 3, 1]])
    figure: Any = lecture.walk({"a": path, "b": path + 1}, path[2], shown=(0, 2))
    first, second = figure.axes
    assert [box.get_x() for box in first.patches] == [2, 0, 2]  # the target, then two steps
    assert [box.get_x() for box in second.patches] == [2, 1, 3]
    assert [text.get_text() for text in first.texts] == ["0", "2"]
    assert first.get_xlim() == second.get_xlim()


def test_numbers_of_steps_that_end_at_one_place_do_not_cover_each_other():
    path = np.array([[0.0, 0, 1, 1], [5, 5, 6, 6.01], [5, 5, 6, 6]])
    figure: Any = lecture.walk({"a": path, "b": path}, path[2], shown=(0, 1, 2))
    figure.canvas.draw()
    for panel in figure.axes:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert len(boxes) == 3
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_what_changes_is_a_bar_for_each_step():
    figure: Any = lecture.settling(np.array([3.0, 2, 1]), np.array([1.0, 0.5, 0]))
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert [bar.get_height() for bar in right.patches] == [1, 0.5, 0]
