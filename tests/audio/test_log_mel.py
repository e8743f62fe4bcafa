"""Log-mel features in one piece and block by block, librosa's and Kaldi's."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.audio import (
    kaldi_fbank_blocks,
    kaldi_fbank_forward,
    log_mel_backward,
    log_mel_blocks,
    log_mel_forward,
    melspectrogram_forward,
)
from tests.test_parity import Case

LIBROSA = Case("librosa_features")
Y, OPTIONS = LIBROSA["in/y"], LIBROSA.meta["options"]
KALDI = {"sr": 8000.0, "n_mels": 12}


def test_the_logarithm_of_librosas_mel_spectrogram():
    z, _ = log_mel_forward(Y, **OPTIONS)
    np.testing.assert_allclose(z, np.log(np.maximum(LIBROSA["out/melspectrogram"], 1e-10)), rtol=0, atol=1e-9)
    louder, _ = log_mel_forward(Y, **OPTIONS, floor=0.1)
    assert louder.min() == pytest.approx(np.log(0.1))


def test_silence_has_no_gradient():
    z, cache = log_mel_forward(np.zeros((2, 600), np.float32), **OPTIONS)
    np.testing.assert_allclose(z, np.log(1e-10), rtol=1e-6)
    np.testing.assert_array_equal(log_mel_backward(np.ones_like(z), cache).y, 0)


def test_the_gradient_leads_uphill():
    """A step along it changes a sum of features by what it promises, in float32 too."""
    y = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    z, cache = log_mel_forward(y, **OPTIONS)
    dy = log_mel_backward(np.ones_like(z), cache).y
    step = 1e-3 / np.linalg.norm(dy)
    change = log_mel_forward(y + step * dy, **OPTIONS)[0].sum() - z.sum()
    assert change == pytest.approx(step * np.sum(dy * dy), rel=0.1)


def cut(y, rng):
    """Blocks of any lengths, empty ones too."""
    return np.split(y, np.sort(rng.integers(0, y.shape[-1] + 1, rng.integers(8))), axis=-1)


@given(seed=st.integers(0, 2**32 - 1), center=st.booleans(), pad_mode=st.sampled_from(["constant", "reflect"]))
def test_blocks_of_any_length_give_the_same_numbers(seed, center, pad_mode):
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((2, rng.integers(300, 1500)))
    options = {**OPTIONS, "hop_length": int(rng.integers(1, 300)), "center": center, "pad_mode": pad_mode}
    whole, _ = log_mel_forward(y, **options)
    parts = np.concatenate([*log_mel_blocks(cut(y, rng), **options)], axis=-1)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)

    options = {**KALDI, "win_length": int(rng.integers(64, 300)), "hop_length": int(rng.integers(10, 300))}
    whole, _ = kaldi_fbank_forward(y, **options, n_fft=512)
    parts = np.concatenate([*kaldi_fbank_blocks(cut(y, rng), **options, n_fft=512)], axis=-1)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("stream", "options"), [(log_mel_blocks, OPTIONS), (kaldi_fbank_blocks, KALDI)], ids=["librosa", "kaldi"]
)
def test_an_hour_takes_no_more_memory_than_a_minute(stream, options):
    def peak(count):
        tracemalloc.start()
        for _ in stream((np.zeros(4000, np.float32) for _ in range(count)), **options):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(3)  # what is made once
    assert peak(20) < 1.1 * peak(8)


def test_memory_grows_in_proportion_to_the_wave():
    def peak(count):
        y = np.zeros(4000 * count, np.float32)
        tracemalloc.start()
        _ = log_mel_forward(y, **OPTIONS)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(3)
    assert 3 < peak(80) / peak(20) < 4.5


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"^log_mel_blocks: blocks have 0 samples together; expected at least 1"):
        list(log_mel_blocks([], **OPTIONS))
    with pytest.raises(
        ValueError, match=r"^kaldi_fbank_blocks: blocks have 20 samples together; expected at least 200"
    ):
        list(kaldi_fbank_blocks([np.zeros(20)], **KALDI))
    with pytest.raises(TypeError, match=r"^log_mel_blocks: a block is an array of int64"):
        list(log_mel_blocks([np.zeros(20, int)], **OPTIONS))
    with pytest.raises(TypeError, match="snip_edges"):
        list(kaldi_fbank_blocks([np.zeros(300)], **KALDI, snip_edges=False))
    with pytest.raises(TypeError, match="unexpected keyword argument 'hop'"):
        melspectrogram_forward(Y, hop=3)
