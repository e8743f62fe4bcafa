"""A voice: pulses of air from the glottis (the source) through the resonances of the vocal tract (the filter).

What makes a vowel is where the resonances lie, the formants; what makes its pitch is how often the glottis opens. So
any vowel can be sung at any pitch, and a whisper has vowels and no pitch at all.
"""

from collections.abc import Sequence
from math import inf
from typing import Annotated

import numpy as np

from minivit.checked import checked
from minivit.types import Count, Range, Real, SampleRate, ndarray

FORMANTS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
"""The first three formants of vowels in hertz: means of 33 men (Peterson and Barney 1952, "Control Methods Used in a
Study of the Vowels", table II: hod, head, heed, hawed, who'd)."""

HIGHER_FORMANTS = (3500.0, 4500.0, 5500.0, 6500.0)
"""Those of a tube of 17.5 cm that is shut at one end, where sound goes 350 m in a second: much alike in all vowels."""

BANDWIDTHS = (50.0, 70.0, 110.0, 200.0, 250.0, 300.0, 350.0)
"""Of all these, in hertz; of three as in Klatt 1980, "Software for a cascade/parallel formant synthesizer"."""

OPENING, CLOSING = 0.40, 0.16
"""How long the glottis opens and closes, as shares of a period; then it stays shut (Rosenberg 1971, "Effect of glottal
pulse shape on the quality of natural vowels")."""

STEP = 0.005
"""Seconds for which the filter keeps still while formants move."""

LETTER, PAUSE, GLIDE, FADE = 0.28, 0.10, 0.10, 0.03
"""Seconds that a vowel lasts, that a space lasts, that it takes from one vowel to the next, and to begin and end."""

FALL, JITTER, SHAKE = 0.08, 0.01, 0.02
"""How far pitch falls in a word, above and below its mean; how unsteady it is, as a share of it, and how fast (s)."""

LEVEL = 0.5
"""The largest sample of what is spoken."""

LONGEST = 600.0
"""Seconds of speech: who asks for more has meant something else."""

MOST_SAMPLES = 10**7
"""Ten minutes at 16 kHz: while a voice is made, each takes some 80 bytes."""

VoiceRate = Annotated[int, Range(at_least=4_000, at_most=192_000)]
"""Samples in a second. Below 4,000 there is no room for two formants."""

Pitch = Annotated[float, Range(at_least=20, at_most=1_000)]
Speed = Annotated[float, Range(at_least=0.1, at_most=10)]
Breath = Annotated[float, Range(at_least=0, at_most=100)]
Duration = Annotated[float, Range(above=0, at_most=LONGEST)]


@checked
def vowel(
    name: str,
    *,
    duration: Duration = 0.5,
    pitch: Pitch = 120.0,
    breath: Breath = 0.05,
    seed: Count = 0,
    sr: VoiceRate = 16_000,
) -> Real[ndarray, "T"]:
    """One vowel, from a row of pulses through the formants of ``FORMANTS`` (arguments and errors: see :func:`speak`).

    Parameters
    ----------
    name : str
        "a", "e", "i", "o" or "u".
    duration : float
        Seconds.
    """
    if name.lower() not in FORMANTS:
        raise ValueError(f"vowel: name is {name!r:.100}; expected one of {', '.join(FORMANTS)}")
    length = samples_of(duration, sr, label="vowel: duration")
    return _loud(_word(name.lower(), length, pitch, breath, sr, np.random.default_rng(seed)))


