"""A scale and a shift of each channel, where others normalise."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.initial import ones, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.ops.affine import AffineCache, affine_backward, affine_forward


class Affine(Layer):
    """``y = alpha * x + beta``; the parameters have timm's shape, (1, 1, D).

    Source: Touvron et al. 2021, "ResMLP", section 2, equation 1.
    """

    def __init__(self, dim: int) -> None:
        self.alpha = Param((1, 1, dim), "batch token out", ones)
        self.beta = Param((1, 1, dim), "batch token out", zeros)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AffineCache]:
        return affine_forward(x, self.alpha.value.ravel(), self.beta.value.ravel())

    def backward(self, dy: ndarray, cache: AffineCache) -> ndarray:
        dx, dalpha, dbeta = affine_backward(dy, cache)
        self.alpha.add_grad(dalpha.reshape(self.alpha.shape))
        self.beta.add_grad(dbeta.reshape(self.beta.shape))
        return dx
