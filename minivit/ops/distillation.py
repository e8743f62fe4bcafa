"""Distillation: a student learns what a teacher says, and what labels say; and smoothed targets, in two ways."""

from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.losses import (
    CrossEntropyCache,
    LogitsGrad,
    cross_entropy_backward,
    cross_entropy_forward,
    one_hot,
)
from minivit.ops.rows import row_dot
from minivit.ops.softmax import log_softmax_forward
from minivit.types import Float, Int, Scalar, Share, Temperature, ndarray


class DistillationCache(NamedTuple):
    """What ``distillation_backward`` needs."""

    log_probs: Float[ndarray, "*B C"]
    teacher_log_probs: Float[ndarray, "*B C"]
    temperature: float
    reverse: bool
    number: int
    """Of what the mean is taken over: rows, or all numbers."""


@checked
def distillation_forward(
    logits: Float[ndarray, "*B C"],
    teacher_logits: Float[ndarray, "*B C"],
    *,
    temperature: float = 1.0,
    reverse: bool = False,
    per_class: bool = False,
) -> tuple[Scalar, DistillationCache]:
    r"""Kullback-Leibler divergence of a student from a teacher, both softened by a temperature; mean over rows.

    .. math:: L = \frac{\tau^2}{N} \sum_n \sum_c p_{nc} \left(\log p_{nc} - \log q_{nc}\right), \quad
              p = \operatorname{softmax}(z^{\text{teacher}} / \tau), \; q = \operatorname{softmax}(z / \tau)

    The factor :math:`\tau^2` keeps the size of the gradient when the temperature changes. The teacher is a constant.

    For two images, a student that knows nothing, and one temperature, the three in use are:

    >>> import numpy as np
    >>> from minivit.ops import distillation_forward
    >>> student, teacher = np.zeros((2, 4)), np.array([[4.0, 0, 0, 0], [0, 2, 2, 0]])
    >>> def loss(**options):
    ...     return round(float(distillation_forward(student, teacher, temperature=2.0, **options)[0]), 4)
    >>> loss(), loss(per_class=True)  # Hinton's, and that of DeiT's code: a quarter, for 4 classes
    (1.1579, 0.2895)
    >>> loss(reverse=True)  # as the paper of DeiT, and slides on it, write it
    1.1491

    Parameters
    ----------
    logits, teacher_logits : (..., C)
    temperature : float
        At least 0.001, and in float32 at most 100, in float64 10,000. The hotter, the more alike are both, and
        :math:`\tau^2` times the rounding of two numbers that are nearly equal is an error of the loss: here it is still
        below a thousandth. (The gradient has :math:`\tau` times the rounding.)
    reverse : bool
        The divergence the other way round, :math:`\sum_c q_{nc} (\log q_{nc} - \log p_{nc})`: as equation 2 of DeiT's
        paper writes it, KL(student, teacher), while DeiT's own code computes KL(teacher || student).
    per_class : bool
        A mean over rows and classes, N C in place of N, as in DeiT's own code.

    Raises
    ------
    ValueError
        If the shapes differ, the temperature is not finite or out of its range, there are no rows, or the teacher holds
        each class of one for impossible (-inf).

    References
    ----------
    Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2; Touvron et al. 2021,
    "Training data-efficient image transformers & distillation through attention", section 4, and ``losses.py`` of its
    code (github.com/facebookresearch/deit, commit 7e160fe).
    """
    hottest = 100 if np.finfo(logits.dtype).bits == 32 else 10_000  # of float32, of float64
    check_range("distillation: temperature", temperature, at_least=0.001, at_most=hottest)
    if not (np.real(teacher_logits).max(-1) != -inf).all():
        raise ValueError(
            "distillation: teacher_logits has a row of nothing but -inf; expected a class that is possible"
        )
    log_probs, _ = log_softmax_forward(logits / temperature)
    teacher, _ = log_softmax_forward(teacher_logits / temperature)
    number = logits.size if per_class else logits[..., 0].size
    if number == 0:
        raise ValueError("distillation: there is nothing to take a mean of, the arguments have no rows")
    first, second = (log_probs, teacher) if reverse else (teacher, log_probs)
    probs = np.exp(first)
    divergence = row_dot(probs, _difference(probs, first, second))
    loss = divergence.sum() * (temperature**2 / number)
    return loss, DistillationCache(log_probs, teacher, temperature, reverse, number)


