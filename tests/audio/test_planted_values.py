"""Wrong numbers, as people compute them: each is planted into the code, and the numbers of librosa or torchaudio tell.

Wrong gradients are in :mod:`tests.check.planted_mel_bugs`.
"""

from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from minivit.audio import dct, decibels, delta, kaldi, mel, melspectrogram, preemphasis, spectrogram
from tests.audio.test_kaldi import OURS
from tests.test_parity import Case

LIBROSA, BANKS = Case("librosa_features"), Case("librosa_mel")
TORCHAUDIO, KALDI = Case("torchaudio_mel"), Case("torchaudio_kaldi")
S, MFCC = LIBROSA["out/melspectrogram"], LIBROSA["out/mfcc"]


def close(ours, theirs):
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())


def right_mel(code):
    hertz, banks = BANKS["in/hertz"], BANKS.meta["options"]
    scales = [close(code.hz_to_mel(hertz, htk=htk), BANKS[f"out/mel/{htk}"]) for htk in (False, True)]
    return all(scales) and all(close(code.mel_filterbank(**banks[name]), BANKS[f"out/{name}"]) for name in banks)


def right_decibels(code):
    options = {"db": {}, "db_range": {"ref": S.max(), "top_db": 30.0}}
    options |= {"db_whole": {"ref": 0.5, "amin": 1e-6, "top_db": None}}
    of_librosa = [close(code.power_to_db_forward(S, **options[name])[0], LIBROSA[f"out/{name}"]) for name in options]
    both, _ = code.power_to_db_forward(TORCHAUDIO["out/mel"], top_db=20.0)
    floors = close(code.log_floor_forward(S, floor=0.01)[0], np.log(np.maximum(S, 0.01)))
    return all(of_librosa) and close(both, TORCHAUDIO["out/db"]) and floors


def right_delta(code):
    nearest, _ = code.delta_forward(MFCC, width=5, mode="nearest")
    return close(code.delta_forward(MFCC)[0], LIBROSA["out/delta"]) and close(nearest, LIBROSA["out/delta_nearest"])


def right_dct(code):
    level = LIBROSA["out/db"]
    return close(code.dct_forward(level, n=7)[0], MFCC)


def right_preemphasis(code):
    return close(code.preemphasis_forward(TORCHAUDIO["in/y"], coef=0.9)[0], TORCHAUDIO["out/preemphasis"])


def right_spectrogram(code):
    """By what the filters of librosa make of it."""
    frames = {name: LIBROSA.meta["options"][name] for name in ("n_fft", "hop_length")}
    W = mel.mel_filterbank(**{name: LIBROSA.meta["options"][name] for name in ("sr", "n_fft", "n_mels")})
    amplitude, _ = code.spectrogram_forward(LIBROSA["in/y"], **frames, power=1.0, center=False)
    power, _ = code.spectrogram_forward(LIBROSA["in/y"], **frames)
    return close(W @ amplitude, LIBROSA["out/amplitude"]) and close(W @ power, S)


def right_melspectrogram(code):
    options = {**LIBROSA.meta["options"], "win_length": 200, "window": "hamming", "pad_mode": "reflect"}
    plain, _ = code.melspectrogram_forward(LIBROSA["in/y"], **LIBROSA.meta["options"])
    torch = {**TORCHAUDIO.meta["options"], "pad_mode": "reflect", "htk": True, "norm": None}
    others = code.melspectrogram_forward(LIBROSA["in/y"], **options)[0], LIBROSA["out/reflected"]
    return (
        close(plain, S)
        and close(*others)
        and close(code.melspectrogram_forward(TORCHAUDIO["in/y"], **torch)[0], TORCHAUDIO["out/mel"])
    )


def right_kaldi(code):
    same = {"sr": 8000.0, "n_mels": 12}
    return all(
        close(code.kaldi_fbank_forward(KALDI["in/y"], **same, **options)[0], KALDI[f"out/{name}"])
        for name, options in OURS.items()
    )


