"""What the ear makes of a sound: a bank of filters along the basilar membrane, and how strong each of them answers.

As a spectrogram it takes a sound apart, but with filters as wide as their frequency asks for: narrow and slow where it
is low, wide and fast where it is high.
"""

import numpy as np

from minivit.audio.ear import ORDER, WIDER, Filters, erb, greenwood_frequencies, membrane_of
from minivit.checked import check_range, checked
from minivit.types import Positive, Real, SampleRate, ndarray

LARGEST = 10**9
"""Numbers that come out: who asks for more has meant something else."""


@checked
def gammatone(
    y: Real[ndarray, "*B T"], frequencies: ndarray, *, sr: SampleRate, species: str = "human"
) -> Real[ndarray, "*B F T"]:
    r"""What moves at places of the basilar membrane: the sound behind a bank of gammatone filters.

    The impulse response of a filter at f hertz is

    .. math:: g(t) \propto t^{n - 1} e^{-2 \pi b t} \cos(2 \pi f t), \qquad n = 4, \quad b = 1.019\, \mathrm{ERB}(f).

    Where :math:`e^{2 \pi i f t}` stands for the cosine, it is n times the same filter, :math:`e^{-2 \pi (b - i f) t}`:
    n resonators, each with one complex number as its state. What comes out is the motion (its real part) and its
    envelope (its size). A tone of f hertz comes out as loud as it came in, to 1 % from 30 Hz to 0.42 ``sr``. Near 0 and
    ``sr / 2`` the wave that turns the other way comes through, too, and a tone may come out up to twice as loud.

    Parameters
    ----------
    y : (..., T)
    frequencies : (F,)
        Hertz, for example of :func:`greenwood_frequencies`.
    sr : int
        Samples in a second.
    species : str
        Whose filters: "human" or "cat".

    Returns
    -------
    motion : (..., F, T)

    Raises
    ------
    ValueError, TypeError
        If y has no samples, a frequency is not above 0 and at most ``sr / 2``, or more than 10^9 numbers came out.

    References
    ----------
    Patterson et al. 1987, "An efficient auditory filterbank based on the gammatone function". Hohmann 2002, "Frequency
    analysis and synthesis using a Gammatone filterbank" (the complex recursion; n = 4).
    """
    if frequencies.dtype not in (np.float32, np.float64) and not np.issubdtype(frequencies.dtype, np.integer):
        raise TypeError(f"gammatone: frequencies have dtype {frequencies.dtype}; expected floats or integers")
    _check_frequencies("gammatone", frequencies, sr)
    if y.shape[-1] == 0:
        raise ValueError("gammatone: y has no samples; expected at least one")
    check_range("gammatone: numbers of the output", y.size * len(frequencies), at_most=LARGEST)
    motion = np.empty((*y.shape[:-1], len(frequencies), y.shape[-1]), y.dtype)
    for i, f in enumerate(frequencies.tolist()):
        motion[..., i, :] = np.real(_resonate(y, f, sr, species))
    return motion


@checked
def cochleagram(
    y: Real[ndarray, "*B T"],
    *,
    sr: SampleRate,
    n_filters: Filters = 64,
    fmin: float = 50.0,
    fmax: float | None = None,
    hop_length: Positive | None = None,
    species: str = "human",
) -> Real[ndarray, "*B F N"]:
    """How strong a sound is at each place of the basilar membrane, over time: a spectrogram as the ear makes one.

    Of the envelope of each gammatone filter it is the mean square over each ``hop_length`` samples, halved: the power.

    Parameters
    ----------
    y : (..., T)
    sr : int
        Samples in a second.
    n_filters : int
        F, at places equally far apart from ``fmin`` to ``fmax``: :func:`greenwood_frequencies`.
    fmin, fmax : float
        Hertz; ``fmax`` is 0.45 ``sr``, but no more than the ear hears, if it is not given.
    hop_length : int
        Samples; a hundredth of a second, if it is not given.
    species : str
        "human" or "cat".

    Returns
    -------
    power : (..., F, N)
        N = ceil(T / hop_length); the lowest frequency first, as in a spectrogram.

    Raises
    ------
    ValueError, TypeError
        If y has no samples, or an option is out of its range.
    """
    A, a, k, _ = membrane_of("cochleagram", species)
    if y.shape[-1] == 0:
        raise ValueError("cochleagram: y has no samples; expected at least one")
    fmax = min(0.45 * sr, A * (10**a - k)) if fmax is None else fmax
    frequencies = greenwood_frequencies(n_filters, fmin=fmin, fmax=fmax, species=species)
    _check_frequencies("cochleagram", frequencies, sr)
    hop = min(hop_length or max(sr // 100, 1), y.shape[-1])
    starts = np.arange(0, y.shape[-1], hop)
    lengths = np.diff(starts, append=y.shape[-1])
    check_range("cochleagram: numbers of the output", y.size // y.shape[-1] * n_filters * len(starts), at_most=LARGEST)
    power = np.empty((*y.shape[:-1], n_filters, len(starts)), y.dtype)
    for i, f in enumerate(frequencies.tolist()):
        envelope = _resonate(y, f, sr, species)
        power[..., i, :] = np.add.reduceat(np.abs(envelope) ** 2, starts, axis=-1) / (2 * lengths)
    return power


def _resonate(y: ndarray, f: float, sr: int, species: str) -> ndarray:
    """A gammatone filter's output, complex."""
    from scipy.signal import lfilter

    b = WIDER * float(erb(f, species=species))
    pole = np.exp(2 * np.pi * (-b + 1j * f) / sr)
    for _ in range(ORDER):  # each leaves a tone of f hertz as it is
        y = np.asarray(lfilter([1 - abs(pole)], [1, -pole], y))
    return 2 * y  # only the frequencies above 0 have come through


def _check_frequencies(label: str, frequencies: ndarray, sr: int) -> None:
    if frequencies.ndim != 1 or not len(frequencies):
        raise ValueError(f"{label}: frequencies have shape {frequencies.shape}; expected one axis, with at least one")
    if not ((frequencies > 0) & (frequencies <= sr / 2)).all():
        raise ValueError(f"{label}: frequencies must lie above 0 and at most at sr / 2 = {sr / 2:g} Hz")
