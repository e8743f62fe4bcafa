"""What librosa, torchaudio and transformers make of sound; for :mod:`make_fixtures`, which says what the keys mean.

They need not be installed together: what cannot be imported is left as it is. Of torchaudio only Python code is run.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

BASES: dict[str, dict[str, Any]] = {
    "default": {"sr": 8000, "n_fft": 256, "n_mels": 20},
    "htk": {"sr": 8000, "n_fft": 256, "n_mels": 20, "htk": True},
    "no_norm": {"sr": 11025, "n_fft": 255, "n_mels": 13, "fmin": 50.0, "fmax": 3000.0, "norm": None},
    "htk_no_norm": {"sr": 16000, "n_fft": 300, "n_mels": 24, "fmin": 20.0, "htk": True, "norm": None},
}
SOUND = {"sr": 8000, "n_fft": 256, "hop_length": 64, "n_mels": 20}
RATE, BINS = 8000, 12
KALDI: dict[str, dict[str, Any]] = {  # torchaudio's options
    "default": {},
    "ast": {"htk_compat": True, "window_type": "hanning"},
    "whole": {"snip_edges": False, "window_type": "hamming"},
    "plain": {"preemphasis_coefficient": 0.0, "remove_dc_offset": False, "use_power": False, "high_freq": 3500.0},
    "long": {"frame_length": 20.0, "frame_shift": 30.0, "snip_edges": False, "round_to_power_of_two": False},
}


def sound(length: int) -> np.ndarray:
    """Two gliding tones and noise, louder and softer, with silence among it."""
    t = np.arange(length) / RATE
    tones = np.sin(2 * np.pi * (300 + 900 * t) * t) + 0.3 * np.sin(2 * np.pi * (2500 - 4000 * t) * t)
    y = (tones + 0.01 * np.random.default_rng(5).standard_normal(length)) * (1 + np.sin(40 * t)) ** 2
    y[length // 3 : length // 2] = 0
    return y


def librosa_features(write: Callable) -> None:
    """Filter banks, and the features of a short sound, silence included."""
    if find_spec("librosa") is None:
        return
    import librosa

    versions = {"versions": {"librosa": librosa.__version__}}
    hertz = np.array([0.0, 1.0, 440.0, 999.9, 1000.0, 1000.1, 8000.0, 20000.0])
    scales = {f"out/mel/{htk}": librosa.hz_to_mel(hertz, htk=htk) for htk in (False, True)}
    bases = {f"out/{name}": librosa.filters.mel(**options, dtype=np.float64) for name, options in BASES.items()}
    write("librosa_mel", {"in/hertz": hertz, **scales, **bases}, {"options": BASES, **versions})

    y = sound(2000)
    own = SOUND | {"dtype": np.float64}  # of the filters: float32 if not said
    S = librosa.feature.melspectrogram(y=y, **own)
    mfcc = librosa.feature.mfcc(y=y, n_mfcc=7, **own)
    features = {
        "melspectrogram": S,
        "amplitude": librosa.feature.melspectrogram(y=y, power=1.0, center=False, **own),
        "reflected": librosa.feature.melspectrogram(y=y, pad_mode="reflect", win_length=200, window="hamming", **own),
        "db": librosa.power_to_db(S),
        "db_range": librosa.power_to_db(S, ref=S.max(), top_db=30.0),
        "db_whole": librosa.power_to_db(S, ref=0.5, amin=1e-6, top_db=None),
        "mfcc": mfcc,
        "mfcc_htk": librosa.feature.mfcc(y=y, n_mfcc=7, htk=True, mel_norm=None, norm=None, **own),
        "delta": librosa.feature.delta(mfcc),
        "delta_nearest": librosa.feature.delta(mfcc, width=5, mode="nearest"),
    }
    arrays = {"in/y": y} | {f"out/{name}": array for name, array in features.items()}
    write("librosa_features", arrays, {"options": SOUND, **versions})


def librosa_inversion(write: Callable) -> None:
    """Waves of magnitudes ``S``, in a few steps from phases of zero, and a spectrum of bands ``M`` that no wave has."""
    if find_spec("librosa") is None:
        return
    import librosa

    rng = np.random.default_rng(0)
    time = np.arange(730) / RATE
    y = np.sin(2 * np.pi * (400 + 9000 * time) * time) + 0.3 * rng.standard_normal(time.size)
    S = np.abs(librosa.stft(y, n_fft=64, hop_length=20))
    cut = {"hop_length": 20, "n_fft": 64, "length": y.size, "n_iter": 6, "init": None}
    waves = {f"wave/{momentum}": librosa.griffinlim(S, momentum=momentum, **cut) for momentum in (0.0, 0.99)}
    M = librosa.feature.melspectrogram(S=S**2, sr=RATE, n_fft=64, n_mels=10)
    M *= np.exp(rng.standard_normal(M.shape))
    found = librosa.feature.inverse.mel_to_stft(M, sr=RATE, n_fft=64)
    meta = {"versions": {"librosa": librosa.__version__}, "sr": RATE, "n_fft": 64, "hop_length": 20, "n_iter": 6}
    write("librosa_inversion", {"S": S, **waves, "length": y.size, "M": M, "mel_to_stft": found}, meta)


def torchaudio_features(record: Callable) -> None:
    """Features and their gradients, as PyTorch has them."""
    if find_spec("torchaudio") is None:
        return
    import torch
    import torchaudio
    from torchaudio.compliance.kaldi import fbank
    from torchaudio.functional import compute_deltas, preemphasis

    options = {"sr": RATE, "n_fft": 64, "hop_length": 16, "n_mels": 10}
    theirs = {"n_fft": 64, "hop_length": 16, "n_mels": 10}
    mel = torchaudio.transforms.MelSpectrogram(RATE, **theirs)
    slaney = torchaudio.transforms.MelSpectrogram(RATE, norm="slaney", mel_scale="slaney", **theirs)
    mfcc = torchaudio.transforms.MFCC(RATE, n_mfcc=6, melkwargs=theirs)
    to_db = torchaudio.transforms.AmplitudeToDB("power", top_db=20.0)
    y = torch.tensor(np.stack((sound(400), sound(800)[400:])), requires_grad=True)

    def outputs() -> dict[str, Any]:
        S = mel(y)
        one = {"mel": S, "slaney": slaney(y), "mfcc": mfcc(y), "db": torch.stack([to_db(each) for each in S])}
        return one | {"deltas": compute_deltas(S), "preemphasis": preemphasis(y, 0.9)}

    versions = {"torch": torch.__version__, "torchaudio": torchaudio.__version__}
    record("torchaudio_mel", outputs, {"y": y}, options=options, versions=versions)

    wave = torch.tensor(sound(900), requires_grad=True)
    same = {"sample_frequency": float(RATE), "num_mel_bins": BINS}
    kaldi = {name: {**same, **options} for name, options in KALDI.items()}
    run = lambda: {name: fbank(wave[None], **options).T for name, options in kaldi.items()}  # noqa: E731
    record("torchaudio_kaldi", run, {"y": wave}, options=KALDI, versions=versions)


def transformers_features(write: Callable) -> None:
    """What their AST is given by NumPy code of their own, in float32, before it is brought to mean 0."""
    import transformers

    extractor = transformers.ASTFeatureExtractor(do_normalize=False, max_length=12)
    y = sound(400 + 11 * 160).astype(np.float32)
    features = extractor(y, sampling_rate=16000, return_tensors="np")["input_values"][0].T
    versions = {"transformers": transformers.__version__}
    write("hf_ast_features", {"in/y": y, "out/features": features}, {"versions": versions})
