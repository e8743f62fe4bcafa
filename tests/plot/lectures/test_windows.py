from typing import Any

import numpy as np

from minivit.plot.figure import GREY
from minivit.plot.lectures import windows as lecture
from minivit.plot.windows import EDGE


def edges(ax: Any, colour: str = EDGE) -> tuple[list[float], list[float]]:
    """Where lines of this colour lie: rows, columns."""
    drawn = [line for line in ax.lines if line.get_color() == colour]
    rows = [line.get_ydata()[0] for line in drawn if list(line.get_xdata()) == [0, 1]]
    columns = [line.get_xdata()[0] for line in drawn if list(line.get_ydata()) == [0, 1]]
    return rows, columns


def test_rings_are_named_once():
    sides = np.array([2, 4])
    curves = {"all": sides**4, "windows": 4 * sides**2}
    ax: Any = lecture.weights_by_side(sides, curves, {name: (sides, values) for name, values in curves.items()})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["all", "windows", "measured in caches"]
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], [*curves.values()] * 2)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "4"]


def test_moved_windows_are_plain_ones_of_the_rolled_image(rng):
    image = rng.integers(0, 256, (16, 24, 3)).astype(np.uint8)
    figure: Any = lecture.moved_windows(image, 4, 1, patch_size=2)
    left, right = figure.axes
    assert edges(left) == ([1.5, 9.5], [1.5, 9.5, 17.5])
    assert edges(right) == ([7.5], [7.5, 15.5])
    np.testing.assert_array_equal(right.images[0].get_array(), np.roll(image, (-2, -2), (0, 1)))
    assert edges(right, "white") == ([13.5], [21.5])  # the seam
    assert (left.get_title(), right.get_title()) == (
        "windows moved by 1: 12 pieces",
        "rolled up and to the left by 1: 6 windows",
    )


def test_windows_that_have_not_moved_have_no_seam():
    figure: Any = lecture.moved_windows(np.zeros((16, 16, 3), np.uint8), 4, 0, patch_size=2)
    left, right = figure.axes
    assert edges(left) == edges(right) == ([7.5], [7.5])
    assert edges(right, "white") == ([], [])
    assert left.get_title() == "the image"


def test_where_no_gradient_is_nothing_is_drawn():
    field = np.zeros((4, 4))
    field[0, :3] = 10, 0.1, 1e-9
    figure: Any = lecture.gradient_maps({"a": [field], "b": [2 * field]}, ["one"], start=(0, 2), title="T")
    first, second, _ = figure.axes
    for panel in (first, second):
        shown = panel.images[0].get_array()
        assert shown.count() == 3
        np.testing.assert_allclose(shown[0, :3], [1, 0.01, lecture.FAINTEST])
        assert panel.get_xlabel() == "3 of 16"
        assert [line.get_xydata().tolist() for line in panel.lines] == [[[2, 0]]]  # the cross: column, row
    assert (first.get_title(), first.get_ylabel(), second.get_ylabel()) == ("one", "a", "b")


def test_the_windows_are_drawn_over_a_gradient():
    field = np.ones((8, 8))
    figure: Any = lecture.gradient_maps({"a": [field, field]}, ["1", "2"], start=(0, 0), edges={"a": [(4, 0), (4, 2)]})
    plain, moved, _ = figure.axes
    assert edges(plain, GREY) == ([3.5], [3.5])
    assert edges(moved, GREY) == ([1.5, 5.5], [1.5, 5.5])


def test_what_is_seen_is_in_percent():
    ax: Any = lecture.seen_by_depth({"a": [4, 8], "b": [16, 16, 16]}, 16)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 25], [2, 50]])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [100, 100, 100])
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["a", "b"]


def test_the_words_beside_a_low_picture_have_two_lines():
    """In one, they would be longer than the picture is high, and cut off."""
    field = np.ones((4, 4))
    for columns, low in ((2, False), (4, True)):
        figure: Any = lecture.gradient_maps({"a": [field] * columns}, [""] * columns, start=(0, 0))
        label = figure.axes[-1].yaxis.label
        assert ("\n" in label.get_text()) == low
        figure.canvas.draw()
        assert label.get_window_extent().height < figure.bbox.height
