"""Gammatone filters, held against scipy's, and what is made of them."""

from typing import Any

import numpy as np
import pytest
from scipy.signal import gammatone as scipy_gammatone
from scipy.signal import lfilter

from minivit.audio import cochleagram, erb, gammatone, greenwood_frequencies
from tests.unchecked import without_annotations

SR = 16_000


@pytest.mark.parametrize("f", [150.0, 1000.0, 4000.0])
def test_filters_are_those_of_scipy(f):
    """Where they let something through; their equivalent rectangular bandwidth is that of the ear."""
    impulse = np.zeros(SR)
    impulse[0] = 1
    response = np.abs(np.fft.rfft(gammatone(impulse, np.array([f]), sr=SR)[0]))
    b, a = map(np.asarray, scipy_gammatone(f, "iir", fs=SR))
    impulse_response = lfilter(b, a, impulse)
    theirs = np.fft.rfft(impulse_response)
    near = np.abs(np.arange(SR // 2 + 1) - f) < 2 * erb(f)
    np.testing.assert_allclose(response[near], np.abs(theirs[near]), atol=1e-3)
    assert (response**2).sum() / response.max() ** 2 == pytest.approx(erb(f), rel=0.01)


def test_the_impulse_response_is_the_formula():
    f, t = 1000.0, np.arange(1, 400) / SR
    impulse = np.zeros(400)
    impulse[0] = 1
    g = t**3 * np.exp(-2 * np.pi * 1.019 * float(erb(f)) * t) * np.cos(2 * np.pi * f * t)
    y = gammatone(impulse, np.array([f]), sr=SR)[0, 1:]
    np.testing.assert_allclose(y / np.abs(y).max(), g / np.abs(g).max(), atol=0.1)  # sampled, and made by recursion


def test_a_tone_comes_out_as_loud_as_it_came_in_and_where_it_belongs():
    frequencies = greenwood_frequencies(20, fmin=200, fmax=6000)
    tone = np.sin(2 * np.pi * frequencies[11] * np.arange(SR) / SR)
    motion = gammatone(tone, frequencies, sr=SR)[:, -2000:]
    loudness = np.abs(motion).max(1)
    assert loudness.argmax() == 11
    assert loudness[11] == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("sr", [8_000, 16_000, 44_100])
def test_how_loud_tones_come_out_near_the_ends(sr):
    """To 1 % from 30 Hz to 0.42 sr; at sr / 2, where a wave and its mirror image are one, twice as loud."""
    for f, size in ((30.0, 1.0), (60.0, 1.0), (0.3 * sr, 1.0), (0.42 * sr, 1.0), (sr / 2, 2.0)):
        tone = np.cos(2 * np.pi * f * np.arange(sr) / sr)
        motion = gammatone(tone, np.array([f]), sr=sr)[0, sr // 2 :]
        energy, own = (motion**2).mean(), (tone[sr // 2 :] ** 2).mean()
        assert np.sqrt(energy / own) == pytest.approx(size, rel=0.01)


def test_a_cochleagram_is_the_power_of_the_envelope():
    """Of a tone, half of its squared size: at its own place, from when the filter has begun to swing."""
    frequencies = greenwood_frequencies(24, fmin=100, fmax=5000)
    tone = 0.6 * np.sin(2 * np.pi * frequencies[13] * np.arange(SR // 2) / SR)
    power = cochleagram(tone, sr=SR, n_filters=24, fmin=100, fmax=5000)
    assert power.shape == (24, 50)
    assert (power[:, 10:].argmax(0) == 13).all()
    np.testing.assert_allclose(power[13, 10:], 0.18, rtol=5e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_and_axes(dtype):
    y = np.random.default_rng(0).standard_normal((2, 3, 330)).astype(dtype)
    frequencies = np.array([300.0, 900.0])
    motion = gammatone(y, frequencies, sr=SR)
    assert (motion.dtype, motion.shape) == (dtype, (2, 3, 2, 330))
    np.testing.assert_array_equal(motion[1, 2], gammatone(y[1, 2], frequencies, sr=SR))
    power = cochleagram(y, sr=SR, n_filters=5, hop_length=100)
    assert (power.dtype, power.shape) == (dtype, (2, 3, 5, 4))
    np.testing.assert_array_equal(power[1, 2], cochleagram(y[1, 2], sr=SR, n_filters=5, hop_length=100))
    strided = np.repeat(y, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(gammatone(strided, frequencies, sr=SR), motion)


def test_the_last_frame_may_be_shorter():
    y = np.random.default_rng(0).standard_normal(330)
    whole = cochleagram(y, sr=SR, n_filters=3, hop_length=330)
    parts = cochleagram(y, sr=SR, n_filters=3, hop_length=100)
    np.testing.assert_allclose(parts @ [100, 100, 100, 30] / 330, whole[:, 0])
    assert cochleagram(y[:1], sr=SR).shape == (64, 1)


def test_a_cats_filters_are_others():
    y = np.random.default_rng(0).standard_normal(1000)
    human, cat = (cochleagram(y, sr=SR, n_filters=4, fmin=200, species=species) for species in ("human", "cat"))
    assert not np.allclose(human, cat, rtol=0.01)


def test_silence_stays_silent():
    assert not cochleagram(np.zeros(500), sr=SR).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gammatone(np.zeros(0), np.ones(1), sr=SR), "gammatone: y has no samples; expected at least one"),
        (
            lambda: gammatone(np.ones(9), np.zeros(1), sr=SR),
            "frequencies must lie above 0 and at most at sr / 2",
        ),
        (lambda: gammatone(np.ones(9), np.array([np.nan]), sr=SR), r"gammatone: frequencies must lie above 0"),
        (lambda: gammatone(np.ones(9), np.array([8001.0]), sr=SR), r"at most at sr / 2 = 8000 Hz"),
        (lambda: gammatone(np.ones(9), np.ones(0), sr=SR), r"frequencies have shape \(0,\); expected one axis, with"),
        (lambda: gammatone(np.ones(9), np.ones((2, 2)), sr=SR), r"frequencies have shape \(2, 2\)"),
        (lambda: gammatone(np.ones(9), np.full(2, "x"), sr=SR), "gammatone: frequencies have dtype <U1"),
        (lambda: gammatone(np.ones(9), np.ones(2, complex), sr=SR), "gammatone: frequencies have dtype complex128"),
        (lambda: gammatone(np.ones(9, int), np.ones(2), sr=SR), "y has dtype int64; expected float32 or float64"),
        (lambda: gammatone(np.ones(10**5), np.ones(10**5), sr=SR), "numbers of the output is 10000000000; expected at"),
        (lambda: cochleagram(np.zeros(0), sr=SR), "cochleagram: y has no samples"),
        (lambda: cochleagram(np.ones(9), sr=SR, n_filters=0), "n_filters is 0; expected at least 1"),
        (lambda: cochleagram(np.ones(9), sr=SR, hop_length=0), "hop_length is 0; expected at least 1"),
        (lambda: cochleagram(np.ones(9), sr=SR, fmin=1.0), "frequency is none that this ear hears"),
        (lambda: cochleagram(np.ones(9), sr=SR, fmin=7500.0), "fmin is 7500 and fmax 7200; expected fmin < fmax"),
        (lambda: cochleagram(np.ones(9), sr=SR, fmax=9000.0), "cochleagram: frequencies must lie above 0 and at most"),
        (lambda: cochleagram(np.ones(9), sr=SR, species="bat"), "cochleagram: species is 'bat'; expected human or cat"),
        (lambda: cochleagram(np.ones(9), sr=0), "sr is 0; expected at least 1"),
    ],
)
def test_wrong_arguments(call: Any, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()


def test_a_hop_longer_than_the_sound():
    y = np.random.default_rng(0).standard_normal(90)
    expected = cochleagram(y, sr=SR, hop_length=90)
    np.testing.assert_array_equal(cochleagram(y, sr=SR, hop_length=10**30), expected)
