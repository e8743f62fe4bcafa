"""What the task of pixels to come promises beyond what all tasks do."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.data import LabeledSounds
from minivit.data.examples import Images
from minivit.data.resized import resized
from minivit.models import ImageGPT
from minivit.tasks import NextPixel
from minivit.train import Recipe, Trainer, normalize
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"img_size": (2, 3), "vocab_size": 6, "embed_dim": 8, "depth": 1, "num_heads": 2}
PIXELS = RNG.integers(0, 256, (7, 2, 3, 3)).astype(np.uint8)
HALF = partial(normalize, mean=(0.5,) * 3, std=(0.25,) * 3)


def test_each_place_is_asked_for_its_own_pixel_and_shown_those_before():
    """A model that is shown what it is to say learns to copy, and draws nothing."""
    model = ImageGPT(**SMALL)
    inputs, targets = NextPixel(model).draw(Images(PIXELS), normalize=HALF)
    np.testing.assert_array_equal(targets, model.encode(PIXELS))
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    assert (inputs[:, 0] == 5).all()


def test_the_loss_is_that_of_the_formula():
    logits, codes = RNG.standard_normal((7, 6, 5)), RNG.integers(0, 5, (7, 6))
    loss, _ = NextPixel().forward(logits, codes)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.mean([np.log(shares[b, n, codes[b, n]]) for b in range(7) for n in range(6)])
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(NextPixel().score(logits, codes), 1 - expected / np.log(5), rtol=1e-12)


def test_the_score_of_who_knows_nothing_and_of_who_knows_all():
    codes = RNG.integers(0, 5, (7, 6))
    assert NextPixel().score(np.zeros((7, 6, 5)), codes) == pytest.approx(0, abs=1e-12)
    assert NextPixel().score(1e4 * np.eye(5)[codes], codes) == 1
    assert NextPixel().score(np.zeros((7, 6, 1)), 0 * codes) == 1


def test_it_finds_its_palette_in_the_images_to_train_on():
    data = resized(mv.data.shapes(40, 24), 16)
    options: dict[str, Any] = {"embed_dim": 8, "depth": 1}
    recipe = Recipe(model="imagegpt_tiny_16", options=options, epochs=1, batch_size=16, lr=1e-2)
    trainer: Any = Trainer(recipe, data, threads=1)
    before = trainer.model.clusters.value.copy()
    expected = ImageGPT(img_size=16, vocab_size=65, **options)
    expected.fit_colors(data.train.images)
    np.testing.assert_array_equal(before, expected.clusters.value)
    rows = list(trainer.run())
    assert rows[0].loss == pytest.approx(np.log(64), abs=0.05)
    np.testing.assert_array_equal(trainer.model.clusters.value, before)


def test_it_is_tested_on_as_many_images_as_there_is_room_for(monkeypatch):
    data = resized(mv.data.shapes(4, 24), 16)
    model = ImageGPT(img_size=16, vocab_size=65, embed_dim=8, depth=1, num_heads=2)
    assert len(NextPixel(model).prepared(data, normalize=HALF).test) == 24
    monkeypatch.setattr("minivit.tasks.next_pixel.MOST_LOGITS", 5 * 256 * 64 + 1)
    prepared = NextPixel(model).prepared(data, normalize=HALF)
    np.testing.assert_array_equal(prepared.test.images, data.test.images[:5])
    monkeypatch.setattr("minivit.tasks.next_pixel.MOST_LOGITS", 1)
    assert len(NextPixel(model).prepared(data, normalize=HALF).test) == 1


def test_what_it_is_not_about():
    sounds = LabeledSounds(np.zeros((2, 9), np.int16), np.zeros(2, int))
    with pytest.raises(TypeError, match="NextPixel is about Images; these examples are LabeledSounds"):
        without_annotations(lambda: NextPixel(ImageGPT(**SMALL)).draw(sounds, normalize=HALF))()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"there is no palette to encode images with; expected NextPixel\(model\)"):
        NextPixel().draw(Images(PIXELS), normalize=HALF)
    with pytest.raises(ValueError, match=r"images has shape \(7, 4, 3, 3\); expected \(7, 2, 3, 3\)"):
        NextPixel(ImageGPT(**SMALL)).draw(Images(np.tile(PIXELS, (1, 2, 1, 1))), normalize=HALF)
    with pytest.raises(ValueError, match=r"targets has shape \(7, 5\); expected \(B, N\), with N as in outputs"):
        without_annotations(lambda: NextPixel().forward(np.zeros((7, 6, 5)), np.zeros((7, 5), int)))()
    data = mv.data.shapes(8, 4)
    train, test = (replace(split, images=split.images[..., :1]) for split in (data.train, data.test))
    grey = replace(data, train=train, test=test, mean=(0.5,), std=(0.5,))
    trainer: Any = Trainer(Recipe(model="imagegpt_tiny_16", options={"embed_dim": 8, "depth": 1}), grey)
    assert trainer.model.clusters.shape == (64, 1)  # grey images have grey palettes
