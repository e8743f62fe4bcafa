"""Losses: one number that says how wrong, as a mean over all rows or numbers."""

from math import log, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import row_dot
from minivit.ops.softmax import log_softmax_forward
from minivit.types import Factor, Float, Scalar, ndarray


@checked
def one_hot(labels: ndarray, num_classes: int) -> Float[ndarray, "*B C"]:
    """Class numbers (...) as rows (..., C) of float32: 1 in the place of the class, 0 elsewhere.

    >>> import numpy as np
    >>> from minivit.ops import one_hot
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)

    Raises
    ------
    TypeError
        If the labels are no integers.
    ValueError
        If a label is outside 0..num_classes-1.
    """
    check_numbers("label", labels, num_classes, "classes")
    return (labels[..., None] == np.arange(num_classes, like=labels)).astype(np.float32)


def _expected(probs: ndarray, values: ndarray) -> ndarray:
    """The mean of each row of values by its probabilities. What cannot be counts for nothing: 0 log 0 = 0."""
    return row_dot(probs, np.where(probs == 0, 0, values))


def _count(op: str, items: ndarray) -> int:
    """How many numbers or rows a mean is taken over."""
    if items.size == 0:
        raise ValueError(f"{op}: there is nothing to take a mean of, the arguments have no rows")
    return items.size


class CrossEntropyCache(NamedTuple):
    """What ``cross_entropy_backward`` needs."""

    log_probs: Float[ndarray, "*B C"]
    targets: Float[ndarray, "*B C"]


class LogitsGrad(NamedTuple):
    """Gradient of the differentiable argument of losses of logits."""

    logits: Float[ndarray, "*B C"]


