"""The spectrogram of a file of any length, as few columns as a picture has room for, in bounded memory."""

import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from minivit.audio.levels import Levels
from minivit.audio.mel import mel_filterbank, mel_frequencies
from minivit.audio.riff import WavInfo
from minivit.audio.spectrogram import magnitude
from minivit.audio.streaming import check_block, stft_blocks
from minivit.audio.wav import wav_blocks, wav_info
from minivit.checked import check_range, checked
from minivit.types import Positive, Range, Real, ndarray

BLOCK = 2**18
"""Samples of all channels together that are read at a time, and not so many that their spectrum has more than four
times as many numbers: frames may overlap by all but one sample."""

MOST_NUMBERS = 5 * 10**7
"""In all columns together: of very long frames and many channels, there are fewer columns than were asked for."""

QUIETEST, LOUDEST = 1e-12, 1e15
"""Largest samples of floats of which float32 has all energies; one of integers is 1 at most, and 2^-31 at least."""

LONGEST_FRAME = 2**16
MOST_CHANNELS = 8


Frames = Annotated[int, Range(at_least=1, at_most=2**53)]


class Overview(NamedTuple):
    """What :func:`wav_overview` has found."""

    power: Real[ndarray, "C F N"]
    """Of each channel the mean energy in equal parts of time, of which the last may be shorter."""
    hertz: Real[ndarray, " F"]
    """The frequency of each row."""
    info: WavInfo
    levels: Levels


@checked
def wav_overview(
    path: str | Path,
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    window: str = "hann",
    n_mels: Positive | None = None,
    max_columns: Positive = 2000,
) -> Overview:
    """The spectrogram of a WAV file, channel by channel, and how loud it is. It is read once, in blocks.

    Parameters
    ----------
    path : str or Path
    n_fft : int
        Samples of a frame, 2 to 65,536.
    hop_length : int, optional
        Samples from one frame to the next, at most ``n_fft``; a quarter of it if not given.
    window : str
        A name for :func:`minivit.audio.windows.get_window`.
    n_mels : int, optional
        So many mel bands instead of all frequencies.
    max_columns : int
        See :func:`column_means`; fewer, if they had more than 5 * 10^7 numbers.

    Raises
    ------
    ValueError
        If an option is out of range, or the file has more than 8 channels, or floats that are no sound: the largest of
        them below 1e-12 or above 1e15; as :func:`minivit.audio.wav.read_wav`.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If the file is shorter than it says, or mel bands are empty.
    """
    check_range("n_fft", n_fft, at_least=2, at_most=LONGEST_FRAME)
    hop = n_fft // 4 or 1 if hop_length is None else hop_length
    if not 1 <= hop <= n_fft:
        raise ValueError(f"hop_length is {hop}; expected 1 to {n_fft}, the length of a frame: nothing between is seen")
    info = wav_info(path)
    if info.channels > MOST_CHANNELS:
        raise ValueError(f"{path} has {info.channels} channels; expected at most {MOST_CHANNELS}")
    if n_mels is None:
        bank, hertz = None, np.arange(1 + n_fft // 2) * (info.sr / n_fft)
    else:
        bank = mel_filterbank(sr=info.sr, n_fft=n_fft, n_mels=n_mels).astype(np.float32)
        hertz = mel_frequencies(n_mels + 2, fmax=info.sr / 2)[1:-1]
    levels = Levels(info.channels, info.subtype)
    at_once = max(1, 4 * BLOCK // (info.channels * (1 + n_fft // 2))) * hop  # samples, by their spectrum
    block_length = min(BLOCK // info.channels, at_once)
    with warnings.catch_warnings(action="ignore"):  # what there was to say of the file has been said above
        blocks = levels.passing(wav_blocks(path, block_length=block_length))
    half = np.zeros((n_fft // 2,) if info.channels == 1 else (info.channels, n_fft // 2), np.float32)
    ends = [half[..., start : start + block_length] for start in range(0, n_fft // 2, block_length)]
    # zeros at both ends as by center=True, which would add them at once: many frames may lie in half of one
    spectra = stft_blocks(chain(ends, blocks, ends), window, n_fft=n_fft, hop_length=hop, center=False)
    num_frames = 1 + (info.length + 2 * (n_fft // 2) - n_fft) // hop
    max_columns = min(max_columns, MOST_NUMBERS // (info.channels * len(hertz)))
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is told below
        power, _ = column_means(_powers(spectra, bank), num_frames=num_frames, max_columns=max_columns)
    if levels.peak and not QUIETEST <= levels.peak <= LOUDEST:
        raise ValueError(f"{path} has {levels.peak:.3g} for its largest sample; expected {QUIETEST:g} to {LOUDEST:g}")
    return Overview(power.reshape(info.channels, len(hertz), -1), hertz, info, levels)


@checked
def column_means(
    pieces: Iterable, *, num_frames: Frames, max_columns: Positive = 2000
) -> tuple[Real[ndarray, "*B F C"], int]:
    """The mean of every so many frames of a spectrogram, as few as leave at most ``max_columns`` of them.

    Energies may be averaged, decibels may not: of a click in a silent second, the mean of the decibels shows nothing.

    Parameters
    ----------
    pieces : iterable of (..., F, n)
        The frames in their order, any number n of them in each piece.
    num_frames : int
        How many there are in all.
    max_columns : int

    Returns
    -------
    means : (..., F, C)
    frames_per_column : int
        The last column may be of fewer.

    Raises
    ------
    ValueError, TypeError
        If there are more frames or fewer, or pieces are no floats, or not alike.
    """
    each = -(-num_frames // max_columns)
    columns = -(-num_frames // each)
    sums, done, before = None, 0, None
    for piece in pieces:
        check_block("column_means", piece, before)
        before = piece
        if sums is None:
            sums = np.zeros((*piece.shape[:-1], columns), piece.dtype)
        n = piece.shape[-1]
        if n and done + n <= num_frames:
            place = np.arange(done, done + n) // each  # the column of each frame
            first = np.flatnonzero(np.diff(place, prepend=-1))
            sums[..., place[first]] += np.add.reduceat(piece, first, axis=-1)
        done += n
    if sums is None or done != num_frames:
        raise ValueError(f"column_means: there are {done} frames in pieces; expected num_frames, {num_frames}")
    counts = np.full(columns, each, sums.dtype)
    counts[-1] = num_frames - (columns - 1) * each
    return sums / counts, each


def _powers(spectra: Iterable[ndarray], bank: ndarray | None) -> Iterator[ndarray]:
    """The energy of each piece of a spectrum, at all frequencies or in bands."""
    for X in spectra:
        power = magnitude(X, 2)
        yield power if bank is None else bank @ power
