"""Kaldi's features against torchaudio's, with their gradient, and against those that transformers feed to an AST."""

import numpy as np
import pytest

from minivit.audio.kaldi import EPSILON, kaldi_fbank_backward, kaldi_fbank_forward
from tests.test_parity import Case, assert_gradient, assert_output

TORCHAUDIO, TRANSFORMERS = Case("torchaudio_kaldi"), Case("hf_ast_features")
Y = TORCHAUDIO["in/y"]
SAME = {"sr": 8000.0, "n_mels": 12}
OURS = {
    "default": {},
    "ast": {"window": "hann"},
    "whole": {"snip_edges": False, "window": "hamming"},
    "plain": {"coef": 0.0, "remove_dc_offset": False, "power": 1.0, "fmax": 3500.0},
    "long": {"win_length": 160, "hop_length": 240, "n_fft": 160, "snip_edges": False},
}


def test_features_and_gradient_of_torchaudio():
    dy = np.zeros_like(Y)
    for name, options in OURS.items():
        z, cache = kaldi_fbank_forward(Y, **SAME, **options)
        assert_output(z, TORCHAUDIO[f"out/{name}"])
        dy += kaldi_fbank_backward(TORCHAUDIO[f"cot/{name}"], cache).y
    assert OURS.keys() == TORCHAUDIO.part("out").keys()
    assert_gradient(dy, TORCHAUDIO["gin/y"])


@pytest.mark.filterwarnings("ignore:mel_filterbank. empty filters, 1 of 128")
def test_what_transformers_feed_to_an_ast():
    """Their code keeps spectra in complex64."""
    z, _ = kaldi_fbank_forward(TRANSFORMERS["in/y"].astype(float), n_mels=128, window="hann")
    theirs = TRANSFORMERS["out/features"]
    np.testing.assert_allclose(z, theirs, rtol=0, atol=1e-3)
    np.testing.assert_allclose(z[40:], theirs[40:], rtol=0, atol=1e-4)
    for empty in (z[3], theirs[3]):
        np.testing.assert_allclose(empty, np.log(EPSILON), rtol=1e-6)


def plain_fbank(y, sr, n_mels, W, h, w, c):
    """As the definition says it, frame by frame, band by band."""
    mel = lambda f: 1127 * np.log(1 + f / 700)  # noqa: E731 (Kaldi's constant)
    edges, n = np.linspace(mel(20), mel(sr / 2), n_mels + 2), 2 ** int(np.ceil(np.log2(W)))
    frames = []
    for start in range(0, len(y) - W + 1, h):
        frame = y[start : start + W] - y[start : start + W].mean()
        frame = frame - c * np.array([frame[0], *frame[:-1]])
        S = np.abs(np.fft.fft(frame * w, n)) ** 2
        bands = np.zeros(n_mels)
        for m in range(n_mels):
            left, middle, right = edges[m : m + 3]
            for k in range(n // 2):
                place = mel(k * sr / n)
                up, down = (place - left) / (middle - left), (right - place) / (right - middle)
                bands[m] += max(0, min(up, down)) * S[k]
        frames.append(np.log(np.maximum(bands, 2.0**-23)))
    return np.array(frames).T


def test_the_definition_in_loops():
    w = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 199)) ** 0.85
    expected = plain_fbank(Y, 8000, 12, 200, 80, w, 0.97)
    np.testing.assert_allclose(kaldi_fbank_forward(Y, **SAME)[0], expected, rtol=0, atol=1e-10)


def test_frames_of_25_milliseconds_every_10():
    for sr in (8000, 16000.0, 11025, 44100):
        z, cache = kaldi_fbank_forward(np.ones(int(sr)), sr=sr, n_mels=12)
        assert cache.frame[1:] == (int(sr * 0.025), int(sr * 0.01))
        assert z.shape == (12, 1 + (int(sr) - cache.frame[1]) // cache.frame[2])
        assert cache.rfft.n in (256, 512, 2048)


def test_all_frames_there_are_or_a_frame_for_each_hop():
    for samples in range(200, 420, 7):
        y = Y[:samples]
        assert kaldi_fbank_forward(y, **SAME)[0].shape[1] == 1 + (samples - 200) // 80
        assert kaldi_fbank_forward(y, **SAME, snip_edges=False)[0].shape[1] == (samples + 40) // 80


def test_silence_is_at_the_floor_and_has_no_gradient():
    for power in (1.0, 2.0):
        z, cache = kaldi_fbank_forward(np.full((2, 400), 0.25, np.float32), **SAME, power=power)
        np.testing.assert_allclose(z, np.log(EPSILON), rtol=1e-6)  # a constant has a mean, and nothing else
        np.testing.assert_array_equal(kaldi_fbank_backward(np.ones_like(z), cache).y, 0)


def test_samples_as_integers():
    """Kaldi reads the 16 bits of a file as they are."""
    ours, theirs = (
        kaldi_fbank_forward(Y, **SAME, floor=1e-30)[0],
        kaldi_fbank_forward(Y * 2**15, **SAME, floor=1e-30)[0],
    )
    loud = ours > np.log(1e-20)
    np.testing.assert_allclose((theirs - ours)[loud], 30 * np.log(2), atol=1e-9)


@pytest.mark.parametrize("snip_edges", [True, False])
def test_a_wave_shorter_than_a_frame(snip_edges):
    with pytest.raises(
        ValueError, match=r"^kaldi_fbank: y has shape \(3, 199\); expected at least 200 samples, a frame"
    ):
        kaldi_fbank_forward(np.zeros((3, 199)), **SAME, snip_edges=snip_edges)
    with pytest.raises(ValueError, match=r"^kaldi_fbank: y has shape \(0,\); expected at least 200 samples"):
        kaldi_fbank_forward(np.zeros(0), **SAME, snip_edges=snip_edges)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sr": 0.0}, "sr is 0.0; expected above 0"),
        ({"sr": 50.0}, "win_length is 1, 25 ms at 50.0 Hz; expected at least 2"),
        ({"hop_length": 0}, "hop_length is 0; expected at least 1"),
        ({"win_length": 1}, "win_length is 1; expected at least 2"),
        ({"n_fft": 199}, "n_fft is 199; expected at least 200, the samples of a frame"),
        ({"power": 3.0}, "power is 3.0; expected 1.0 or 2.0"),
        ({"floor": 0.0}, "floor is 0.0; expected above 0"),
        ({"fmin": 4000.0}, "fmax is 4000.0; expected more than fmin"),
        ({"hop_length": 2000, "snip_edges": False}, r"y has shape \(900,\); expected at least 1000 samples"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=f"^kaldi_fbank: {words}"):
        kaldi_fbank_forward(Y, **{**SAME, **options})
