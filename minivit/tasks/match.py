"""Which caption belongs to which image?"""

from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Scenes
from minivit.data.sequences import END, CaptionedImages, captioned, decode
from minivit.ops.image_text import (
    ScaledSimilaritiesCache,
    SymmetricCrossEntropyCache,
    scaled_similarities_backward,
    scaled_similarities_forward,
    symmetric_cross_entropy_backward,
    symmetric_cross_entropy_forward,
)
from minivit.tasks.task import Augment, Normalize, Pictures, Task, check_as_many
from minivit.types import Float, Int, Scalar, ndarray

CANDIDATES = 100
"""Different captions among which one is sought in a test."""

SHOWN = 12
"""Images and captions in the picture of a run."""


class MatchCache(NamedTuple):
    """Caches of the two steps of :class:`Match`."""

    similarities: ScaledSimilaritiesCache
    loss: SymmetricCrossEntropyCache


class MatchGrads(NamedTuple):
    """Gradients of the outputs, by their names."""

    image: Float[ndarray, "B D"]
    text: Float[ndarray, "B D"]
    logit_scale: Float[ndarray, "B"]


class Match(Task):
    r"""Symmetric cross-entropy of finding its caption for each image of the batch, and its image for each caption.

    .. math:: L = \frac12 \left( H(\text{texts} \mid \text{images}) + H(\text{images} \mid \text{texts}) \right)

    over logits :math:`e^t\, I_b \cdot T_s` of all pairs of the batch: it couples the whole batch. Chance is the
    logarithm of the batch's size.

    Inputs are images (B, Y, X, C) and tokens (B, T); outputs have fields ``image`` and ``text`` (B, D), vectors of
    length 1, and ``logit_scale`` (B,), the model's t for each image; targets are the tokens again, by which captions
    are told apart. The score is the share of the first 100 images with different captions whose own caption is the most
    similar of these, and of captions whose own image is: the mean of both directions ("top-1").

    Parameters
    ----------
    augment : function of pixels and a random generator, optional
        For training. Not one that mirrors images: captions say what is left and what is right.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.3, figure 3.
    """

    coupled = True
    mirrors = False  # captions say what is left and what is right
    kind = CaptionedImages
    usual_model = "clip_resnet_tiny_64"
    usual_data = "scenes"
    loss_name = "cross-entropy of both directions (nats)"
    score_name = "found at once among 100"

    @checked
    def __init__(self, *, augment: Augment | None = None) -> None:
        self.augment = augment

    def recast(self, dataset: Dataset) -> Dataset:
        """Scenes with their captions as tokens."""
        return captioned(dataset) if isinstance(dataset.train, Scenes) else dataset

    def draw(
        self, examples: CaptionedImages, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[tuple[Float[ndarray, "B Y X C"], Int[ndarray, "B T"]], Int[ndarray, "B T"]]:
        self.check(examples)
        pixels = examples.images if rng is None or self.augment is None else self.augment(examples.images, rng)
        return (normalize(pixels), examples.target), examples.target

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        length, words = dataset.train.target.shape[1], len(dataset.class_names)
        return super().model_options(dataset) | {"vocab_size": words, "max_length": length, "eos_token_id": END}

    @checked
    def forward(self, outputs: Any, targets: Int[ndarray, "B T"]) -> tuple[Scalar, MatchCache]:
        check_as_many("Match", outputs, targets)
        logits, c_similarities = scaled_similarities_forward(outputs.image, outputs.text, outputs.logit_scale)
        loss, c_loss = symmetric_cross_entropy_forward(logits)
        return loss, MatchCache(c_similarities, c_loss)

    def backward(self, dloss: Scalar, cache: MatchCache) -> MatchGrads:
        (dlogits,) = symmetric_cross_entropy_backward(dloss, cache.loss)
        return MatchGrads(*scaled_similarities_backward(dlogits, cache.similarities))

    @checked
    def score(self, outputs: Any, targets: Int[ndarray, "B T"]) -> float:
        check_as_many("Match", outputs, targets)
        first = different_captions(targets)
        return float(np.mean(retrieval(outputs.image[first], outputs.text[first])))

    def pictures(
        self, dataset: Dataset, examples: CaptionedImages, targets: Int[ndarray, "B T"], outputs: Any
    ) -> Pictures:
        from minivit import plot

        shown = different_captions(targets, most=SHOWN)
        captions = [caption_of(words) for words in decode(targets[shown], dataset.class_names)]
        similarity = outputs.image[shown] @ outputs.text[shown].T
        return {"matches": lambda: plot.matches(examples.images[shown], captions, similarity)}


def different_captions(tokens: Int[ndarray, "B T"], *, most: int = CANDIDATES) -> Int[ndarray, "n"]:
    """The places of the first captions that are all different, at most so many."""
    _, first = np.unique(tokens, axis=0, return_index=True)
    return np.sort(first)[:most]


@checked
def retrieval(image: Float[ndarray, "B D"], text: Float[ndarray, "B D"]) -> tuple[float, float]:
    """Of images whose own text is the most similar, and of texts whose own image is, the shares ("top-1").

    Parameters
    ----------
    image, text : (B, D)
        Vectors of length 1; image and text of one place belong together.
    """
    similarity, own = image @ text.T, np.arange(len(image))
    return float(np.mean(similarity.argmax(1) == own)), float(np.mean(similarity.argmax(0) == own))


def caption_of(words: list[str]) -> str:
    """Words and commas as a sentence is written."""
    return " ".join(words).replace(" ,", ",")
