"""Mel: hertz as an ear counts them, and the bank of triangular filters that sums a spectrum band by band."""

import warnings
from functools import lru_cache
from math import inf, log
from typing import Any

import numpy as np

from minivit.checked import check_range, checked, real_numbers
from minivit.types import Int, Positive, Real, Samples, ndarray

# Slaney's scale: straight up to 1000 Hz, logarithmic above, 27 steps for a factor of 6.4
BREAK_HZ = 1000.0
HZ_PER_MEL = 200 / 3
LOG_STEP = log(6.4) / 27
BREAK_MEL = BREAK_HZ / HZ_PER_MEL

HTK_MELS = 2595.0
HTK_HZ = 700.0
LARGEST_BANK = 10**8  # numbers: of more, an option that was meant otherwise would take all memory
NAMED = 12  # filters that a warning names one by one


@checked
def hz_to_mel(frequencies: float | ndarray, *, htk: bool = False) -> float | ndarray:
    r"""Hertz to mel: what sounds equally far apart is equally far apart.

    .. math::

        m = \begin{cases} 3 f / 200 & f < 1000 \\ 15 + 27 \ln(f / 1000) / \ln 6.4 & f \ge 1000 \end{cases}
        \qquad\text{or, with htk,}\qquad m = 2595 \log_{10}(1 + f / 700)

    The first is the scale of Slaney's Auditory Toolbox, the default of librosa and here; the second is torchaudio's
    default. Kaldi's 1127 ln(1 + f / 700) is the second times a constant, so what is equally far apart on one of them
    is so on the other. The units have nothing in common: 1000 Hz are 15 mel, or 1000.

    Parameters
    ----------
    frequencies : float, or array of floats or integers
        In hertz, from 0 on.
    htk : bool
        Which of the two.

    Raises
    ------
    ValueError
        If a frequency is negative or nan.
    TypeError
        If the array holds other things than float32, float64 or integers.

    References
    ----------
    Slaney 1998, "Auditory Toolbox, version 2", Interval technical report 1998-010, function mfcc.
    Young et al. 2002, "The HTK Book", section 5.4, equation 5.13.
    """
    f = _numbers("hz_to_mel: frequencies", frequencies)
    if htk:
        return HTK_MELS * np.log10(1 + f / HTK_HZ)
    above = BREAK_MEL + np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.where(f < BREAK_HZ, f / HZ_PER_MEL, above)[()]


@checked
def mel_to_hz(mels: float | ndarray, *, htk: bool = False) -> float | ndarray:
    """Mel to hertz: the inverse of :func:`hz_to_mel`.

    Parameters
    ----------
    mels : float, or array of floats or integers
        From 0 on.
    htk : bool
        Which of the two scales.

    Raises
    ------
    ValueError
        If a number is negative or nan.
    TypeError
        If the array holds other things than float32, float64 or integers.
    """
    m = _numbers("mel_to_hz: mels", mels)
    if htk:
        return HTK_HZ * (10 ** (m / HTK_MELS) - 1)
    above = BREAK_HZ * np.exp(LOG_STEP * (np.maximum(m, BREAK_MEL) - BREAK_MEL))
    return np.where(m < BREAK_MEL, m * HZ_PER_MEL, above)[()]


@checked
def mel_frequencies(
    n_mels: Positive = 128, *, fmin: float = 0.0, fmax: float = 11025.0, htk: bool = False
) -> Real[ndarray, " M"]:
    """So many frequencies in hertz, equally far apart in mel, from ``fmin`` to ``fmax``, both included.

    Raises
    ------
    ValueError
        If not 0 <= fmin < fmax, or if there are more than 10^8.
    """
    _check_band("mel_frequencies", fmin, fmax)
    check_range("mel_frequencies: n_mels", n_mels, at_most=LARGEST_BANK)
    lowest, highest = hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk)
    return np.asarray(mel_to_hz(np.linspace(lowest, highest, n_mels), htk=htk))


@checked
def triangular_filters(edges: Real[ndarray, " E"], places: Real[ndarray, " K"]) -> Real[ndarray, "M K"]:
    r"""Filters that rise in a straight line from one edge to the next, and fall to the one after it.

    .. math:: W_m[k] = \max\Bigl(0,\; \min\Bigl(
        \frac{p_k - e_m}{e_{m+1} - e_m},\; \frac{e_{m+2} - p_k}{e_{m+2} - e_{m+1}}\Bigr)\Bigr)

    A filter is 1 at its middle edge, where both of its neighbours end; from the second edge to the last but one, all
    filters together are 1.

    Parameters
    ----------
    edges : (E,)
        In ascending order.
    places : (K,)
        Where the filters are read.

    Returns
    -------
    W : (E - 2, K)

    Raises
    ------
    ValueError
        If there are fewer than three edges, or one is not above the one before.
    """
    if len(edges) < 3 or not (np.diff(edges) > 0).all():
        raise ValueError("triangular_filters: edges do not ascend; expected at least three, each above the one before")
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((places - left) / (middle - left), (right - places) / (right - middle)))


