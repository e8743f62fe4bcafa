"""The spectrogram: how strong each frequency is, when; the size of the short-time Fourier transform, or its square."""

from typing import NamedTuple

import numpy as np

from minivit.audio.stft import StftCache, StftGrads, stft_backward, stft_forward
from minivit.checked import check_shape, checked
from minivit.types import Complex, Positive, Real, Samples, ndarray


class SpectrogramCache(NamedTuple):
    """What backward needs: the transform and its own cache."""

    stft: StftCache
    X: Complex[ndarray, "*B F N"]
    power: float


@checked
def spectrogram_forward(
    y: Real[ndarray, "*B T"],
    window: Real[ndarray, "V"] | str = "hann",
    *,
    n_fft: Samples = 2048,
    hop_length: Positive | None = None,
    win_length: Samples | None = None,
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
) -> tuple[Real[ndarray, "*B F N"], SpectrogramCache]:
    """The size of the short-time Fourier transform, ``S = |X|^power``: what is left of it without its phases.

    Parameters
    ----------
    y, window, n_fft, hop_length, win_length, center, pad_mode
        As for :func:`minivit.audio.stft.stft_forward`, which says what is refused.
    power : float
        2: energy. 1: amplitude, which has no slope where it is zero; there, and where it is next to it, the gradient is
        0.

    Returns
    -------
    S : (..., F, N)
        F = 1 + n_fft // 2 frequencies, N frames.
    cache : SpectrogramCache

    Raises
    ------
    ValueError
        If ``power`` is neither 1 nor 2, or the transform refuses something.
    """
    _check_power("spectrogram", power)
    X, c_stft = stft_forward(
        y, window, n_fft=n_fft, hop_length=hop_length, win_length=win_length, center=center, pad_mode=pad_mode
    )
    S = magnitude(X, power)
    return S, SpectrogramCache(c_stft, X, power)


@checked
def spectrogram_backward(dy: Real[ndarray, "*B F N"], cache: SpectrogramCache) -> StftGrads:
    """Gradient of :func:`spectrogram_forward`: of ``|X|^2 = Re X^2 + Im X^2`` it is 2 X, of ``|X|`` it is ``X / |X|``.

    That is dL/dRe X + i dL/dIm X, from which :func:`minivit.audio.stft.stft_backward` goes on.
    """
    check_shape("spectrogram_backward: dy", dy, cache.X.shape)
    dX = magnitude_gradient(dy, cache.X, cache.power)  # forward: S = magnitude(X, power)
    return stft_backward(dX, cache.stft)  # formula: X is linear in y, and in the window


@checked
def magnitude(X: Complex[ndarray, "..."], power: float) -> Real[ndarray, "..."]:
    """``|X|^power``; ValueError if the power is neither 1 nor 2."""
    _check_power("magnitude", power)
    S = np.abs(X)
    if power == 2:
        S *= S
    return S


@checked
def magnitude_gradient(dS: Real[ndarray, "..."], X: Complex[ndarray, "..."], power: float) -> Complex[ndarray, "..."]:
    """Gradient of X, dL/dRe X + i dL/dIm X, from that of :func:`magnitude`; 0 where ``|X|`` has no slope."""
    check_shape("magnitude_gradient: dS", dS, X.shape)
    _check_power("magnitude_gradient", power)
    if power == 2:
        return 2 * dS * X  # formula: |X|^2 = Re X^2 + Im X^2
    size = np.abs(X)
    too_small = size < np.finfo(size.dtype).tiny  # 1 over the smallest numbers is infinite
    return dS * (X / np.where(too_small, 1, size))  # formula: the direction in which |X| grows


def _check_power(label: str, power: float) -> None:
    if power not in (1, 2):
        raise ValueError(f"{label}: power is {power}; expected 1 or 2")
