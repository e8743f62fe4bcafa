"""What is kept of a wave without its phases."""

from typing import Any

import numpy as np
import pytest

from minivit.audio.spectrogram import magnitude, magnitude_gradient, spectrogram_backward, spectrogram_forward
from minivit.audio.stft import stft_forward
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((2, 300))


@pytest.mark.parametrize("power", [1, 2])
def test_it_is_the_size_of_the_transform(power):
    S, _ = spectrogram_forward(Y, n_fft=32, power=power)
    np.testing.assert_allclose(S, np.abs(stft_forward(Y, n_fft=32)[0]) ** power, rtol=1e-14)
    assert spectrogram_forward(Y.astype(np.float32), n_fft=32, power=power)[0].dtype == np.float32


def test_a_tone_is_where_its_frequency_is():
    sr, n_fft, f = 8000, 256, 1250
    y = 0.5 * np.cos(2 * np.pi * f / sr * np.arange(4000))
    S, _ = spectrogram_forward(y, "hann", n_fft=n_fft, center=False)
    assert set(S.argmax(0)) == {f * n_fft // sr}
    np.testing.assert_allclose(S.max(0), (0.5 * n_fft / 4) ** 2, rtol=1e-6)  # amplitude times half the window's sum


@pytest.mark.parametrize("power", [1, 2])
def test_silence_has_gradient_zero(power):
    S, cache = spectrogram_forward(np.zeros(40), n_fft=8, power=power)
    dy = spectrogram_backward(np.ones_like(S), cache).y
    np.testing.assert_array_equal(dy, np.zeros(40))


@pytest.mark.parametrize("power", [0, 3, 1.5, np.nan])
def test_other_powers_are_refused(power):
    with pytest.raises(ValueError, match=f"spectrogram: power is {power}; expected 1 or 2"):
        spectrogram_forward(Y, power=power)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_too_soft_to_be_divided_by_has_no_slope(dtype):
    """The smallest numbers, to which a sound may have faded away: 1 over them is infinite, and no gradient is nan."""
    y = np.random.default_rng(0).standard_normal(64).astype(dtype)
    y[32:] *= 40 * np.finfo(dtype).smallest_subnormal
    S, cache = spectrogram_forward(y, "rectangular", n_fft=8, hop_length=8, center=False, power=1.0)
    dy = spectrogram_backward(np.ones_like(S), cache).y
    assert np.abs(dy[:32]).max() > 1
    assert np.abs(dy[32:]).max() < 1e-30


def test_sizes_of_what_is_no_spectrum_are_refused():
    X, real = np.ones((3, 2), complex), np.ones((3, 2))
    text: Any = "2"
    for call, message in (
        (lambda: magnitude(X, text), "magnitude: power is '2'; expected float"),
        (lambda: magnitude(X, 3), "magnitude: power is 3; expected 1 or 2"),
        (lambda: magnitude(real, 2), "magnitude: X has dtype float64"),
        (lambda: magnitude_gradient(real, X, 0.5), "magnitude_gradient: power is 0.5; expected 1 or 2"),
        (lambda: magnitude_gradient(np.ones(2), X, 2), r"magnitude_gradient: dS has shape \(2,\); expected \(3, 2\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            without_annotations(call)()
