"""The sound in a WAV file, as long and at the rate that a model has learned."""

import warnings
from pathlib import Path

import numpy as np

from minivit.audio.resampling import resample
from minivit.audio.wav import read_wav
from minivit.checked import checked
from minivit.types import Float, Positive, SampleRate, ndarray


@checked
def read_sound(path: str | Path, *, sr: SampleRate, length: Positive) -> Float[ndarray, "T"]:
    """Samples of a WAV file at some rate, and so many of them.

    Of several channels it is the mean; another rate is changed to this one. Of a longer sound that part is taken which
    is the loudest; behind a shorter one silence is put. A warning says what was done.

    Parameters
    ----------
    path : str or Path
    sr : int
        Samples in a second.
    length : int
        Samples.

    Returns
    -------
    y : float32 (length,)

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If it cannot be read, see :func:`minivit.audio.read_wav`, or is silent.

    Warns
    -----
    UserWarning
        What was done to the sound, if anything.
    """
    y, orig_sr = read_wav(path)
    done = []
    if y.ndim == 2:
        done.append(f"took the mean of its {len(y)} channels")
        y = y.mean(0)
    if orig_sr != sr:
        done.append(f"resampled it from {orig_sr:,} to {sr:,} Hz")
        y = resample(y, orig_sr=orig_sr, target_sr=sr)
    if len(y) > length:
        start = loudest(y, length)
        y = y[start : start + length]
        done.append(f"cut out {start / sr:.2f} to {(start + length) / sr:.2f} s, where it is loudest")
    elif len(y) < length:
        done.append(f"put {(length - len(y)) / sr:.2f} s of silence behind it")
        y = np.pad(y, (0, length - len(y)))
    if not y.any():
        raise ValueError(f"{path} is silent: there is nothing to hear in it")
    if done:
        warnings.warn(f"{path}: {', '.join(done)}", stacklevel=2)
    return y


def loudest(y: Float[ndarray, "T"], length: int) -> int:
    """Where the part of this length begins that has the most energy; the first of several."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(y, dtype=np.float64))))
    return int(np.argmax(energy[length:] - energy[:-length]))
