"""What follows from the transform: its frequencies, aliasing, Parseval's theorem, and filters as products."""

import numpy as np

from minivit.audio.fourier import fft, ifft, irfft_forward, power_of_two, rfft_forward
from minivit.checked import check_range, checked, real_numbers
from minivit.types import Complex, Float, Real, Samples, ndarray


@checked
def fft_frequencies(*, sr: float = 22050, n_fft: Samples = 2048) -> Real[ndarray, "F"]:
    """The frequencies of a real transform in hertz: k sr / n_fft, from 0 to sr / 2.

    Raises
    ------
    ValueError
        If ``sr`` is not above 0.
    """
    check_range("fft_frequencies: sr", sr, above=0, below=np.inf)
    return np.arange(1 + n_fft // 2) * (sr / n_fft)


@checked
def alias(f: float | ndarray, sr: float) -> float | ndarray:
    """The frequency, from 0 to sr / 2, at which a tone of ``f`` hertz is heard after it was sampled at ``sr`` hertz.

    A tone that turns once more between two samples looks the same, and so does one that turns the other way; hence
    ``|f - sr round(f / sr)|``. Sampling keeps only what is below sr / 2 as it is.

    Raises
    ------
    ValueError
        If ``sr`` is not above 0.

    References
    ----------
    Shannon 1949, "Communication in the presence of noise", theorem 1.
    """
    check_range("alias: sr", sr, above=0, below=np.inf)
    numbers = real_numbers("alias: f", f)
    heard = np.abs(numbers - sr * np.round(numbers / sr))
    return heard if isinstance(f, ndarray) else float(heard)


@checked
def parseval(x: Float[ndarray, "W"]) -> tuple[float, float]:
    """The energy of a wave, in time and in frequency: ``sum |x_n|^2`` and ``1/N sum |X_k|^2``, which are equal."""
    X = fft(x)
    return float((np.abs(x) ** 2).sum()), float((np.abs(X) ** 2).sum() / len(x))


@checked
def circular_convolve(x: Float[ndarray, "W"], h: Float[ndarray, "W"]) -> Float[ndarray, "W"]:
    """Convolve as it is defined, on a circle: y_n = sum over m of h_m x_{(n - m) mod N}."""
    y = np.zeros_like(x)
    for m in range(len(x)):
        y += h[m] * np.roll(x, m)
    return y


@checked
def circular_convolve_fft(x: Float[ndarray, "W"], h: Float[ndarray, "W"]) -> Complex[ndarray, "W"]:
    """The same by the convolution theorem: a product of the transforms, Y_k = X_k H_k. (Of real waves it is real.)"""
    return ifft(fft(x) * fft(h))


@checked
def fft_convolve(y: Real[ndarray, "*B T"], h: Real[ndarray, "W"]) -> Real[ndarray, "*B L"]:
    """Filter a wave in the frequency domain: its convolution with ``h``, all T + W - 1 samples of it.

    On a circle, the end of what comes out would run into its beginning; so there are zeros between.

    Raises
    ------
    ValueError
        If the wave has no samples.
    """
    T, W = y.shape[-1], len(h)
    if T == 0:
        raise ValueError(f"fft_convolve: y has shape {y.shape}; expected at least one sample")
    N = power_of_two(T + W - 1)
    Y, H = rfft_forward(y, n=N)[0], rfft_forward(h, n=N)[0]
    return irfft_forward(Y * H, n=N)[0][..., : T + W - 1]
