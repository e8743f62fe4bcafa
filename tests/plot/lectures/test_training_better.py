from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from minivit.plot.lectures import training_better as lecture


def test_a_sheet_has_a_row_for_each_name():
    dark, bright = np.zeros((3, 4, 6, 3), np.uint8), np.full((3, 4, 6, 3), 255, np.uint8)
    figure: Any = lecture.sheet({"dark": dark, "bright": bright}, title="Two")
    assert [ax.get_ylabel() for ax in figure.axes] == ["dark", "", "", "bright", "", ""]
    assert [int(ax.images[0].get_array().max()) for ax in figure.axes] == [0, 0, 0, 255, 255, 255]
    assert figure.get_suptitle() == "Two"


def test_rows_of_a_sheet_are_alike():
    image = np.zeros((2, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match="expected one shape for all"):
        lecture.sheet({"two": image, "one": image[:1]})


def test_curves_and_dots(ax):
    x = np.arange(3.0)
    lecture.curves(x, {"noisy": x, "mean": 2 * x}, xlabel="step", ylabel="weight", dots=["noisy"], title="A", ax=ax)
    noisy, mean = ax.lines
    assert (noisy.get_linestyle(), noisy.get_marker(), mean.get_linestyle()) == ("None", ".", "-")
    np.testing.assert_allclose(mean.get_ydata(), [0, 2, 4])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["noisy", "mean"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("step", "weight", "A")


def test_bars_of_a_group_stand_beside_each_other(ax):
    lecture.bars(["cat", "dog"], {"student": np.array([0.2, 0.8]), "teacher": np.array([0.1, 0.9])}, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.8, 0.1, 0.9]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches)
    assert all(right <= left + 1e-9 for (_, right), (left, _) in pairwise(edges))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