@checked
def cross_entropy_forward(
    logits: Float[ndarray, "*B C"], targets: ndarray, *, label_smoothing: float = 0.0
) -> tuple[Scalar, CrossEntropyCache]:
    r"""Cross-entropy between the targets and the softmax of the logits, mean over all rows.

    .. math:: L = -\frac1N \sum_n \sum_c t_{nc} \log \operatorname{softmax}(z_n)_c

    Parameters
    ----------
    logits : (..., C)
    targets : integers (...) or probabilities (..., C)
        Class numbers, which stand for a 1 in their place, or soft targets (from mixup, or a teacher) that sum to 1.
    label_smoothing : float
        With s in place of 0, the target becomes :math:`(1 - s)\, t + s / C`.

    Returns
    -------
    loss : scalar
    cache : CrossEntropyCache

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is outside 0..C-1, the smoothing is outside [0, 1], or there are no rows.
    TypeError
        If the targets are neither integers nor floating-point numbers.

    References
    ----------
    label smoothing is Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is {label_smoothing}; expected a number from 0 to 1")
    targets = _as_probabilities(targets, logits)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
    log_probs, _ = log_softmax_forward(logits)
    loss = -_expected(targets, log_probs).sum() / _count("cross_entropy", logits[..., 0])
    return loss, CrossEntropyCache(log_probs, targets)


@checked
def cross_entropy_backward(dy: Scalar, cache: CrossEntropyCache) -> LogitsGrad:
    r"""Gradient of :func:`cross_entropy_forward`.

    The logarithm undoes the exponential of the softmax, and for targets that sum to one

    .. math:: \bar z_{nc} = \frac{\bar L}{N} \left(\operatorname{softmax}(z_n)_c - t_{nc}\right):

    what was said minus what is true.
    """
    log_probs, targets = cache
    total = targets.sum(-1, keepdims=True)  # 1, but for soft targets that do not sum to one
    dlogits = np.exp(log_probs)  # forward: log_probs, _ = log_softmax_forward(logits)
    dlogits *= total
    dlogits -= targets  # formula: loss = -(targets * log_probs).sum() / rows
    dlogits *= dy / prod(dlogits.shape[:-1])
    return LogitsGrad(dlogits)


def least_cross_entropy(classes: int, label_smoothing: float) -> float:
    r"""The cross-entropy with smoothed class numbers that no logits can be below: the entropy of the targets.

    .. math:: -\left(1 - s + \tfrac sC\right) \log \left(1 - s + \tfrac sC\right)
              - (C - 1)\, \tfrac sC \log \tfrac sC

    It is reached where the softmax of the logits is the target, by Gibbs' inequality; without smoothing it is 0.

    Source: Cover and Thomas 2006, "Elements of Information Theory", theorem 2.6.3.

    >>> from minivit.ops.losses import least_cross_entropy
    >>> round(least_cross_entropy(10, 0.1), 3)
    0.5
    """
    other = label_smoothing / classes
    shares = [1 - label_smoothing + other] + (classes - 1) * [other]
    return -sum(share * log(share) for share in shares if 0 < share < 1)


def _as_probabilities(targets: ndarray, logits: ndarray) -> ndarray:
    """Soft targets as they are; class numbers as rows with a 1 in their place."""
    dtype = np.real(logits).dtype
    if np.issubdtype(targets.dtype, np.floating):
        if targets.shape != logits.shape:
            raise ValueError(
                f"cross_entropy: soft targets {targets.shape} must have the shape of logits {logits.shape}"
            )
        return targets.astype(dtype, copy=False)
    if not np.issubdtype(targets.dtype, np.integer):
        raise TypeError(f"cross_entropy: targets have dtype {targets.dtype}; expected class numbers or probabilities")
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"cross_entropy: labels {targets.shape} do not fit logits {logits.shape}")
    return one_hot(targets, logits.shape[-1]).astype(dtype, copy=False)


class MseCache(NamedTuple):
    """What ``mse_backward`` needs."""

    difference: Float[ndarray, "*B D"]


@checked
def mse_forward(x: Float[ndarray, "*B D"], target: Float[ndarray, "*B D"]) -> tuple[Scalar, MseCache]:
    r"""Mean squared error over all numbers, :math:`L = \frac1n \sum_i (x_i - t_i)^2`. ``target`` is a constant.

    Raises
    ------
    ValueError
        If there are no numbers, or the shapes differ (they are never broadcast: a (B, 1) against a (B,) is a classic
        silent error).
    """
    difference = x - target
    return (difference * difference).sum() / _count("mse", x), MseCache(difference)


@checked
def mse_backward(dy: Scalar, cache: MseCache) -> InputGrad:
    r"""Gradient of :func:`mse_forward`: :math:`\bar x_i = \bar L \cdot 2 (x_i - t_i) / n`."""
    difference = cache.difference
    return InputGrad(difference * (dy * (2 / difference.size)))  # formula: mean of difference**2


class L1Cache(NamedTuple):
    """What ``l1_backward`` needs."""

    sign: Float[ndarray, "*B D"]


@checked
def l1_forward(x: Float[ndarray, "*B D"], target: Float[ndarray, "*B D"]) -> tuple[Scalar, L1Cache]:
    r"""Mean absolute error over all numbers, :math:`L = \frac1n \sum_i |x_i - t_i|`. ``target`` is a constant.

    Raises
    ------
    ValueError
        If the shapes differ, or there are no numbers.
    """
    difference = x - target
    sign = np.sign(np.real(difference))
    return (difference * sign).sum() / _count("l1", x), L1Cache(sign)


@checked
def l1_backward(dy: Scalar, cache: L1Cache) -> InputGrad:
    r"""Gradient of :func:`l1_forward`: :math:`\bar x_i = \bar L \operatorname{sign}(x_i - t_i) / n`, 0 at a kink."""
    sign = cache.sign
    return InputGrad(sign * (dy / sign.size))  # formula: mean of |difference|


class CharbonnierCache(NamedTuple):
    """What ``charbonnier_backward`` needs."""

    difference: Float[ndarray, "*B D"]
    root: Float[ndarray, "*B D"]


@checked
def charbonnier_forward(
    x: Float[ndarray, "*B D"], target: Float[ndarray, "*B D"], *, eps: Factor = 1e-3
) -> tuple[Scalar, CharbonnierCache]:
    r"""Charbonnier loss, :math:`L = \frac1n \sum_i \sqrt{(x_i - t_i)^2 + \epsilon^2}`. ``target`` is a constant.

    The absolute error without its kink: far from the target it is that, and within :math:`\epsilon` of it a parabola.

    Raises
    ------
    ValueError
        If the shapes differ, there are no numbers, or eps is not above 0.

    References
    ----------
    Charbonnier et al. 1994, "Two deterministic half-quadratic regularization algorithms for computed imaging"; Liang et
    al. 2021, "SwinIR", equation 8, where :math:`\epsilon` is 1e-3. (KAIR, with which SwinIR was trained, adds 1e-9 in
    place of :math:`\epsilon^2`.)
    """
    difference = x - target
    root = np.sqrt(difference * difference + eps * eps)
    return root.sum() / _count("charbonnier", x), CharbonnierCache(difference, root)


@checked
def charbonnier_backward(dy: Scalar, cache: CharbonnierCache) -> InputGrad:
    r"""Gradient of :func:`charbonnier_forward`: :math:`\bar x_i = \bar L\, (x_i - t_i) / (n \sqrt{\cdot})`."""
    difference, root = cache
    return InputGrad(difference / root * (dy / root.size))  # formula: mean of sqrt(difference**2 + eps**2)
