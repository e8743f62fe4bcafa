"""A voice: pulses of air from the glottis (the source) through the resonances of the vocal tract (the filter).

What makes a vowel is where the resonances lie, the formants; what makes its pitch is how often the glottis opens. So
any vowel can be sung at any pitch, and a whisper has vowels and no pitch at all.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from minivit.checked import checked
from minivit.types import Float, Range, SampleRate, ndarray

FORMANTS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
"""The first three formants of vowels in hertz: means of 33 men (Peterson and Barney 1952, "Control Methods Used in a
Study of the Vowels", table II: hod, head, heed, hawed, who'd)."""

HIGHER_FORMANTS = (3300.0, 3750.0)
"""The fourth and fifth, alike in all vowels (Klatt 1980, "Software for a cascade/parallel formant synthesizer", table
I; the bandwidths too)."""

BANDWIDTHS = (50.0, 70.0, 110.0, 250.0, 200.0)
"""Of the five formants, in hertz."""

OPENING, CLOSING = 0.40, 0.16
"""How long the glottis opens and closes, as shares of a period; then it stays shut (Rosenberg 1971, "Effect of glottal
pulse shape on the quality of natural vowels")."""

STEP = 0.005
"""Seconds for which the filter keeps still while formants move."""

LETTER, PAUSE, GLIDE, FADE = 0.28, 0.10, 0.10, 0.03
"""Seconds that a vowel lasts, that a space lasts, that it takes from one vowel to the next, and to begin and end."""

LONGEST = 600.0
"""Seconds of speech, of more letters than anybody means."""

Pitch = Annotated[float, Range(at_least=20, at_most=1_000)]
Speed = Annotated[float, Range(at_least=0.1, at_most=10)]
Breath = Annotated[float, Range(at_least=0, at_most=100)]
Duration = Annotated[float, Range(above=0, at_most=LONGEST)]
Seed = Annotated[int, Range(at_least=0)]


@checked
def glottis(
    pitch: Float[ndarray, "T"], *, sr: SampleRate, breath: Breath = 0.0, rng: np.random.Generator | None = None
) -> Float[ndarray, "T"]:
    r"""The sound at the glottis, with the lips' part in it: the slope of the flow of air, and noise where air flows.

    Of a period of length 1, with :math:`O` and :math:`C` as in ``OPENING`` and ``CLOSING``, the flow is

    .. math::
        g(p) = \tfrac12 (1 - \cos(\pi p / O)) \text{ for } p < O, \qquad
        \cos(\tfrac\pi2 (p - O) / C) \text{ for } O \le p < O + C, \qquad 0 \text{ else.}

    Lips radiate the slope of the flow rather than the flow. As both are filters, the slope may as well be taken here.

    Parameters
    ----------
    pitch : (T,)
        Hertz at each sample.
    sr : int
        Samples in a second.
    breath : float
        How strong the noise is: its root mean square over that of the pulses. 0 is a machine, 0.1 a voice.
    rng : numpy.random.Generator
        Where noise comes from; needed for a ``breath`` above 0.

    Raises
    ------
    ValueError, TypeError
        If a pitch is not above 0 and below ``sr / 2``, or a choice is out of range.

    References
    ----------
    Rosenberg 1971, pulse type C. Klatt 1980, section I (noise comes with the flow; radiation is a first difference).
    """
    if not ((pitch > 0) & (pitch < sr / 2)).all():
        raise ValueError(f"glottis: pitch must lie above 0 and below sr / 2 = {sr / 2:g} Hz at every sample")
    if breath and rng is None:
        raise ValueError(f"glottis: breath is {breath}, and noise needs an rng, such as np.random.default_rng(0)")
    phase = np.cumsum(pitch / sr, dtype=np.float64) % 1
    rising, falling = phase / OPENING, (phase - OPENING) / CLOSING
    flow = np.where(rising < 1, (1 - np.cos(np.pi * rising)) / 2, np.cos(np.pi / 2 * np.clip(falling, 0, 1)))
    source = _even(np.diff(flow, prepend=0.0))
    if breath and rng is not None:
        source += breath * _even(flow * rng.standard_normal(len(flow)))
    return source.astype(pitch.dtype)


def _even(x: ndarray) -> ndarray:
    """With a root mean square of 1, if it is not silent."""
    return x / (np.sqrt(np.mean(x * x)) or 1.0) if x.size else x


@checked
def tract(
    x: Float[ndarray, "T"],
    formants: Float[ndarray, "K steps"],
    *,
    sr: SampleRate,
    bandwidths: Sequence[float] = BANDWIDTHS,
) -> Float[ndarray, "T"]:
    r"""Send a sound through resonators, one behind the other, one for each formant.

    A resonator at F hertz that is B hertz wide is

    .. math::
        y_t = (1 - b - c) x_t + b y_{t-1} + c y_{t-2}, \qquad
        b = 2 e^{-\pi B / s} \cos(2 \pi F / s), \qquad c = -e^{-2 \pi B / s},

    with s samples in a second; it leaves the frequency 0 as it is.

    Parameters
    ----------
    x : (T,)
    formants : (K, steps)
        F in hertz, at ``steps`` times from the beginning to the end; one step is a filter that keeps still. A formant
        that comes above 0.45 ``sr`` is left out: its mirror image above ``sr / 2`` would make it too strong.
    sr : int
        Samples in a second.
    bandwidths : K numbers or more
        B in hertz.

    Raises
    ------
    ValueError, TypeError
        If a formant is not above 0, or one of them has no bandwidth above 0.

    References
    ----------
    Klatt 1980, "Software for a cascade/parallel formant synthesizer", section I.
    """
    from scipy.signal import sosfilt

    K, steps = formants.shape
    if not (formants > 0).all():
        raise ValueError("tract: formants must be above 0 Hz")
    widths = np.asarray(bandwidths, np.float64)[:K]
    if len(widths) < K or not (widths > 0).all():
        raise ValueError(f"tract: bandwidths are {tuple(bandwidths)}; expected {K} numbers above 0, one for a formant")
    kept = (formants <= 0.45 * sr).all(1)
    y, state = np.empty(len(x)), np.zeros((int(kept.sum()), 2))
    edges = np.linspace(0, len(x), steps + 1).astype(int)
    sections = _resonators(formants[kept].astype(np.float64), widths[kept, None], sr)
    for filters, start, stop in zip(sections, edges[:-1], edges[1:], strict=True):
        y[start:stop], state = sosfilt(filters, x[start:stop], zi=state) if kept.any() else (x[start:stop], state)
    return y.astype(x.dtype)


def _resonators(frequency: ndarray, width: ndarray, sr: int) -> ndarray:
    """What scipy calls second-order sections, (steps, K, 6)."""
    b = 2 * np.exp(-np.pi * width / sr) * np.cos(2 * np.pi * frequency / sr)
    c = np.broadcast_to(-np.exp(-2 * np.pi * width / sr), b.shape)
    none, one = np.zeros_like(b), np.ones_like(b)
    return np.stack([1 - b - c, none, none, one, -b, -c], -1).swapaxes(0, 1).copy()
