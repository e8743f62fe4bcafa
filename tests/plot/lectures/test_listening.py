from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from minivit.plot.figure import BLUE, GREEN, RED
from minivit.plot.lectures import listening as lecture
from tests.plot.drawn import texts

HERTZ = np.geomspace(60, 3900, 20)
Z = np.random.default_rng(0).standard_normal((3, 20, 30))


def test_every_spectrogram_has_a_scale_of_its_own():
    levels = np.array([0, 5, -9])
    figure: Any = lecture.log_mels(Z + levels[:, None, None], ["a", "b", "c"], hertz=HERTZ, hop=0.01, columns=2)
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in panels] == ["a", "b", "c"]
    for ax, loudest in zip(panels, Z.max((1, 2)) + levels, strict=True):
        np.testing.assert_allclose(ax.images[0].get_clim(), (loudest - 11.5, loudest))
        assert ax.images[0].get_extent() == [0, 0.3, -0.5, 19.5]
    assert panels[2].get_xlabel() == "time (s)"


def test_patches_lie_where_they_begin():
    seen = np.ones((20, 30), int)
    figure: Any = lecture.overlapping_patches(Z[0], 4, 3, seen, hertz=HERTZ, hop=0.01)
    corners = [
        (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()) for patch in figure.axes[0].patches
    ]
    np.testing.assert_allclose(corners, [(0.06, 2.5, 0.04, 4), (0.09, 2.5, 0.04, 4), (0.06, 5.5, 0.04, 4)])
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), seen)


def test_of_a_confusion_zeros_are_not_written():
    ax = lecture.confusion(np.array([[3, 0], [1, 2]]), ["a", "b"], title="T")
    assert texts(ax) == ["3", "1", "2"]
    assert [(text.get_position()) for text in ax.texts] == [(0, 0), (0, 1), (1, 1)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("said", "true")


def test_gradients_are_drawn_beside_what_they_are_of():
    wave, dwave = np.random.default_rng(1).standard_normal((2, 240))
    figure: Any = lecture.input_gradients(Z[0], Z[1], wave, dwave, hertz=HERTZ, hop=0.01, sr=800, title="T")
    sound, gradient, samples, slope = figure.axes[:4]
    np.testing.assert_array_equal(sound.images[0].get_array(), Z[0])
    np.testing.assert_array_equal(gradient.images[0].get_array(), Z[1])
    assert gradient.images[0].get_clim() == (-np.abs(Z[1]).max(), np.abs(Z[1]).max())
    np.testing.assert_array_equal(samples.lines[0].get_ydata(), wave)
    np.testing.assert_array_equal(slope.lines[0].get_ydata(), dwave)
    assert slope.get_xlim() == (0, 0.3)


def test_shuffled_time():
    ax: Any = lecture.shuffled_time(
        np.array([10, 20]), {"kind": np.array([0.5, 1])}, marks={"a patch": 16.0}, title="T"
    )
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [50, 100])
    assert ax.lines[1].get_xdata()[0] == 16
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10", "20"]
    assert texts(ax) == ["a patch"]


def test_of_gradients_zeros_are_left_out():
    sizes = {"a": np.array([0, 4.0, 2]), "b": np.array([1, 1e-9, 0.5])}
    ax: Any = lecture.gradient_sizes(np.arange(3), sizes, xlabel="frame", title="T", spans={"here": (1, 2)})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [np.nan, 1, 0.5])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [1, np.nan, 0.5])
    assert texts(ax) == ["here"]
    assert ax.get_ylim()[0] < 0.5


@pytest.mark.parametrize("distractors", [[(0.0, 0.1)], [(0.0, 0.1), (0.2, 0.3)]])
def test_each_frame_is_a_bar(distractors):
    frames = {"true": [(0.1, 0.15)], "heard": [(0.05, 0.1)], "distractors": distractors}
    figure: Any = lecture.which_future(Z[0], frames, hertz=HERTZ, hop=0.01)
    sound, rows = figure.axes
    assert [line.get_xdata()[0] for line in sound.lines] == [0.1, 0.15]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in rows.patches]
    np.testing.assert_allclose(bars, [(0.1, 0.15), (0.05, 0.1), *distractors])
    colours = [GREEN, BLUE, *[RED] * len(distractors)]
    assert [bar.get_facecolor() for bar in rows.patches] == [to_rgba(colour) for colour in colours]
    assert [label.get_text() for label in rows.get_yticklabels()] == [*frames]


def test_probes_of_several_seeds_are_a_band():
    ax: Any = lecture.probes([0, 2], {"c": np.array([[0.5, 0.7], [0.3, 0.9]])})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [40, 80])
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min().round(6), band[:, 1].max().round(6)) == (30, 90)
