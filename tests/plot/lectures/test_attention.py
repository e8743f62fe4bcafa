import numpy as np
import pytest

from minivit.plot.lectures import attention as lecture
from tests.plot.drawn import texts


def test_slope_by_width(ax):
    lecture.slope_by_width(np.array([1, 4]), {"a": np.array([0.8, 0.7]), "b": np.array([0.8, 0.1])}, ax=ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "4"]


def test_dividing_by_the_root_softens():
    plain, scaled = (lecture.one_query(256, scaled=scaled) for scaled in (False, True))
    np.testing.assert_allclose(plain.scores, 16 * scaled.scores)
    assert plain.weights.max() > scaled.weights.max()
    left, right = lecture.saturation(256).axes
    assert left.dataLim.y1 == pytest.approx(plain.weights.max())
    assert right.dataLim.y1 == pytest.approx(scaled.weights.max())


def test_a_right_gradient_lies_on_the_diagonal(ax):
    x = np.array([[1.0, -2.0]])
    lecture.slopes({"x": x}, {"x": x, "other": x}, ax=ax)
    _, points = ax.lines
    np.testing.assert_array_equal(points.get_xdata(), points.get_ydata())


def test_gradients_side_by_side_share_their_scale():
    x = np.array([1.0, -2.0])
    figure = lecture.slopes_beside({"right": ({"x": x}, {"x": x}), "wrong": ({"x": x}, {"x": 3 * x})})
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim() == right.get_ylim()
    assert right.get_xlim()[1] > 6
    np.testing.assert_array_equal(right.get_xticks(), right.get_yticks())


def test_a_gradient_of_zeros_can_be_drawn(ax):
    lecture.slopes({"x": np.zeros(3)}, {"x": np.zeros(3)}, ax=ax)
    assert ax.get_xlim()[1] > 0


def test_what_a_word_looks_at():
    rows = {"tired": (["a", "dog"], np.array([0.1, 0.9])), "wide": (["a", "way"], np.array([1.0, 0.0]))}
    ax = lecture.looks_at(rows, title="it")
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0.1, 0.9], [1, 0]])
    assert texts(ax) == ["a", "10%", "dog", "90%", "a", "100%", "way", "0%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tired", "wide"]
    assert ax.get_title(loc="left") == "it"
