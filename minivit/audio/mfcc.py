"""Mel-frequency cepstral coefficients: the shape of a log-mel spectrum, in a few numbers."""

from typing import Any, NamedTuple

from minivit.audio.dct import DctCache, dct_backward, dct_forward
from minivit.audio.decibels import PowerToDbCache, power_to_db_backward, power_to_db_forward
from minivit.audio.melspectrogram import MelspectrogramCache, melspectrogram_backward, melspectrogram_forward
from minivit.audio.stft import StftGrads
from minivit.checked import checked
from minivit.types import Positive, Real, ndarray


class MfccCache(NamedTuple):
    """Caches of the steps of ``mfcc_forward``, in order."""

    melspectrogram: MelspectrogramCache
    power_to_db: PowerToDbCache
    dct: DctCache


@checked
def mfcc_forward(
    y: Real[ndarray, "*B T"],
    window: Real[ndarray, "V"] | str = "hann",
    *,
    n_mfcc: Positive = 20,
    norm: str | None = "ortho",
    mel_norm: str | None = "slaney",
    **options: Any,
) -> tuple[Real[ndarray, "*B C N"], MfccCache]:
    """From a wave to cepstra: a mel spectrogram in decibels, and a cosine transform along its bands.

    The first coefficient says how loud a frame is, the second how dark, the next ones where its formants are. What is
    finer, such as the pitch of a voice, is in those that are left out.

    Decibels are cut off 80 below the loudest place, as in librosa, each wave by itself; see
    :func:`minivit.audio.decibels.power_to_db_forward`. torchaudio's ``MFCC`` is this one with
    ``pad_mode="reflect", htk=True, mel_norm=None`` (but with ``log_mels=True`` it has ln(x + 10^-6) for decibels).

    Parameters
    ----------
    y, window
        As for :func:`minivit.audio.melspectrogram.melspectrogram_forward`.
    n_mfcc : int
        C, at most as many as bands.
    norm : "ortho" or None
        Of the cosine transform, see :func:`minivit.audio.dct.dct_matrix`.
    mel_norm : "slaney" or None
        Of the filters.
    **options
        All others of :func:`minivit.audio.melspectrogram.melspectrogram_forward`.

    Returns
    -------
    c : (..., C, N)
    cache : MfccCache

    References
    ----------
    Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
    continuously spoken sentences", section II.
    """
    Y, c_melspectrogram = melspectrogram_forward(y, window, norm=mel_norm, **options)
    level, c_power_to_db = power_to_db_forward(Y)
    c, c_dct = dct_forward(level, n=n_mfcc, norm=norm)
    return c, MfccCache(c_melspectrogram, c_power_to_db, c_dct)


@checked
def mfcc_backward(dy: Real[ndarray, "*B C N"], cache: MfccCache) -> StftGrads:
    """Gradients of :func:`mfcc_forward`: its three steps, undone from the last to the first."""
    (dlevel,) = dct_backward(dy, cache.dct)
    (dY,) = power_to_db_backward(dlevel, cache.power_to_db)
    return melspectrogram_backward(dY, cache.melspectrogram)
