import numpy as np

from minivit.plot.lectures import sequences as lecture
from tests.plot.drawn import texts


def test_the_weighted_mean_is_where_it_should_be(ax):
    points, weights = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]]), np.array([0.5, 0.25, 0.25])
    assert lecture.weighted_mean(points, weights, ax=ax) is ax
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [[1, 2]])
    assert "z" in texts(ax)


def test_accuracy_in_percent(ax):
    lecture.accuracy_by_distance(np.arange(3), {"a": np.array([1.0, 0.5, 0.25])}, 0.25, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [100, 50, 25])
    assert "%" in ax.get_ylabel()
    assert ax.get_title(loc="left") == "Who can look how far back?"


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
