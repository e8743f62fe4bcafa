"""Losses of masks, one number for each mask: which pixels belong to it, said by a logit for each."""

from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.activations import sigmoid_forward
from minivit.ops.losses import LogitsGrad
from minivit.ops.rows import row_dot, row_sum
from minivit.types import Bool, Float, Share, ndarray


class SigmoidFocalLossCache(NamedTuple):
    """What ``sigmoid_focal_loss_backward`` needs."""

    truth: Bool[ndarray, "B N"]
    log_right: Float[ndarray, "B N"]
    wrong: Float[ndarray, "B N"]
    alpha: float
    gamma: float


@checked
def sigmoid_focal_loss_forward(
    logits: Float[ndarray, "B N"], truth: Bool[ndarray, "B N"], *, alpha: Share = 0.25, gamma: float = 2.0
) -> tuple[Float[ndarray, " B"], SigmoidFocalLossCache]:
    r"""Logistic loss that cares little about pixels which are right already: for each mask, the mean over its pixels.

    .. math:: L_b = -\frac1N \sum_n \alpha_{bn} (1 - p_{bn})^\gamma \log p_{bn}, \qquad p_{bn} = \sigma(\pm z_{bn})

    where p is the probability of what is true: on the mask the sign is plus and the weight :math:`\alpha`, beside it
    minus and :math:`1 - \alpha`. With :math:`\gamma = 0` it is the logistic loss with these weights.

    Parameters
    ----------
    logits : (B, N)
        A row for each mask, a number for each of its pixels.
    truth : bool (B, N)
    alpha : float
        0 to 1.
    gamma : float
        0 or more.

    Raises
    ------
    ValueError
        If there are no pixels, or an option is out of range.

    References
    ----------
    Lin et al. 2017, "Focal Loss for Dense Object Detection", section 3.2, equation 5. RetinaNet sums it up over all
    anchors and divides by the number of objects; of masks, DETR and all after it take the mean over pixels, as here.
    """
    check_range("sigmoid_focal_loss: gamma", gamma, at_least=0, below=inf)
    _check_pixels("sigmoid_focal_loss", logits)
    signed = np.where(truth, logits, -logits)
    positive = np.real(signed) > 0
    # log sigma(s) = min(s, 0) - log(1 + exp(-|s|)): exp grows to infinity nowhere, and who is right loses no digits
    log_right = np.where(positive, 0, signed) - np.log1p(np.exp(np.where(positive, -signed, signed)))
    wrong, _ = sigmoid_forward(-signed)  # 1 - p, with all its digits
    loss = -row_dot(_weights(truth, alpha, logits) * wrong**gamma, log_right)[:, 0] / logits.shape[1]
    return loss, SigmoidFocalLossCache(truth, log_right, wrong, alpha, gamma)


@checked
def sigmoid_focal_loss_backward(dy: Float[ndarray, " B"], cache: SigmoidFocalLossCache) -> LogitsGrad:
    r"""Gradient of :func:`sigmoid_focal_loss_forward`.

    With :math:`s = \pm z` and :math:`p = \sigma(s)`, the slopes are :math:`\frac{d}{ds} \log p = 1 - p` and
    :math:`\frac{d}{ds} (1 - p) = -p (1 - p)`, so

    .. math:: \bar z_{bn} = \pm \frac{\bar L_b}{N}\, \alpha_{bn} (1 - p_{bn})^\gamma
              \left(\gamma\, p_{bn} \log p_{bn} - (1 - p_{bn})\right)
    """
    truth, log_right, wrong, alpha, gamma = cache
    dsigned = wrong**gamma * (gamma * (1 - wrong) * log_right - wrong)  # formula: -(1 - p)^gamma log p
    dsigned *= _weights(truth, alpha, wrong) * (dy / wrong.shape[1])[:, None]  # formula: mean over pixels of alpha ...
    return LogitsGrad(np.where(truth, dsigned, -dsigned))  # forward: signed = np.where(truth, logits, -logits)


class DiceLossCache(NamedTuple):
    """What ``dice_loss_backward`` needs: twice the common area and one, and the sum of both areas and one."""

    truth: Bool[ndarray, "B N"]
    probs: Float[ndarray, "B N"]
    common: Float[ndarray, "B 1"]
    areas: Float[ndarray, "B 1"]


@checked
def dice_loss_forward(
    logits: Float[ndarray, "B N"], truth: Bool[ndarray, "B N"]
) -> tuple[Float[ndarray, " B"], DiceLossCache]:
    r"""How little a mask has in common with the true one, by area: a small object counts as much as a large one.

    .. math:: L_b = 1 - \frac{2 \sum_n p_{bn} t_{bn} + 1}{\sum_n p_{bn} + \sum_n t_{bn} + 1}, \qquad
              p_{bn} = \sigma(z_{bn})

    Parameters
    ----------
    logits : (B, N)
        A row for each mask, a number for each of its pixels.
    truth : bool (B, N)

    Raises
    ------
    ValueError
        If there are no pixels.

    References
    ----------
    Milletari et al. 2016, "V-Net", section 3, with squares below the line; without them, and with a 1 on both sides, so
    that an empty mask is no error, in the code of DETR and all after it.
    """
    _check_pixels("dice_loss", logits)
    probs, _ = sigmoid_forward(logits)
    common = 2 * row_sum(np.where(truth, probs, 0)) + 1
    areas = row_sum(probs) + truth.sum(-1, keepdims=True).astype(probs.dtype) + 1
    return (1 - common / areas)[:, 0], DiceLossCache(truth, probs, common, areas)


@checked
def dice_loss_backward(dy: Float[ndarray, " B"], cache: DiceLossCache) -> LogitsGrad:
    r"""Gradient of :func:`dice_loss_forward`.

    With A over B the fraction, a pixel moves B, and A if it is on the true mask:

    .. math:: \bar p_{bn} = \bar L_b \left(\frac{A_b}{B_b^2} - \frac{2\, t_{bn}}{B_b}\right), \qquad
              \bar z_{bn} = \bar p_{bn}\, p_{bn} (1 - p_{bn})
    """
    truth, probs, common, areas = cache
    dprobs = dy[:, None] * (common / areas - 2 * truth.astype(probs.dtype)) / areas  # forward: 1 - common / areas
    return LogitsGrad(dprobs * probs * (1 - probs))  # forward: probs, _ = sigmoid_forward(logits)


def _weights(truth: Bool[ndarray, "B N"], alpha: float, like: ndarray) -> Float[ndarray, "B N"]:
    dtype = np.real(like).dtype.type
    return np.where(truth, dtype(alpha), dtype(1 - alpha))


def _check_pixels(op: str, logits: ndarray) -> None:
    if logits.shape[1] == 0:
        raise ValueError(f"{op}: there are no pixels, logits have shape {logits.shape}")
