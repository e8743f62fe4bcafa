"""Write tests/fixtures/librosa_inversion.npz: waves and spectra that librosa finds, for tests/audio/test_invert.py.

Run it by hand, rarely, where librosa is installed (the tests need it nowhere)::

    pip install librosa
    python tools/make_inversion_fixtures.py

Everything is float64. ``S`` are the magnitudes of a wave of ``length`` samples; ``wave/MOMENTUM`` is what
``griffinlim`` makes of them in a few steps from phases of zero; ``M`` is a mel spectrogram of the wave that is not
quite possible, and ``mel_to_stft`` what librosa makes of it.
"""

# pyright: reportMissingImports=false

import json
from pathlib import Path

import librosa
import numpy as np

FILE = Path(__file__).parents[1] / "tests" / "fixtures" / "librosa_inversion.npz"
SR, N_FFT, HOP, N_ITER, N_MELS = 8000, 64, 20, 6, 10


def main() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(730) / SR
    y = np.sin(2 * np.pi * (400 + 9000 * time) * time) + 0.3 * rng.standard_normal(time.size)
    S = np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP))
    cut = {"hop_length": HOP, "n_fft": N_FFT, "length": y.size, "n_iter": N_ITER, "init": None}
    waves = {f"wave/{momentum}": librosa.griffinlim(S, momentum=momentum, **cut) for momentum in (0.0, 0.99)}
    M = librosa.feature.melspectrogram(S=S**2, sr=SR, n_fft=N_FFT, n_mels=N_MELS)
    M *= np.exp(rng.standard_normal(M.shape))
    found = librosa.feature.inverse.mel_to_stft(M, sr=SR, n_fft=N_FFT)
    meta = {"versions": {"librosa": librosa.__version__}, "sr": SR, "n_fft": N_FFT, "hop_length": HOP, "n_iter": N_ITER}
    arrays = {"S": S, **waves, "length": np.array(y.size), "M": M, "mel_to_stft": found}
    np.savez_compressed(FILE, __meta__=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    print(f"{FILE.name:32} {FILE.stat().st_size:7} bytes")


if __name__ == "__main__":
    main()