@checked
def mel_filterbank(
    *,
    sr: float,
    n_fft: Samples,
    n_mels: Positive = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
    triangles: str = "hertz",
) -> Real[ndarray, "M F"]:
    r"""The matrix W that makes a mel spectrogram of a spectrogram: :math:`Y_t[m] = \sum_k W_m[k]\, |X_t[k]|^2`.

    Triangles between n_mels + 2 edges that are equally far apart in mel, read at the frequencies k sr / n_fft of the
    DFT.

    ============ ======== ======== =========
    as in        htk      norm     triangles
    ============ ======== ======== =========
    librosa      False    "slaney" "hertz"    (the defaults)
    torchaudio   True     None     "hertz"
    Kaldi        True     None     "mel"      (with ``fmin=20``)
    ============ ======== ======== =========

    Parameters
    ----------
    sr : float
        Samples per second.
    n_fft : int
        Length of the DFT.
    n_mels : int
        Filters.
    fmin, fmax : float
        Where the first begins and the last one ends, in hertz; ``fmax`` is half of ``sr`` if not given.
    htk : bool
        The scale, see :func:`hz_to_mel`.
    norm : "slaney" or None
        "slaney" divides each filter by half of its width in hertz, so all have one area, and a noise that is equally
        strong at all frequencies is so in all bands. None leaves all of them 1 high.
    triangles : "hertz" or "mel"
        The scale on which their sides are straight.

    Returns
    -------
    W : (n_mels, 1 + n_fft // 2)
        In float64.

    Warns
    -----
    UserWarning
        Which filters are empty, because they lie between two frequencies of the DFT, or above them all: what they give
        is zero, whatever is heard.

    Raises
    ------
    ValueError
        If an option is out of its range, or the matrix had more than 10^8 numbers.

    References
    ----------
    Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
    continuously spoken sentences", section II; Slaney 1998 for the norm.
    """
    if norm not in ("slaney", None):
        raise ValueError(f"mel_filterbank: norm is {norm!r:.100}; expected 'slaney' or None")
    if triangles not in ("hertz", "mel"):
        raise ValueError(f"mel_filterbank: triangles is {triangles!r:.100}; expected 'hertz' or 'mel'")
    check_range("mel_filterbank: sr", sr, above=0, below=inf)
    fmax = sr / 2 if fmax is None else fmax
    _check_band("mel_filterbank", fmin, fmax)
    if n_mels * (1 + n_fft // 2) > LARGEST_BANK:
        raise ValueError(
            f"mel_filterbank: n_mels is {n_mels} and n_fft {n_fft}; expected a matrix of at most 10^8 numbers"
        )
    edges = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax, htk=htk)
    places = np.arange(1 + n_fft // 2) * (sr / n_fft)
    if triangles == "mel":
        W = triangular_filters(np.asarray(hz_to_mel(edges, htk=htk)), np.asarray(hz_to_mel(places, htk=htk)))
    else:
        W = triangular_filters(edges, places)
    if norm == "slaney":
        W *= 2 / (edges[2:] - edges[:-2])[:, None]
    if (empty := empty_filters(W)).size:
        more = f" and {len(empty) - NAMED} more" if len(empty) > NAMED else ""
        numbers = ", ".join(map(str, empty[:NAMED])) + more
        warnings.warn(
            f"mel_filterbank: empty filters, {len(empty)} of {n_mels} (no. {numbers}): no frequency of the DFT lies "
            f"between their edges (one every {sr / n_fft:.4g} Hz, up to {sr / 2:g} Hz); take a larger n_fft or fewer "
            "n_mels",
            stacklevel=3,
        )
    return W


@checked
def empty_filters(mel_basis: Real[ndarray, "M F"]) -> Int[ndarray, " E"]:
    """The numbers of the filters that let nothing through, from 0 on."""
    return np.flatnonzero(~mel_basis.any(axis=1))


@lru_cache(maxsize=16)
def kept_filterbank(label: str, dtype: np.dtype, **options: Any) -> ndarray:
    """What :func:`mel_filterbank` gives, for an op that asks again and again: made once, and warned of once."""
    try:
        W = mel_filterbank(**options).astype(dtype)
    except ValueError as error:
        raise ValueError(str(error).replace("mel_filterbank", label)) from None
    W.flags.writeable = False
    return W


def _check_band(label: str, fmin: float, fmax: float) -> None:
    check_range(f"{label}: fmin", fmin, at_least=0, below=inf)
    check_range(f"{label}: fmax", fmax, below=inf)
    if fmax <= fmin:
        raise ValueError(f"{label}: fmax is {fmax}; expected more than fmin, which is {fmin}")


def _numbers(name: str, values: float | ndarray) -> ndarray:
    """Numbers from 0 on, as floats."""
    numbers = real_numbers(name, values)
    if not (numbers >= 0).all():
        raise ValueError(f"{name} have {numbers[~(numbers >= 0)].flat[0]} among them; expected at least 0")
    return numbers
