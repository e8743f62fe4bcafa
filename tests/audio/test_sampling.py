"""Aliasing, Parseval's theorem, and the convolution theorem."""

import numpy as np
import pytest
import scipy.signal

from minivit.audio.sampling import (
    alias,
    circular_convolve,
    circular_convolve_fft,
    fft_convolve,
    fft_frequencies,
    parseval,
)

RNG = np.random.default_rng(0)


def test_frequencies_of_bins():
    np.testing.assert_allclose(fft_frequencies(sr=16000, n_fft=400), np.fft.rfftfreq(400, 1 / 16000), rtol=1e-15)
    np.testing.assert_allclose(fft_frequencies(sr=11, n_fft=7), np.fft.rfftfreq(7, 1 / 11), rtol=1e-15)
    assert fft_frequencies().shape == (1025,)


@pytest.mark.parametrize("f", [0, 100, 499, 500, 501, 900, 1000, 1100, 1501, 2345.5, -300])
def test_a_sampled_tone_is_that_of_its_alias(f):
    n = np.arange(50)
    heard = alias(f, 1000)
    assert isinstance(heard, float)
    assert 0 <= heard <= 500
    np.testing.assert_allclose(np.cos(2 * np.pi * f * n / 1000), np.cos(2 * np.pi * heard * n / 1000), atol=1e-11)


def test_many_tones_at_once():
    np.testing.assert_array_equal(alias(np.array([30000.0, 100, 43000]), 44100), [14100, 100, 1100])


@pytest.mark.parametrize("N", [1, 6, 7, 64])
def test_energy_in_time_is_energy_in_frequency(N):
    x = RNG.standard_normal(N) + 1j * RNG.standard_normal(N)
    in_time, in_frequency = parseval(x)
    assert in_time == pytest.approx(np.vdot(x, x).real)
    assert in_frequency == pytest.approx(in_time, rel=1e-13)


def test_a_convolution_is_a_product():
    x, h = RNG.standard_normal((2, 9))
    expected = [sum(h[m] * x[(n - m) % 9] for m in range(9)) for n in range(9)]
    np.testing.assert_allclose(circular_convolve(x, h), expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(circular_convolve_fft(x, h), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("T", "W"), [(1, 1), (20, 7), (7, 20), (64, 64)])
def test_a_filter_is_scipys(T, W):
    y, h = RNG.standard_normal((3, T)), RNG.standard_normal(W)
    filtered = fft_convolve(y, h)
    np.testing.assert_allclose(filtered, scipy.signal.fftconvolve(y, h[None], axes=-1), rtol=0, atol=1e-13)
    np.testing.assert_allclose(filtered[0], np.convolve(y[0], h), rtol=0, atol=1e-13)
    assert fft_convolve(y.astype(np.float32), h.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alias(3.0, 0), "alias: sr is 0; expected above 0 and finite"),
        (lambda: fft_frequencies(sr=-1, n_fft=4), "fft_frequencies: sr is -1; expected above 0"),
        (lambda: fft_frequencies(sr=8, n_fft=0), "fft_frequencies: n_fft is 0"),
        (lambda: fft_convolve(np.zeros(0), np.ones(3)), "fft_convolve: y has shape .*; expected at least one sample"),
        (lambda: circular_convolve(np.zeros(3), np.ones(4)), "with W as in x"),
    ],
)
def test_what_is_no_wave_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_no_frequency_has_no_alias():
    for f in (np.array(["a"]), np.array([1j]), np.array([None]), np.array([True])):
        with pytest.raises(TypeError, match=r"alias: f has dtype .*; expected float32, float64 or integers"):
            alias(f, 8000.0)
