import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from minivit.data import draw_shapes, load_dataset, shapes
from minivit.data.geometry import PALETTE, SHAPES, background, coverage, develop, place, tilt
from minivit.ops import one_hot

INT64: Any = np.int64


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
    assert dataset.train.images.shape == (500, 32, 32, 3)
    assert dataset.test.images.shape == (250, 32, 32, 3)
    assert dataset.class_names == tuple(SHAPES)
    assert np.bincount(dataset.train.labels).tolist() == [50] * 10
    both = np.concatenate([dataset.train.images, dataset.test.images]).reshape(750, -1)
    assert len(np.unique(both, axis=0)) == 750  # no picture twice, none in both splits


def test_by_name(monkeypatch):
    module = sys.modules["minivit.data.names"]
    monkeypatch.setattr(module, "shapes", lambda *, seed: shapes(10, 20, seed=seed))
    np.testing.assert_array_equal(load_dataset("shapes", seed=5).test.images, shapes(10, 20, seed=5).test.images)


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 32)), ((24, 40), (24, 40))])
def test_sizes(size, shape):
    images, labels = draw_shapes(7, size=size, rng=np.random.default_rng(0))
    assert images.shape == (7, *shape, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (7,)
    assert labels.dtype == np.int64


def test_wrong_arguments():
    with pytest.raises(ValueError, match="size is 15 x 32 pixels; expected at least 16 on each side"):
        draw_shapes(1, size=(15, 32), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_test is 0; expected at least 1"):
        shapes(10, 0)


def test_numbers_of_numpy():
    rng = np.random.default_rng
    expected, _ = draw_shapes(7, size=(24, 40), rng=rng(0))
    drawn, _ = draw_shapes(INT64(7), size=(INT64(24), INT64(40)), rng=rng(0))
    np.testing.assert_array_equal(drawn, expected)
    assert draw_shapes(INT64(2), size=INT64(16), rng=rng(0))[0].shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(shapes(INT64(3), 2, seed=INT64(5)).train.images, shapes(3, 2, seed=5).train.images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shapes(3, 3, seed=-1), "seed is -1; expected at least 0"),
        (lambda: shapes(0, 3), "shapes: n_train is 0; expected at least 1"),
        (lambda: shapes(3, -(10**30)), "shapes: n_test is -1000.*; expected at least 1"),
        (lambda: draw_shapes(1, size=0, rng=np.random.default_rng(0)), "size is 0; expected at least 1"),
        (
            lambda: draw_shapes(1, size=(99, -2), rng=np.random.default_rng(0)),
            r"size is \(99, -2\); expected at least 1",
        ),
    ],
)
def test_more_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("n", [10**12, 10**25])
def test_more_than_there_is_memory(n):
    """Is said at once, and no picture drawn in vain."""
    with pytest.raises(
        (MemoryError, ValueError), match=r"Unable to allocate|Maximum allowed dimension|too (big|large)"
    ):
        draw_shapes(n, rng=np.random.default_rng(0))
    with pytest.raises(
        (MemoryError, ValueError), match=r"Unable to allocate|Maximum allowed dimension|too (big|large)"
    ):
        draw_shapes(n, size=65_535, rng=np.random.default_rng(0))


def test_a_smaller_set_is_the_beginning_of_a_larger_one():
    small, large = shapes(30, 20, seed=2), shapes(300, 270, seed=2)
    for few, many in ((small.train, large.train), (small.test, large.test)):
        np.testing.assert_array_equal(few.images, many.images[: len(few)])
        np.testing.assert_array_equal(few.labels, many.labels[: len(few)])


def test_train_and_test_are_independent():
    """Whatever the size of the one, the other is the same; and they are not alike."""
    one, other = shapes(30, 250, seed=2), shapes(260, 250, seed=2)
    np.testing.assert_array_equal(one.test.images, other.test.images)
    assert (one.train.images != one.test.images[:30]).any((1, 2, 3)).all()


def test_places_are_inside_and_tilts_small():
    rng = np.random.default_rng(0)
    radii = np.linspace(1, 11, 5000, dtype=np.float32)
    x, y = place(5000, radii, (24, 40), rng).T
    assert (x >= radii - 1e-5).all()
    assert (x <= 40 - radii + 1e-5).all()
    assert (y >= radii - 1e-5).all()
    assert (y <= 24 - radii + 1e-5).all()
    angles = np.degrees(tilt(5000, rng))
    assert 16 < angles.max() < 17.5
    assert -17.5 < angles.min() < -16


def test_backgrounds_are_dark_and_specks_faint():
    canvas = background(500, 32, np.random.default_rng(0))
    assert np.quantile(canvas, 0.95) < 0.45
    assert canvas.max() < 0.75


def test_the_noise_is_as_strong_as_it_says():
    grey = np.full((40, 3, 32, 32), 0.5, np.float32)
    image = develop(grey, np.random.default_rng(0))
    assert image.shape == (40, 32, 32, 3)
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image.std() / 255, 0.025, rtol=0.02)
    np.testing.assert_allclose(image.mean() / 255, 0.5, atol=0.001)


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

    x, test_x = pixels(dataset.train.images), pixels(dataset.test.images)
    targets = one_hot(dataset.train.labels, 10)
    weights = np.zeros((x.shape[1], 10), np.float32)
    rng = np.random.default_rng(0)
    for step in range(1500):
        ours = rng.integers(len(x), size=512)
        logits = x[ours] @ weights
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        weights -= 0.02 / (1 + step / 200) * x[ours].T @ (p - targets[ours]) / 512
    accuracy = ((test_x @ weights).argmax(1) == dataset.test.labels).mean()
    assert 0.1 < accuracy < 0.4
