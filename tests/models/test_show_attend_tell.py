from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.data import PAD, START, captioned, scenes
from minivit.layers import run
from minivit.models import ShowAttendTell
from minivit.tasks import NextToken
from minivit.train import AdamW, normalize, training_step

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


def test_it_learns_to_name_colours():
    data = captioned(scenes(400, 100, size=16, max_objects=1))
    model = ShowAttendTell(img_size=16, vocab_size=len(data.class_names), embed_dim=16)
    optimizer, rng, task = AdamW(model, lr=5e-3, weight_decay=0.0), np.random.default_rng(0), NextToken()

    def seen(pixels):
        return normalize(pixels, data.mean, data.std)

    for _ in range(150):
        inputs, targets = task.draw(data.train.take(rng.integers(400, size=32)), normalize=seen)
        training_step(model, inputs, targets, optimizer=optimizer, task=task, clip_norm=1.0, threads=1)
    inputs, targets = task.draw(data.test, normalize=seen)
    right = model.forward(*inputs)[0].argmax(-1) == targets
    assert right[:, 0].mean() > 0.9  # "a" or "an"
    assert right[:, 1].mean() > 0.8


def test_a_cell_has_seen_15_x_15_pixels():
    """So what is looked at stands there, or close by."""
    model = ShowAttendTell(**{**SMALL, "img_size": 32}, dtype="float64")
    images = np.random.default_rng(1).standard_normal((1, 32, 32, 3))
    features, _ = run(model.convs, images)
    seen = np.zeros((32, 32), bool)
    for row, column in np.ndindex(32, 32):
        changed = images.copy()
        changed[0, row, column] += 1
        seen[row, column] = np.any(run(model.convs, changed)[0][0, 4, 4] != features[0, 4, 4])
    rows, columns = np.nonzero(seen)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (15, 15)
    assert (rows.mean(), columns.mean()) == (16, 16)


@pytest.mark.parametrize("embed_dim", [0, 1])
def test_wrong_options(embed_dim):
    with pytest.raises(ValueError, match=f"embed_dim is {embed_dim}; expected at least"):
        ShowAttendTell(**{**SMALL, "embed_dim": embed_dim})


def test_pictures_of_another_size():
    with pytest.raises(ValueError, match="images have shape"):
        ShowAttendTell(**SMALL).forward(IMAGES[:, 1:].astype(np.float32), BEFORE)