# module, whether its numbers are right, what stands there, what is planted
PLANTED = [
    (mel, right_mel, "* (sr / n_fft)", "* (sr / 2 / (n_fft // 2))"),  # of odd lengths
    (mel, right_mel, "np.arange(1 + n_fft // 2)", "(1 + np.arange(1 + n_fft // 2))"),  # bin off by one
    (mel, right_mel, "2 / (edges[2:] - edges[:-2])", "1 / (edges[2:] - edges[:-2])"),
    (mel, right_mel, "2 / (edges[2:] - edges[:-2])", "2 / (edges[2:] - edges[1:-1])"),
    (mel, right_mel, "(right - places) / (right - middle)", "(right - places) / (middle - left)"),
    (mel, right_mel, "np.maximum(0, np.minimum(", "np.abs(np.minimum("),
    (mel, right_mel, "edges[:-2, None], edges[1:-1, None], edges[2:, None]",
        "edges[:-2, None], (edges[:-2, None] + edges[2:, None]) / 2, edges[2:, None]"),
    (mel, right_mel, "mel_frequencies(n_mels + 2, fmin=fmin", "mel_frequencies(n_mels + 2, fmin=0.0"),
    (mel, right_mel, "HTK_HZ = 700.0", "HTK_HZ = 1000.0"),
    (mel, right_mel, "HTK_MELS = 2595.0", "HTK_MELS = 1127.0"),
    (mel, right_mel, "log(6.4) / 27", "log(6.4) / 26"),
    (mel, right_mel, "np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ)", "np.log10(np.maximum(f, BREAK_HZ) / BREAK_HZ)"),
    (decibels, right_decibels, "level = 10 * np.log10", "level = 20 * np.log10"),
    (decibels, right_decibels, "np.log10(np.where(low, amin, S))", "np.log10(S + amin)"),
    (decibels, right_decibels, "- 10 * log10(max(ref, amin))", ""),
    (decibels, right_decibels, "peak = level.max((-2, -1), keepdims=True)", "peak = level.max()"),
    (decibels, right_decibels, "peak = level.max((-2, -1), keepdims=True)", "peak = level.max(-1, keepdims=True)"),
    (decibels, right_decibels, "peak - top_db, level)", "peak, level)"),
    (decibels, right_decibels, "np.log(np.where(low, floor, x))", "np.log(x + floor)"),
    (decibels, right_decibels, "np.log(np.where(low, floor, x))", "np.log(np.maximum(x, 1e-300)) + floor"),
    (decibels, right_decibels, "np.log(np.where(low, floor, x))", "np.log10(np.where(low, floor, x))"),
    (delta, right_delta, "x[..., h + n : h + n + frames] -", "-x[..., h + n : h + n + frames] +"),
    (delta, right_delta, "return 2 * sum(", "return sum("),
    (delta, right_delta, "total += n * (", "total += ("),
    (delta, right_delta, "range(1, h + 1):\n        total", "range(1, h):\n        total"),
    (delta, right_delta, 'if mode == "interp" else _slopes(', 'if mode != "interp" else _slopes('),
    (dct, right_dct, "np.arange(F) + 0.5", "np.arange(F)"),
    (dct, right_dct, "D[0] /= sqrt(2)", "D[0] /= 1"),
    (dct, right_dct, "D = 2 * np.cos", "D = 2 * np.sin"),
    (preemphasis, right_preemphasis, "z[..., 1:] -= coef", "z[..., 1:] += coef"),
    (preemphasis, right_preemphasis, "z[..., 1:] -= coef * y[..., :-1]", "z[..., :-1] -= coef * y[..., 1:]"),
    (spectrogram, right_spectrogram, "if power == 2:\n        S *= S", "if power == 1:\n        S *= S"),
    (spectrogram, right_spectrogram, "S = np.abs(X)", "S = X.real"),
    (melspectrogram, right_melspectrogram, "pad_mode=pad_mode, power=power", "pad_mode='constant', power=power"),
    (melspectrogram, right_melspectrogram, "spectrogram_forward(y, window,", "spectrogram_forward(y, 'hann',"),
    (melspectrogram, right_melspectrogram, '"htk": htk', '"htk": False'),
    (melspectrogram, right_melspectrogram, "pad_mode=pad_mode, power=power", "pad_mode=pad_mode, power=1.0"),
    (kaldi, right_kaldi, "fftbins=False", "fftbins=True"),
    (kaldi, right_kaldi, 'triangles="mel"', 'triangles="hertz"'),
    (kaldi, right_kaldi, 'coef=coef, pad_mode="edge"', 'coef=coef, pad_mode="constant"'),
    (kaldi, right_kaldi, "rows = rows - rows.mean(-1, keepdims=True)", "rows = rows - rows.mean()"),
    (kaldi, right_kaldi, "    if remove_dc_offset:\n", "    if not remove_dc_offset:\n"),
    (kaldi, right_kaldi, "S = magnitude(X, power)", "S = magnitude(X, 3 - power)"),
    (kaldi, right_kaldi, "left = 0 if snip_edges else W // 2 - h // 2", "left = 0"),
    (kaldi, right_kaldi, "y[..., : max(left, 0)][..., ::-1]", "y[..., : max(left, 0)]"),
    (kaldi, right_kaldi, "fmin: float = 20.0", "fmin: float = 0.0"),
    (kaldi, right_kaldi, "else (T + h // 2) // h", "else T // h"),
    (kaldi, right_kaldi, "rfft_forward(rows * w, n=n)", "rfft_forward((rows * w)[..., ::-1] * w, n=n)"),
]  # fmt: skip


def planted(module: ModuleType, there: str, instead: str) -> ModuleType:
    """The module with other code."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert there in text, f"{there!r} is not in {module.__name__}"
    wrong = ModuleType(module.__name__)
    exec(compile(text.replace(there, instead), f"wrong {module.__name__}", "exec"), vars(wrong))
    return wrong


@pytest.mark.parametrize(("module", "is_right"), {case[:2]: None for case in PLANTED})
def test_what_stands_there_is_right(module, is_right):
    assert is_right(module)
    assert is_right(planted(module, "", ""))


@pytest.mark.parametrize(("module", "is_right", "there", "instead"), PLANTED)
def test_the_numbers_of_others_tell(module, is_right, there, instead):
    with suppress(ValueError, UserWarning):  # where it is refused, that tells as well
        assert not is_right(planted(module, there, instead))
