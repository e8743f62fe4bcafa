"""Sample inputs of log-mel features."""

from numpy.random import Generator

from minivit.check.cases.audio.melspectrogram import melspectrogram
from minivit.check.draw import Case


def log_mel(rng: Generator) -> Case:
    args, options = melspectrogram(rng)
    return Case(args, options | {"floor": 1e-12})
