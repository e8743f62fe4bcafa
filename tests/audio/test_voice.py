"""Vowels by what an ear hears of them: how high they are, where their formants lie, how much breath is in them."""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import resample_poly

from minivit.audio import glottis, speak, tract, vowel
from minivit.audio.voice import BANDWIDTHS, FORMANTS, HIGHER_FORMANTS
from tests.unchecked import without_annotations

SR = 16_000


def formants_of(y: np.ndarray) -> list[float]:
    """The resonances that linear prediction finds in a sound at 16 kHz, up to 5 kHz, in order."""
    x = resample_poly(y, 10, 16)
    x = (x[1:] - 0.95 * x[:-1])[1000:3000] * np.hanning(2000)
    r = np.correlate(x, x, "full")[1999:2012]
    poles = np.roots(np.concatenate([[1], -np.asarray(solve_toeplitz(r[:12], r[1:13]))]))
    poles = poles[(poles.imag > 0) & (np.abs(poles) > 0.85)]
    return sorted(np.angle(poles) * 10_000 / (2 * np.pi))


def pitch_of(y: np.ndarray, sr: int = SR) -> float:
    """How far apart the harmonics lie, by the cepstrum: between 60 and 400 Hz."""
    cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(y * np.hanning(len(y)))) + 1e-6))
    first, last = sr // 400, sr // 60
    return sr / (first + int(cepstrum[first:last].argmax()))


@pytest.mark.parametrize("pitch", [90.0, 130.0])
@pytest.mark.parametrize("name", FORMANTS)
def test_a_vowel_has_its_formants_and_its_pitch(name, pitch):
    y = vowel(name, duration=0.6, pitch=pitch, breath=0.0)
    assert (y.shape, y.dtype) == ((9600,), np.float32)
    found = formants_of(y)
    np.testing.assert_allclose(found[:3], FORMANTS[name], rtol=0.08)
    np.testing.assert_allclose(found[3], HIGHER_FORMANTS[0], rtol=0.05)
    assert pitch_of(y[3000:6000]) == pytest.approx(pitch, rel=0.03)


def test_pulses_are_as_the_formula_says():
    """A flow that rises for 0.4 of the period and falls for 0.16: its slope is 0 while the glottis is shut."""
    sr = 10_000
    source = glottis(np.full(1000, 100.0), sr=sr)
    period = source[500:600]
    shut = np.roll(period, -int(np.argmin(period)) - 1)  # begins where the flow has just been stopped
    np.testing.assert_allclose(shut[1:40], 0, atol=1e-9)
    assert (np.roll(period, -int(np.argmin(period)) - 1)[46:83] > 0).all()
    np.testing.assert_allclose(np.mean(source**2), 1)
    np.testing.assert_allclose(source[100:900], source[200:1000], atol=1e-8)
    # the flow falls to 0 with its largest slope: pi / (2 * 0.16), where it has risen with pi / (2 * 0.4)
    np.testing.assert_allclose(-period.min() / period.max(), 0.4 / 0.16, rtol=0.02)


