"""RandAugment: what is drawn, how strong it is, and that each image has its own."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from minivit.train import pixel_operations as pixels

module: Any = import_module("minivit.train.randaugment")  # the package has the function under this name

# What the code of Steiner et al. makes of magnitudes 0, 5, 10, 15 and 20, of images of 224 pixels.
AMOUNTS: dict[str, tuple[Any, ...]] = {
    "AutoContrast": (None,) * 5,
    "Equalize": (None,) * 5,
    "Invert": (None,) * 5,
    "Rotate": (0, 15, 30, 45, 60),
    "Posterize": (0, 2, 4, 6, 8),
    "Solarize": (0, 128, 256, 384, 512),
    "Color": (0.1, 1.0, 1.9, 2.8, 3.7),
    "Contrast": (0.1, 1.0, 1.9, 2.8, 3.7),
    "Brightness": (0.1, 1.0, 1.9, 2.8, 3.7),
    "Sharpness": (0.1, 1.0, 1.9, 2.8, 3.7),
    "ShearX": (0, 0.15, 0.3, 0.45, 0.6),
    "ShearY": (0, 0.15, 0.3, 0.45, 0.6),
    "TranslateX": (0, 50, 100, 150, 200),
    "TranslateY": (0, 50, 100, 150, 200),
    "Cutout": (0, 20, 40, 60, 80),
    "SolarizeAdd": (0, 55, 110, 165, 220),
}


def pictures(B: int = 40, Y: int = 12, X: int = 18, C: int = 3) -> np.ndarray:
    return default_rng(0).integers(20, 240, (B, Y, X, C), dtype=np.uint8)


def drawn(images: np.ndarray, sign: int = 1, place: tuple[float, float] = (0.5, 0.5)) -> Any:
    return module.Drawn(np.full(len(images), sign), np.tile(place, (len(images), 1)))


def applied(name: str, images: np.ndarray, magnitude: float, sign: int = 1) -> np.ndarray:
    operation = module.OPERATIONS[name]
    return operation.apply(images, operation.amount(magnitude / module.FULL), drawn(images, sign))


def amounts_are_those_of_the_code() -> None:
    assert list(module.OPERATIONS) == list(AMOUNTS)
    for name, expected in AMOUNTS.items():
        for magnitude, amount in zip((0, 5, 10, 15, 20), expected, strict=True):
            found = module.OPERATIONS[name].amount(magnitude / module.FULL)
            assert found == (amount if amount is None else pytest.approx(amount, rel=1e-12)), (name, magnitude)
    for name in ("Posterize", "Solarize", "Cutout", "SolarizeAdd"):  # a fraction is cut off
        whole = [module.OPERATIONS[name].amount(magnitude / module.FULL) for magnitude in (1.0, 3.3, 9.99)]
        assert {type(amount) for amount in whole} == {int}, name


def test_amounts_are_those_of_the_code() -> None:
    amounts_are_those_of_the_code()


def distances_are_in_proportion() -> None:
    """On 224 pixels a hundred are a hundred; on others, rows and columns are each counted by their own side."""
    for Y, X in ((224, 224), (56, 112)):
        image = pictures(1, Y, X)
        np.testing.assert_array_equal(applied("TranslateX", image, 10), pixels.translate_x(image, 100 * X / 224))
        np.testing.assert_array_equal(applied("TranslateY", image, 10, -1), pixels.translate_y(image, -100 * Y / 224))
        covered = (applied("Cutout", np.zeros_like(image), 10) == 128)[0, :, :, 0]
        assert covered.any(1).sum() == 80 * Y // 224
        assert covered.any(0).sum() == 80 * X // 224
    assert (applied("Cutout", np.zeros((1, 32, 32, 3), np.uint8), 10) == 128).sum() == 10 * 10 * 3  # 5.7 on each side


def test_distances_are_in_proportion() -> None:
    distances_are_in_proportion()


def test_what_a_magnitude_of_zero_does() -> None:
    images = pictures()
    changed = {name for name in module.OPERATIONS if not np.array_equal(applied(name, images, 0), images)}
    always = {"AutoContrast", "Invert"}  # these images have too few pixels to equalize
    assert changed == always | {"Posterize", "Solarize", "Color", "Contrast", "Brightness", "Sharpness"}
    np.testing.assert_array_equal(applied("Solarize", images, 0), 255 - images)


def each_image_has_its_own() -> None:
    """Six hundred times one image: each operation is seen, and both directions of those that have two."""
    images = np.repeat(pictures(1, 40, 40), 600, axis=0)
    outcomes = {image.tobytes() for image in module.randaugment(images, default_rng(0), layers=1, magnitude=7.0)}
    expected = {applied(name, images[:1], 7, sign).tobytes() for name in module.OPERATIONS for sign in (1, -1)}
    signed = 2 * 5  # rotated, sheared and translated
    assert len(expected) == 11 + signed
    (cutout,) = {applied("Cutout", images[:1], 7).tobytes()}
    assert expected - {cutout} <= outcomes
    assert len(outcomes - expected) > 10  # covered in many places


def test_each_image_has_its_own() -> None:
    each_image_has_its_own()


def test_layers_follow_each_other() -> None:
    images = pictures()
    rng = default_rng(5)
    kinds, signs = rng.integers(16, size=(3, 40)), 1 - 2 * rng.integers(2, size=(3, 40))
    places = rng.random((3, 40, 2))
    expected = []
    for i, image in enumerate(images):
        for layer in range(3):
            operation = list(module.OPERATIONS.values())[kinds[layer, i]]
            here = module.Drawn(signs[layer, i : i + 1], places[layer, i : i + 1])
            (image,) = operation.apply(image[None], operation.amount(1.2), here)
        expected.append(image)
    found = module.randaugment(images, default_rng(5), layers=3, magnitude=12.0)
    np.testing.assert_array_equal(found, expected)


def test_all_operations_are_equally_likely() -> None:
    kinds = default_rng(0)
    images = np.zeros((4000, 1, 1, 3), np.uint8)
    bright = module.randaugment(images, kinds, layers=1, magnitude=10.0)
    share = (bright == 255).all((1, 2, 3)).mean()  # Invert; black pixels stay black in most others
    assert abs(share - 1 / 16) < 5 * np.sqrt(15) / 16 / np.sqrt(4000)  # five standard deviations


def test_the_generator_decides() -> None:
    images = pictures()
    images.flags.writeable = False
    first, same, other = (module.randaugment(images, default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 8, 8, 3), (3, 1, 9, 1), (3, 9, 1, 3), (2, 1, 1, 1)])
def test_any_batch(shape: tuple[int, ...]) -> None:
    changed = module.randaugment(pictures(*shape), default_rng(0), layers=16, magnitude=30.0)
    assert (changed.shape, changed.dtype) == (shape, np.dtype(np.uint8))


def test_no_layers_change_nothing() -> None:
    np.testing.assert_array_equal(module.randaugment(pictures(), default_rng(0), layers=0), pictures())


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_channels_that_are_no_colours(channels: int) -> None:
    """Whatever is drawn; not only where Color is among it."""
    expected = rf"^randaugment: images have {channels} channels; expected 3 \(red, green and blue\) or 1 \(grey\)$"
    for seed in range(3):
        with pytest.raises(ValueError, match=expected):
            module.randaugment(pictures(1, 8, 8, channels), default_rng(seed), layers=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"magnitude": -1.0}, "magnitude is -1.0; expected at least 0 and at most 30"),
        ({"magnitude": 30.1}, "magnitude is 30.1; expected at least 0 and at most 30"),
        ({"magnitude": float("nan")}, "magnitude is nan; expected at least 0 and at most 30"),
        ({"layers": -1}, "layers is -1; expected at least 0 and at most 16"),
        ({"layers": 10**9}, "layers is 1000000000; expected at least 0 and at most 16"),
        ({"layers": 2.0}, "layers is 2.0; expected int"),
    ],
)
def test_what_is_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        module.randaugment(pictures(), default_rng(0), **options)
