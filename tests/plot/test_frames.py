"""Sliders without a kernel. That they move is tested in a browser: tests/test_site_in_browser.py."""

import json
import re
from base64 import b64decode, b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from minivit.plot import frames
from minivit.plot.figure import new_figure, new_panel
from minivit.plot.frames import as_png


def panel(height=1.0, colour="red"):
    ax: Any = new_panel(height, width=2)
    ax.plot([0, 1], color=colour)
    return ax


def found(pattern, html):
    (text,) = re.findall(pattern, html, re.M)
    return text


def heights(pictures):
    return [Image.open(BytesIO(picture)).height for picture in pictures]


def test_a_picture_for_each_value():
    shown = frames(panel, height=[1, 2, 3])
    assert (shown.names, shown.values, shown.start) == (["height"], [["1", "2", "3"]], [0])
    assert heights(shown.pictures) == [100, 200, 300]
    assert repr(shown) == "<3 frames of height>"


def test_of_two_parameters_a_picture_for_each_pair_and_the_last_moves_fastest():
    shown = frames(panel, height=[1, 2], colour=["red", "blue", "green"])
    assert heights(shown.pictures) == [100, 100, 100, 200, 200, 200]
    assert len(set(shown.pictures)) == 6
    assert repr(shown) == "<6 frames of height and colour>"


def test_a_slider_begins_at_the_default_or_at_the_first_value():
    assert frames(panel, height=[3, 2, 1]).start == [2]
    shown = frames(lambda height, colour="blue": panel(height, colour), colour=["red", "blue"], height=range(2, 4))
    assert shown.start == [1, 0]
    first = b64decode(found(r'<img [^>]*base64,([^"]*)"', shown._repr_html_()))
    assert first == shown.pictures[2]  # blue, 2
    assert frames(lambda **options: panel(**options), height=[2]).start == [0]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, r"are \{\}; expected some values"),
        ({"height": [1], "colour": []}, r"are \{'height': 1, 'colour': 0\}; expected some values"),
        ({"height": [2, 3]}, r"the default of height is 1.0; expected one of its values, \[2, 3\]"),
    ],
)
def test_what_cannot_be_drawn_is_said(values, says):
    with pytest.raises(ValueError, match=says):
        frames(panel, **values)


def test_a_figure_will_do_as_well():
    assert heights(frames(new_figure, height=np.array([1.0, 2.0])).pictures) == [100, 200]


def test_values_are_written_shortly():
    shown = frames(lambda height: panel(), height=[0.1 + 0.2, np.float64(0.5), 65536])
    assert shown.values == [["0.3", "0.5", "65536"]]


def test_without_its_script_the_first_picture_is_left_and_what_it_shows():
    shown = frames(panel, height=[1, 2], colour=["red", "blue"])
    without = re.sub(r"<script>.*?</script>", "", shown._repr_html_(), flags=re.S)
    assert found(r'<img alt="([^"]*)"', without) == "height = 1, colour = red"
    assert b64encode(shown.pictures[0]).decode() in without
    assert "height = 1, colour = red (of height = 1, 2; colour = red, blue)" in without
    assert "<input" not in without  # no slider that would not move


def test_words_cannot_end_the_script_or_the_text():
    html = frames(lambda word: panel(), word=['"></script><b>'])._repr_html_()
    assert html.count("</script>") == 1
    assert "<b>" not in html
    assert json.loads(found(r"= (\{.*\});$", html))["values"] == [['"></script><b>']]


def test_the_page_is_the_same_in_every_run_and_asks_nothing_of_a_network():
    html = frames(panel, height=[1, 2])._repr_html_()
    assert html == frames(panel, height=[1, 2])._repr_html_()
    assert "//" not in re.sub(r"base64,[^\"]*|\"pictures\": \[[^]]*\]", "", html)


def test_a_picture_is_small():
    picture = BytesIO()
    panel(3).figure.savefig(picture, format="png")
    (small,) = frames(lambda height: panel(height), height=[3]).pictures
    assert len(small) < 0.6 * len(picture.getvalue())
    assert Image.open(BytesIO(small)).size == Image.open(picture).size


def test_the_few_pixels_at_the_end_of_a_scale_keep_their_colour():
    figure = new_figure(3.0)
    ax = figure.subplots()
    values = np.random.default_rng(0).gamma(1.0, 0.1, (40, 40)).clip(0, 0.5)
    values[0, 0] = 1.0
    ax.imshow(values, cmap="inferno", vmin=0, vmax=1)
    figure.colorbar(ax.images[0], ax=ax)
    figure.draw_without_rendering()  # the layout moves a little when it is first drawn
    full = BytesIO()
    figure.savefig(full, format="png")
    exact, shown = (np.asarray(Image.open(file).convert("RGB"), int) for file in (full, BytesIO(as_png(ax))))
    assert np.abs(exact - shown).max() < 10
