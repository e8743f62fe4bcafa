"""Random crops, shifts and flips, and normalisation."""

import numpy as np
import pytest
from numpy.random import default_rng

from minivit.train import normalize, normalize_waves, random_crop_flip, random_shift_flip


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
    with pytest.raises(TypeError, match=f"dtype is {dtype}; expected float32 .to train. or float64"):
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


# Sounds


def waves(B: int = 60) -> np.ndarray:
    """Sounds without a zero, each unlike what it is upside down."""
    return default_rng(0).integers(1, 2**15, (B, 9), dtype=np.int16)


def shifts(wave: np.ndarray, original: np.ndarray, padding: int) -> list[tuple[int, bool]]:
    """Where in the padded original, upside down or not, a sound can be found."""
    padded = np.pad(original, padding).astype(int)
    return [
        (start, sign < 0)
        for start in range(2 * padding + 1)
        for sign in (1, -1)
        if np.array_equal(wave, sign * padded[start : start + len(wave)])
    ]


def test_every_sound_has_a_shift_and_a_sign_of_its_own() -> None:
    original = waves()
    moved = random_shift_flip(original, default_rng(0), padding=3)
    assert moved.dtype == np.int16
    found = [shifts(a, b, 3) for a, b in zip(moved, original, strict=True)]
    assert all(len(place) == 1 for place in found)
    starts, flipped = zip(*(place[0] for place in found), strict=True)
    assert set(starts) == set(range(7))
    assert set(flipped) == {False, True}


def test_the_generator_decides_of_sounds_too() -> None:
    first, same, other = (random_shift_flip(waves(), default_rng(seed), padding=2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_sounds_of_which_nothing_is_asked() -> None:
    original = waves()
    original.flags.writeable = False
    np.testing.assert_array_equal(random_shift_flip(original, default_rng(0), padding=0, flip=False), original)
    same_sign = random_shift_flip(original, default_rng(0), padding=2, flip=False)
    assert (same_sign >= 0).all()


def test_the_lowest_sample_has_no_mirror_image() -> None:
    lowest = np.full((40, 1), -(2**15), np.int16)
    assert {*random_shift_flip(lowest, default_rng(0), padding=0).flat} == {-(2**15), 2**15 - 1}


@pytest.mark.parametrize(("padding", "message"), [(9, "padding is 9; .* below 9"), (-1, "padding is -1")])
def test_shifts_that_leave_nothing(padding: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_shift_flip(waves(), default_rng(0), padding=padding)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_become_numbers_up_to_one(dtype: str) -> None:
    samples = np.array([[-(2**15), -1, 0, 2**14, 2**15 - 1]], np.int16)
    expected = np.array([[-1, -(2.0**-15), 0, 0.5, 1 - 2.0**-15]], dtype)
    np.testing.assert_array_equal(normalize_waves(samples, dtype=dtype), expected, strict=True)


def test_what_are_no_samples() -> None:
    with pytest.raises(TypeError, match="waves have dtype int32; expected samples of 16 bits, int16"):
        normalize_waves(waves().astype(np.int32))
    with pytest.raises(TypeError, match="waves have dtype int64; expected samples"):
        random_shift_flip(waves().astype(np.int64), default_rng(0))
    with pytest.raises(TypeError, match="dtype is float16"):
        normalize_waves(waves(), dtype="float16")
