"""Noise that regularises: dropout of single numbers, and of whole branches of a sample (stochastic depth).

Randomness happens exactly when a generator is passed. Without one, both are the identity.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, ndarray


class DropoutCache(NamedTuple):
    """What ``dropout_backward`` needs: 0 where dropped, 1 / (1 - rate) where kept; None if nothing was dropped."""

    factor: Float[ndarray, "*B D"] | None


@checked
def dropout_forward(
    x: Float[ndarray, "*B D"], *, rate: float, rng: np.random.Generator | None = None
) -> tuple[Float[ndarray, "*B D"], DropoutCache]:
    r"""Set each number to zero with probability ``rate``; scale the others so that the mean stays.

    .. math:: y_i = x_i\, m_i / (1 - \text{rate}), \qquad m_i \sim \text{Bernoulli}(1 - \text{rate})

    Parameters
    ----------
    rate : float
        Probability of dropping, 0 <= rate < 1.
    rng : numpy.random.Generator, optional
        Without it, ``y`` is ``x`` (as at test time).

    Raises
    ------
    ValueError
        If ``rate`` is outside [0, 1).

    References
    ----------
    Srivastava et al. 2014, "Dropout"; to scale in training rather than at test time, often called inverted dropout, is
    proposed in section 10.
    """
    return _drop("dropout", x, x.shape, rate, rng)


@checked
def dropout_backward(dy: Float[ndarray, "*B D"], cache: DropoutCache) -> InputGrad:
    """Gradient of :func:`dropout_forward`: what was dropped gets none, what was scaled is scaled again."""
    return InputGrad(dy if cache.factor is None else dy * cache.factor)  # formula: y = x * factor


class DropPathCache(NamedTuple):
    """What ``drop_path_backward`` needs: one factor per sample; None if nothing was dropped."""

    factor: Float[ndarray, "B ..."] | None


@checked
def drop_path_forward(
    x: Float[ndarray, "B ..."], *, rate: float, rng: np.random.Generator | None = None
) -> tuple[Float[ndarray, "B ..."], DropPathCache]:
    r"""Stochastic depth: set whole samples of a residual branch to zero, and scale the others by 1 / (1 - rate).

    .. math:: y_b = x_b\, m_b / (1 - \text{rate}), \qquad m_b \sim \text{Bernoulli}(1 - \text{rate})

    A sample whose branch is dropped skips the layer: in ``x + drop_path(f(x))`` only the x remains.

    Parameters and errors as for :func:`dropout_forward`.

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", section 3; per sample as in timm's ``DropPath``.
    """
    y, (factor,) = _drop("drop_path", x, (len(x),) + (1,) * (x.ndim - 1), rate, rng)
    return y, DropPathCache(factor)


@checked
def drop_path_backward(dy: Float[ndarray, "B ..."], cache: DropPathCache) -> InputGrad:
    """Gradient of :func:`drop_path_forward`: a dropped sample's branch gets none."""
    return InputGrad(dy if cache.factor is None else dy * cache.factor)  # formula: y = x * factor


def _drop(
    label: str, x: ndarray, shape: tuple[int, ...], rate: float, rng: np.random.Generator | None
) -> tuple[ndarray, DropoutCache]:
    if not 0 <= rate < 1:
        raise ValueError(f"{label}: rate is {rate}; expected 0 <= rate < 1")
    if rng is None or rate == 0:
        return x, DropoutCache(None)
    kept = rng.random(shape, np.float32) >= rate
    factor = kept.astype(x.dtype) / (1 - rate)
    return x * factor, DropoutCache(factor)
