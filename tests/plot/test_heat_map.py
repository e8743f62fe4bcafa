import numpy as np
import pytest

from minivit.plot import heat_map

VALUES = np.array([[0.5, 0.625], [0.25, np.nan]])


def test_percents_stand_where_they_belong_and_what_is_missing_stays_empty():
    ax = heat_map(VALUES, ["small", "large"], ["none", "light1"])
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "50.0",
        (1, 0): "62.5",
        (0, 1): "25.0",
    }
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small", "large"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["none", "light1"]
    (drawn,) = ax.images
    dark, light = drawn.to_rgba(np.array([0.625, 0.25]))[:, :3].sum(1)
    assert dark < light


def test_percents_that_are_rounded_have_no_digit_behind_the_point():
    ax = heat_map(VALUES, ["small", "large"], ["none", "light1"], decimals=0)
    assert [text.get_text() for text in ax.texts] == ["50", "62", "25"]


def test_a_name_for_each_row():
    with pytest.raises(ValueError, match=r"values have shape \(2, 2\); expected \(1, 2\), one for each name"):
        heat_map(VALUES, ["small"], ["none", "light1"])
