"""Windows against scipy's, and the numbers that every table of windows has."""

import numpy as np
import pytest
import scipy.signal

import minivit as mv
from minivit.audio.windows import COSINES, get_window, highest_side_lobe, main_lobe_width, window_spectrum_db

SCIPY = [name for name in COSINES if name not in ("rectangular", "povey")]


@pytest.mark.parametrize("fftbins", [True, False])
@pytest.mark.parametrize("Nx", [1, 2, 3, 8, 15, 400])
@pytest.mark.parametrize("name", SCIPY)
def test_a_window_is_scipys(name, Nx, fftbins):
    w = get_window(name, Nx, fftbins=fftbins)
    assert w.dtype == np.float64
    np.testing.assert_allclose(w, scipy.signal.get_window(name, Nx, fftbins=fftbins), rtol=0, atol=1e-15)


def test_kaldis_window_is_a_power_of_hanns():
    hann = np.asarray(scipy.signal.get_window("hann", 25, fftbins=False))
    np.testing.assert_allclose(get_window("povey", 25, fftbins=False), hann**0.85, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(get_window("rectangular", 4), np.ones(4))


def test_an_array_is_taken_as_it_is():
    w = np.arange(5, dtype=np.float32)
    assert mv.audio.get_window(w, 5) is w
    with pytest.raises(ValueError, match=r"get_window: window has shape \(5,\); expected \(4,\)"):
        get_window(w, 4)


@pytest.mark.parametrize(
    ("window", "Nx", "error", "message"),
    [
        ("han", 4, ValueError, "get_window: window is 'han'; expected one of rectangular, boxcar, hann, hamming"),
        ("hann", 0, ValueError, "get_window: Nx is 0; expected at least 1 and at most 16777216"),
        ("hann", 10**12, ValueError, "get_window: Nx is 1000000000000; expected at least 1 and at most"),
        ("hann", 4.0, TypeError, "get_window: Nx is 4.0; expected int"),
        (("kaiser", 4.0), 4, TypeError, r"get_window: window is \('kaiser', 4.0\); expected str or ndarray"),
    ],
)
def test_what_is_no_window_is_refused(window, Nx, error, message):
    with pytest.raises(error, match=message):
        get_window(window, Nx)


@pytest.mark.parametrize(
    ("name", "width", "level"),
    [("rectangular", 2, -13.26), ("hann", 4, -31.47), ("hamming", 4, -42.68), ("blackman", 6, -58.11)],
)
def test_lobes_are_those_of_the_tables(name, width, level):
    """Harris 1978, table 1, for long windows."""
    w = get_window(name, 1024)
    assert main_lobe_width(w) == width
    assert highest_side_lobe(w) == pytest.approx(level, abs=0.02)
    assert main_lobe_width(100 * w) == width


def test_the_spectrum_is_that_of_the_definition():
    w = get_window("hamming", 12)
    k, n = np.arange(25)[:, None], np.arange(12)
    size = np.abs((w * np.exp(-2j * np.pi * k * n / 48)).sum(1))
    seen = size > 1e-12
    level = window_spectrum_db(w, 48)
    assert level.shape == (25,)
    np.testing.assert_allclose(level[seen], 20 * np.log10(size / size.max())[seen], rtol=0, atol=1e-9)
    assert level.max() == level[0] == 0


def test_one_sample_has_one_lobe():
    assert main_lobe_width(np.ones(1)) == 1
    assert highest_side_lobe(np.ones(1)) == -np.inf


def test_a_spectrum_that_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="window_spectrum_db: n_fft is 3; expected at least 4, the window's length"):
        window_spectrum_db(np.ones(4), 3)
    for nothing in (np.zeros(4), np.full(4, np.nan)):
        with pytest.raises(ValueError, match="it is all zeros, or not finite"):
            window_spectrum_db(nothing, 8)
    with pytest.raises(
        ValueError, match=r"main_lobe_width: window has shape \(0,\); expected \(W,\), with W at least 1"
    ):
        main_lobe_width(np.zeros(0))
    with pytest.raises(ValueError, match="it is all zeros"):
        highest_side_lobe(np.zeros(4))
