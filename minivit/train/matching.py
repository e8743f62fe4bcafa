"""A model of images and texts that was trained: which caption fits an image, and which class, by sentences alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.captions import encode_captions, one_object_captions
from minivit.data.image_file import read_image
from minivit.layers.batch_norm import frozen
from minivit.models.clip import CLIP
from minivit.models.model import with_article
from minivit.ops.image_text import scaled_similarities_forward
from minivit.ops.softmax import softmax_forward
from minivit.ops.unit_vectors import unit_vectors_forward
from minivit.storage import load
from minivit.tasks.match import Match
from minivit.train.step import shards_of
from minivit.train.trained_on import checkpoint_of, of_images, read_trained_on
from minivit.types import Float, Int, ndarray

SHOWN = 3  # captions that are said of an image
MOST_SHOWN = 12  # images, and captions, in a picture


class Seen(NamedTuple):
    """An image that was looked at: its pixels, and its cosine with each caption."""

    image: ndarray
    similarity: Float[ndarray, "S"]


class Matcher:
    """Says of image files which captions fit best, and keeps what it has seen for a picture.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.
    captions : sequence of str, optional
        To choose from; the sentences that name one shape in one colour, as far as the model has their words, if not
        given.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained to match images and texts, something is damaged, or a caption has a word that the
        model has not read, too many words, or none.
    """

    def __init__(self, run_or_file: str | Path, captions: Sequence[str] | None = None) -> None:
        path = checkpoint_of(run_or_file)
        model = load(path)
        if not isinstance(model, CLIP):
            raise ValueError(f"{path} holds {with_article(type(model).__name__)}; expected a CLIP")
        self.model = frozen(model)
        self.vocabulary, kind = read_trained_on(
            path, self.model, tasks=(Match.__name__,), what="to match images and texts"
        )
        self.kind = of_images(path, kind)
        self.captions = [*captions] if captions else self._known_sentences()
        self.texts, _ = self.model.encode_texts(self.tokens(self.captions))
        self.seen: list[Seen] = []

    def tokens(self, captions: Sequence[str]) -> Int[ndarray, "N T"]:
        """Captions as the model reads them."""
        return encode_captions(captions, self.vocabulary, length=self.model.max_length)

    def _known_sentences(self) -> list[str]:
        sentences = [text for texts in one_object_captions().values() for text in texts]
        known = [text for text in sentences if {*text.split()} <= {*self.vocabulary}]
        if not known:
            raise ValueError(
                "the model knows other words than those of scenes; give captions to choose from (--caption)"
            )
        return known

    def likeliest(self, file: str | Path) -> list[tuple[str, float]]:
        """The captions that fit an image file best, at most three, and their probabilities among all, the best first.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            If the file is missing or no image, or the model's numbers are too large.
        """
        pixels = read_image(file, size=self.kind.img_size, channels=len(self.kind.mean))
        image, _ = self.model.encode_images(self.kind.normalize(pixels[None]))
        logits, _ = scaled_similarities_forward(image, self.texts, self.model.logit_scale.value[None])
        probabilities = softmax_forward(logits)[0][0]
        if not np.isfinite(probabilities).all():
            raise ValueError(f"the model gives no probabilities for {file}: its numbers are too large, or not finite")
        self.seen.append(Seen(pixels, (image @ self.texts.T)[0]))
        best = np.argsort(probabilities)[::-1][:SHOWN]
        return [(self.captions[s], float(probabilities[s])) for s in best]

    def draw(self, path: str | Path) -> None:
        """Write a picture of the similarities of what was seen: of the last images with those captions that fit."""
        from minivit import plot

        seen = self.seen[-MOST_SHOWN:]
        similarity = np.stack([it.similarity for it in seen])
        best = np.argsort(-similarity, axis=1)  # of each image
        order = dict.fromkeys(best.T.ravel().tolist())  # the first of each, then the second of each, ...
        shown = sorted([*order][:MOST_SHOWN])
        captions = [self.captions[s] for s in shown]
        plot.save(plot.matches(np.stack([it.image for it in seen]), captions, similarity[:, shown]), path)


@checked
def class_vectors(
    model: CLIP, sentences: Mapping[str, Sequence[str]], vocabulary: tuple[str, ...]
) -> Float[ndarray, "classes D"]:
    """A vector of length 1 for each class: the direction of the mean of those of its sentences.

    Parameters
    ----------
    model : CLIP
    sentences : {class: its sentences}
        :func:`minivit.data.one_object_captions`, for instance.
    vocabulary : tuple of str
        The model's words.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.4 (prompt
    ensembling: over embeddings, not over probabilities).
    """
    means = []
    for its in sentences.values():
        texts, _ = model.encode_texts(encode_captions(its, vocabulary, length=model.max_length))
        means.append(texts.mean(0))
    return unit_vectors_forward(np.stack(means))[0]


@checked
def zero_shot(
    model: CLIP, images: Float[ndarray, "N Y X C"], classes: Float[ndarray, "classes D"]
) -> Int[ndarray, "N"]:
    """The class of each image whose vector is the most similar: classes that the model was never trained to name.

    Parameters
    ----------
    model : CLIP
    images : (N, Y, X, C)
        As the model sees them.
    classes : (classes, D)
        Of :func:`class_vectors`.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.2.
    """
    still: Any = frozen(model)
    return np.concatenate([(still.encode_images(images[s])[0] @ classes.T).argmax(1) for s in shards_of(len(images))])
