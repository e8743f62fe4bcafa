"""The sound in a WAV file, as long and at the rate that a model has learned."""

import warnings
from collections.abc import Iterable
from math import ceil
from pathlib import Path

import numpy as np

from minivit.audio.resampling import resample
from minivit.audio.wav import BLOCK, wav_blocks, wav_info
from minivit.checked import check_range, checked
from minivit.types import HIGHEST_RATE, Float, Positive, SampleRate, ndarray

LOUD = 2.0
"""Largest sample of what may be music that was mixed loudly; above, integers were written as floats."""


@checked
def read_sound(path: str | Path, *, sr: SampleRate, length: Positive) -> Float[ndarray, "T"]:
    """Samples of a WAV file at some rate, and so many of them.

    Of several channels it is the mean; of a longer sound that part is taken which is the loudest; another rate is
    changed to this one; behind a shorter sound silence is put. A warning says what was done. Of a file of any length no
    more is in memory than a block and such a part.

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
        If it cannot be read, see :func:`minivit.audio.read_wav`, has more than 1,000,000 samples in a second, or is
        silent.

    Warns
    -----
    UserWarning
        What was done to the sound, if anything; and if its samples go far beyond full scale, 1.
    """
    info, done = wav_info(path), []
    check_range(f"{path}: samples in a second", info.sr, at_least=1, at_most=HIGHEST_RATE)
    needed = ceil(length * info.sr / sr)  # of the samples that the file has
    with warnings.catch_warnings(action="ignore"):  # what there was to say of the file has been said above
        blocks = wav_blocks(path, block_length=max(1, max(BLOCK, needed) // info.channels))
    y, start = _loudest_part((np.atleast_2d(block).mean(0) for block in blocks), needed)
    if info.channels > 1:
        done.append(f"took the mean of its {info.channels} channels")
    if info.length > needed:
        done.append(f"cut out {start / info.sr:.2f} to {(start + needed) / info.sr:.2f} s, where it is loudest")
    if not y.any():
        what = "is silent" if info.channels == 1 else f"has {info.channels} channels whose mean is silent"
        raise ValueError(f"{path} {what}: there is nothing to hear in it")
    if (peak := float(np.abs(y).max())) > LOUD:
        warnings.warn(f"{path}: its largest sample is {peak:.3g}, and full scale is 1; left as it is", stacklevel=2)
    if info.sr != sr:
        done.append(f"resampled it from {info.sr:,} to {sr:,} Hz")
        y = resample(y, orig_sr=info.sr, target_sr=sr)[:length]
    if len(y) < length:
        done.append(f"put {(length - len(y)) / sr:.2f} s of silence behind it")
        y = np.pad(y, (0, length - len(y)))
    if done:
        warnings.warn(f"{path}: {', '.join(done)}", stacklevel=2)
    return y


def _loudest_part(blocks: Iterable[ndarray], length: int) -> tuple[ndarray, int]:
    """Of a wave that comes in blocks the part of this length that has the most energy, or all, and where it begins."""
    part, start, most = np.zeros(0, np.float32), 0, -1.0
    buffer, seen = part, 0
    for block in blocks:
        buffer, seen = np.concatenate([buffer, block]), seen + len(block)
        if len(buffer) >= length:
            i = loudest(buffer, length)
            energy = float(np.square(buffer[i : i + length], dtype=np.float64).sum())
            if energy > most:
                part, start, most = buffer[i : i + length].copy(), seen - len(buffer) + i, energy
            buffer = buffer[len(buffer) - length + 1 :]
    return (buffer, 0) if most < 0 else (part, start)


def loudest(y: Float[ndarray, "T"], length: int) -> int:
    """Where the part of this length begins that has the most energy; the first of several."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(y, dtype=np.float64))))
    return int(np.argmax(energy[length:] - energy[:-length]))
