"""Random crops and flips, and normalisation."""

import numpy as np
import pytest
from numpy.random import default_rng

from minivit.train import normalize, random_crop_flip


def pictures(B: int = 50) -> np.ndarray:
    """Images without a zero, each unlike its mirror image."""
    return default_rng(0).integers(1, 256, (B, 5, 7, 3), dtype=np.uint8)


def places(image: np.ndarray, original: np.ndarray, padding: int) -> list[tuple[int, int, bool]]:
    """Where in the padded original, mirrored or not, an image can be found."""
    Y, X, _ = image.shape
    padded = np.pad(original, ((padding, padding), (padding, padding), (0, 0)))
    return [
        (top, left, mirrored)
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
        for mirrored in (False, True)
        if np.array_equal(image, padded[top : top + Y, left : left + X][:, :: -1 if mirrored else 1])
    ]


def test_every_image_is_a_crop_of_its_own() -> None:
    images = pictures()
    found = [places(a, b, 2) for a, b in zip(random_crop_flip(images, default_rng(0), padding=2), images, strict=True)]
    assert all(len(place) == 1 for place in found)
    tops, lefts, mirrored = zip(*(place[0] for place in found), strict=True)
    assert set(tops) == set(lefts) == set(range(5))
    assert set(mirrored) == {False, True}
    assert len({*zip(tops, lefts, strict=True)}) > 10  # rows and columns are drawn independently


def test_the_generator_decides() -> None:
    images = pictures()
    first, same, other = (random_crop_flip(images, default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_half_of_the_images_are_mirrored() -> None:
    images = pictures(2000)
    mirrored = (random_crop_flip(images, default_rng(0), padding=0) != images).any((1, 2, 3))
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)  # five standard deviations


def test_without_flip_nothing_is_mirrored() -> None:
    images = pictures()
    cropped = random_crop_flip(images, default_rng(0), padding=2, flip=False)
    assert not any(places(a, b, 2)[0][2] for a, b in zip(cropped, images, strict=True))


def test_nothing_asked_for_changes_nothing() -> None:
    images = pictures()
    images.flags.writeable = False
    np.testing.assert_array_equal(random_crop_flip(images, default_rng(0), padding=0, flip=False), images, strict=True)


@pytest.mark.parametrize("padding", [0, 1, np.int64(2), np.uint8(4)])
@pytest.mark.parametrize("B", [0, 1, 3])
def test_any_number_of_images(padding: int, B: int) -> None:
    cropped = random_crop_flip(pictures(B), default_rng(0), padding=padding)
    assert cropped.shape == (B, 5, 7, 3)
    assert cropped.dtype == np.uint8


def test_something_of_each_image_stays() -> None:
    cropped = random_crop_flip(pictures(2000), default_rng(0), padding=4)
    assert cropped.any((1, 2, 3)).all()


@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (-1, "padding is -1; expected at least 0 and below 5"),
        (5, "padding is 5; expected at least 0 and below 5"),
        (10**6, "padding is 1000000; expected at least 0 and below 5"),
    ],
)
def test_a_padding_that_is_none(padding: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_crop_flip(pictures(), default_rng(0), padding=padding)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (0.2,) * 3, "there are 1 mean and 3 std for images of 3 channels"),
        ((0.5,) * 3, (0.2,) * 4, "there are 3 mean and 4 std for images of 3 channels"),
        ((0.5,), (0.2,), "there are 1 mean and 1 std for images of 3 channels"),  # NumPy would take it for all three
        ((0.5,) * 3, (0.2, -0.1, 0.2), "std is -0.1; expected at least 0"),
        ((0.5,) * 3, (0.2, float("nan"), 0.2), "std is nan; expected at least 0"),
    ],
)
def test_wrong_statistics(mean: tuple[float, ...], std: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normalize(pictures(), mean, std)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int64", "complex64"])
def test_a_dtype_to_train_in(dtype: str) -> None:
    with pytest.raises(TypeError, match=f'dtype is {dtype}; expected "float32" or "float64"'):
        normalize(pictures(), (0.5,) * 3, (0.2,) * 3, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalize(dtype: str) -> None:
    images = pictures()
    mean, std = images.mean((0, 1, 2)) / 255, images.std((0, 1, 2)) / 255
    x = normalize(images, tuple(mean.tolist()), tuple(std.tolist()), dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(x, ((images / 255 - mean) / std).astype(dtype), rtol=0, atol=tolerance, strict=True)
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=tolerance)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=tolerance)


def test_normalize_a_channel_that_never_changes() -> None:
    """Drawings in red have a green and a blue that are zero everywhere."""
    images = np.array([[[[0, 7]]], [[[255, 7]]]], np.uint8)
    x = normalize(images, (0.5, 7 / 255), (0.5, 0.0))
    np.testing.assert_allclose(x[:, 0, 0], [[-1, 0], [1, 0]], atol=1e-6)
