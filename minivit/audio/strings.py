"""Plucked strings: a burst of noise that runs round and round in a delay as long as a period (Karplus and Strong)."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from minivit.audio.voice import Duration, samples_of
from minivit.checked import checked
from minivit.types import Range, Real, SampleRate, ndarray

FADE = 0.005
"""Seconds in which the hand damps a string."""


@checked
def pluck(
    frequency: Annotated[float, Range(at_least=20)],
    *,
    duration: Duration = 1.0,
    sr: SampleRate,
    rng: np.random.Generator,
) -> Real[ndarray, "T"]:
    r"""A plucked string: the samples of one period are noise, and each later one the mean of two a period before.

    .. math:: y_t = x_t + \tfrac12 (y_{t-N} + y_{t-N-1})

    The mean takes a little away at each round, most of high frequencies, as a string does, and nothing of what is
    constant: the mean of the noise remains when the tone has died away. It delays by half a sample, so that a period is
    N + 1/2 samples. What then lacks of :math:`s / f`, for a string of f hertz at s samples in a
    second, is about a sample d, and is made by an all-pass filter in the loop,

    .. math:: \frac{C + z^{-1}}{1 + C z^{-1}}, \qquad C = \frac{\sin(\pi f (1 - d) / s)}{\sin(\pi f (1 + d) / s)}.

    Parameters
    ----------
    frequency : float
        Hertz, at most a quarter of ``sr``.
    duration : float
        Seconds.
    sr : int
        Samples in a second.
    rng : numpy.random.Generator
        Where the noise comes from.

    Raises
    ------
    ValueError, TypeError
        If one of them is out of its range, or they are more than 10^7 samples.

    References
    ----------
    Karplus and Strong 1983, "Digital Synthesis of Plucked-String and Drum Timbres". Jaffe and Smith 1983, "Extensions
    of the Karplus-Strong Plucked-String Algorithm" (tuning).
    """
    from scipy.signal import lfilter

    if frequency > sr / 4:
        raise ValueError(f"pluck: frequency is {frequency:g}; expected at most sr / 4 = {sr / 4:g} Hz")
    period = sr / frequency
    N = int(period - 0.6)  # so that the all-pass filter delays by 0.1 to 1.1, at nearly all frequencies alike
    missing = period - 0.5 - N
    turn = np.pi * frequency / sr  # half of what the phase moves in a sample
    C = np.sin(turn * (1 - missing)) / np.sin(turn * (1 + missing))
    loop = np.zeros(N + 3)
    loop[:2] = 1, C
    loop[N:] -= np.array([C, 1 + C, 1]) / 2  # half of (1 + 1/z)(C + 1/z)
    burst = np.zeros(samples_of(duration, sr, label="pluck: duration"))
    burst[:N] = rng.uniform(-1, 1, N)[: len(burst)]
    return np.asarray(lfilter([1, C], loop, burst), np.float32)


@checked
def melody(
    frequencies: Sequence[float], *, duration: Duration = 0.3, sr: SampleRate, rng: np.random.Generator
) -> Real[ndarray, "T"]:
    """Notes on one string, one after the other, each of ``duration`` seconds: a note ends where the next begins.

    Raises
    ------
    ValueError, TypeError
        If there are no notes, or one is none of :func:`pluck`.
    """
    if not len(frequencies):
        raise ValueError("melody: there are no frequencies; expected at least one note")
    samples_of(duration * len(frequencies), sr, label="melody: duration of all frequencies")
    notes = [pluck(frequency, duration=duration, sr=sr, rng=rng) for frequency in frequencies]
    damping = np.minimum(1, np.arange(len(notes[0]))[::-1] / (FADE * sr)).astype(np.float32)
    return np.concatenate([note * damping for note in notes])
