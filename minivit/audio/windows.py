"""Windows: what a piece of a wave is multiplied by so that its ends do not smear its spectrum; how well they do it."""

import numpy as np

from minivit.checked import checked
from minivit.types import Real, Samples, ndarray

COSINES: dict[str, tuple[float, ...]] = {
    "rectangular": (1.0,),
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "povey": (0.5, 0.5),
}
"""The coefficients a_j of each window, w[n] = sum_j (-1)^j a_j cos(2 pi j n / M). "boxcar" is scipy's name."""

POVEY = 0.85
OVERSAMPLED = 128  # places per bin at which lobes are looked for; the zeros of periodic windows are among them


@checked
def get_window(window: str | ndarray, Nx: Samples, *, fftbins: bool = True) -> Real[ndarray, "W"]:
    """A window of ``Nx`` samples, from its formula, in float64; an array is taken as it is.

    All but one are sums of cosines, w[n] = sum_j (-1)^j a_j cos(2 pi j n / M):

    ============= ============================== ============================
    window        formula, c = cos(2 pi n / M)
    ============= ============================== ============================
    "rectangular" 1                              "boxcar" is the same
    "hann"        0.5 - 0.5 c                    zero at its ends
    "hamming"     0.54 - 0.46 c                  the first side lobe cancelled
    "blackman"    0.42 - 0.5 c + 0.08 cos(4 ...) low side lobes, a wide main one
    "povey"       (0.5 - 0.5 c)^0.85             Kaldi's
    ============= ============================== ============================

    Parameters
    ----------
    window : str or array (Nx,)
    Nx : int
        Samples, up to 2^24. A single one is 1, whatever the formula.
    fftbins : bool
        True: one period of a function of period M = Nx, for a spectrum; shifted copies of it add up to a constant.
        False: M = Nx - 1, equal from both ends, for filters, and what Kaldi takes.

    Raises
    ------
    ValueError
        If there is no window of this name, or the array has another length.

    References
    ----------
    Harris 1978, "On the use of windows for harmonic analysis with the discrete Fourier transform", section V.
    Kaldi, feature-window.cc, for "povey".
    """
    if isinstance(window, ndarray):
        if window.shape != (Nx,):
            raise ValueError(f"get_window: window has shape {window.shape}; expected ({Nx},)")
        return window
    if window not in COSINES:
        raise ValueError(f"get_window: window is {window!r:.100}; expected one of {', '.join(COSINES)}, or an array")
    if Nx == 1:
        return np.ones(1)
    angle = 2 * np.pi * np.arange(Nx) / (Nx if fftbins else Nx - 1)
    w = sum(a * (-1) ** j * np.cos(j * angle) for j, a in enumerate(COSINES[window]))
    return np.maximum(w, 0) ** POVEY if window == "povey" else np.asarray(w)


@checked
def window_spectrum_db(window: Real[ndarray, "W"], n_fft: Samples) -> Real[ndarray, "F"]:
    """How strongly a tone leaks into other frequencies: the window's spectrum, in decibels below its maximum.

    The window is filled up with zeros to ``n_fft`` samples, which interpolates its spectrum: entry k lies
    k W / n_fft bins away from the tone, where a bin is what a window of W samples tells apart (sr / W hertz).

    Parameters
    ----------
    window : (W,)
    n_fft : int
        At least W.

    Returns
    -------
    level : (1 + n_fft // 2,)
        ``20 log10(|W_k| / max |W|)``, at most 0; minus infinity where the spectrum is zero.

    Raises
    ------
    ValueError
        If ``n_fft`` is less than W, or the window is nothing but zeros.
    """
    if n_fft < len(window):
        raise ValueError(f"window_spectrum_db: n_fft is {n_fft}; expected at least {len(window)}, the window's length")
    size = np.abs(np.fft.rfft(window, n_fft))
    if not (size.max() > 0 and np.isfinite(size).all()):
        raise ValueError("window_spectrum_db: window has no spectrum: it is all zeros, or not finite")
    with np.errstate(divide="ignore"):
        return 20 * np.log10(size / size.max())


@checked
def main_lobe_width(window: Real[ndarray, "W"]) -> float:
    """From the first minimum on the left of the main lobe to that on its right, in bins of sr / W hertz.

    2 for the rectangular window, 4 for Hann and Hamming, 6 for Blackman: the price for low side lobes. A window without
    any minimum, such as a single sample, is one lobe as wide as all frequencies: W bins.

    Raises
    ------
    ValueError
        If the window is nothing but zeros.

    References
    ----------
    Harris 1978, table 1.
    """
    _, edge = _lobes(window)
    return float(len(window)) if edge is None else 2 * edge / OVERSAMPLED


@checked
def highest_side_lobe(window: Real[ndarray, "W"]) -> float:
    """The highest level beyond the main lobe, in decibels below it; minus infinity where there is nothing beyond.

    About -13 for the rectangular window, -31 for Hann, -43 for Hamming, -58 for Blackman: a tone that is weaker than
    this beside another one is hidden by it.

    Raises
    ------
    ValueError
        If the window is nothing but zeros.

    References
    ----------
    Harris 1978, table 1.
    """
    level, edge = _lobes(window)
    return -np.inf if edge is None else float(level[edge:].max())


def _lobes(window: ndarray) -> tuple[ndarray, int | None]:
    """A window's spectrum, from the middle of its main lobe on; where it first rises, which is the lobe's end."""
    level = window_spectrum_db(window, OVERSAMPLED * len(window))
    rising = np.flatnonzero(np.diff(level) > 0)
    return level, int(rising[0]) if len(rising) else None
