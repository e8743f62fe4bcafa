"""Log-mel features: the whole way from a wave to the picture of it that models look at."""

from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

from minivit.audio.decibels import LogFloorCache, log_floor_backward, log_floor_forward
from minivit.audio.melspectrogram import MelspectrogramCache, melspectrogram_backward, melspectrogram_forward
from minivit.audio.stft import StftGrads
from minivit.audio.streaming import whole_frames
from minivit.checked import check_range, checked
from minivit.types import Positive, Real, Samples, ndarray


class LogMelCache(NamedTuple):
    """Caches of both steps of ``log_mel_forward``."""

    melspectrogram: MelspectrogramCache
    log_floor: LogFloorCache


@checked
def log_mel_forward(
    y: Real[ndarray, "*B T"], window: Real[ndarray, "V"] | str = "hann", *, floor: float = 1e-10, **options: Any
) -> tuple[Real[ndarray, "*B M N"], LogMelCache]:
    r"""From a wave to the logarithm of its mel spectrogram.

    .. math:: z_t[m] = \ln \max\Bigl(\epsilon, \sum_k W_m[k]\, |X_t[k]|^p\Bigr)

    Kaldi's features, which are log-mel features too, are those of :func:`minivit.audio.kaldi.kaldi_fbank_forward`.

    Parameters
    ----------
    y, window
        As for :func:`minivit.audio.melspectrogram.melspectrogram_forward`.
    floor : float
        :math:`\epsilon`, see :func:`minivit.audio.decibels.log_floor_forward`.
    **options
        All others of :func:`minivit.audio.melspectrogram.melspectrogram_forward`.

    Returns
    -------
    z : (..., M, N)
    cache : LogMelCache
    """
    check_range("log_mel: floor", floor, above=0, below=inf)
    Y, c_melspectrogram = melspectrogram_forward(y, window, **options)
    z, c_log_floor = log_floor_forward(Y, floor=floor)
    return z, LogMelCache(c_melspectrogram, c_log_floor)


@checked
def log_mel_backward(dy: Real[ndarray, "*B M N"], cache: LogMelCache) -> StftGrads:
    """Gradients of :func:`log_mel_forward`: its two steps, undone from the last to the first."""
    (dY,) = log_floor_backward(dy, cache.log_floor)
    return melspectrogram_backward(dY, cache.melspectrogram)


@checked
def log_mel_blocks(
    blocks: Iterable,
    window: Real[ndarray, "V"] | str = "hann",
    *,
    n_fft: Samples = 2048,
    hop_length: Positive = 512,
    center: bool = True,
    pad_mode: str = "constant",
    **options: Any,
) -> Iterator:
    """Log-mel features of a wave that comes in blocks: together what :func:`log_mel_forward` makes of the whole.

    A block, its spectrum and about two frames are in memory, however long the wave is. (Decibels below the loudest
    place, as in :func:`minivit.audio.mfcc.mfcc_forward`, must have seen all of it.) The last bit may differ, as a
    product of matrices adds in another order where there are more columns.

    >>> import numpy as np, minivit as mv
    >>> blocks = (np.sin(np.arange(1600 * n, 1600 * (n + 1)) / 20) for n in range(10))  # or mv.audio.wav_blocks(FILE)
    >>> np.concatenate(list(mv.audio.log_mel_blocks(blocks, sr=16000.0)), axis=-1).shape
    (128, 32)

    Parameters
    ----------
    blocks : iterable of arrays (..., t)
        Of one dtype, and alike but in their lengths, which may be any.
    window, n_fft, hop_length, center, pad_mode, **options
        As for :func:`log_mel_forward`.

    Yields
    ------
    z : (..., M, n)
        The next frames, at least one.

    Raises
    ------
    TypeError, ValueError
        As :func:`log_mel_forward`, of the whole wave; and if a block does not fit to the one before.
    """
    spans = whole_frames(
        blocks,
        frame_length=n_fft,
        hop_length=hop_length,
        pad_length=n_fft // 2 if center else 0,
        pad_mode=pad_mode,
        label="log_mel_blocks",
    )
    options |= {"n_fft": n_fft, "hop_length": hop_length, "center": False}
    return (log_mel_forward(span, window, **options)[0] for span in spans)
