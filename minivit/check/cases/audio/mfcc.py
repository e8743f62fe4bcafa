"""Sample inputs of cepstra."""

from numpy.random import Generator

from minivit.check.cases.audio.melspectrogram import banded
from minivit.check.draw import Case, choose


def mfcc(rng: Generator) -> Case:
    shape, M, options = banded(rng)
    more = {"n_mfcc": M, "norm": choose(rng, "ortho", None), "mel_norm": choose(rng, "slaney", None)}
    window = choose(rng, "hann", rng.standard_normal(options["win_length"]))
    return Case((rng.standard_normal(shape), window), options | more)
