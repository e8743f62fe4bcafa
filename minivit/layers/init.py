"""Initial values: functions ``(rng, shape) -> array``. Drawn in float64, so float32 and float64 models start alike."""

from math import sqrt

import numpy as np
from numpy import ndarray

from minivit.layers.layer import Init


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> ndarray:
    """All zeros: biases."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> ndarray:
    """All ones: scales of normalisations."""
    return np.ones(shape)


def normal(std: float) -> Init:
    """Normal numbers of this standard deviation.

    timm's ViT draws its matrices with 0.02, truncated at 100 standard deviations, which never happens.
    """
    return lambda rng, shape: rng.standard_normal(shape) * std


def xavier_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> ndarray:
    """Uniform in ±sqrt(6 / (in + out)), for a matrix (in, out).

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    limit = sqrt(6 / (shape[0] + shape[1]))
    return rng.uniform(-limit, limit, shape)


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> ndarray:
    """Normal with variance 1 / in, for a matrix (in, out). Source: LeCun et al. 1998, "Efficient BackProp"."""
    return rng.standard_normal(shape) / sqrt(shape[0])
