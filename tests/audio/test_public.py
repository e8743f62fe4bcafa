"""What holds for all public functions of ``minivit.audio``, found by their names."""

import re
from typing import Any

import numpy as np
import pytest

from minivit import audio
from minivit.ops.registry import modules_of, public_functions
from tests.unchecked import without_annotations

OTHERS = {"add_audio_commands", "wav_header"}
"""One of the command line, and one that takes an open file."""

FUNCTIONS: dict[str, Any] = {}
for module in modules_of(audio.__name__, audio.__path__):
    FUNCTIONS |= public_functions(module)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - OTHERS))
def test_arguments_are_checked(name):
    """A wrong one is a sentence, not an error in the middle of NumPy."""
    assert hasattr(FUNCTIONS[name], "__wrapped__")
    with pytest.raises(TypeError):
        without_annotations(FUNCTIONS[name])(object(), *[object()] * 9)


LONG = 5_000 * "x"
WAVE, SIZES = np.ones(400, np.float32), np.ones((17, 9), np.float32)
NAMES = {
    "get_window": lambda: audio.get_window(LONG, 8),
    "stft": lambda: audio.stft_forward(WAVE, LONG),
    "pad_wave": lambda: audio.pad_wave_forward(WAVE, pad_length=3, pad_mode=LONG),
    "preemphasis": lambda: audio.preemphasis_forward(WAVE, pad_mode=LONG),
    "delta": lambda: audio.delta_forward(SIZES, mode=LONG),
    "dct": lambda: audio.dct_forward(SIZES, norm=LONG),
    "griffinlim": lambda: audio.griffinlim(SIZES, init=LONG),
    "mel_filterbank": lambda: audio.mel_filterbank(sr=8000.0, n_fft=64, norm=LONG),
    "triangles": lambda: audio.mel_filterbank(sr=8000.0, n_fft=64, triangles=LONG),
    "write_wav": lambda: audio.write_wav("never.wav", WAVE, 8000, subtype=LONG),
    "vowel": lambda: audio.vowel(LONG),
    "erb": lambda: audio.erb(500.0, species=LONG),
}


@pytest.mark.parametrize("call", NAMES.values(), ids=NAMES)
def test_a_long_name_is_cut(call):
    with pytest.raises(ValueError, match=re.escape("'xxx")) as caught:
        call()
    assert len(str(caught.value)) < 300