@checked
def distillation_backward(dy: Scalar, cache: DistillationCache) -> LogitsGrad:
    r"""Gradient of :func:`distillation_forward`.

    As for the cross-entropy, student minus teacher; one :math:`1/\tau` comes from ``logits / temperature``:

    .. math:: \bar z = \bar L\, \frac{\tau}{N} (q - p)

    With ``reverse`` the student stands in both places. With :math:`s_c = \log q_c - \log p_c`, the slope of
    :math:`\sum_c q_c s_c` along :math:`q_c` is :math:`s_c + 1`, and the softmax takes the mean of the slopes, weighted
    by q, from each of them (:func:`minivit.ops.softmax_backward`), the 1 included:

    .. math:: \bar z_j = \bar L\, \frac{\tau}{N}\, q_j \Big(s_j - \sum_c q_c s_c\Big)

    Here each class counts by q, what the student says: a class that it holds for impossible is not pulled up, however
    likely it is for the teacher. Above it counts by the difference.
    """
    log_probs, teacher, temperature, reverse, number = cache
    probs = np.exp(log_probs)
    if reverse:
        surplus = _difference(probs, log_probs, teacher)
        dlogits = probs * (surplus - row_dot(probs, surplus))  # formula: divergence = probs * surplus
    else:
        dlogits = probs - np.exp(teacher)  # formula: divergence = exp(teacher) * (teacher - log_probs)
    dlogits *= dy * (temperature / number)  # formula: * temperature**2 / number, logits / temperature
    return LogitsGrad(dlogits)


def _difference(probs: ndarray, first: ndarray, second: ndarray) -> ndarray:
    """``first - second`` where there is a probability. What cannot be counts for nothing: 0 log 0 = 0."""
    impossible = probs == 0
    return np.where(impossible, 0, first) - np.where(impossible, 0, second)


@checked
def label_weights(labels: ndarray) -> Float[ndarray, " B"]:
    r"""What the label of each image counts, so that a mean over all images is one over those that have a label.

    .. math:: w_n = \frac{N}{N_\text{labelled}} \text{ where } n \text{ has a label, else } 0

    If none has one, all weights are 0.

    >>> import numpy as np
    >>> from minivit.ops import label_weights
    >>> label_weights(np.array([3, -1, -1, 0])).tolist(), label_weights(np.array([-1, -1])).tolist()
    ([2.0, 0.0, 0.0, 2.0], [0.0, 0.0])

    Parameters
    ----------
    labels : (B,) or (B, C)
        Class numbers, whole ones, negative where nobody knows; or shares of the classes, floats, which all are known.

    Returns
    -------
    ndarray
        (B,), float64.

    Raises
    ------
    ValueError, TypeError
        If they are neither.
    """
    if labels.ndim not in (1, 2):
        raise ValueError(f"label_weights: labels have shape {labels.shape}; expected (B,) or (B, C)")
    kind, kinds = ("integers", "iu") if labels.ndim == 1 else ("floats", "f")
    if labels.dtype.kind not in kinds:
        raise TypeError(f"label_weights: labels of shape {labels.shape} have dtype {labels.dtype}; expected {kind}")
    known = labels >= 0 if labels.ndim == 1 else np.ones(len(labels), bool)
    return known * (len(labels) / max(1, known.sum()))


class TaughtCache(NamedTuple):
    """What ``taught_backward`` needs: the caches of both parts, that of the teacher soft or hard, and its weight."""

    labels: CrossEntropyCache
    soft: DistillationCache | None
    hard: CrossEntropyCache | None
    alpha: float


