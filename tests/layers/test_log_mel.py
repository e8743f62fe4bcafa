import numpy as np
import pytest

from minivit.audio import kaldi_fbank_forward, log_mel_forward
from minivit.check import check_layer
from minivit.layers import LogMel
from tests.unchecked import without_annotations

Y = np.random.default_rng(0).standard_normal((2, 500))
LIBROSA = {"sr": 8000.0, "n_fft": 128, "hop_length": 50, "n_mels": 9}
KALDI = {"sr": 8000.0, "n_mels": 9, "kaldi": True}


@pytest.mark.parametrize("options", [LIBROSA, KALDI, {**LIBROSA, "window": np.hamming(128), "floor": 1e-3}])
def test_gradients_reach_the_wave(options):
    check_layer(LogMel(**options).init(), Y)


def test_it_is_the_op():
    z, _ = LogMel(**LIBROSA).forward(Y)
    assert z.shape == (2, 9, 11)
    np.testing.assert_array_equal(z, log_mel_forward(Y, **LIBROSA)[0])
    z, _ = LogMel(**KALDI, window="hann").forward(Y)
    assert z.shape == (2, 9, 4)
    np.testing.assert_array_equal(z, kaldi_fbank_forward(Y, sr=8000.0, n_mels=9, window="hann")[0])


@pytest.mark.parametrize("options", [LIBROSA, KALDI])
def test_float32_stays(options):
    layer = LogMel(**options)
    z, cache = layer.forward(Y.astype(np.float32))
    assert z.dtype == layer.backward(z, cache).dtype == np.float32
    np.testing.assert_allclose(z, layer.forward(Y)[0], atol=1e-3)


def test_nothing_is_learned_and_it_may_be_used_twice():
    layer = LogMel(**LIBROSA).init()
    assert layer.num_params == 0
    np.testing.assert_array_equal(layer.replica().forward(Y)[0], layer.forward(Y)[0])
    (one, c_one), (two, c_two) = layer.forward(Y), layer.forward(2 * Y)
    np.testing.assert_allclose(two - one, 2 * np.log(2))
    np.testing.assert_allclose(layer.backward(one, c_one), 2 * layer.backward(one, c_two))


def test_options():
    with pytest.raises(
        TypeError, match=r"LogMel: there is no option 'hop'; expected some of center, floor, fmax, fmin,"
    ):
        LogMel(sr=8000.0, hop=3)
    with pytest.raises(TypeError, match=r"LogMel: there is no option 'center'; expected some of coef,"):
        LogMel(sr=8000.0, kaldi=True, center=False)
    with pytest.raises(ValueError, match="melspectrogram: n_mels is 0; expected at least 1"):
        LogMel(**{**LIBROSA, "n_mels": 0}).forward(Y)
    with pytest.raises(TypeError, match="LogMel: kaldi is 'no'; expected bool"):
        without_annotations(LogMel)(sr=8000.0, kaldi="no")
