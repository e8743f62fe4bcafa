from typing import Any

import numpy as np

from minivit.plot.lectures import after_swin as lecture


def test_keys_are_counted_and_separated():
    halves = np.repeat([[1, 1, 2, 2]], 4, axis=0)
    hole = np.array(halves)
    hole[0] = 0
    figure: Any = lecture.who_is_asked({"a": halves, "b": hole}, (1, 3))
    first, second = figure.axes
    assert (first.get_title(), first.get_xlabel(), second.get_xlabel()) == ("a", "2 keys", "2 keys")
    assert first.lines[0].get_xydata().tolist() == [[3, 1]]  # the cross: column, row
    across, down = first.collections
    assert across.get_segments() == []
    np.testing.assert_allclose(down.get_segments(), [[[1.5, y - 0.5], [1.5, y + 0.5]] for y in range(4)])
    white = np.ma.getmaskarray(second.images[0].get_array())
    np.testing.assert_array_equal(white, hole == 0)
    np.testing.assert_allclose(second.collections[0].get_segments()[0], [[-0.5, 0.5], [0.5, 0.5]])


def test_places_that_differ_are_counted():
    edge = np.zeros((3, 4), bool)
    edge[:, 0] = True
    figure: Any = lecture.told_apart([edge, ~edge], ["one", "two"], "T")
    first, second = figure.axes
    assert (first.get_title(), first.get_xlabel(), second.get_xlabel()) == ("one", "3 of 12", "9 of 12")
    np.testing.assert_array_equal(np.ma.getmaskarray(first.images[0].get_array()), ~edge)


def test_growth_has_a_line_for_each_block_and_weights():
    once, more = {"a": np.ones(3), "b": np.array([1, 2, 4])}, {"a": 2 * np.ones(3), "b": np.array([1, 8, 64])}
    ax: Any = lecture.growth({"weights as drawn": once, "four times": more})
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert names == ["a, weights as drawn", "b, weights as drawn", "a, four times", "b, four times"]
    np.testing.assert_allclose(ax.lines[3].get_xydata(), [[1, 1], [2, 8], [3, 64]])
    assert ax.get_yscale() == "log"
    assert ax.lines[0].get_color() == ax.lines[2].get_color() != ax.lines[1].get_color()


def test_the_clamp_is_marked_in_both_panels():
    t = np.array([1.0, 2.0, 3.0])
    figure: Any = lecture.clamped(t, np.minimum(t, 2), t * (t <= 2), 2.0)
    for panel, values in zip(figure.axes, ([1, 2, 2], [1, 2, 0]), strict=True):
        np.testing.assert_allclose(panel.lines[0].get_xydata(), np.stack((t, values), 1))
        assert list(panel.lines[1].get_xdata()) == [2.0, 2.0]
        assert [text.get_text() for text in panel.texts] == ["ln 100"]


def test_what_was_learned_is_drawn_as_rings_over_what_became_of_it():
    columns, bias = np.arange(-1, 2), np.array([1.0, 2.0, 1.0])
    ax: Any = lecture.grown_window((columns, bias), {"a": (columns, bias), "b": (2 * columns, bias)})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "learned in the small window"]
    np.testing.assert_allclose(ax.lines[2].get_xydata(), np.stack((columns, bias), 1))
    assert ax.lines[2].get_linestyle() == "None"
    np.testing.assert_allclose(ax.lines[1].get_xdata(), 2 * columns)
