from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from minivit.plot.figure import RED
from minivit.plot.lectures import attention_meets_images as lecture
from tests.plot.drawn import texts


def colours(ax: Any) -> list[str]:
    return [to_hex(patch.get_facecolor()) for patch in ax.patches]


def test_a_box_for_each_layer_that_looks_around():
    ax: Any = lecture.looking_around({"a": ["convolution", "both"], "b": ["attention"]})
    known = [lecture.KINDS[kind].lower() for kind in ("convolution", "both", "attention")]
    assert colours(ax) == known
    assert texts(ax) == ["a", "b"]
    assert [patch.get_y() < 0.5 for patch in ax.patches] == [True, True, False]  # a row for each network
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["convolution", "both", "attention"]


def test_kinds_that_do_not_occur_are_not_named():
    ax: Any = lecture.looking_around({"a": ["attention"]})
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["attention"]


def test_a_path_goes_round_up_to_each_sum():
    steps = [("1 × 1", "place by place"), ("attention", "attention"), ("+", "place by place")]
    more = [*steps, ("MLP", "place by place"), ("+", "place by place")]
    ax: Any = lecture.blocks({"one": steps, "two": more}, title="T")
    assert len(ax.patches) == 2 + 3  # sums are no boxes
    ends = [(line.get_ydata()[0], line.get_ydata()[-1]) for line in ax.lines]
    assert [round(end, 2) for _, end in ends] == [2.4, 2.4, 4.4]  # at its sum
    assert ends[2][0] > ends[1][1]  # the second path begins behind the first sum
    assert [words for words in texts(ax) if words][-6:] == ["two", "1 × 1", "attention", "+", "MLP", "+"]


@pytest.mark.parametrize(
    ("draw", "names"),
    [
        (lecture.non_local_steps, ("x", "theta", "phi", "g", "weights", "y", "W")),
        (lecture.augmented_steps, ("x", "conv", "qkv", "weights", "heads", "y")),
    ],
)
def test_every_array_stands_there_with_its_shape(draw, names):
    shapes = {name: (3, 10 + i) for i, name in enumerate(names)}
    said = " ".join(texts(draw(shapes)))
    assert all(f"3 × {10 + i}" in said for i in range(len(names)))


def test_windows_stand_where_they_are_and_a_row_has_one_scale():
    image = np.zeros((12, 16, 3), np.uint8)
    rows = {"a": [np.full((3, 5), 0.1), np.full((3, 5), 0.4)], "b": [np.full((3, 5), 0.2)] * 2}
    figure: Any = lecture.weighed_windows(image, [(4, 5), (7, 10)], rows, title="T")
    left, *panels = figure.axes
    assert [(patch.get_x(), patch.get_y()) for patch in left.patches] == [(2.5, 2.5), (7.5, 5.5)]
    assert [patch.get_width() for patch in left.patches] == [5, 5]
    assert [panel.images[0].get_clim() for panel in panels] == [(0, 0.4), (0, 0.4), (0, 0.2), (0, 0.2)]
    assert [panel.get_ylabel() for panel in panels] == ["a", "", "b", ""]


def test_each_head_says_its_range():
    weights = np.array([[[0.25, 0.5]], [[0.125, 1]]])
    figure: Any = lecture.priors({"g": weights}, title="T")
    assert [panel.get_xlabel() for panel in figure.axes] == ["0.250 to 0.500", "0.125 to 1.000"]
    assert [panel.get_title() for panel in figure.axes] == ["head 1", "head 2"]


def test_what_comes_later_is_not_shown():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    mask = np.tri(12, dtype=bool)
    figure: Any = lecture.next_pixel(image, 6, mask)
    left, right = figure.axes
    shown = left.images[0].get_array().ravel()
    assert shown.tolist() == [*range(6), *[255] * 6]
    (frame,) = [patch for patch in left.patches if isinstance(patch, Rectangle)]
    assert (frame.get_x(), frame.get_y()) == (1.5, 0.5)  # row 1, column 2
    (line,) = right.lines
    assert (line.get_color(), *line.get_ydata()) == (RED, 5, 5)  # who foretells it
    assert image.max() == 11  # nothing was written to it


def test_a_panel_for_each_figure_in_the_colour_of_the_kind():
    rows = {"a": {"MACs": 2.0, "MiB": 30.0}, "b": {"MACs": 4.0, "MiB": 10.0}}
    figure: Any = lecture.costs(rows, {"a": "convolution", "b": "attention"}, title="T")
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == [2, 4]
    assert [bar.get_width() for bar in right.patches] == [30, 10]
    assert colours(left) == [lecture.KINDS["convolution"].lower(), lecture.KINDS["attention"].lower()]
    assert (left.get_xlabel(), texts(left)) == ("MACs", [" 2", " 4"])
