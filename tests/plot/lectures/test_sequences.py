import numpy as np
import pytest

from minivit.plot.lectures import sequences as lecture
from tests.plot.drawn import texts


def test_the_weighted_mean_is_where_it_should_be(ax):
    points, weights = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]]), np.array([0.5, 0.25, 0.25])
    assert lecture.weighted_mean(points, weights, ax=ax) is ax
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [[1, 2]])
    assert "z" in texts(ax)


def test_accuracy_in_percent(ax):
    values = {"a": np.array([1.0, 0.5, 0.25])}
    lecture.accuracy_by(np.arange(3), values, xlabel="steps", title="How far?", chance=0.25, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [100, 50, 25])
    assert "%" in ax.get_ylabel()
    assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("steps", "How far?")
    assert texts(ax) == ["guessing"]


def test_without_a_chance_none_is_drawn(ax):
    lecture.accuracy_by(np.arange(3), {"a": np.ones(3)}, xlabel="symbols", title="", ax=ax)
    assert texts(ax) == []
    assert len(ax.lines) == 1


def test_an_alignment_has_a_row_for_each_token_written():
    weights = np.array([[0.1, 0.9, 0.0], [1.0, 0.0, 0.0]])
    ax = lecture.alignment(weights, "ba", "abc")
    np.testing.assert_array_equal(ax.images[0].get_array(), weights)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.images[0].get_clim() == (0, 1)


def test_a_picture_is_dark_where_nothing_was_looked_at():
    images = np.full((2, 8, 8, 3), 200, np.uint8)
    look = np.zeros((2, 2, 2))
    look[0, 0, 0], look[1, 1, 1] = 0.5, 0.75
    figure = lecture.looked_at(images, [["a", "ring"], ["a"]], [look, look[:1]])
    panels = np.array(figure.axes, object).reshape(2, 3)
    assert [panel.get_title() for panel in panels[0]] == ["", "a", "ring"]
    assert panels[0, 2].get_xlabel() == "75%"
    assert figure.get_supxlabel() == "below each: the share of the cell that was looked at most"
    shown = panels[0, 1].images[0].get_array()
    assert shown[0, 0, 0] == 200
    assert shown[7, 7, 0] == 50
    assert not panels[1, 2].axison
    with pytest.raises(ValueError, match="2 images and 1 captions"):
        lecture.looked_at(images, [["a"]], [look, look])


def test_bytes_by_length(ax):
    lecture.bytes_by_length(np.array([8, 16]), {"a": np.array([2**20, 2**21])}, ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8", "16"]


def test_a_fourth_curve_is_drawn_too(ax):
    curves = {name: np.array([1.0, 0.5]) for name in "abcd"}
    lecture.gradient_by_distance(np.arange(2), curves, ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("abcd")


def test_a_gradient_of_zero_is_not_drawn(ax):
    lecture.gradient_by_distance(np.arange(3), {"a": np.array([1.0, 0.1, 0.0])}, ax=ax)
    assert np.isnan(ax.lines[0].get_ydata()[-1])
    assert ax.get_yscale() == "log"


def test_growth_has_a_panel_for_each_cost():
    curves = {"a": np.array([1, 2]), "b": np.array([1, 1])}
    figure = lecture.growth(np.array([1, 2]), {"x": curves, "y": curves}, {"x": (2, {"a": 2, "b": 1})})
    assert [ax.get_ylabel() for ax in figure.axes] == ["x", "y"]
    assert [len(ax.lines) for ax in figure.axes] == [4, 2]


def test_a_curve_of_the_first_panel_may_be_missing_in_the_others():
    one = np.array([1, 2])
    figure = lecture.growth(np.array([1, 2]), {"x": {"a": one, "b": one}, "y": {"a": one}})
    assert [len(ax.lines) for ax in figure.axes] == [2, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
