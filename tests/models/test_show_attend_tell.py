from functools import partial
from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.data import PAD, START, captioned, scenes
from minivit.layers import run
from minivit.models import ShowAttendTell
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy
from minivit.train import AdamW, normalize, training_step
from tests.sampled import REST
from tests.unchecked import without_annotations

quick_step = without_annotations(training_step)  # hundreds of steps; those of other tests hold the annotations
SMALL: dict[str, Any] = {"img_size": (8, 11), "vocab_size": 7, "embed_dim": 8}
IMAGES = np.random.default_rng(0).standard_normal((2, 8, 11, 3))
BEFORE = np.array([[START, 3, 3, 4], [START, 5, PAD, PAD]])


def test_gradients():
    check_layer(ShowAttendTell(**SMALL), IMAGES, BEFORE)


def test_where_it_looks_is_a_map_for_each_word():
    logits, cache = ShowAttendTell(**SMALL, dtype="float64").forward(IMAGES, BEFORE)
    assert logits.shape == (2, 4, 7)
    assert cache.alignment.shape == (2, 4, 2, 3)  # a cell for 4 x 4 pixels; what is left over makes one, too
    np.testing.assert_allclose(cache.alignment.sum((2, 3)), 1, rtol=1e-12)


def test_no_pictures():
    model = ShowAttendTell(**SMALL)
    logits, cache = model.forward(IMAGES[:0].astype(np.float32), BEFORE[:0])
    assert (logits.shape, logits.dtype) == ((0, 4, 7), np.float32)
    assert model.backward(logits, cache).shape == (0, 8, 11, 3)
    assert cache.alignment.shape == (0, 4, 2, 3)


@REST
def test_it_learns_captions_by_heart():
    data = captioned(scenes(12, 1, size=16, max_objects=2))
    model = ShowAttendTell(img_size=16, vocab_size=len(data.class_names), embed_dim=32)
    optimizer, task = AdamW(model, lr=5e-3, weight_decay=0.0), NextToken()
    inputs, targets = task.draw(data.train, normalize=partial(normalize, mean=data.mean, std=data.std))
    for _ in range(100):
        quick_step(model, inputs, targets, optimizer=optimizer, task=task, clip_norm=1.0, threads=1)
    assert task.score(model.forward(*inputs)[0], targets) == 1
    np.testing.assert_array_equal(greedy(model, inputs[0], length=targets.shape[1] + 1), data.train.target)


def test_a_cell_has_seen_15_x_15_pixels():
    """So what is looked at stands there, or close by."""
    model = ShowAttendTell(**{**SMALL, "img_size": 32}, dtype="float64")
    images = np.random.default_rng(1).standard_normal((1, 32, 32, 3))
    features, _ = run(model.convs, images)

    def sees(row, column):
        changed = images.copy()
        changed[0, row, column] += 1
        return np.any(run(model.convs, changed)[0][0, 4, 4] != features[0, 4, 4])

    for line in ([sees(row, 16) for row in range(32)], [sees(16, column) for column in range(32)]):
        np.testing.assert_array_equal(np.flatnonzero(line), range(16 - 7, 16 + 8))


@pytest.mark.parametrize("embed_dim", [0, 1])
def test_wrong_options(embed_dim):
    with pytest.raises(ValueError, match=f"embed_dim is {embed_dim}; expected at least"):
        ShowAttendTell(**{**SMALL, "embed_dim": embed_dim})


def test_pictures_of_another_size():
    with pytest.raises(ValueError, match="images have shape"):
        ShowAttendTell(**SMALL).forward(IMAGES[:, 1:].astype(np.float32), BEFORE)
