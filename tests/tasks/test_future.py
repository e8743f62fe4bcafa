"""What the task of frames to come promises beyond what all tasks do."""

from typing import NamedTuple

import numpy as np
import pytest

from minivit.data import LabeledImages, Sounds
from minivit.models import Wav2Vec
from minivit.tasks import Future
from minivit.tasks.future import distractors, found
from minivit.train import SGD, training_step
from tests.models.test_wav2vec import SMALL
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SEEDS = np.arange(5)


class Outputs(NamedTuple):
    z: np.ndarray
    h: np.ndarray


def outputs(B=5, T=12, K=3, D=4):
    return Outputs(RNG.standard_normal((B, T, D)), RNG.standard_normal((B, T, K, D)))


def test_a_frame_is_no_distractor_of_itself():
    chosen = distractors(np.arange(200), 7, 3)
    assert chosen.shape == (200, 7, 3)
    assert not (chosen == np.arange(7)[:, None]).any()


def test_all_others_are_equally_frequent():
    chosen = distractors(np.arange(3000), 5, 4)
    for frame in range(5):
        counts = np.bincount(chosen[:, frame].ravel(), minlength=5)
        assert counts[frame] == 0
        np.testing.assert_allclose(np.delete(counts, frame), 3000, rtol=0.08)


def test_the_distractors_of_a_sound_are_its_own():
    """Whatever stands beside it in the batch: so a shard and the whole batch are asked the same."""
    whole = distractors(SEEDS, 9, 3)
    np.testing.assert_array_equal(distractors(SEEDS[2:4], 9, 3), whole[2:4])
    np.testing.assert_array_equal(distractors(SEEDS[::-1], 9, 3), whole[::-1])
    assert (whole[0] != whole[1]).any()
    assert distractors(SEEDS[:0], 9, 3).shape == (0, 9, 3)


def test_a_sound_of_one_frame_has_no_others():
    with pytest.raises(ValueError, match="distractors: there are 1 frames in a sound; expected at least 2"):
        distractors(SEEDS, 1, 3)


def test_the_loss_is_that_of_the_paper():
    """Summed over frames, steps and distractors as the formula has it, and divided by how many there are."""
    said, task = outputs(), Future(num_negatives=6, offset=2)
    chosen = distractors(SEEDS, 12, 6)
    loss, _ = task.forward(said, SEEDS)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    terms = []
    for b in range(5):
        for k in range(3):
            for t in range(12 - 2 - k):
                j = t + 2 + k
                terms.append(np.log(sigmoid(said.z[b, j] @ said.h[b, t, k])))
                terms += [np.log(sigmoid(-said.z[b, m] @ said.h[b, t, k])) for m in chosen[b, j]]
    np.testing.assert_allclose(loss, -np.mean(terms), rtol=1e-12)
    assert len(terms) == 5 * (10 + 9 + 8) * 7


def test_who_says_the_same_of_all_frames_finds_none():
    """A net that hears nothing makes all frames alike: all logits are equal, and none is the largest."""
    same = Outputs(np.ones((5, 12, 4)), np.ones((5, 12, 3, 4)))
    assert Future(offset=2).score(same, SEEDS) == 0
    assert not found(np.zeros((2, 3, 4))).any()


def test_who_knows_the_future_finds_all_and_by_chance_it_is_one_in_so_many():
    z = 10 * np.eye(12)[None].repeat(5, 0)
    h = np.zeros((5, 12, 3, 12))
    for k in range(3):
        h[:, : 10 - k, k] = z[:, 2 + k :]
    task = Future(num_negatives=4, offset=2)
    assert task.score(Outputs(z, h), SEEDS) == 1
    assert Future(num_negatives=4, offset=1).score(Outputs(z, h), SEEDS) < 0.1
    guessing = Outputs(RNG.standard_normal((40, 30, 4)), RNG.standard_normal((40, 30, 3, 4)))
    assert abs(task.score(guessing, np.arange(40)) - 1 / 5) < 0.03  # in parts of 16 sounds


def test_gradients_have_the_fields_of_the_outputs():
    said = Wav2Vec(**SMALL).forward(RNG.standard_normal((5, 34)).astype(np.float32))[0]
    task = Future(num_negatives=2, offset=2)
    loss, cache = task.forward(said, SEEDS)
    grads = task.backward(np.ones_like(loss), cache)
    assert type(grads) is type(said)
    assert not grads.c.any()
    assert grads.h.any()
    assert grads.z.any()
    assert {grad.dtype.name for grad in grads} == {"float32"}


def test_sounds_are_drawn_alike_for_a_test_and_anew_in_training():
    task, sounds = Future(), Sounds(waves=RNG.integers(-9, 9, (4, 50)).astype(np.int16))
    half = lambda stored: stored / 2  # noqa: E731
    waves, seeds = task.draw(sounds, normalize=half)
    np.testing.assert_array_equal(waves, sounds.waves / 2)
    np.testing.assert_array_equal(task.draw(sounds, normalize=half)[1], seeds)
    drawn = task.draw(sounds, normalize=half, rng=np.random.default_rng(1))[1]
    assert len({*seeds.tolist(), *drawn.tolist()}) == 8


def test_waves_that_are_too_short_for_a_step():
    model, waves = Wav2Vec(**SMALL), np.zeros((2, 22), np.float32)
    with pytest.raises(ValueError, match="future_logits: there are 3 frames; expected more than offset, which is 3"):
        training_step(model, waves, np.arange(2), optimizer=SGD(model), task=Future(offset=3))


def test_wrong_options_and_examples():
    with pytest.raises(ValueError, match="Future: num_negatives is 0; expected at least 1"):
        Future(num_negatives=0)
    with pytest.raises(ValueError, match="Future: offset is 0; expected at least 1"):
        Future(offset=0)
    images = LabeledImages(np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, np.int64))
    with pytest.raises(TypeError, match="Future is about Sounds; these examples are LabeledImages"):
        without_annotations(Future().draw)(images, normalize=np.asarray)
