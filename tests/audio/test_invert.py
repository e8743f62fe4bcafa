"""What waves that are found from their features promise: librosa's numbers, and errors that get small."""

import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.audio.invert import griffinlim, invert_by_gradient, mel_to_stft, spectral_convergence
from minivit.audio.mel import mel_filterbank
from minivit.audio.spectrogram import spectrogram_backward, spectrogram_forward
from minivit.audio.stft import stft_backward, stft_forward

CUT: Any = {"n_fft": 64, "hop_length": 16}


@pytest.fixture(scope="module")
def librosa():
    with np.load(Path(__file__).parents[1] / "fixtures" / "librosa_inversion.npz", allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(arrays["__meta__"].tobytes())


def chirp(length=1000, dtype: Any = np.float64):
    time = np.arange(length) / 8000
    return np.sin(2 * np.pi * (300 + 8000 * time) * time).astype(dtype)


def sizes(y, **cut):
    return np.abs(stft_forward(y, **(CUT | cut))[0])


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffinlim_finds_the_wave_that_librosa_finds(librosa, momentum):
    arrays, meta = librosa
    options = {name: meta[name] for name in ("n_fft", "hop_length", "n_iter")}
    found = griffinlim(arrays["S"], length=int(arrays["length"]), momentum=momentum, init=None, **options)
    np.testing.assert_allclose(found.y, arrays[f"wave/{momentum}"], rtol=0, atol=1e-12)


def test_convergence_is_that_of_each_step_and_the_last_one_of_the_wave_returned():
    S = sizes(chirp())
    for steps in (0, 1, 5):
        found = griffinlim(S, n_iter=steps, length=1000, **CUT)
        assert found.convergence.shape == (steps + 1,)
        error = np.linalg.norm(sizes(found.y) - S) / np.linalg.norm(S)
        assert found.convergence[-1] == pytest.approx(error, rel=1e-12)
    assert found.convergence[:2].tolist() == griffinlim(S, n_iter=1, length=1000, **CUT).convergence.tolist()


def test_without_momentum_the_error_never_grows_and_with_it_less_is_left():
    S = sizes(chirp(), n_fft=256, hop_length=64)
    plain, fast = (griffinlim(S, n_iter=60, momentum=m, n_fft=256, hop_length=64).convergence for m in (0.0, 0.99))
    assert (np.diff(plain) <= 1e-12).all()
    assert fast[-1] < 0.8 * plain[-1]


def test_a_step_is_one_of_gradient_descent():
    """Of half the squared error over all n_fft frequencies, divided by the sum of squared windows at each sample."""
    S = sizes(chirp())
    before, after = (griffinlim(S, n_iter=n, momentum=0.0, length=1000, **CUT).y for n in (0, 1))
    X, cache = stft_forward(before, **CUT)
    copies = np.full((33, 1), 2.0)  # of each frequency, among all
    copies[[0, -1]] = 1
    dy, _ = stft_backward(copies * (np.abs(X) - S) * X / np.abs(X), cache)
    squares = np.zeros(1000 + 64 + 16)
    for t in range(S.shape[1]):
        squares[16 * t : 16 * t + 64] += np.sin(np.pi * np.arange(64) / 64) ** 4
    np.testing.assert_allclose(after, before - dy / (64 * squares[32:1032]), rtol=0, atol=1e-12)


def test_random_phases_are_those_of_the_seed_and_zero_ones_are_none():
    S = sizes(chirp())
    waves = [griffinlim(S, n_iter=2, seed=seed, **CUT).y for seed in (0, 0, 1)]
    np.testing.assert_array_equal(waves[0], waves[1])
    assert np.abs(waves[0] - waves[2]).max() > 0.1
    start = griffinlim(np.ones((33, 9)), n_iter=0, init=None, **CUT).y
    np.testing.assert_array_equal(start, 0)  # a click at the beginning of every frame, where Hann's window is zero


def test_several_waves_are_found_at_once():
    S = np.stack([sizes(chirp()), sizes(chirp()[::-1])])
    both = griffinlim(S, n_iter=3, init=None, length=1000, **CUT)
    for one, wave in zip(S, both.y, strict=True):
        np.testing.assert_allclose(wave, griffinlim(one, n_iter=3, init=None, length=1000, **CUT).y, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_stays_and_silence_is_silent(dtype):
    S = sizes(chirp(dtype=dtype))
    found = griffinlim(S, n_iter=2, **CUT)
    assert found.y.dtype == dtype
    silent = griffinlim(np.zeros_like(S), n_iter=2, **CUT)
    np.testing.assert_array_equal(silent.y, 0)
    np.testing.assert_array_equal(silent.convergence, 0)


def test_an_odd_frame_and_reflected_ends_are_taken_as_they_were_made():
    y = chirp()
    options: Any = {"n_fft": 63, "hop_length": 10, "win_length": 41, "pad_mode": "reflect"}
    found = griffinlim(sizes(y, **options), window="hann", length=1000, n_iter=100, **options)
    assert found.convergence[-1] < 0.1


@pytest.mark.parametrize(
    ("S", "options", "message"),
    [
        (-np.ones((33, 4)), {}, "S has -1.0 in it; expected finite numbers from 0 on"),
        (np.full((33, 4), np.nan), {}, "S has nan in it"),
        (np.full((33, 4), np.inf), {}, "S has inf in it"),
        (np.ones((33, 1)), {}, "a single frame"),
        (np.ones((33, 0)), {}, "with N at least 1"),
        (np.ones((33, 4)), {"n_fft": 60}, r"expected \(..., 31, N\) for n_fft = 60"),
        (np.ones((33, 4)), {"length": 30}, "a wave of 30 samples has 2 frames; expected 4"),
        (np.ones((33, 4)), {"length": 10**6}, "expected at most"),
        (np.ones((33, 4)), {"hop_length": 65}, "do not overlap-add"),
        (np.ones((33, 4)), {"momentum": -0.1}, "momentum is -0.1; expected at least 0"),
        (np.ones((33, 4)), {"momentum": np.nan}, "momentum is nan"),
        (np.ones((33, 4)), {"init": "zero"}, "init is 'zero'; expected 'random' or None"),
        (np.ones((33, 4)), {"n_iter": -1}, "n_iter is -1; expected at least 0"),
        (np.ones((33, 4)), {"seed": -1}, "seed is -1; expected at least 0"),
    ],
)
def test_what_is_no_spectrogram_is_refused(S, options, message):
    with pytest.raises(ValueError, match=message):
        griffinlim(S, **(CUT | {"n_iter": 1} | options))


def test_complex_numbers_are_no_magnitudes():
    with pytest.raises(TypeError, match="S has dtype complex128"):
        griffinlim(np.ones((33, 4), complex))


def mel_error(S, M, bank):
    return np.linalg.norm(bank @ S**2 - M) / np.linalg.norm(M)


def test_mel_to_stft_is_nearer_than_librosa_and_nearly_as_near_as_can_be(librosa):
    from scipy.optimize import nnls

    arrays, meta = librosa
    M, bank = arrays["M"], mel_filterbank(sr=meta["sr"], n_fft=64, n_mels=10)
    S = mel_to_stft(M, sr=meta["sr"], n_fft=64)
    least = np.stack([nnls(bank, frame)[0] for frame in M.T], 1)  # by another method, exact
    best = mel_error(np.sqrt(least), M, bank)
    assert best < mel_error(S, M, bank) < 1.001 * best < mel_error(arrays["mel_to_stft"], M, bank)


def test_a_mel_spectrogram_of_a_sound_comes_back_as_it_was_and_its_spectrum_nearly():
    S = sizes(chirp(), n_fft=256, hop_length=64)
    bank = mel_filterbank(sr=8000, n_fft=256, n_mels=40)
    for power in (1.0, 2.0):
        found = mel_to_stft(bank @ S**power, sr=8000, n_fft=256, power=power)
        assert found.shape == S.shape
        assert (found >= 0).all()
        np.testing.assert_allclose(bank @ found**power, bank @ S**power, rtol=0, atol=2e-3 * (bank @ S**power).max())
        assert spectral_convergence(found, S) < 0.25


def test_mel_to_stft_of_several_waves_keeps_precision_and_hides_nothing_of_one_in_another():
    S = np.stack([sizes(chirp(dtype=np.float32)), 1000 * sizes(chirp(dtype=np.float32))[:, ::-1]])
    M = np.einsum("mf,bfn->bmn", mel_filterbank(sr=8000, n_fft=64, n_mels=10).astype(np.float32), S * S)
    both = mel_to_stft(M, sr=8000, n_fft=64)
    assert (both.dtype, both.shape) == (np.float32, S.shape)
    for one, alone in zip(both, M, strict=True):
        np.testing.assert_allclose(one, mel_to_stft(alone, sr=8000, n_fft=64), rtol=1e-3, atol=1e-4 * one.max())


@pytest.mark.parametrize(
    ("M", "options", "message"),
    [
        (-np.ones((10, 4)), {}, "M has -1.0 in it; expected finite numbers from 0 on"),
        (np.full((10, 4), np.nan), {}, "M has nan in it"),
        (np.ones((10, 4)), {"power": 0.0}, "power is 0.0; expected above 0"),
        (np.ones((10, 4)), {"sr": 0}, "sr is 0"),
        (np.ones((10, 4)), {"n_iter": -1}, "n_iter is -1"),
    ],
)
def test_what_is_no_mel_spectrogram_is_refused(M, options, message):
    with pytest.raises(ValueError, match=message):
        mel_to_stft(M, **({"sr": 8000, "n_fft": 64} | options))


def test_of_no_frames_there_are_no_magnitudes():
    assert mel_to_stft(np.ones((10, 0)), sr=8000, n_fft=64).shape == (33, 0)


def log_sizes(y):
    X, cache = stft_forward(y, **CUT)
    return np.log(np.abs(X) ** 2 + 1e-3), (X, cache)


def log_sizes_backward(dy, cache):
    X, c_stft = cache
    return stft_backward(2 * X * dy / (np.abs(X) ** 2 + 1e-3), c_stft)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_descent_on_a_wave_finds_features_that_griffinlim_does_not_know(dtype):
    target, _ = log_sizes(chirp(dtype=dtype))
    start = (1e-2 * np.random.default_rng(0).standard_normal(1000)).astype(dtype)
    kept = start.copy()
    found = invert_by_gradient(target, start, log_sizes, log_sizes_backward, n_iter=100, lr=3e-2)
    np.testing.assert_array_equal(start, kept)
    assert found.y.dtype == dtype
    assert found.convergence[-1] < 0.3 * found.convergence[0]
    assert found.convergence[-1] == pytest.approx(spectral_convergence(log_sizes(found.y)[0], target), rel=1e-5)


def test_a_backward_may_return_the_gradient_itself():
    target, start = np.array([3.0, -1.0]), np.zeros(2)
    found = invert_by_gradient(target, start, lambda y: (2 * y, None), lambda dy, cache: 2 * dy, lr=0.1)
    np.testing.assert_allclose(found.y, target / 2, atol=1e-2)


def test_no_step_leaves_the_wave_as_it_is():
    y = chirp()
    found = invert_by_gradient(log_sizes(y)[0], y, log_sizes, log_sizes_backward, n_iter=0)
    np.testing.assert_array_equal(found.y, y)
    assert found.convergence.tolist() == [0]


def test_features_of_another_shape_and_a_step_that_leads_nowhere_are_refused():
    with pytest.raises(ValueError, match=r"target has shape \(2,\); the features \(3,\)"):
        invert_by_gradient(np.zeros(2), np.zeros(3), lambda y: (y, None), lambda dy, cache: dy)
    with pytest.raises(ValueError, match="the error is nan after 0 steps"):
        invert_by_gradient(np.zeros(3), np.full(3, np.nan), lambda y: (y, None), lambda dy, cache: dy)
    for lr in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="lr is"):
            invert_by_gradient(np.zeros(3), np.ones(3), lambda y: (y, None), lambda dy, cache: dy, lr=lr)


@pytest.mark.parametrize("loud", [1.0, 2.0**-30, 2.0**20])
def test_descent_is_the_same_at_any_loudness_in_float32(loud):
    """The gradient of the power of a wave is as its cube: squares of that leave what float32 can say."""
    y = chirp(300, np.float32) * np.float32(loud)
    target, _ = spectrogram_forward(y, **CUT)
    power = partial(spectrogram_forward, **CUT)
    found = invert_by_gradient(target, y / 4, power, spectrogram_backward, n_iter=30, lr=0.03 * loud)
    assert found.y.dtype == np.float32
    np.testing.assert_allclose(found.convergence[[0, -1]], [0.9375, 0.28296], rtol=1e-4)


@pytest.mark.parametrize("loud", [0.0, 2.0**-100, 2.0**-80, 2.0**80, 2.0**120])
def test_a_spectrum_of_any_loudness_is_found_as_well_in_float32(loud):
    """Momentum is lost uphill, which products of two small steps tell: in float32, 1e-24 times 1e-24 is 0."""
    bank = mel_filterbank(sr=8000, n_fft=128, n_mels=10)
    M = (bank @ np.random.default_rng(0).exponential(size=(65, 5))).astype(np.float32)
    found = mel_to_stft(M * np.float32(loud), sr=8000, n_fft=128)
    expected = mel_to_stft(M, sr=8000, n_fft=128) * np.float32(loud**0.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())


def test_spectral_convergence_of_nothing():
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    assert spectral_convergence(zero, zero) == 0
    assert spectral_convergence(one, zero) == np.inf
    assert spectral_convergence(zero, one) == 1
    with pytest.raises(ValueError, match=r"found has shape \(2, 3\); expected \(3, 2\)"):
        spectral_convergence(zero, zero.T)


@pytest.mark.parametrize("loud", [1e-30, 1.0, 1e30])
def test_spectral_convergence_is_taken_in_float64(loud):
    """In float32 squares of 1e-30 are zero, those of 1e30 infinite, and of a sum of millions five digits are right."""
    found, wanted = np.random.default_rng(0).exponential(size=(2, 1500, 1000)).astype(np.float32) * np.float32(loud)
    right = np.linalg.norm(found.astype(float) - wanted) / np.linalg.norm(wanted.astype(float))
    assert spectral_convergence(found, wanted) == pytest.approx(right, rel=1e-7)
    assert spectral_convergence(found.T, wanted.T) == pytest.approx(right, rel=1e-7)


@pytest.mark.parametrize("options", [{"n_fft": 2}, {"fmax": 2.0}, {"sr": 1e300}, {"fmax": 1e300}])
def test_a_bank_that_lets_nothing_through_cannot_be_inverted(options):
    with warnings.catch_warnings(action="ignore"), pytest.raises(ValueError, match=r"mel_to_stft: no filter from fmin"):
        mel_to_stft(np.ones((8, 3), np.float32), **{"sr": 8000.0, "n_fft": 256, **options})
