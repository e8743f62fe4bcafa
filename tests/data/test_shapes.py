import subprocess
import sys

import numpy as np
import pytest

from minivit.data import draw_shapes, load, shapes
from minivit.data.geometry import PALETTE, SHAPES, coverage
from minivit.ops import one_hot


def test_the_same_seed_gives_the_same_bytes_in_any_number():
    many, many_labels = draw_shapes(600, rng=np.random.default_rng(3))
    few, few_labels = draw_shapes(260, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(many[:260], few)
    np.testing.assert_array_equal(many_labels[:260], few_labels)
    other, _ = draw_shapes(260, rng=np.random.default_rng(4))
    assert (other != few).any((1, 2, 3)).all()


def test_a_second_call_draws_new_pictures():
    rng = np.random.default_rng(0)
    assert not np.array_equal(draw_shapes(10, rng=rng)[0], draw_shapes(10, rng=rng)[0])


def test_the_data_set():
    dataset = shapes(500, 250, seed=1)
    assert dataset.train_images.shape == (500, 32, 32, 3)
    assert dataset.test_images.shape == (250, 32, 32, 3)
    assert dataset.class_names == tuple(SHAPES)
    assert np.bincount(dataset.train_labels).tolist() == [50] * 10
    both = np.concatenate([dataset.train_images, dataset.test_images]).reshape(750, -1)
    assert len(np.unique(both, axis=0)) == 750  # no picture twice, none in both splits


def test_by_name(monkeypatch):
    module = sys.modules["minivit.data.shapes"]  # the attribute of the package is the function
    monkeypatch.setattr(module, "shapes", lambda *, seed: shapes(10, 20, seed=seed))
    np.testing.assert_array_equal(load("shapes", seed=5).test_images, shapes(10, 20, seed=5).test_images)


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 32)), ((24, 40), (24, 40))])
def test_sizes(size, shape):
    images, labels = draw_shapes(7, size=size, rng=np.random.default_rng(0))
    assert images.shape == (7, *shape, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (7,)
    assert labels.dtype == np.int64


def test_wrong_arguments():
    with pytest.raises(ValueError, match="at least 16 pixels on each side, got 15 rows and 32 columns"):
        draw_shapes(1, size=(15, 32), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        shapes(10, 0)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_fits_the_unit_circle_and_its_distance_is_one(name):
    shape = SHAPES[name]
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 301), np.linspace(-1.5, 1.5, 301))
    distance = shape(x, y)
    assert not (distance < 0)[x * x + y * y > 1.005].any()
    assert 0.1 < (distance < 0).mean() * 9 / np.pi < 0.75  # of the unit circle
    slope = np.hypot(*np.gradient(distance, 0.01))
    np.testing.assert_allclose(np.median(slope[abs(distance) < 0.05]), 1, atol=0.01)  # so edges are one pixel wide


def test_shapes_differ_however_they_are_turned():
    """No two classes cover the same pixels: the best overlap over all turns stays below 90 %."""
    turns = np.linspace(0, 2 * np.pi, 72, endpoint=False, dtype=np.float32)
    middle, radii = np.full((72, 2), 16, np.float32), np.full(72, 10, np.float32)
    masks = [coverage(np.full(72, k), middle, radii, turns, 32) > 0.5 for k in range(len(SHAPES))]
    for k, one in enumerate(masks):
        for other in masks[:k]:
            overlap = (one[0] & other).sum((1, 2)) / (one[0] | other).sum((1, 2))
            assert overlap.max() < 0.9


def test_coverage_is_the_area():
    radii = np.array([8.0, 11.0], np.float32)
    cover = coverage(np.array([0, 1]), np.full((2, 2), 15.5, np.float32), radii, np.array([0.3, 0.7], np.float32), 32)
    expected = [np.pi * (0.85 * 8) ** 2, (1.4 * 11) ** 2]
    np.testing.assert_allclose(cover.sum((1, 2)), expected, rtol=0.01)


def test_colours_are_told_apart():
    colours = np.array(list(PALETTE.values()))
    distance = np.linalg.norm(colours[:, None] - colours, axis=-1)
    assert (distance + np.eye(len(colours)) > 0.3).all()
    assert (colours.max(1) > 0.85).all()  # backgrounds stay below 0.5


def test_importing_is_light():
    heavy = "{'matplotlib', 'scipy', 'PIL', 'pooch', 'tqdm', 'requests'}"
    code = f"import sys, minivit.data; sys.exit(bool({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_linear_classifier_fails():
    """Softmax regression on all pixels, 20,000 images, until the loss no longer moves much: below 40 %."""
    dataset = shapes()
    mean, std = (np.array(a, np.float32) for a in (dataset.mean, dataset.std))

    def pixels(images):
        x = (images / np.float32(255) - mean) / std
        return np.c_[x.reshape(len(x), -1), np.ones(len(x), np.float32)]

    x, test_x = pixels(dataset.train_images), pixels(dataset.test_images)
    targets = one_hot(dataset.train_labels, 10)
    weights = np.zeros((x.shape[1], 10), np.float32)
    rng = np.random.default_rng(0)
    for step in range(1500):
        ours = rng.integers(len(x), size=512)
        logits = x[ours] @ weights
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        weights -= 0.02 / (1 + step / 200) * x[ours].T @ (p - targets[ours]) / 512
    accuracy = ((test_x @ weights).argmax(1) == dataset.test_labels).mean()
    assert 0.1 < accuracy < 0.4
