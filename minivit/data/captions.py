"""Captions as tokens of a vocabulary of words, and sentences that name one thing each."""

from collections.abc import Sequence
from reprlib import repr as in_short

import numpy as np

from minivit.checked import checked
from minivit.data.geometry import PALETTE, SHAPES
from minivit.data.scenes import caption
from minivit.data.sequences import encode, framed, words_of
from minivit.types import Int, Positive, ndarray


@checked
def encode_captions(
    captions: Sequence[str], vocabulary: tuple[str, ...], *, length: Positive | None = None
) -> Int[ndarray, "N T"]:
    """Captions as tokens: start, words and commas, end, then padding; as :func:`minivit.data.captioned` has them.

    Parameters
    ----------
    captions : sequence of str
        In the words of the vocabulary, capital letters or not; a full stop at the end is left out.
    vocabulary : tuple of str
        ``class_names`` of a data set of captioned images.
    length : int, optional
        Of the rows, start and end included; that of the longest caption if not given.

    Raises
    ------
    ValueError
        If a caption has no words, one that is not in the vocabulary, or too many.
    """
    known, rows = {*vocabulary}, []
    for text in captions:
        words = words_of(text.lower().replace(",", ", ").strip().removesuffix("."))
        if not words:
            raise ValueError(f"the caption {in_short(text)} has no words; expected at least one")
        for word in words:
            if word not in known or word.startswith("<"):
                raise ValueError(f"the caption {text!r:.200} has the word {word!r}, which is not in the vocabulary")
        if length is not None and len(words) + 2 > length:
            most = f"this model reads {length - 2}, and where a text starts and ends"
            raise ValueError(f"the caption {in_short(text)} has {len(words)} words and commas; {most}")
        rows.append(framed(words))
    return encode(rows, vocabulary, width=length)


def one_object_captions() -> dict[str, list[str]]:
    """For each shape the sentences that name it in each colour, as captions of scenes with one object do.

    >>> from minivit.data.captions import one_object_captions
    >>> one_object_captions()["circle"][0]
    'a red circle'
    """
    nowhere = np.zeros((1, 4), int)
    return {
        shape: [caption(np.array([label]), (colour,), nowhere) for colour in PALETTE]
        for label, shape in enumerate(SHAPES)
    }
