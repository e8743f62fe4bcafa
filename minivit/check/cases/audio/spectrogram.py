"""Sample inputs of the spectrogram: those of the transform."""

from numpy.random import Generator

from minivit.check.cases.audio.stft import stft
from minivit.check.draw import Case, choose


def spectrogram(rng: Generator) -> Case:
    args, options = stft(rng)
    return Case(args, options | {"power": choose(rng, 1.0, 2.0)})
