from typing import Any

import numpy as np
import pytest

from minivit.audio.ear import basilar_membrane_response, greenwood
from minivit.audio.windows import get_window
from minivit.plot.figure import BLUE, RED
from minivit.plot.lectures import sound as lecture


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.figure.legends[0].get_texts()]


def test_a_cats_ear_stands_beside_a_humans():
    figure: Any = lecture.two_ears()
    panels = figure.axes
    for panel, species in zip(panels, ("cat", "human"), strict=True):
        assert [panel.get_title(), panel.get_title("left"), panel.get_xlabel()] == ["", species, "frequency (Hz)"]
        places = np.linspace(0.05, 0.95, 11)
        f, drawn = panel.lines[4].get_data()
        np.testing.assert_allclose(drawn, basilar_membrane_response(f, places, species=species)[4])
        assert f[0] < greenwood(0.05, species=species) < greenwood(0.95, species=species) < f[-1]
    assert [panel.get_ylabel() for panel in panels] == ["dB", ""]


def test_where_the_mean_lies_is_the_transform(rng):
    x = rng.standard_normal(12)
    figure: Any = lecture.wound(x, (0, 5))
    wave, first, second = figure.axes
    np.testing.assert_array_equal(wave.lines[0].get_ydata(), x)
    for panel, k in ((first, 0), (second, 5)):
        X = np.fft.fft(x)[k] / 12
        path, arm, mean = panel.lines
        np.testing.assert_allclose(
            path.get_xdata() + 1j * path.get_ydata(), x * np.exp(-2j * np.pi * k / 12) ** range(12)
        )
        assert [arm.get_xdata()[1], *mean.get_xdata(), *mean.get_ydata()] == pytest.approx([X.real, X.real, X.imag])
        assert panel.get_title().endswith(f"= {abs(X):.2f}")


def test_a_mark_on_its_line_is_a_multiplication_in_ten_nanoseconds():
    lengths = np.array([4, 16, 64])
    slow = {"loops": (lengths[:2], 1e-8 * lengths[:2] ** 2), "matrix": (lengths, 1e-9 * lengths**2)}
    ways = {"all": (lengths**2, slow), "fast": (2 * lengths, {"hand": (lengths, 2e-8 * lengths)})}
    ax: Any = lecture.counted_and_timed(lengths, ways)
    _, right = ax.figure.axes
    assert legend(ax) == ["all", "fast", "loops, timed", "matrix, timed", "hand, timed"]
    assert (ax.get_xscale(), ax.get_yscale(), right.get_yscale()) == ("log", "log", "log")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["4", "16", "64"]
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], [lengths**2, 2 * lengths])
    assert [line.get_color() for line in right.lines] == [BLUE, BLUE, RED]
    assert len({line.get_marker() for line in right.lines}) == 3
    on_line, below, also_on_line = right.lines
    for marks, line, higher in ((on_line, ax.lines[0], 0), (also_on_line, ax.lines[1], 0), (below, ax.lines[0], -1)):
        where, seconds = marks.get_data()
        at = right.transData.transform(np.stack([where, seconds], 1))[:, 1]
        counted = ax.transData.transform(np.stack(line.get_data(), 1))[: len(where), 1]
        decade = np.diff(ax.transData.transform([(4, 1), (4, 10)])[:, 1])
        np.testing.assert_allclose(at, counted + higher * decade, atol=1e-6)


def test_both_tones_go_through_all_samples():
    ax: Any = lecture.same_samples(5000.0, 8000, samples=9)
    high, low, dots = ax.lines
    assert legend(ax) == ["5000 Hz", "3000 Hz", "samples"]
    assert len(dots.get_xdata()) == 9
    for line in (high, low):
        np.testing.assert_allclose(np.interp(dots.get_xdata(), *line.get_data()), dots.get_ydata(), atol=0.01)
    assert np.abs(high.get_ydata() - low.get_ydata()).max() > 1


def test_squares_of_windows_a_quarter_apart_are_one_and_a_half():
    figure: Any = lecture.windows_add_up(get_window("hann", 32), (8, 16))
    quarter, half = figure.axes
    assert (quarter.get_title(), half.get_title()) == ("hop 8", "hop 16")
    for panel in (quarter, half):
        assert [line.get_color() for line in panel.lines] == [BLUE] * 5 + [RED]
    np.testing.assert_allclose(quarter.lines[-1].get_ydata()[24:40], 1.5)
    assert half.lines[-1].get_ydata()[24:64].max() == pytest.approx(1)
    assert half.lines[-1].get_ydata()[24:64].min() == pytest.approx(0.5)


def test_levels_end_at_the_floor():
    ax: Any = lecture.levels(np.arange(3), {"a": np.array([0.0, -20, -300]), "b": np.zeros(3)}, title="T", floor=-60)
    assert ax.lines[0].get_ydata().tolist() == [0, -20, -60]
    assert (legend(ax), ax.get_title("left"), ax.get_xlabel()) == (["a", "b"], "T", "frequency (Hz)")


def test_all_scales_end_at_one():
    ax: Any = lecture.scales_of_hearing(4000.0)
    slaney, htk, membrane, hertz = ax.lines
    assert [line.get_ydata()[-1] for line in ax.lines] == [1, 1, 1, 1]
    f = slaney.get_xdata() * 1000
    np.testing.assert_allclose(htk.get_ydata(), np.log(1 + f / 700) / np.log(1 + 4000 / 700))
    assert slaney.get_ydata()[0] == pytest.approx(20 * 3 / 200 / (15 + 27 * np.log(4) / np.log(6.4)))
    inside = slice(100, -100)
    straight = np.interp(f / 1000, *hertz.get_data())
    assert (membrane.get_ydata()[inside] > htk.get_ydata()[inside]).all()
    assert (slaney.get_ydata()[inside] > straight[inside]).all()


def test_each_spectrogram_is_black_so_far_below_its_own_loudest():
    powers = {"a": np.array([[1.0, 0.1], [0, 1e-9]]), "b": np.full((3, 2), 7.0)}
    hertz = {"a": np.array([0.0, 100]), "b": np.arange(3) * 2000.0}
    figure: Any = lecture.spectrogram_row(powers, 2.0, hertz=hertz, db=50, title="T")
    a, b, bar = figure.axes
    np.testing.assert_allclose(a.images[0].get_array(), [[0, -10], [-50, -50]])
    np.testing.assert_allclose(b.images[0].get_array(), 0)
    assert (a.get_title(), b.get_title(), bar.get_ylabel()) == ("a", "b", "dB below the loudest")
    assert (a.get_xlim(), a.get_ylabel(), b.get_ylabel()) == ((0, 2), "kHz", "")
    assert [label.get_text() for label in b.get_yticklabels()] == ["0", "1", "2", "3", "4"]


def test_the_frame_of_a_gradient_is_marked():
    ax: Any = lecture.gradient_of_a_frame(np.arange(40.0), 1000, (10, 20))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([np.arange(40), np.arange(40)], 1))
    marked = ax.patches[0].get_bbox()
    assert (marked.x0, marked.x1, ax.get_xlim()) == (10, 20, (0, 40))
