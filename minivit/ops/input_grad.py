"""The gradients that all ops with one differentiable argument return, by its name: ``x``, a table, a wave ``y``, ..."""

from typing import NamedTuple

from minivit.types import Complex, Float, ndarray


class InputGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``x``: as an array of its shape and dtype."""

    x: Float[ndarray, "..."]


class TableGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``table``: as an array of its shape and dtype."""

    table: Float[ndarray, "..."]


class WaveGrad(NamedTuple):
    """Gradient of the one differentiable argument, the wave ``y``: as an array of its shape and dtype."""

    y: Float[ndarray, "..."]


class SpectrogramGrad(NamedTuple):
    """Gradient of the one differentiable argument, the spectrogram ``S``: as an array of its shape and dtype."""

    S: Float[ndarray, "..."]


class DataGrad(NamedTuple):
    """Gradient of the one differentiable argument, the features ``data``: as an array of its shape and dtype."""

    data: Float[ndarray, "..."]


class SpectrumGrad(NamedTuple):
    """Gradient of the one differentiable argument, a complex spectrum ``X``: dL/dRe X + i dL/dIm X."""

    X: Complex[ndarray, "..."]


class FramesGrad(NamedTuple):
    """Gradient of the one differentiable argument, ``frames``: as an array of their shape and dtype."""

    frames: Float[ndarray, "..."]


class WeightGrad(NamedTuple):
    """Gradient of the only argument of a forward, a kernel, called weight."""

    weight: Float[ndarray, "..."]
