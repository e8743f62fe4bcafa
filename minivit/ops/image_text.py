"""Which image goes with which text: the similarities of all pairs, and the loss of both directions."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.losses import CrossEntropyCache, LogitsGrad, cross_entropy_backward, cross_entropy_forward
from minivit.ops.rows import row_dot
from minivit.types import Float, Scalar, ndarray


class ScaledSimilaritiesCache(NamedTuple):
    """What ``scaled_similarities_backward`` needs."""

    image: Float[ndarray, "B D"]
    text: Float[ndarray, "S D"]
    scale: Float[ndarray, "B 1"]


class ScaledSimilaritiesGrads(NamedTuple):
    """Gradients of the arguments of ``scaled_similarities_forward``, by name."""

    image: Float[ndarray, "B D"]
    text: Float[ndarray, "S D"]
    logit_scale: Float[ndarray, "B"]


@checked
def scaled_similarities_forward(
    image: Float[ndarray, "B D"], text: Float[ndarray, "S D"], logit_scale: Float[ndarray, "B"]
) -> tuple[Float[ndarray, "B S"], ScaledSimilaritiesCache]:
    r"""How well each text fits each image: products of their vectors, which are of length 1, on a learned scale.

    .. math:: z_{bs} = e^{t_b}\, I_b \cdot T_s

    Parameters
    ----------
    image, text : (B, D), (S, D)
        A vector for each image and each text; there need not be as many.
    logit_scale : (B,)
        t, the logarithm of the inverse temperature. A model has one number, and gives it to each image, so that the
        images of a batch can be computed apart from each other; its gradient is the sum of theirs.

    Returns
    -------
    logits : (B, S)
        A row for each image. Transposed, a row for each text.
    cache : ScaledSimilaritiesCache

    Raises
    ------
    ValueError
        If there is not one scale for each image.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.3, figure 3.
    """
    check_shape("scaled_similarities: logit_scale", logit_scale, (len(image),))
    scale = np.exp(logit_scale)[:, None]
    return scale * (image @ text.T), ScaledSimilaritiesCache(image, text, scale)


@checked
def scaled_similarities_backward(dy: Float[ndarray, "B S"], cache: ScaledSimilaritiesCache) -> ScaledSimilaritiesGrads:
    r"""Gradients of :func:`scaled_similarities_forward`.

    .. math:: \bar I = e^t\, \bar Z\, T, \qquad \bar T = (e^t\, \bar Z)^\top I, \qquad
              \bar t_b = e^{t_b} \sum_s \bar z_{bs}\, I_b \cdot T_s = I_b \cdot \bar I_b

    The exponential is its own derivative, so the gradient of t is :math:`\sum_s \bar z_{bs} z_{bs}`, which is what the
    image and its own gradient have in common.
    """
    image, text, scale = cache
    dproduct = scale * dy  # forward: scale * (image @ text.T)
    dimage = dproduct @ text  # formula: image @ text.T
    dtext = dproduct.T @ image  # formula: image @ text.T
    dlogit_scale = row_dot(image, dimage)[:, 0]  # formula: sum over s of dz z, with z = exp(t) I . T
    return ScaledSimilaritiesGrads(dimage, dtext, dlogit_scale)


class SymmetricCrossEntropyCache(NamedTuple):
    """Caches of the two directions: which text for an image, which image for a text."""

    per_image: CrossEntropyCache
    per_text: CrossEntropyCache


@checked
def symmetric_cross_entropy_forward(logits: Float[ndarray, "B B"]) -> tuple[Scalar, SymmetricCrossEntropyCache]:
    r"""Cross-entropy of finding its text for each image, and its image for each text: the mean of both.

    .. math:: L = -\frac1{2B} \sum_b \left( \log \frac{e^{z_{bb}}}{\sum_s e^{z_{bs}}}
              + \log \frac{e^{z_{bb}}}{\sum_s e^{z_{sb}}} \right)

    Image and text of one place belong together. Every sample's loss depends on all others: the loss of a batch is not
    the mean of the losses of its parts. What is said twice in a batch is right in one place only, as in the official
    code.

    Raises
    ------
    ValueError
        If there are no samples, or not as many images as texts.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.3, figure 3,
    after Zhang et al. 2020, "Contrastive Learning of Medical Visual Representations" (ConVIRT), section 2.2.
    """
    if len(logits) == 0 or len(logits) != logits.shape[1]:
        raise ValueError(
            f"symmetric_cross_entropy: logits have shape {logits.shape}; expected as many images as texts, at least one"
        )
    own = np.arange(len(logits), like=logits)
    image_loss, c_image = cross_entropy_forward(logits, own)
    text_loss, c_text = cross_entropy_forward(logits.T, own)
    return (image_loss + text_loss) / 2, SymmetricCrossEntropyCache(c_image, c_text)


@checked
def symmetric_cross_entropy_backward(dy: Scalar, cache: SymmetricCrossEntropyCache) -> LogitsGrad:
    r"""Gradient of :func:`symmetric_cross_entropy_forward`: what both directions say of each pair.

    .. math:: \bar z_{bs} = \frac{\bar L}{2B}
              \left(\operatorname{softmax}_s(z_{b \cdot})_s + \operatorname{softmax}_b(z_{\cdot s})_b
              - 2\, \delta_{bs}\right)
    """
    half = dy / 2  # forward: (image_loss + text_loss) / 2
    (dlogits,) = cross_entropy_backward(half, cache.per_image)
    (dtransposed,) = cross_entropy_backward(half, cache.per_text)
    return LogitsGrad(dlogits + dtransposed.T)  # forward: text_loss, c_text = cross_entropy_forward(logits.T, own)
