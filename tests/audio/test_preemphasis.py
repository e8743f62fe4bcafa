import numpy as np
import pytest
from scipy.signal import freqz, lfilter

from minivit.audio.preemphasis import preemphasis_backward, preemphasis_forward

Y = np.random.default_rng(0).standard_normal((2, 50))


def test_it_is_a_filter_of_scipy():
    np.testing.assert_allclose(preemphasis_forward(Y, coef=0.9)[0], lfilter([1, -0.9], [1], Y), atol=1e-15)


def test_kaldi_repeats_the_first_sample():
    constant, _ = preemphasis_forward(Y)
    edge, _ = preemphasis_forward(Y, pad_mode="edge")
    np.testing.assert_array_equal(edge[:, 1:], constant[:, 1:])
    np.testing.assert_allclose(edge[:, 0], Y[:, 0] * 0.03, rtol=1e-12)
    np.testing.assert_array_equal(constant[:, 0], Y[:, 0])
    ones, _ = preemphasis_forward(np.ones(9), pad_mode="edge")
    np.testing.assert_allclose(ones, 0.03)


def test_high_frequencies_are_raised():
    wave = np.zeros(4096)
    wave[0] = 1
    _, expected = freqz([1, -0.97], worN=2049, include_nyquist=True)
    spectrum = np.fft.rfft(preemphasis_forward(wave)[0])
    np.testing.assert_allclose(np.abs(spectrum), np.abs(expected), atol=1e-12)
    assert np.abs(spectrum[0]) == pytest.approx(0.03)
    assert np.abs(spectrum[-1]) == pytest.approx(1.97)


@pytest.mark.parametrize("pad_mode", ["constant", "edge"])
@pytest.mark.parametrize("samples", [0, 1, 2])
def test_short_waves(samples, pad_mode):
    y, cache = preemphasis_forward(np.ones((3, samples), np.float32), pad_mode=pad_mode)
    assert y.shape == preemphasis_backward(y, cache).y.shape == (3, samples)
    if samples:
        assert y[0, 0] == (1 if pad_mode == "constant" else np.float32(1) - np.float32(0.97))


def test_options():
    with pytest.raises(ValueError, match=r"preemphasis: coef is 1.5; expected at least 0 and at most 1"):
        preemphasis_forward(Y, coef=1.5)
    with pytest.raises(ValueError, match="preemphasis: pad_mode is 'reflect'; expected 'constant' or 'edge'"):
        preemphasis_forward(Y, pad_mode="reflect")
    _, cache = preemphasis_forward(Y)
    with pytest.raises(ValueError, match=r"preemphasis_backward: dy has shape \(2, 49\); expected \(2, 50\)"):
        preemphasis_backward(Y[:, 1:], cache)
