"""Examples mixed in pairs, and their targets with them: MixUp and CutMix."""

from math import inf
from typing import Annotated, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.ops.losses import one_hot
from minivit.types import Float, Int, Positive, Range, Share, ndarray

Spread = Annotated[float, Range(at_least=0, below=inf)]


class Box(NamedTuple):
    """Rows ``top`` to before ``bottom``, columns ``left`` to before ``right``."""

    top: int
    bottom: int
    left: int
    right: int


class Mixed(NamedTuple):
    """Inputs, and of each how much of which class is in it."""

    inputs: Float[ndarray, "B *X"]
    targets: Float[ndarray, "B K"]


@checked
def mixup(inputs: Float[ndarray, "B *X"], targets: Float[ndarray, "B K"], lam: Share) -> Mixed:
    r"""Lay two examples over each other, and their targets.

    .. math:: x_i \leftarrow \lambda x_i + (1 - \lambda)\, x_j, \qquad t_i \leftarrow \lambda t_i + (1 - \lambda)\, t_j

    with :math:`j = B - 1 - i`: the first with the last, as in timm. (Steiner et al.'s code pairs neighbours.) With an
    odd number the one in the middle is its own partner, and stays as it is.

    Parameters
    ----------
    inputs : (B, ...)
        Images, or waves.
    targets : (B, K)
        How much of each class is in each: :func:`minivit.ops.one_hot` of class numbers, or soft targets.
    lam : float
        The share of the example itself.

    Raises
    ------
    ValueError
        If there are not as many targets as inputs, or lam is no share.

    References
    ----------
    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", section 2.
    """
    return Mixed(lam * inputs + (1 - lam) * inputs[::-1], lam * targets + (1 - lam) * targets[::-1])


@checked
def cutmix(images: Float[ndarray, "B Y X C"], targets: Float[ndarray, "B K"], box: Box) -> Mixed:
    r"""Put a part of another image into each, and mix the targets by area.

    .. math:: t_i \leftarrow \lambda t_i + (1 - \lambda)\, t_j, \qquad \lambda = 1 - \frac{\text{area of the box}}{YX}

    with :math:`j = B - 1 - i`, as for :func:`mixup`. What counts is the box that is really on the image.

    Parameters
    ----------
    images : (B, Y, X, C)
    targets : (B, K)
    box : Box
        Which part, on the image.

    Raises
    ------
    ValueError
        If the box is not on the image, or there are not as many targets as images.

    References
    ----------
    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", section 3.
    """
    _, Y, X, _ = images.shape
    top, bottom, left, right = box
    if not (0 <= top <= bottom <= Y and 0 <= left <= right <= X):
        raise ValueError(f"cutmix: box is {tuple(box)}; expected rows within 0 to {Y} and columns within 0 to {X}")
    mixed = images.copy()
    mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]
    lam = 1 - (bottom - top) * (right - left) / (Y * X)
    return Mixed(mixed, lam * targets + (1 - lam) * targets[::-1])


def random_box(rng: np.random.Generator, size: tuple[int, int], lam: float) -> Box:
    r"""A box with a share of about 1 - lam of an image, and of its proportions; beyond the edge it is cut off.

    Its sides are :math:`\sqrt{1 - \lambda}` of the image's, cut to whole numbers. Its middle is anywhere on the image,
    as in the paper and in timm: ``rng.integers(length)``, first the row, then the column. ``side // 2`` rows of it are
    before the middle, the others from there on.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : (int, int)
        Rows and columns of the image.
    lam : float
        The share that is left of the image.
    """
    starts, stops = [], []
    for length in size:
        side = int(length * (1 - lam) ** 0.5)
        start = int(rng.integers(length)) - side // 2
        starts.append(max(start, 0))
        stops.append(min(start + side, length))
    return Box(starts[0], stops[0], starts[1], stops[1])


@checked
def mix(
    inputs: Float[ndarray, "B *X"],
    labels: Int[ndarray, "B"],
    rng: np.random.Generator,
    *,
    num_classes: Positive,
    mixup_alpha: Spread = 0.0,
    cutmix_alpha: Spread = 0.0,
) -> Mixed:
    r"""Mix a batch by :func:`mixup` or :func:`cutmix`, with one :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)`.

    Where both have an alpha, a coin is tossed for each batch. An alpha of 0 mixes nothing; of 1, all shares are equally
    likely; of more, halves and halves are likelier. The draws come in this order: the coin, where both have an alpha
    (``rng.random()``; CutMix if it is below a half), the share (``rng.beta``), for CutMix the :func:`random_box`.

    Parameters
    ----------
    inputs : (B, ...)
        For ``cutmix``, images (B, Y, X, C).
    labels : (B,)
        Class numbers.
    rng : numpy.random.Generator
    num_classes : int
    mixup_alpha, cutmix_alpha : float

    Returns
    -------
    Mixed
        With soft targets (B, num_classes), of the precision of the inputs.

    Raises
    ------
    ValueError
        If a label is no class, there are not as many as inputs, an alpha is negative, or what might be cut is no image.
    """
    if cutmix_alpha > 0 and inputs.ndim != 4:
        raise ValueError(f"cutmix: inputs have shape {inputs.shape}; expected images (B, Y, X, C)")
    targets = one_hot(labels, num_classes).astype(inputs.dtype)
    cuts = cutmix_alpha > 0 and (mixup_alpha == 0 or rng.random() < 0.5)
    alpha = cutmix_alpha if cuts else mixup_alpha
    if alpha == 0:
        return Mixed(inputs, targets)
    lam = float(rng.beta(alpha, alpha))
    if not cuts:
        return mixup(inputs, targets, lam)
    _, Y, X, _ = inputs.shape
    return cutmix(inputs, targets, random_box(rng, (Y, X), lam))