@checked
def speak(
    text: str,
    *,
    pitch: Pitch = 120.0,
    speed: Speed = 1.0,
    breath: Breath = 0.05,
    seed: Count = 0,
    sr: VoiceRate = 16_000,
) -> Real[ndarray, "T"]:
    """Speak words of vowels: "a e i o u" is five, and in "ai" the tongue moves from the one to the other.

    Parameters
    ----------
    text : str
        The letters a, e, i, o, u, in words.
    pitch : float
        Hertz: some 120 of a man, 210 of a woman, 300 of a child. In each word it falls a little, and it is never still.
    speed : float
        2 is twice as fast; the pitch is the same.
    breath : float
        How strong the noise of breath is beside the pulses of the glottis; with 10 and more it is a whisper.
    seed : int
        Of this noise, and of what moves the pitch.
    sr : int
        Samples in a second.

    Returns
    -------
    y : float32 (T,)
        Its largest sample is 0.5.

    Raises
    ------
    ValueError, TypeError
        If there are no letters or others, an option is out of its range, or it all would last longer than 600 s, or
        have more than 10^7 samples.
    """
    words = text.lower().split()
    others = sorted({letter for word in words for letter in word} - {*FORMANTS})
    if others or not words:
        came = f"has {others[0]!r}" if others else "has no letters"
        raise ValueError(f"speak: text {came}; expected words of the vowels {', '.join(FORMANTS)}")
    letter, pause = (round(seconds / speed * sr) for seconds in (LETTER, PAUSE))
    seconds = (letter * sum(map(len, words)) + pause * (len(words) - 1)) / sr
    if seconds > LONGEST:
        raise ValueError(f"speak: text would last {seconds:,.0f} s; expected at most {LONGEST:g}")
    samples_of(seconds, sr, label="speak: what text lasts")
    rng, spoken = np.random.default_rng(seed), []
    for word in words:
        spoken += [_word(word, letter * len(word), pitch, breath, sr, rng), np.zeros(pause)]
    return _loud(np.concatenate(spoken[:-1]))


@checked
def samples_of(seconds: Annotated[float, Range(above=0, below=inf)], sr: SampleRate, *, label: str = "seconds") -> int:
    """How many samples so many seconds are, at least one; ValueError that begins with ``label`` if more than 10^7."""
    length = max(round(seconds * sr), 1)
    if length > MOST_SAMPLES:
        came = f"{label} is {seconds:g} s, {length:,} samples at {sr:,} in a second"
        raise ValueError(f"{came}; expected at most {MOST_SAMPLES:,} samples")
    return length


def _word(word: str, length: int, pitch: float, breath: float, sr: int, rng: np.random.Generator) -> ndarray:
    """The vowels of a word one after the other, each equally long, in so many samples."""
    each = length / len(word)
    glide = min(GLIDE * sr, each / 2) / 2
    starts = each * np.arange(len(word))
    times = np.stack([starts + glide, starts + each - glide], 1).ravel()  # between which each vowel is still
    targets = np.log([[*FORMANTS[letter], *HIGHER_FORMANTS] for letter in word]).repeat(2, 0)
    steps = np.linspace(0, length, max(round(length / (STEP * sr)), 1))
    formants = np.exp([np.interp(steps, times, target) for target in targets.T])  # (7, steps)

    nodes = np.linspace(0, length, 2 + round(length / (SHAKE * sr)))
    shaking = 1 + JITTER * rng.standard_normal(len(nodes))
    contour = pitch * np.linspace(1 + FALL, 1 - FALL, length) * np.interp(np.arange(length), nodes, shaking)
    y = tract(glottis(contour, sr=sr, breath=breath, rng=rng), formants, sr=sr)
    edge = np.minimum(1, np.arange(1, length + 1) / (FADE * sr))
    return y * edge * edge[::-1]


def _loud(y: ndarray) -> ndarray:
    """As loud as ``LEVEL``; of a single sample, which the glottis begins with, nothing is heard."""
    return (LEVEL / (np.abs(y).max() or 1.0) * y).astype(np.float32)


