"""The mel spectrogram: how strong each band is, when; bands as wide as an ear hears them."""

from typing import NamedTuple

from minivit.audio.mel import kept_filterbank
from minivit.audio.spectrogram import SpectrogramCache, spectrogram_backward, spectrogram_forward
from minivit.audio.stft import StftGrads
from minivit.checked import checked
from minivit.ops.input_grad import SpectrogramGrad
from minivit.types import Float, Positive, Real, Samples, ndarray


class MelScaleCache(NamedTuple):
    """What ``mel_scale_backward`` needs."""

    mel_basis: Float[ndarray, "M F"]


@checked
def mel_scale_forward(
    S: Float[ndarray, "*B F N"], mel_basis: Float[ndarray, "M F"]
) -> tuple[Float[ndarray, "*B M N"], MelScaleCache]:
    r"""Sum a spectrogram band by band: :math:`Y_t[m] = \sum_k W_m[k]\, S_t[k]`.

    Parameters
    ----------
    S : (..., F, N)
        F frequencies, N frames.
    mel_basis : (M, F)
        W, as of :func:`minivit.audio.mel.mel_filterbank`. A constant: it has no gradient.

    Returns
    -------
    Y : (..., M, N)
    cache : MelScaleCache
    """
    return mel_basis @ S, MelScaleCache(mel_basis)


@checked
def mel_scale_backward(dy: Float[ndarray, "*B M N"], cache: MelScaleCache) -> SpectrogramGrad:
    r"""Gradient of :func:`mel_scale_forward`: to a frequency from the bands it is in, :math:`\bar S = W^T \bar Y`."""
    return SpectrogramGrad(cache.mel_basis.T @ dy)  # forward: y = mel_basis @ S


class MelspectrogramCache(NamedTuple):
    """Caches of both steps of ``melspectrogram_forward``."""

    spectrogram: SpectrogramCache
    mel_scale: MelScaleCache


@checked
def melspectrogram_forward(
    y: Real[ndarray, "*B T"],
    window: Real[ndarray, "V"] | str = "hann",
    *,
    sr: float = 22050.0,
    n_fft: Samples = 2048,
    hop_length: Positive | None = 512,
    win_length: Samples | None = None,
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: Positive = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
) -> tuple[Real[ndarray, "*B M N"], MelspectrogramCache]:
    """From a wave to its mel spectrogram: a spectrogram, and a filter bank that sums it band by band.

    The defaults are librosa's. torchaudio's ``MelSpectrogram`` has ``pad_mode="reflect", htk=True, norm=None`` (and 400
    for ``n_fft``, half of that for ``hop_length``). Kaldi's features are made in another way, see
    :func:`minivit.audio.kaldi.kaldi_fbank_forward`.

    Parameters
    ----------
    y, window, n_fft, hop_length, win_length, center, pad_mode, power
        As for :func:`minivit.audio.spectrogram.spectrogram_forward`, which says what is refused.
    sr, n_mels, fmin, fmax, htk, norm
        As for :func:`minivit.audio.mel.mel_filterbank`, which warns of empty filters.

    Returns
    -------
    Y : (..., M, N)
        M = n_mels bands, N frames.
    cache : MelspectrogramCache

    References
    ----------
    Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
    continuously spoken sentences".
    """
    if power not in (1, 2):
        raise ValueError(f"melspectrogram: power is {power}; expected 1 or 2")
    bank = {"sr": sr, "n_fft": n_fft, "n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": htk, "norm": norm}
    mel_basis = kept_filterbank("melspectrogram", y.dtype, **bank)
    frames = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "center": center}
    S, c_spectrogram = spectrogram_forward(y, window, **frames, pad_mode=pad_mode, power=power)
    Y, c_mel_scale = mel_scale_forward(S, mel_basis)
    return Y, MelspectrogramCache(c_spectrogram, c_mel_scale)


@checked
def melspectrogram_backward(dy: Real[ndarray, "*B M N"], cache: MelspectrogramCache) -> StftGrads:
    """Gradients of :func:`melspectrogram_forward`: its two steps, undone from the last to the first."""
    (dS,) = mel_scale_backward(dy, cache.mel_scale)
    return spectrogram_backward(dS, cache.spectrogram)
