"""Random erasing: how often, how much, and with what."""

import numpy as np
import pytest
from numpy.random import default_rng

from minivit.train import erasing


def boxes(images: np.ndarray, probability: float = 1.0, seed: int = 0) -> list[tuple[int, int]]:
    """Height and width of what was erased of each image of zeros, where something was."""
    found = []
    for image in erasing.random_erasing(images, default_rng(seed), probability=probability):
        rows, columns = np.flatnonzero(image.any((1, 2))), np.flatnonzero(image.any((0, 2)))
        if len(rows):
            found.append((rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))
    return found


def a_share_of_the_images_has_a_rectangle_of_noise() -> None:
    images = np.zeros((1000, 20, 30, 3), np.uint8)
    assert abs(len(boxes(images, 0.25)) - 250) < 5 * np.sqrt(1000 * 0.25 * 0.75)
    assert len(boxes(images, 0.0)) == 0
    found = np.array(boxes(images))
    assert len(found) == 1000
    areas, aspects = found.prod(1) / 600, found[:, 0] / found[:, 1]
    assert areas.min() < 0.04
    assert 0.3 < areas.max() < 0.37  # sides are rounded
    assert aspects.min() < 0.4
    assert aspects.max() > 2.5
    assert len({*map(tuple, found)}) > 100  # each has its own


def test_a_share_of_the_images_has_a_rectangle_of_noise() -> None:
    a_share_of_the_images_has_a_rectangle_of_noise()


def test_every_pixel_of_it_is_drawn() -> None:
    changed = erasing.random_erasing(np.zeros((500, 20, 20, 3), np.uint8), default_rng(0), probability=1.0)
    levels = changed[changed > 0]
    assert {*levels} == {*range(1, 256)}
    assert levels.mean() == pytest.approx(128, abs=1)


def test_what_is_not_erased_stays() -> None:
    images = default_rng(1).integers(0, 256, (20, 16, 16, 3), np.uint8)
    images.flags.writeable = False
    np.testing.assert_array_equal(erasing.random_erasing(images, default_rng(0), probability=0.0), images)
    changed = erasing.random_erasing(images, default_rng(0), probability=1.0)
    assert 0.55 < (changed == images).all(-1).mean() < 0.95
    np.testing.assert_array_equal(changed, erasing.random_erasing(images, default_rng(0), probability=1.0))


@pytest.mark.parametrize("shape", [(1, 9, 1), (9, 1, 3), (1, 1, 3)])
def test_an_image_of_one_row_stays(shape: tuple[int, ...]) -> None:
    images = np.zeros((50, *shape), np.uint8)
    np.testing.assert_array_equal(erasing.random_erasing(images, default_rng(0), probability=1.0), images)


def test_no_images() -> None:
    assert erasing.random_erasing(np.zeros((0, 8, 8, 3), np.uint8), default_rng(0)).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_that_is_none(probability: float) -> None:
    with pytest.raises(ValueError, match=f"probability is {probability}; expected at least 0 and at most 1"):
        erasing.random_erasing(np.zeros((1, 8, 8, 3), np.uint8), default_rng(0), probability=probability)
