"""Mel spectrograms and cepstra against librosa, and against torchaudio with their gradients."""

import numpy as np
import pytest

from minivit.audio import (
    delta_backward,
    delta_forward,
    mel_filterbank,
    melspectrogram_backward,
    melspectrogram_forward,
    mfcc_backward,
    mfcc_forward,
    power_to_db_backward,
    power_to_db_forward,
    preemphasis_backward,
    preemphasis_forward,
)
from tests.test_parity import Case, assert_gradient, assert_output

LIBROSA, TORCHAUDIO = Case("librosa_features"), Case("torchaudio_mel")
Y, OPTIONS = LIBROSA["in/y"], LIBROSA.meta["options"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("melspectrogram", {}),
        ("amplitude", {"power": 1.0, "center": False}),
        ("reflected", {"pad_mode": "reflect", "win_length": 200, "window": "hamming"}),
    ],
)
def test_mel_spectrograms_of_librosa(name, options):
    S, _ = melspectrogram_forward(Y, **OPTIONS, **options)
    np.testing.assert_allclose(S, LIBROSA[f"out/{name}"], rtol=0, atol=1e-10 * S.max())


def test_cepstra_of_librosa():
    c, _ = mfcc_forward(Y, n_mfcc=7, **OPTIONS)
    np.testing.assert_allclose(c, LIBROSA["out/mfcc"], rtol=0, atol=1e-9)
    c, _ = mfcc_forward(Y, n_mfcc=7, htk=True, mel_norm=None, norm=None, **OPTIONS)
    np.testing.assert_allclose(c, LIBROSA["out/mfcc_htk"], rtol=0, atol=1e-9)


def test_the_features_of_torchaudio_and_their_gradients():
    case, y = TORCHAUDIO, TORCHAUDIO["in/y"]
    options = {**case.meta["options"], "pad_mode": "reflect"}
    S, c_S = melspectrogram_forward(y, **options, htk=True, norm=None)
    slaney, c_slaney = melspectrogram_forward(y, **options)
    mfcc, c_mfcc = mfcc_forward(y, **options, htk=True, mel_norm=None, n_mfcc=6)
    db, c_db = power_to_db_forward(S, top_db=20.0)
    deltas, c_deltas = delta_forward(S, width=5, mode="nearest")
    raised, c_raised = preemphasis_forward(y, coef=0.9)
    ours = {"mel": S, "slaney": slaney, "mfcc": mfcc, "db": db, "deltas": deltas, "preemphasis": raised}
    assert ours.keys() == case.part("out").keys()
    for name, out in ours.items():
        assert_output(out, case[f"out/{name}"])

    dS = case["cot/mel"] + power_to_db_backward(case["cot/db"], c_db).S
    dS += delta_backward(case["cot/deltas"], c_deltas).data
    dy = melspectrogram_backward(dS, c_S).y + melspectrogram_backward(case["cot/slaney"], c_slaney).y
    dy += mfcc_backward(case["cot/mfcc"], c_mfcc).y + preemphasis_backward(case["cot/preemphasis"], c_raised).y
    assert_gradient(dy, case["gin/y"])


def test_the_decibels_of_torchaudio_are_cut_off_somewhere():
    db = TORCHAUDIO["out/db"]
    assert 0.05 < (db == db.min((1, 2), keepdims=True)).mean() < 0.8


def test_the_definition_in_loops():
    options = {"sr": 8000.0, "n_fft": 64, "hop_length": 40, "n_mels": 5, "center": False}
    W, w = mel_filterbank(sr=8000.0, n_fft=64, n_mels=5), 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    S, _ = melspectrogram_forward(Y[:300], **options)
    for t in range(S.shape[1]):
        X = [sum(Y[t * 40 + n] * w[n] * np.exp(-2j * np.pi * k * n / 64) for n in range(64)) for k in range(33)]
        for m in range(5):
            assert S[m, t] == pytest.approx(sum(W[m, k] * abs(X[k]) ** 2 for k in range(33)), rel=1e-9)


def test_leading_axes_and_one_wave():
    many = np.stack((Y, -Y, 2 * Y, Y[::-1])).reshape(2, 2, -1)
    for forward in (melspectrogram_forward, mfcc_forward):
        whole, _ = forward(many, **OPTIONS)
        for i, j in np.ndindex(2, 2):
            np.testing.assert_allclose(whole[i, j], forward(many[i, j], **OPTIONS)[0], rtol=1e-9, atol=1e-9)


def test_silence_and_nan():
    S, cache = melspectrogram_forward(np.zeros((2, 1000), np.float32), **OPTIONS)
    np.testing.assert_array_equal(S, 0)
    np.testing.assert_array_equal(melspectrogram_backward(np.ones_like(S), cache).y, 0)
    c, cache = mfcc_forward(np.zeros(1000), n_mfcc=3, **OPTIONS)
    np.testing.assert_allclose(c, [[-100 * np.sqrt(20)] * c.shape[1], *np.zeros((2, c.shape[1]))], atol=1e-10)
    np.testing.assert_array_equal(mfcc_backward(np.ones_like(c), cache).y, 0)
    hole = Y.copy()
    hole[1000] = np.nan
    S, _ = melspectrogram_forward(hole, **OPTIONS)
    assert np.isnan(S).any(0).sum() == 4  # the frames in which it is
    assert np.isfinite(S[:, :12]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sr": 0.0}, "melspectrogram: sr is 0.0; expected above 0"),
        ({"power": 3.0}, "melspectrogram: power is 3.0; expected 1 or 2"),
        ({"fmin": 5000.0}, "melspectrogram: fmax is 4000.0; expected more than fmin, which is 5000.0"),
        ({"norm": "area"}, "melspectrogram: norm is 'area'; expected 'slaney' or None"),
        ({"win_length": 300}, "stft: win_length is 300; expected at most n_fft, 256"),
        ({"n_mels": 10**8}, "melspectrogram: n_mels is 100000000 and n_fft 256; expected a matrix of at most"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        melspectrogram_forward(Y, **{**OPTIONS, **options})
    with pytest.raises(ValueError, match="dct: n is 21; expected at most 20"):
        mfcc_forward(Y, n_mfcc=21, **OPTIONS)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'lifter'"):
        mfcc_forward(Y, lifter=2, **OPTIONS)