@checked
def glottis(
    pitch: Real[ndarray, "T"], *, sr: SampleRate, breath: Breath = 0.0, rng: np.random.Generator | None = None
) -> Real[ndarray, "T"]:
    r"""The sound at the glottis, with the lips' part in it: the slope of the flow of air, and noise where air flows.

    Of a period of length 1, with :math:`O` and :math:`C` as in ``OPENING`` and ``CLOSING``, the flow is

    .. math::
        g(p) = \tfrac12 (1 - \cos(\pi p / O)) \text{ for } p < O, \qquad
        \cos(\tfrac\pi2 (p - O) / C) \text{ for } O \le p < O + C, \qquad 0 \text{ else.}

    Lips radiate the slope of the flow rather than the flow. As both are filters, the slope may as well be taken here:
    the difference of two samples. Each is the mean of g since the one before, for at single points of g, frequencies
    that the rate cannot have would be heard as others.

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
    Rosenberg 1971, pulse type C. Klatt 1980 (noise comes with the flow; radiation is a first difference).
    """
    if not ((pitch > 0) & (pitch < sr / 2)).all():
        raise ValueError(f"glottis: pitch must lie above 0 and below sr / 2 = {sr / 2:g} Hz at every sample")
    if breath and rng is None:
        raise ValueError(f"glottis: breath is {breath}, and noise needs an rng, such as np.random.default_rng(0)")
    step = pitch / sr
    flow = np.diff(_air(np.cumsum(step, dtype=np.float64)), prepend=0.0) / step  # the mean of g since the last sample
    source = _even(np.diff(flow, prepend=0.0))
    if breath and rng is not None:
        source += breath * _even(flow * rng.standard_normal(len(flow)))
    return source.astype(pitch.dtype)


def _air(phase: ndarray) -> ndarray:
    """How much air has flown after so many periods: the integral of g."""
    period, p = np.divmod(phase, 1)
    rising = np.minimum(p, OPENING)
    falling = np.clip((p - OPENING) / CLOSING, 0, 1)
    opened = (rising - OPENING / np.pi * np.sin(np.pi * rising / OPENING)) / 2
    return period * (OPENING / 2 + 2 * CLOSING / np.pi) + opened + 2 * CLOSING / np.pi * np.sin(np.pi / 2 * falling)


def _even(x: ndarray) -> ndarray:
    """With a root mean square of 1, if it is not silent."""
    return x / (np.sqrt(np.mean(x * x)) or 1.0) if x.size else x


@checked
def tract(
    x: Real[ndarray, "T"],
    formants: Real[ndarray, "K steps"],
    *,
    sr: SampleRate,
    bandwidths: Sequence[float] = BANDWIDTHS,
) -> Real[ndarray, "T"]:
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
    Klatt 1980, "Software for a cascade/parallel formant synthesizer" (digital resonators).
    """
    from scipy.signal import sosfilt

    K, steps = formants.shape
    if not (formants > 0).all():
        raise ValueError("tract: formants must be above 0 Hz")
    widths = np.asarray(bandwidths, np.float64)[:K]
    if len(widths) < K or not (widths > 0).all():
        raise ValueError(f"tract: bandwidths are {tuple(bandwidths)}; expected {K} numbers above 0, one for a formant")
    kept = np.flatnonzero((formants <= 0.45 * sr).all(1))[::-1]  # the highest first: what lies behind dampens clicks
    if not kept.size or not x.size:
        return x.copy()
    sections = _resonators(formants[kept].astype(np.float64), widths[kept, None], sr)
    edges = np.linspace(0, len(x), steps + 1).astype(int)
    y, state = np.empty(len(x)), np.zeros((len(kept), 2))
    for section, start, stop in zip(sections, edges[:-1], edges[1:], strict=True):
        if start < stop:  # there may be fewer samples than steps
            y[start:stop], state = sosfilt(section, x[start:stop], zi=state)
    return y.astype(x.dtype)


def _resonators(frequency: ndarray, width: ndarray, sr: int) -> ndarray:
    """What scipy calls second-order sections, (steps, K, 6)."""
    b = 2 * np.exp(-np.pi * width / sr) * np.cos(2 * np.pi * frequency / sr)
    c = np.broadcast_to(-np.exp(-2 * np.pi * width / sr), b.shape)
    none, one = np.zeros_like(b), np.ones_like(b)
    return np.stack([1 - b - c, none, none, one, -b, -c], -1).swapaxes(0, 1).copy()