def test_harmonics_that_the_rate_cannot_have_are_not_heard_as_other_tones():
    """Of 133 1/3 samples of a period; between the harmonics below 1.5 kHz there is next to nothing."""
    source = glottis(np.full(SR // 2, 120.0), sr=SR)
    level = np.abs(np.fft.rfft(source * np.blackman(len(source))))  # of every second hertz
    between = np.abs((2 * np.arange(750) + 60) % 120 - 60) > 20
    assert level[:750][between].max() < 2e-4 * level.max()


def test_a_tube_of_resonators_is_the_product_of_their_responses():
    formants = np.array([[500.0], [1500.0], [2500.0]])
    impulse = np.zeros(8192)
    impulse[0] = 1
    got = np.fft.rfft(tract(impulse, formants, sr=SR))
    z = np.exp(-2j * np.pi * np.arange(4097) / 8192)
    expected = np.ones(4097, complex)
    for f, w in zip((500, 1500, 2500), BANDWIDTHS, strict=False):
        pole = np.exp((-np.pi * w + 2j * np.pi * f) / SR)
        denominator = (1 - pole * z) * (1 - pole.conj() * z)
        expected *= abs(1 - pole) ** 2 / denominator
    np.testing.assert_allclose(got, expected, atol=1e-8)
    assert abs(got[0]) == pytest.approx(1)
    assert abs(got[256]) > 5  # at 500 Hz


def test_a_filter_in_steps_that_are_alike_is_one_that_keeps_still():
    x = np.random.default_rng(0).standard_normal(1001)
    formants = np.array([[700.0], [1100.0]])
    np.testing.assert_allclose(tract(x, formants.repeat(7, 1), sr=SR), tract(x, formants, sr=SR), atol=1e-12)


def test_no_clicks_where_formants_move():
    """Above 6.5 kHz, where a steady voice has next to nothing, there is no more while it glides from a to i."""
    n = 200
    share = np.clip(np.linspace(-1, 2, n), 0, 1)
    a, i = (np.log([*FORMANTS[name], *HIGHER_FORMANTS]) for name in "ai")
    y = tract(glottis(np.full(SR, 120.0), sr=SR), np.exp(a[:, None] + np.outer(i - a, share)), sr=SR)
    high = [np.abs(np.fft.rfft(part * np.blackman(len(part)), SR))[6500:].max() for part in np.array_split(y, 8)]
    assert max(high[3:5]) < 1.5 * max(high[:2])


@pytest.mark.parametrize("sr", [4_000, 8_000, 16_000, 44_100])
def test_all_rates(sr):
    y = vowel("a", duration=0.3, sr=sr)
    assert len(y) == round(0.3 * sr)
    assert pitch_of(y[len(y) // 4 : -len(y) // 4], sr) == pytest.approx(120, rel=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision(dtype):
    source = glottis(np.full(500, 120, dtype), sr=SR, breath=0.1, rng=np.random.default_rng(0))
    assert source.dtype == dtype
    assert tract(source, np.array([[700.0]], dtype), sr=SR).dtype == dtype


def test_words_pauses_and_speed():
    """Letters of 0.28 s and pauses of 0.1 s, in which there is nothing; twice as fast, half as long, and as high."""
    y = speak("a ei", breath=0.0)
    assert len(y) == round(0.28 * SR) + round(0.1 * SR) + 2 * round(0.28 * SR)
    assert np.abs(y).max() == pytest.approx(0.5)
    assert not y[4480:6080].any()
    assert y[4400:4480].any()
    assert y[6080:6160].any()
    fast = speak("a ei", breath=0.0, speed=2.0)
    assert len(fast) == len(y) // 2
    assert pitch_of(fast[500:2000]) == pytest.approx(pitch_of(y[1000:4000]), rel=0.05)
    np.testing.assert_array_equal(speak("  A \n  Ei "), speak("a ei"))


def test_in_one_word_the_formants_move_from_vowel_to_vowel():
    y = speak("ai", pitch=100.0, breath=0.0, speed=0.5)
    np.testing.assert_allclose(formants_of(y[500:6500])[:2], FORMANTS["a"][:2], rtol=0.08)
    np.testing.assert_allclose(formants_of(y[-6500:-500])[:2], FORMANTS["i"][:2], rtol=0.08)


def test_breath_is_noise_and_comes_from_the_seed():
    """How much of the sound does not repeat itself after a period."""

    def unlike(breath: float) -> float:
        y = glottis(np.full(SR, 100.0), sr=SR, breath=breath, rng=np.random.default_rng(0))
        return float(np.mean((y[160:] - y[:-160]) ** 2) / np.mean(y**2) / 2)

    assert unlike(0.0) < 1e-9
    for breath in (0.1, 1.0, 10.0):
        assert unlike(breath) == pytest.approx(breath**2 / (1 + breath**2), rel=0.1)
    np.testing.assert_array_equal(speak("a", seed=3), speak("a", seed=3))
    assert (speak("a", seed=3) != speak("a", seed=4)).mean() > 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: speak(""), "speak: text has no letters; expected words of the vowels a, e, i, o, u"),
        (lambda: speak(" \t "), "text has no letters"),
        (lambda: speak("hallo"), "speak: text has 'h'; expected words of the vowels a, e, i, o, u"),
        (lambda: speak("é"), "text has 'é'"),
        (lambda: speak("a" * 10**6), r"speak: text would last 280,000 s; expected at most 600"),
        (lambda: speak("a", speed=0.0), r"speed is 0\.0; expected at least 0\.1 and at most 10"),
        (lambda: speak("a", pitch=-5.0), r"pitch is -5\.0; expected at least 20"),
        (lambda: speak("a", pitch=float("nan")), "pitch is nan"),
        (lambda: speak("a", breath=-1.0), r"breath is -1\.0; expected at least 0"),
        (lambda: speak("a", sr=100), "sr is 100; expected at least 4000 and at most 192000"),
        (lambda: speak("a", seed=-1), "seed is -1; expected at least 0"),
        (lambda: speak("a", sr=16_000.0), r"sr is 16000\.0; expected int"),
        (lambda: vowel("y"), "vowel: name is 'y'; expected one of a, e, i, o, u"),
        (lambda: vowel("a", duration=0.0), r"duration is 0\.0; expected above 0 and at most 600"),
        (lambda: vowel("a", duration=1e9), "duration is 1000000000.0"),
        (lambda: glottis(np.array([100.0, 0.0]), sr=SR), "glottis: pitch must lie above 0 and below sr / 2 = 8000 Hz"),
        (lambda: glottis(np.array([100.0, np.nan]), sr=SR), "pitch must lie above 0"),
        (lambda: glottis(np.array([9000.0]), sr=SR), "pitch must lie above 0 and below"),
        (lambda: glottis(np.array([100]), sr=SR), "pitch has dtype int64; expected float32 or float64"),
        (lambda: glottis(np.array([100.0]), sr=SR, breath=0.5), "breath is 0.5, and noise needs an rng"),
        (lambda: tract(np.ones(5), np.array([[-1.0]]), sr=SR), "tract: formants must be above 0 Hz"),
        (lambda: tract(np.ones(5), np.array([[np.nan]]), sr=SR), "tract: formants must be above 0 Hz"),
        (lambda: tract(np.ones(5), np.ones((9, 1)), sr=SR), "bandwidths are .*; expected 9 numbers above 0"),
        (lambda: tract(np.ones(5), np.ones((1, 1)), sr=SR, bandwidths=(0.0,)), r"bandwidths are \(0\.0,\)"),
        (lambda: tract(np.ones(5), np.ones((1, 0)), sr=SR), "formants has shape .*, with steps at least 1"),
    ],
)
def test_wrong_arguments(call: Any, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()


@pytest.mark.parametrize("length", [0, 1, 2])
def test_few_samples(length):
    """Fewer samples than steps, too."""
    x = np.ones(length, np.float32)
    assert tract(x, np.full((2, 5), 500, np.float32), sr=SR).shape == (length,)
    assert glottis(100 * x, sr=SR, breath=0.1, rng=np.random.default_rng(0)).shape == (length,)


def test_a_formant_that_the_rate_cannot_have_is_left_out():
    x = np.random.default_rng(0).standard_normal(100)
    formants = np.array([[500.0], [3900.0]])
    np.testing.assert_array_equal(tract(x, formants, sr=8000), tract(x, formants[:1], sr=8000))
    np.testing.assert_array_equal(tract(x, formants[1:], sr=8000), x)


def test_the_shortest_vowel():
    assert vowel("a", duration=1e-9).shape == (1,)
    assert np.isfinite(vowel("a", duration=0.001)).all()
