"""The gradients that the ops of sound with one differentiable argument return, by the argument's name."""

from typing import NamedTuple

from minivit.types import Complex, Float, ndarray


class WaveGrad(NamedTuple):
    """Gradient of a wave ``y``: as an array of its shape and dtype."""

    y: Float[ndarray, "..."]


class SpectrumGrad(NamedTuple):
    """Gradient of a complex spectrum ``X``, dL/dRe X + i dL/dIm X: as an array of its shape and dtype."""

    X: Complex[ndarray, "..."]


class FramesGrad(NamedTuple):
    """Gradient of ``frames``: as an array of their shape and dtype."""

    frames: Float[ndarray, "..."]
