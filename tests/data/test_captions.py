"""Captions as tokens, and sentences that name one thing."""

import numpy as np
import pytest

from minivit.data import captioned, decode, encode_captions, load_dataset, one_object_captions, scenes
from minivit.data.geometry import PALETTE, SHAPES

DATA = scenes(60, 5, size=16)
CAPTIONED = captioned(DATA)


def test_captions_become_the_tokens_of_the_data_set():
    tokens = encode_captions(DATA.train.captions, CAPTIONED.class_names, length=CAPTIONED.train.target.shape[1])
    np.testing.assert_array_equal(tokens, CAPTIONED.train.target)


def test_what_a_person_types():
    vocabulary = CAPTIONED.class_names
    typed = encode_captions(["  A Red  Circle left of a blue star. ", "a red circle,a blue star"], vocabulary)
    assert decode(typed, vocabulary) == [
        ["a", "red", "circle", "left", "of", "a", "blue", "star"],
        ["a", "red", "circle", ",", "a", "blue", "star"],
    ]


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("a pink circle", "the caption 'a pink circle' has the word 'pink', which is not in the vocabulary"),
        ("a red circle <end>", "has the word '<end>', which is not in the vocabulary"),
        ("", "the caption '' has no words; expected at least one"),
        (" . ", "has no words"),
        (
            "a red circle and a blue star",
            "has 7 words and commas; this model reads 4, and where a text starts and ends",
        ),
    ],
)
def test_what_is_refused(caption, message):
    with pytest.raises(ValueError, match=message):
        encode_captions(["a red circle", caption], CAPTIONED.class_names, length=6)


def test_sentences_of_one_thing():
    sentences = one_object_captions()
    assert [*sentences] == [*SHAPES]
    assert {len(its) for its in sentences.values()} == {len(PALETTE)}
    assert "an orange circle" in sentences["circle"]
    assert "a blue hourglass" in sentences["hourglass"]
    named = {text for its in sentences.values() for text in its}
    alone = [text for text, labels in zip(DATA.train.captions, DATA.train.labels, strict=True) if len(labels) == 1]
    assert {*alone} <= named


def test_scenes_have_a_name(monkeypatch):
    """They are drawn in the size that is asked for."""
    asked = []
    monkeypatch.setattr("minivit.data.names.scenes", lambda **options: asked.append(options) or DATA)
    assert load_dataset("scenes", img_size=(16, 24), seed=3) is DATA
    load_dataset("scenes")
    assert asked == [{"size": (16, 24), "seed": 3}, {"seed": 0}]
