"""Log-mel features: the whole way from a wave to the picture of it that models look at."""

from math import inf
from typing import Any, NamedTuple

from minivit.audio.decibels import LogFloorCache, log_floor_backward, log_floor_forward
from minivit.audio.melspectrogram import MelspectrogramCache, melspectrogram_backward, melspectrogram_forward
from minivit.audio.stft import StftGrads
from minivit.checked import check_range, checked
from minivit.types import Real, ndarray


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
