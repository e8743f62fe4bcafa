"""The mel scales against their definition, and filters against librosa's: tests/fixtures/librosa_mel.npz."""

import numpy as np
import pytest

from minivit.audio.mel import (
    empty_filters,
    hz_to_mel,
    mel_filterbank,
    mel_frequencies,
    mel_to_hz,
    triangular_filters,
)
from tests.test_parity import Case

LIBROSA = Case("librosa_mel")


@pytest.mark.parametrize("htk", [False, True])
def test_scales_of_librosa_and_back(htk):
    hertz = LIBROSA["in/hertz"]
    mels = hz_to_mel(hertz, htk=htk)
    np.testing.assert_allclose(mels, LIBROSA[f"out/mel/{htk}"], rtol=1e-15, atol=0)
    np.testing.assert_allclose(mel_to_hz(mels, htk=htk), hertz, rtol=1e-12, atol=1e-12)


def test_a_thousand_hertz():
    assert hz_to_mel(1000) == pytest.approx(15, rel=1e-14)
    assert hz_to_mel(1000, htk=True) == pytest.approx(1000, rel=2e-5)
    assert hz_to_mel(6400.0) == pytest.approx(42, rel=1e-14)  # 27 steps for a factor of 6.4
    assert isinstance(hz_to_mel(500), float)


@pytest.mark.parametrize("function", [hz_to_mel, mel_to_hz])
@pytest.mark.parametrize("htk", [False, True])
def test_float32_stays_and_integers_are_numbers(function, htk):
    x = np.array([[3, 30, 60]])
    y = function(x, htk=htk)
    assert (y.dtype, y.shape) == (np.float64, (1, 3))
    assert function(x.astype(np.float32), htk=htk).dtype == np.float32
    np.testing.assert_allclose(function(x.astype(np.float32), htk=htk), y, rtol=1e-5)
    assert function(np.int64(30), htk=htk) == y[0, 1]


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-1.0, ValueError, "frequencies have -1.0 among them; expected at least 0"),
        (np.array([1.0, np.nan]), ValueError, "frequencies have nan among them; expected at least 0"),
        (np.ones(2, np.float16), TypeError, "frequencies has dtype float16; expected float32, float64 or integers"),
        (np.array([True]), TypeError, "frequencies has dtype bool"),
        ("440", TypeError, "frequencies is '440'; expected float or ndarray"),
    ],
)
def test_what_is_no_frequency(value, error, words):
    with pytest.raises(error, match=f"^hz_to_mel: {words}"):
        hz_to_mel(value)


def test_frequencies_are_equally_far_apart_in_mel():
    hertz = mel_frequencies(7, fmin=100.0, fmax=4000.0)
    np.testing.assert_allclose(hertz[[0, -1]], [100, 4000])
    np.testing.assert_allclose(np.diff(hz_to_mel(hertz), 2), 0, atol=1e-12)
    assert len(mel_frequencies()) == 128
    assert mel_frequencies(1, fmin=100.0, fmax=200.0).tolist() == [pytest.approx(100)]
    with pytest.raises(ValueError, match="mel_frequencies: n_mels is 1000000000; expected at most"):
        mel_frequencies(10**9)


@pytest.mark.parametrize("name", LIBROSA.meta["options"])
def test_filters_of_librosa(name):
    ours, theirs = mel_filterbank(**LIBROSA.meta["options"][name]), LIBROSA[f"out/{name}"]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * theirs.max())


def test_the_filters_are_the_definition_written_in_loops():
    options = {"sr": 8000.0, "n_fft": 128, "n_mels": 6, "fmin": 100.0, "fmax": 3000.0}
    edges = mel_frequencies(8, fmin=100.0, fmax=3000.0)
    W = np.zeros((6, 65))
    for m in range(6):
        left, middle, right = edges[m : m + 3]
        for k in range(65):
            f = k * 8000 / 128
            if left < f <= middle:
                W[m, k] = (f - left) / (middle - left)
            elif middle < f < right:
                W[m, k] = (right - f) / (right - middle)
    np.testing.assert_allclose(mel_filterbank(**options, norm=None), W, atol=1e-14)
    areas = 2 / (edges[2:] - edges[:-2])
    np.testing.assert_allclose(mel_filterbank(**options), W * areas[:, None], atol=1e-14)


def test_a_noise_that_is_equally_strong_everywhere_is_so_in_all_bands():
    W = mel_filterbank(sr=16000, n_fft=16000, n_mels=40)
    np.testing.assert_allclose(W.sum(1), 1, rtol=1e-3)  # one frequency in every hertz
    np.testing.assert_allclose(mel_filterbank(sr=16000, n_fft=16000, n_mels=40, norm=None).max(1), 1, atol=0.03)


def test_triangles_add_up_to_one():
    places = np.linspace(3, 11, 50)
    W = triangular_filters(np.array([1.0, 3, 4, 8, 11, 12]), places)
    np.testing.assert_allclose(W.sum(0), 1)
    assert W[1, 0] == 0
    with pytest.raises(ValueError, match="edges do not ascend; expected at least three"):
        triangular_filters(np.array([1.0, 2]), places)
    with pytest.raises(ValueError, match="edges do not ascend"):
        triangular_filters(np.array([1.0, 2, 2, 3]), places)


def test_straight_in_mel_is_not_straight_in_hertz():
    options = {"sr": 8000, "n_fft": 256, "n_mels": 10, "fmin": 20.0, "htk": True, "norm": None}
    hertz, mel = mel_filterbank(**options), mel_filterbank(**options, triangles="mel")
    assert 0.005 < np.abs(hertz - mel).max() < 0.1
    assert np.array_equal(hertz > 0, mel > 0)


def test_empty_filters_are_named():
    with pytest.warns(UserWarning, match=r"mel_filterbank: empty filters, 3 of 80 \(no. 0, 13, 26\): no"):
        W = mel_filterbank(sr=8000, n_fft=128, n_mels=80)
    assert empty_filters(W).tolist() == [0, 13, 26] == np.flatnonzero(W.sum(1) == 0).tolist()
    with pytest.warns(UserWarning, match=r"3 of 20 .*\(one every 31.25 Hz, up to 4000 Hz\)"):
        W = mel_filterbank(sr=8000, n_fft=256, n_mels=20, fmax=8000.0)
    assert empty_filters(W).tolist() == [17, 18, 19]
    with pytest.warns(UserWarning, match=r"empty filters, \d+ of 100 \(no. \d+, .* and \d+ more\)"):
        mel_filterbank(sr=8000, n_fft=16, n_mels=100)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sr": 0}, "sr is 0; expected above 0 and finite"),
        ({"sr": np.nan}, "sr is nan; expected above 0 and finite"),
        ({"n_fft": 0}, "n_fft is 0; expected at least 1"),
        ({"n_mels": 0}, "n_mels is 0; expected at least 1"),
        ({"n_mels": 10**7}, "n_mels is 10000000 and n_fft 256; expected a matrix of at most"),
        ({"fmin": -1.0}, "fmin is -1.0; expected at least 0"),
        ({"fmin": 4000.0}, "fmax is 4000.0; expected more than fmin, which is 4000.0"),
        ({"fmax": np.inf}, "fmax is inf; expected finite"),
        ({"fmax": np.nan}, "fmax is nan; expected finite"),
        ({"norm": "area"}, "norm is 'area'; expected 'slaney' or None"),
        ({"triangles": "bark"}, "triangles is 'bark'; expected 'hertz' or 'mel'"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=f"^mel_filterbank: {words}"):
        mel_filterbank(**{"sr": 8000, "n_fft": 256, **options})
