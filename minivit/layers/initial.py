"""Initial values: functions ``(rng, param) -> array``. Drawn in float64, so float32 and float64 models start alike."""

from math import sqrt

import numpy as np
from numpy import ndarray

from minivit.layers.param import Initial, Param


def zeros(rng: np.random.Generator, param: Param) -> ndarray:
    """All zeros: biases."""
    return np.zeros(param.shape)


def ones(rng: np.random.Generator, param: Param) -> ndarray:
    """All ones: scales of normalisations."""
    return np.ones(param.shape)


def full(value: float) -> Initial:
    """This number everywhere: the factors of LayerScale."""
    return lambda rng, param: np.full(param.shape, value)


def normal(std: float) -> Initial:
    """Normal numbers of this standard deviation.

    timm's ViT draws its matrices with 0.02, truncated at 100 standard deviations, which never happens.
    """
    return lambda rng, param: rng.standard_normal(param.shape) * std


def xavier_uniform(rng: np.random.Generator, param: Param) -> ndarray:
    """Uniform in ±sqrt(6 / (fan_in + fan_out)), for a linear map.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    limit = sqrt(6 / sum(param.fans))
    return rng.uniform(-limit, limit, param.shape)


def lecun_normal(rng: np.random.Generator, param: Param) -> ndarray:
    """Normal with variance 1 / fan_in, for a linear map. Source: LeCun et al. 1998, "Efficient BackProp"."""
    fan_in, _ = param.fans
    return rng.standard_normal(param.shape) / sqrt(fan_in)


def he_normal(rng: np.random.Generator, param: Param) -> ndarray:
    """Normal with variance 2 / fan_out, for a linear map in front of a ReLU: gradients keep their size on the way back.

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2 (there for either way; timm takes this one).
    """
    _, fan_out = param.fans
    return rng.standard_normal(param.shape) * sqrt(2 / fan_out)
