"""What the task of images and captions promises beyond what all tasks do."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from minivit.data import LabeledImages, captioned, scenes, shapes
from minivit.data.sequences import END
from minivit.models.clip import CLIPOutputs
from minivit.ops import unit_vectors_forward
from minivit.tasks import Match
from minivit.tasks.match import different_captions, retrieval
from minivit.train import Recipe, Trainer, normalize, random_crop_flip
from minivit.train.recipes import recipe_of
from tests.train.small import assert_same_bits

RNG = np.random.default_rng(0)
SCENES = scenes(40, 24, size=16, max_objects=2, seed=1)
HALF = partial(normalize, mean=(0.5,) * 3, std=(0.25,) * 3)
TINY: dict[str, Any] = {"patch_size": 8, "embed_dim": 12, "depth": 1, "num_heads": 2, "joint_dim": 6}
TINY |= {"text_dim": 8, "text_depth": 1, "text_heads": 2}


def recipe(**choices: Any) -> Recipe:
    usual = {"model": "clip_vit_tiny_patch8_64", "options": TINY, "epochs": 2, "batch_size": 20, "flip": False}
    return Recipe(**{**usual, **choices})


def vectors(count: int, width: int = 3) -> np.ndarray:
    return unit_vectors_forward(RNG.standard_normal((count, width)))[0]


def test_the_loss_is_that_of_the_formula():
    image, text = vectors(4), vectors(4)
    loss, _ = Match().forward(CLIPOutputs(image, text, np.full(4, 1.3)), np.arange(4)[:, None])
    z = np.exp(1.3) * image @ text.T
    shares = np.exp(z)
    rows = [np.log(shares[b, b] / shares[b].sum()) for b in range(4)]
    columns = [np.log(shares[b, b] / shares[:, b].sum()) for b in range(4)]
    np.testing.assert_allclose(loss, -(np.mean(rows) + np.mean(columns)) / 2, rtol=1e-12)


def test_the_score_counts_both_directions_among_different_captions():
    image = np.eye(3)
    text = np.eye(3)[[0, 1, 1]]  # the third text looks like the second image
    tokens = np.array([[1, 5, 2], [1, 6, 2], [1, 7, 2]])
    assert retrieval(image, text) == (2 / 3, 2 / 3)
    outputs = CLIPOutputs(image, text, np.zeros(3))
    assert Match().score(outputs, tokens) == pytest.approx(2 / 3)
    assert Match().score(outputs, tokens[[0, 1, 1]]) == 1  # it is the second caption once more, and is left out
    one_way = retrieval(np.eye(2), np.array([[1.0, 0], [0.9, 0.8]]))
    assert one_way == (1.0, 0.5)
    one_way = CLIPOutputs(np.eye(2), np.array([[1.0, 0], [0.9, 0.8]]), np.zeros(2))
    assert Match().score(one_way, tokens[:2]) == 0.75


def test_the_first_hundred_different_captions():
    tokens = np.repeat(np.arange(150)[::-1], 2)[:, None]
    np.testing.assert_array_equal(different_captions(tokens), 2 * np.arange(100))
    np.testing.assert_array_equal(different_captions(tokens, most=3), [0, 2, 4])


def test_scenes_get_their_captions_as_tokens():
    data = Match().recast(SCENES)
    np.testing.assert_array_equal(data.train.target, captioned(SCENES).train.target)
    assert Match().recast(data) is data
    needed = Match().model_options(data)
    length = data.train.target.shape[1]
    assert needed == {
        **{"img_size": (16, 16), "in_chans": 3, "vocab_size": len(data.class_names), "max_length": length},
        "eos_token_id": END,
    }


def test_images_are_moved_in_training_only_and_never_turned_round():
    data = Match().recast(SCENES)
    task = Match(augment=partial(random_crop_flip, padding=4, flip=False))
    (images, tokens), targets = task.draw(data.test, normalize=HALF)
    np.testing.assert_array_equal(images, HALF(data.test.images))
    np.testing.assert_array_equal(tokens, targets)
    (moved, _), _ = task.draw(data.test, normalize=HALF, rng=np.random.default_rng(0))
    assert np.abs(moved - images).max() > 0.1
    trainer: Any = Trainer(recipe(), SCENES)
    assert trainer.task.augment is not None
    steps = trainer.task.augment.args[0]
    assert [step.keywords["flip"] for step in steps] == [False]


def test_one_pair_has_no_other_to_be_told_from():
    with pytest.raises(
        ValueError, match="Match tells the examples of a batch apart: batch_size is 1; expected at least 2"
    ):
        Trainer(replace(recipe(), batch_size=1), SCENES)


def test_it_is_about_captions():
    with pytest.raises(
        TypeError, match=r"is about CaptionedImages \(such as those of the data set scenes\); these .* Lab"
    ):
        Match().check(shapes(10, 10).train)
    with pytest.raises(TypeError, match="these examples are LabeledImages"):
        Trainer(recipe(), shapes(10, 10))
    assert issubclass(LabeledImages, object)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_bits_whatever_the_number_of_threads_and_when_resumed(threads, tmp_path):
    """Batches of 20 are shards of 16 and 4."""
    whole = Trainer(recipe(), SCENES, threads=1)
    losses = [metrics.loss for metrics in whole.run()]
    first = Trainer(recipe(), SCENES, threads=threads)
    for metrics in first.run():
        if metrics.step == 3:
            break
    first.save(tmp_path / "half.safetensors")
    second = Trainer(recipe(), SCENES, threads=threads, to_resume=True)
    second.resume(tmp_path / "half.safetensors")
    assert [metrics.loss for metrics in second.run()] == losses[3:]
    assert_same_bits(whole.model.state_dict(), second.model.state_dict())


def test_the_scale_is_trained_within_its_bounds():
    trainer: Any = Trainer(recipe(lr=5.0, clip_norm=None, warmup_epochs=0.0), SCENES, threads=1)
    trainer.model.logit_scale.value = np.float32(4.5)
    for _ in trainer.run():
        assert 0 <= float(trainer.model.logit_scale.value) <= np.log(100) + 1e-6


def test_other_words_are_another_training(tmp_path):
    trainer = Trainer(recipe(), SCENES)
    trainer.save(tmp_path / "run.safetensors")
    other = Trainer(recipe(), scenes(99, 24, size=16, max_objects=1))
    with pytest.raises(ValueError, match="belongs to another training"):
        other.resume(tmp_path / "run.safetensors")


def test_the_picture_of_a_run():
    data = Match().recast(SCENES)
    task = Match()
    tokens = data.test.target
    outputs = CLIPOutputs(vectors(len(tokens)), vectors(len(tokens)), np.zeros(len(tokens)))
    (name, draw), *more = task.pictures(data, data.test, tokens, outputs).items()
    assert name == "matches"
    assert not more
    figure = draw()
    labels = [label.get_text().replace("\n", " ") for ax in figure.axes for label in ax.get_xticklabels()]
    assert labels[:12] == [SCENES.test.captions[i] for i in different_captions(tokens, most=12)]


@pytest.mark.parametrize("model", ["clip_vit_tiny_patch8_64", "clip_resnet_tiny_64", "clip_vit_base_patch32"])
def test_no_training_mirrors_what_captions_say(model: str) -> None:
    """A mirror image of "a circle left of a star" has the star on the left, whatever the recipe says."""
    small = TINY if "vit" in model else {}
    for given in (recipe_of("scenes", model=model, task="match"), Recipe(model=model)):
        trainer = Trainer(replace(given, options={**given.options, **small}, crop_padding=0), SCENES)
        examples = trainer.dataset.train
        (images, _), _ = trainer.task.draw(examples, normalize=trainer.normalize, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(images, trainer.normalize(examples.images))
