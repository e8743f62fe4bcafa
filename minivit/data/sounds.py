"""Sounds, drawn from a seed: fifteen classes that differ by the order in time of what is in them, and by nothing else.

There are five kinds of sounds, and something moves in each: the frequency of a chirp, a vowel between a and i, the
notes of a plucked string, the loudness of a noise, the pauses between beats. It moves up, down, or up and down again.
All three ways spend the same time at each place, so that their mean spectra are alike: who listens without a sense of
time tells the kinds apart, is right in a third of all cases, and no better.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minivit.audio.strings import melody
from minivit.audio.voice import FORMANTS, HIGHER_FORMANTS, glottis, tract
from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import LabeledSounds
from minivit.types import Count, Int, Positive, ndarray

SR = 8_000
"""Samples in a second."""

LENGTH = 8_000
"""Samples of a sound: one second."""

STILL = 160
"""Samples for which a vocal tract keeps still."""

CHUNK = 150  # sounds that share a generator; a multiple of the number of classes

CLASSES = (
    ("chirp up", "chirp down", "chirp up and down"),
    ("vowels ai", "vowels ia", "vowels aia"),
    ("melody up", "melody down", "melody up and down"),
    ("noise growing", "noise fading", "noise swelling"),
    ("beats faster", "beats slower", "beats faster and slower"),
)
"""A row for each kind; in it up, down, up and down."""


@checked
def sounds(n_train: Positive = 6_000, n_test: Positive = 1_500, *, seed: Count = 0) -> Dataset[LabeledSounds]:
    """Draw the data set of sounds: one second at 8 kHz, fifteen classes, equally frequent.

    The same seed gives the same sounds, and a smaller set is the beginning of a larger one. Train and test sounds come
    from independent streams of random numbers.

    Raises
    ------
    ValueError, TypeError
        If ``n_train`` or ``n_test`` is less than 1, ``seed`` less than 0, or one of them no whole number.
    """
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    train = LabeledSounds(*draw_sounds(n_train, rng=train_rng))
    test = LabeledSounds(*draw_sounds(n_test, rng=test_rng))
    return Dataset("sounds", train, test, tuple(name for kind in CLASSES for name in kind), sr=SR)


@checked
def draw_sounds(n: Positive, *, rng: np.random.Generator) -> tuple[Int[ndarray, "n T"], Int[ndarray, "n"]]:
    """Draw n sounds.

    Each is of random pitch and length, begins at a random time, and lies 10 to 30 dB above a noise; the loudest sample
    of all is 1 to 20 dB below the largest that there can be.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
        The source of all randomness. Every chunk of 150 sounds has a child generator of its own (``rng.spawn``), so the
        first sounds do not depend on how many follow; a second call with the same generator draws new sounds.

    Returns
    -------
    waves : int16 (n, T)
        As in a WAV file: 32,768 would be 1.
    labels : int64 (n,)
        The place of each class in the rows of ``CLASSES``, read one after the other.

    Raises
    ------
    ValueError, TypeError
        If ``n`` is less than 1, or no whole number.
    MemoryError
        If there is no room for so many sounds.
    """
    waves, labels = np.empty((n, LENGTH), np.int16), np.empty(n, np.int64)
    for start in range(0, n, CHUNK):
        (child,) = rng.spawn(1)
        chunk = child.permutation(np.arange(CHUNK) % (3 * len(KINDS)))[: n - start]
        labels[start : start + CHUNK] = chunk
        for i, label in enumerate(chunk, start):
            waves[i] = _recorded(KINDS[label // 3](int(label % 3), child), child)
    return waves, labels


def _recorded(sound: ndarray, rng: np.random.Generator) -> Int[ndarray, "T"]:
    """A sound somewhere in a second of noise, at some level, as 16 bits."""
    edge = np.minimum(1, np.arange(len(sound)) / (0.01 * SR))  # no clicks at the ends, which would tell where they are
    sound = sound * edge * edge[::-1]
    signal_to_noise = rng.uniform(10, 30)
    wave = rng.standard_normal(LENGTH, np.float32) * np.sqrt(np.mean(sound * sound)) / 10 ** (signal_to_noise / 20)
    start = rng.integers(LENGTH - len(sound) + 1)
    wave[start : start + len(sound)] += sound
    level = 10 ** (rng.uniform(-20, -1) / 20)
    return np.round(32_767 * level / np.abs(wave).max() * wave).astype(np.int16)


def _seconds(low: float, high: float, rng: np.random.Generator) -> int:
    """A number of samples between these many seconds."""
    return int(SR * rng.uniform(low, high))


def _way(order: int, length: int) -> ndarray:
    """From 0 to 1, from 1 to 0, or to 1 and back, in even steps."""
    up = np.linspace(0, 1, length)
    return (up, 1 - up, 1 - np.abs(2 * up - 1))[order]


def _ordered(order: int, things: ndarray) -> ndarray:
    """Things that grow, as they are, from the last to the first, or every other one up and the others down."""
    return (things, things[::-1], np.concatenate([things[::2], things[1::2][::-1]]))[order]


def _chirp(order: int, rng: np.random.Generator) -> ndarray:
    """A tone that moves through one to two octaves."""
    octaves = rng.uniform(1, 2) * _way(order, _seconds(0.5, 0.9, rng))
    return np.sin(2 * np.pi * np.cumsum(rng.uniform(250, 850) * 2**octaves / SR))


def _vowels(order: int, rng: np.random.Generator) -> ndarray:
    """A voice that glides between a and i; its pitch falls or rises as it likes."""
    length = _seconds(0.5, 0.9, rng)
    pitch = rng.uniform(90, 240) * 2 ** (rng.uniform(-0.3, 0.3) * np.linspace(-1, 1, length))
    a, i = (np.log([*FORMANTS[name], *HIGHER_FORMANTS]) for name in "ai")
    size = rng.uniform(0.95, 1.15)  # of the head: the shorter the tract, the higher are all formants
    formants = size * np.exp(a + np.outer(_way(order, length // STILL), i - a)).T
    return tract(glottis(pitch, sr=SR, breath=rng.uniform(0.02, 0.3), rng=rng), formants, sr=SR)


def _melody(order: int, rng: np.random.Generator) -> ndarray:
    """Five notes of a pentatonic scale."""
    steps = np.array([0, 2, 4, 7, 9])
    lowest, note = rng.uniform(180, 420), rng.uniform(0.1, 0.18)
    notes = lowest * 2 ** (_ordered(order, steps) / 12)
    return melody(notes.tolist(), duration=note, sr=SR, rng=rng)


def _noise(order: int, rng: np.random.Generator) -> ndarray:
    """Noise of a band, between very soft and loud."""
    from scipy.signal import lfilter

    length = _seconds(0.5, 0.9, rng)
    radius, angle = rng.uniform(0.5, 0.9), np.pi * rng.uniform(0.1, 0.8)
    noise = lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], rng.standard_normal(length))
    return noise * 10 ** (30 / 20 * (_way(order, length) - 1))


def _beats(order: int, rng: np.random.Generator) -> ndarray:
    """Eight beats on wood; from one pause to the next, the rate grows or falls by the same factor."""
    slowest, factor = rng.uniform(0.16, 0.20), rng.uniform(2.5, 4)
    pauses = SR * slowest * factor ** -_ordered(order, np.linspace(0, 1, 7))
    t = np.arange(int(0.04 * SR)) / SR
    beat = np.sin(2 * np.pi * rng.uniform(400, 2500) * t) * np.exp(-t / rng.uniform(0.006, 0.012))
    starts = np.concatenate([[0], np.cumsum(pauses)]).astype(int)
    wave = np.zeros(starts[-1] + len(beat))
    for start in starts:
        wave[start : start + len(beat)] += beat
    return wave


KINDS: tuple[Callable[[int, np.random.Generator], Any], ...] = (_chirp, _vowels, _melody, _noise, _beats)
"""What draws a sound of each kind, given the way."""
