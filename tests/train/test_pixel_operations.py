"""The operations of RandAugment: TensorFlow's numbers, Pillow's where they are the same, and images of any shape."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng
from PIL import Image, ImageEnhance, ImageOps

from minivit.train import pixel_operations as pixels

FIXTURE = Path(__file__).parents[1] / "fixtures" / "tensorflow_pixels.npz"
NAMES = [
    *("autocontrast", "equalize", "invert", "posterize", "solarize", "solarize_add", "color", "contrast", "brightness"),
    *("sharpness", "rotate", "shear_x", "shear_y", "translate_x", "translate_y", "cutout"),
]
# An argument that changes noise, and one of each kind.
ANY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "autocontrast": pixels.autocontrast,
    "equalize": pixels.equalize,
    "invert": pixels.invert,
    "posterize": partial(pixels.posterize, bits=2),
    "solarize": partial(pixels.solarize, threshold=100),
    "solarize_add": partial(pixels.solarize_add, addition=30),
    "color": partial(pixels.color, factor=0.4),
    "contrast": partial(pixels.contrast, factor=0.4),
    "brightness": partial(pixels.brightness, factor=0.4),
    "sharpness": partial(pixels.sharpness, factor=0.4),
    "rotate": partial(pixels.rotate, degrees=40.0),
    "shear_x": partial(pixels.shear_x, level=0.4),
    "shear_y": partial(pixels.shear_y, level=0.4),
    "translate_x": partial(pixels.translate_x, pixels=2.0),
    "translate_y": partial(pixels.translate_y, pixels=2.0),
    "cutout": partial(pixels.cutout, half_size=(2, 1), centres=np.array([3, 2])),
}
each_operation = pytest.mark.parametrize("name", NAMES)


def pictures(*shape: int) -> np.ndarray:
    """Noise that reaches neither 0 nor 255."""
    return default_rng(0).integers(20, 240, shape, dtype=np.uint8)


def tensorflows(name: str) -> list[tuple[np.ndarray, list[float], np.ndarray]]:
    """Images, arguments, and what TensorFlow makes of them."""
    with np.load(FIXTURE) as file:
        keys = [key.split("/") for key in file.files if key.split("/")[2:3] == [name]]
        return [
            (
                file[f"in/{image}"],
                [float(number) for text in rest for number in text.split(",")],
                file["/".join(["out", image, name, *rest])],
            )
            for _, image, _, *rest in keys
        ]


def ours(name: str, image: np.ndarray, arguments: list[float]) -> np.ndarray:
    operation = getattr(pixels, name)
    if name == "cutout":
        row, column, half = map(int, arguments)
        return operation(image, (half, half), np.array([row, column]))
    return operation(image, *(map(int, arguments) if name in ("posterize", "solarize", "solarize_add") else arguments))


def same_as_tensorflow(name: str) -> None:
    cases = tensorflows(name)
    assert len(cases) >= 4
    for image, arguments, expected in cases:
        np.testing.assert_array_equal(ours(name, image, arguments), expected, f"{name} {arguments}", strict=True)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sharpness"])
def test_the_same_bits_as_tensorflow(name: str) -> None:
    same_as_tensorflow(name)


def test_sharpness_but_for_sums_of_thirteenths() -> None:
    """Where a mean is a whole number, TensorFlow may find it a little smaller, and is then one level lower."""
    lower, all_whole = 0, 0
    for image, (factor,), expected in tensorflows("sharpness"):
        wide = image.astype(int)
        sums = sum(wide[i : i + len(wide) - 2, j : j + wide.shape[1] - 2] for i in range(3) for j in range(3))
        whole = np.pad((sums + 4 * wide[1:-1, 1:-1]) % 13 == 0, ((1, 1), (1, 1), (0, 0)))
        found = ours("sharpness", image, [factor])
        different = found != expected
        assert not (different & ~whole).any()
        if factor == 0.1:
            assert set((found.astype(int) - expected)[different]) <= {1}
            lower, all_whole = lower + different.sum(), all_whole + whole.sum()
    assert 0 < lower < all_whole


def same_as_pillow() -> None:
    image = pictures(24, 31, 3)
    theirs = Image.fromarray(image)
    pairs = [
        (pixels.equalize(image), ImageOps.equalize(theirs)),
        (pixels.invert(image), ImageOps.invert(theirs)),
        *((pixels.posterize(image, bits), ImageOps.posterize(theirs, bits)) for bits in range(1, 9)),
        *((pixels.solarize(image, level), ImageOps.solarize(theirs, level)) for level in (0, 100, 256)),
        *(
            (pixels.brightness(image, factor), ImageEnhance.Brightness(theirs).enhance(factor))
            for factor in (0.25, 0.5, 1.5, 3.75)
        ),
        (pixels.translate_x(image, 5.0), theirs.transform(theirs.size, Image.Transform.AFFINE, (1, 0, 5, 0, 1, 0),
                                                         fillcolor=(128, 128, 128))),
    ]  # fmt: skip
    for i, (found, expected) in enumerate(pairs):
        np.testing.assert_array_equal(found, np.asarray(expected), str(i))


def test_pillows_numbers_where_they_are_the_same() -> None:
    same_as_pillow()


def test_a_corner_goes_where_it_should() -> None:
    """One bright pixel in the first row, at the left, of a black image; (row, column) of it afterwards."""
    image = np.zeros((5, 5, 1), np.uint8)
    image[1, 1] = 255

    def place(moved: np.ndarray) -> tuple[int, ...]:
        return tuple(np.argwhere(moved == 255)[0][:2].tolist())

    assert place(pixels.rotate(image, 90.0)) == (3, 1)  # counterclockwise
    assert place(pixels.rotate(image, -90.0)) == (1, 3)
    assert place(pixels.translate_x(image, 1.0)) == (1, 0)
    assert place(pixels.translate_x(image, -2.0)) == (1, 3)
    assert place(pixels.translate_y(image, -2.0)) == (3, 1)
    assert place(pixels.shear_x(image, 1.0)) == (1, 0)
    assert place(pixels.shear_y(image, -1.0)) == (2, 1)
    assert (pixels.translate_x(image, 2.0)[:, 3:] == 128).all()


@each_operation
def test_a_batch_is_its_images(name: str) -> None:
    images = pictures(2, 3, 17, 19, 3)
    images.flags.writeable = False
    changed = ANY[name](images)
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, images)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(changed[i], ANY[name](images[i]), strict=True)


@each_operation
@pytest.mark.parametrize("shape", [(1, 9, 3), (9, 1, 3), (1, 1, 1), (2, 2, 3), (4, 7, 1)])
def test_images_of_any_shape(name: str, shape: tuple[int, ...]) -> None:
    changed = ANY[name](pictures(*shape))
    assert (changed.shape, changed.dtype) == (shape, np.dtype(np.uint8))


@each_operation
def test_one_channel_is_what_three_equal_ones_are(name: str) -> None:
    grey = pictures(9, 7, 1)
    three = ANY[name](np.repeat(grey, 3, axis=2))
    if name != "color":  # the weights of TensorFlow's grey do not add up to 1
        np.testing.assert_array_equal(np.repeat(ANY[name](grey), 3, axis=2), three)
    else:
        np.testing.assert_array_equal(ANY[name](grey), grey)


@each_operation
@pytest.mark.parametrize("channels", [2, 4, 5])
def test_any_number_of_channels_but_for_colours(name: str, channels: int) -> None:
    """What is done to a pixel, or to a channel, has a meaning for any; grey is made of red, green and blue."""
    images = pictures(2, 9, 7, channels)
    if name == "color":
        expected = rf"^color: images have {channels} channels; expected 3 \(red, green and blue\) or 1 \(grey\)$"
        with pytest.raises(ValueError, match=expected):
            pixels.color(images, 0.4)
        return
    each = [ANY[name](images[..., i : i + 1]) for i in range(channels)]
    np.testing.assert_array_equal(ANY[name](images), np.concatenate(each, axis=-1), strict=True)


@pytest.mark.parametrize("name", ["color", "contrast", "brightness", "sharpness"])
def test_factors_without_end(name: str) -> None:
    """From 256 on every pixel is at an end, or as it was; infinity is no factor."""
    images, operation = pictures(9, 7, 3), getattr(pixels, name)
    np.testing.assert_array_equal(operation(images, 1e300), operation(images, 256.0))
    np.testing.assert_array_equal(operation(images, 300.0), operation(images, 256.0))
    with pytest.raises(ValueError, match="factor is inf; expected at least 0 and finite"):
        operation(images, np.inf)


@pytest.mark.parametrize(("addition", "same"), [(10**30, 255), (-(10**30), -255), (1000, 255)])
def test_additions_without_end(addition: int, same: int) -> None:
    images = pictures(9, 7, 3)
    np.testing.assert_array_equal(pixels.solarize_add(images, addition), pixels.solarize_add(images, same))


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (float("nan"), "is nan; expected at most 1048576, either way"),
        (-np.inf, "is -inf; expected at most 1048576, either way"),
        (1e300, r"is 1e\+300; expected at most 1048576, either way"),
        (np.array([0, np.nan, 3]), "is nan; expected at most 1048576, either way"),
        (np.zeros(2), r"has shape \(2,\); expected one number, or one for each of 3 images"),
        (np.zeros((3, 1)), r"has shape \(3, 1\); expected one number, or one for each of 3 images"),
        (np.array([1j, 0, 0]), "has dtype complex128; expected float32, float64 or integers"),
    ],
    ids=str,
)
def test_an_amount_that_is_none(name: str, amount: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^(degrees|level|pixels) {message}$"):
        getattr(pixels, name)(pictures(3, 9, 7, 3), amount)


@pytest.mark.parametrize(
    ("centres", "message"),
    [
        (np.zeros((2, 2), int), r"shape \(2, 2\); expected \(2,\) or \(3, 2\): row and column of each place"),
        (np.zeros(3, int), r"shape \(3,\); expected \(2,\) or \(3, 2\): row and column of each place"),
        (np.zeros(2), "dtype float64; expected integers"),
    ],
    ids=str,
)
def test_places_that_are_none(centres: np.ndarray, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^centres have {message}$"):
        pixels.cutout(pictures(3, 9, 7, 3), (1, 1), centres)


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_an_amount_for_each_image(name: str) -> None:
    images, operation = pictures(3, 9, 7, 3), getattr(pixels, name)
    amounts = np.array([1.5, -0.3, 4.0])
    for image, amount, changed in zip(images, amounts, operation(images, amounts), strict=True):
        np.testing.assert_array_equal(changed, operation(image, float(amount)))


def test_cutout_has_a_place_for_each_image() -> None:
    images = pictures(2, 9, 7, 3)
    changed = pixels.cutout(images, (2, 1), np.array([[0, 0], [4, 3]]))
    covered = np.zeros((2, 9, 7), bool)
    covered[0, :2, :1] = covered[1, 2:6, 2:4] = True  # of the first, what lies on the image
    np.testing.assert_array_equal(changed, np.where(covered[..., None], 128, images))


def test_too_few_pixels_to_equalize() -> None:
    image = pictures(15, 17, 3)  # 255 pixels: all but the brightest are fewer than 255
    np.testing.assert_array_equal(pixels.equalize(image), image)
    assert not np.array_equal(pixels.equalize(pictures(17, 17, 3)), pictures(17, 17, 3))


@pytest.mark.parametrize("factor", [-0.1, float("nan")])
def test_a_factor_that_is_none(factor: float) -> None:
    with pytest.raises(ValueError, match=f"factor is {factor}; expected at least 0"):
        pixels.brightness(pictures(3, 3, 3), factor)


def test_what_are_no_pixels() -> None:
    with pytest.raises(TypeError, match=r"images has dtype float64; expected uint8"):
        pixels.invert(np.ones((3, 3, 3)))
    with pytest.raises(ValueError, match=r"images has shape \(3, 3\)"):
        pixels.rotate(np.ones((3, 3), np.uint8), 3.0)