@checked
def taught_forward(
    logits: Float[ndarray, "B C"],
    teacher_logits: Float[ndarray, "B C"],
    labels: Int[ndarray, "B"],
    *,
    alpha: Share = 0.5,
    temperature: Temperature = 1.0,
    hard: bool = False,
) -> tuple[Scalar, TaughtCache]:
    r"""Labels and a teacher at once: a mean over the images that have a label, and one over all.

    .. math:: L = (1 - \alpha)\, \mathrm{CE}(z, y)
              + \alpha\, \tau^2\, \mathrm{KL}(p^\text{teacher}_\tau \,\|\, q_\tau)
              \quad\text{or, hard,}\quad
              (1 - \alpha)\, \mathrm{CE}(z, y)
              + \alpha\, \mathrm{CE}(z, \operatorname{argmax}_c z^\text{teacher}_c)

    The second part is :func:`distillation_forward`; the logits of both cross-entropies are never softened. An image
    without a label has no say in the first part, and is not counted there (:func:`label_weights`); without any label
    that part is 0. This is :class:`minivit.tasks.Distillation` for one head, class numbers and no smoothing.

    Parameters
    ----------
    logits, teacher_logits : (B, C)
    labels : integers (B,)
        Class numbers; negative ones where nobody knows.
    alpha : float
        Weight of the teacher.
    temperature : float
        Of the soft loss.
    hard : bool
        Learn the class that the teacher holds for likeliest.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is no class, alpha is outside [0, 1], the temperature is not finite or out of
        its range, there are no rows, or the teacher holds each class of one for impossible (-inf).

    References
    ----------
    Touvron et al. 2021, "Training data-efficient image transformers & distillation through attention", equations 2
    and 3.
    """
    if len(logits) == 0:
        raise ValueError("taught: there is nothing to take a mean of, the arguments have no rows")
    targets = one_hot(np.maximum(labels, 0), logits.shape[-1]) * label_weights(labels)[:, None]
    of_labels, c_labels = cross_entropy_forward(logits, targets)
    c_soft, c_hard = None, None
    if hard:
        if not (np.real(teacher_logits).max(-1) > -inf).all():
            raise ValueError(
                "taught: teacher_logits has a row of nothing but -inf, or with nan; expected a class that is likeliest"
            )
        likeliest = np.real(teacher_logits).argmax(-1)
        of_teacher, c_hard = cross_entropy_forward(logits, likeliest)
    else:
        of_teacher, c_soft = distillation_forward(logits, teacher_logits, temperature=temperature)
    parts = (1 - alpha, of_labels), (alpha, of_teacher)
    loss = sum(share * part for share, part in parts if share)  # 0 times an infinite loss would be nan
    return loss, TaughtCache(labels=c_labels, soft=c_soft, hard=c_hard, alpha=alpha)


@checked
def taught_backward(dy: Scalar, cache: TaughtCache) -> LogitsGrad:
    r"""Gradient of :func:`taught_forward`.

    The logits go into both parts, so their gradient is the sum of two; each part is given its share of dy:

    .. math:: \bar z = \bar z_\text{labels} + \bar z_\text{teacher}, \qquad
              \bar L_\text{labels} = (1 - \alpha)\, \bar L, \quad \bar L_\text{teacher} = \alpha\, \bar L
    """
    c_labels, c_soft, c_hard, alpha = cache
    (dlogits,) = cross_entropy_backward(dy * (1 - alpha), c_labels)  # forward: cross_entropy_forward(logits, targets)
    if c_soft:
        (again,) = distillation_backward(dy * alpha, c_soft)  # forward: distillation_forward(logits, teacher_logits
        dlogits = dlogits + again
    if c_hard:
        (again,) = cross_entropy_backward(dy * alpha, c_hard)  # forward: cross_entropy_forward(logits, likeliest)
        dlogits = dlogits + again
    return LogitsGrad(dlogits)


@checked
def smoothed(
    targets: Float[ndarray, "*B C"], label_smoothing: Share, *, others: bool = False
) -> Float[ndarray, "*B C"]:
    r"""Targets with a share :math:`\varepsilon` of each row spread over the classes.

    .. math:: (1 - \varepsilon)\, t + \frac{\varepsilon}{K}
              \quad\text{or, of the others,}\quad
              (1 - \varepsilon)\, t + \frac{\varepsilon}{K - 1}\, (1 - t)

    The first spreads it over all K classes, as ``label_smoothing`` of :func:`cross_entropy_forward` does, PyTorch and
    DeiT's code; with ``others`` the true class keeps :math:`1 - \varepsilon`, as slides on DeiT write it. The second
    with :math:`\varepsilon` is the first with :math:`\varepsilon K / (K - 1)`.

    >>> import numpy as np
    >>> from minivit.ops import smoothed
    >>> target = np.array([[0.0, 1, 0, 0, 0]])
    >>> smoothed(target, 0.1)
    array([[0.02, 0.92, 0.02, 0.02, 0.02]])
    >>> smoothed(target, 0.1, others=True), smoothed(target, 0.125)
    (array([[0.025, 0.9  , 0.025, 0.025, 0.025]]), array([[0.025, 0.9  , 0.025, 0.025, 0.025]]))

    Raises
    ------
    ValueError
        If the smoothing is outside [0, 1], or there are no other classes.
    """
    classes = targets.shape[-1]
    if others and classes == 1:
        raise ValueError("smoothed: there is 1 class; expected others to spread the smoothing over")
    spread = (1 - targets) / (classes - 1) if others else 1 / classes
    return targets * (1 - label_smoothing) + label_smoothing * spread
