from typing import Any

import numpy as np
import pytest

from minivit.audio import get_window, mel_filterbank, mel_frequencies
from minivit.plot import mel_filters, spectrogram, tones_through_windows, waveform, window_spectra

from .drawn import texts

SR = 8000


def image(panel: Any) -> np.ndarray:
    return np.asarray(panel.images[0].get_array())


def test_a_wave_over_seconds(ax):
    y = np.sin(np.arange(400) / 9)
    assert waveform(y, sr=SR, ax=ax) is ax
    x, drawn = ax.lines[0].get_data()
    np.testing.assert_array_equal(drawn, y)
    assert x[-1] == pytest.approx(399 / SR)
    assert ax.get_xlim() == (0, 0.05)
    assert waveform(y, sr=SR).get_xlabel() == "time (s)"


def test_of_a_long_wave_the_band_between_its_extremes():
    """So that a click of a single sample is seen."""
    y = np.zeros(100_000)
    y[77_777] = 1
    band: Any = waveform(y, sr=SR).collections[0]
    points = band.get_paths()[0].vertices
    assert len(points) < 10_000
    assert points[:, 1].max() == 1
    assert points[points[:, 1].argmax(), 0] == pytest.approx(77_777 / SR, abs=0.01)


def test_a_spectrogram_in_decibels_below_the_loudest(ax):
    power = np.array([[1e-4, 1.0, 0.0], [1e-2, 1e-12, 10.0], [0.1, 0.1, 0.1]])
    assert spectrogram(power, sr=SR, hop_length=80, db=60.0, ax=ax) is ax
    np.testing.assert_allclose(image(ax), [[-50, -10, -60], [-30, -60, 0], [-20, -20, -20]])
    assert ax.images[0].get_extent() == [0, 0.03, -0.5, 2.5]
    assert ax.images[0].origin == "lower"
    assert [ax.get_ylabel(), ax.get_xlabel()] == ["kHz", "time (s)"]


def test_silence_is_black():
    assert (image(spectrogram(np.zeros((4, 5)), sr=SR, hop_length=80)) == -80).all()


def test_frequencies_stand_beside_their_rows():
    """In equal steps of hertz; or, where rows are mel bands, at octaves."""
    panel = spectrogram(np.ones((129, 4)), sr=SR, hop_length=80)
    named = dict(zip(panel.get_yticks(), [label.get_text() for label in panel.get_yticklabels()], strict=True))
    assert named[64.0] == "2"
    assert named[128.0] == "4"
    hertz = mel_frequencies(42, fmax=4000.0)[1:-1]
    panel = spectrogram(np.ones((40, 4)), sr=SR, hop_length=80, hertz=hertz)
    for place, label in zip(panel.get_yticks(), panel.get_yticklabels(), strict=True):
        assert np.interp(place, np.arange(40), hertz) == pytest.approx(1000 * float(label.get_text()))
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0.125", "0.25", "0.5", "1", "2"]


def test_mel_filters_over_frequency(ax):
    W = mel_filterbank(sr=SR, n_fft=256, n_mels=10)
    mel_filters(W, sr=SR, ax=ax)
    assert len(ax.lines) == 10
    x, weights = ax.lines[3].get_data()
    np.testing.assert_array_equal(weights, W[3])
    assert x[-1] == 4
    assert ax.get_title(loc="left") == "10 mel filters"


def test_windows_and_their_spectra_are_named_by_number():
    panels = np.reshape(np.array(window_spectra(("rectangular", "hann"), length=32).axes, object), (2, 2))
    np.testing.assert_allclose(panels[0, 1].lines[0].get_ydata(), get_window("hann", 32))
    assert [panel.get_title() for panel in panels[0]] == ["rectangular", "hann"]
    assert panels[1, 0].get_title() == "2 bins, −13.2 dB"
    assert panels[1, 1].get_title() == "4 bins, −31.5 dB"
    bins, level = panels[1, 0].lines[0].get_data()
    assert bins[level.argmax()] == 0
    assert level[np.argmin(np.abs(bins - 1))] < -90  # a tone in the middle of the next bin is not seen
    np.testing.assert_allclose(level, level[::-1])


def test_a_window_without_side_lobes():
    words = [panel.get_title() for panel in window_spectra(("hann",), length=1).axes]
    assert words[1] == "1 bins, −inf dB"


def test_a_weak_tone_is_seen_through_some_windows():
    """40 dB below the other one: hidden through a rectangle, plain through Blackman's window."""
    t = np.arange(256) / SR
    y = np.sin(2 * np.pi * 1010 * t) + 0.01 * np.sin(2 * np.pi * 1250 * t + 1)
    panels: Any = tones_through_windows(y, ("rectangular", "blackman"), sr=SR, marked=(1010, 1250)).axes
    for panel, seen in zip(panels, (False, True), strict=True):
        hertz, level = panel.lines[0].get_data()
        peak, valley = level[np.abs(hertz - 1250) < 20].max(), level[(hertz > 1100) & (hertz < 1200)].max()
        assert (peak - valley > 10) == seen
        assert [line.get_xdata()[0] for line in panel.lines[1:]] == [1010, 1250]
    assert panels[0].get_xlim()[0] < 1010 < 1250 < panels[0].get_xlim()[1]
    assert texts(panels[0]) == []
    assert panels[0].figure.get_suptitle() == "One frame of 256 samples, through windows (dashed: the tones)"


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="waveform: y has no samples; expected at least one"):
        waveform(np.zeros(0), sr=SR)
