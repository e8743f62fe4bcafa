"""Columns of whatever kind: how many, some of them, and what does not fit together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minivit.data import Dataset, Examples, Images, LabeledImages, LabeledSounds, Scenes, Sounds, draw_scenes, scenes
from tests.unchecked import without_annotations


@dataclass(frozen=True, eq=False)
class Waves(Examples):
    """Sounds of different lengths, and how loud they are."""

    waves: list[np.ndarray]
    loudness: np.ndarray


def waves(n: int) -> Waves:
    return Waves([np.arange(length, dtype=np.float32) for length in range(1, n + 1)], np.arange(n) / 10)


@pytest.mark.parametrize(
    "indices", [[3, 0], np.array([3, 0]), (3, 0), np.array([True, False, False, True, False])[::-1]]
)
def test_some_of_them(indices: Any):
    some = waves(5).take(np.asarray(indices))
    assert isinstance(some, Waves)
    expected = [3, 0] if np.asarray(indices).dtype != bool else [1, 4]
    assert [len(wave) - 1 for wave in some.waves] == expected
    np.testing.assert_array_equal(some.loudness, np.array(expected) / 10)
    assert len(some) == 2


def test_a_slice_of_them():
    some = waves(5).take(slice(1, 4))
    assert [len(wave) for wave in some.waves] == [2, 3, 4]
    assert len(waves(5).take(slice(9, 9))) == len(waves(5).take([])) == 0


def test_a_place_that_is_not_there():
    for few in (waves(5), Images(np.zeros((5, 2, 2, 3), np.uint8))):
        with pytest.raises(IndexError, match="out of bounds"):
            few.take([5])


@pytest.mark.parametrize("indices", [(3, 0), range(3, -1, -3), [-2, -5], np.array([3, 0], np.uint8)])
def test_places_are_along_the_first_axis_however_they_are_given(indices: Any):
    assert [len(wave) - 1 for wave in waves(5).take(indices).waves] == [3, 0]
    images = Images(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(4, 1))
    assert images.take(indices).images[:, 0, 0, 0].tolist() == [3, 0]


@pytest.mark.parametrize("none", [[], (), np.array([]), np.zeros(5, bool)])
def test_none_of_them(none: Any):
    assert len(waves(5).take(none)) == len(Images(np.zeros((5, 2, 2, 3), np.uint8)).take(none)) == 0


@pytest.mark.parametrize(
    ("indices", "kind", "message"),
    [
        (3, ValueError, r"indices have shape \(\); expected one axis: a single example is take\(\[i\]\)"),
        (np.int64(3), ValueError, "expected one axis"),
        (np.zeros((2, 2), int), ValueError, r"indices have shape \(2, 2\); expected one axis"),
        (None, ValueError, "expected one axis"),
        ([1.0], TypeError, r"indices are \[1\.0\]; expected whole numbers, or an array of bool"),
        ([True, False], IndexError, "indices are 2 of bool; expected 5, one for each example"),
    ],
)
def test_places_that_are_none(indices: Any, kind: type[Exception], message: str):
    for few in (waves(5), Images(np.zeros((5, 2, 2, 3), np.uint8))):
        with pytest.raises(kind, match=message):
            without_annotations(few.take)(indices)


def test_some_images_are_a_copy():
    images = np.zeros((5, 2, 2, 3), np.uint8)
    some = LabeledImages(images, np.arange(5)).take([1, 2])
    some.images[:] = 1
    assert not images.any()


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (Waves([], np.zeros(0)), "the train split is empty: it has no waves"),
        (Sounds(np.zeros((2, 3), np.float32)), "train waves must be int16, got float32"),
        (Sounds(np.zeros(3, np.int16)), r"train waves must be \(sounds, samples\), got shape \(3,\)"),
        (Sounds(np.zeros((2, 0), np.int16)), r"the train split is empty: its waves have shape \(2, 0\)"),
        (LabeledSounds(np.zeros((2, 3), np.int16), np.zeros(1, int)), "the train split has 2 waves but 1 labels"),
        (LabeledSounds(np.zeros((2, 3), np.int16), np.array([0, 3])), "the train split has the label 3"),
        (Waves(waves(3).waves, np.zeros(4)), "the train split has 3 waves but 4 loudness"),
        (Waves("abc", np.zeros(3)), "train waves must be a NumPy array or a list, got str"),  # type: ignore[arg-type]
        (
            Images(np.zeros((2, 3, 3, 2), np.uint8)),
            r"train images must be .* 1 or 3 channels\), got shape \(2, 3, 3, 2\)",
        ),
    ],
)
def test_columns_that_do_not_fit(examples: Examples, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        examples.check("train", 3)


NONE = np.zeros((0, 4), int)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"boxes": [np.zeros((1, 4)), np.zeros(4)]}, r"train boxes\[1\] is array.*; expected numbers of shape \(obj"),
        ({"boxes": np.zeros((2, 4))}, r"train boxes\[0\] is array"),
        ({"boxes": [[[0, 0, 1, 1]], None]}, r"train boxes\[0\] is \[\[0, 0, 1, 1\]\]; expected numbers"),
        ({"masks": [np.ones((1, 8, 8), bool)] * 2}, "the train split has 0 labels, 0 boxes and 1 masks for image 1"),
        ({"boxes": [np.zeros((1, 4))]}, "the train split has 2 images but 1 boxes"),
        (
            {"boxes": [np.array([[3, 1, 2, 9]]), NONE]},
            "a box of train image 0 is 3, 1, 2, 9; expected x0 <= x1 and y0 <= y1",
        ),
        ({"boxes": [np.array([[0, 0, np.nan, 9]]), NONE]}, "a box of train image 0 is 0, 0, nan, 9; expected"),
        ({"boxes": [np.array([["a"] * 4]), NONE]}, r"train boxes\[0\] is array"),
        ({"labels": [np.array([3]), NONE[:, 0]]}, "an object of train image 0 has the label 3; expected 0 to 2"),
        ({"labels": [np.array([-1]), NONE[:, 0]]}, "an object of train image 0 has the label -1; expected 0 to 2"),
        ({"labels": [np.array([0.5]), NONE[:, 0]]}, "an object of train image 0 has the label 0.5; expected 0 to 2"),
        (
            {"masks": [np.ones((1, 8, 9), bool), np.ones((0, 8, 8), bool)]},
            r"a mask of train image 0 has shape \(8, 9\); expected \(8, 8\), as the image",
        ),
        (
            {"masks": [np.full((1, 8, 8), 0.4), np.ones((0, 8, 8), bool)]},  # all of it would count
            r"a mask of train image 0 is array\(.*; expected an array of bool, such as mask > 0",
        ),
        ({"masks": [[[[True] * 8] * 8], []]}, "a mask of train image 0 is .*; expected an array of bool"),
        ({"captions": [None, "b"]}, "the caption of train image 0 is None; expected a text"),
    ],
)
def test_objects_that_do_not_fit(column: dict[str, Any], message: str):
    columns = {
        "images": np.zeros((2, 8, 8, 3), np.uint8),
        "labels": [np.zeros(1, int), NONE[:, 0]],
        "boxes": [np.zeros((1, 4), int), NONE],  # of no area, which may be
        "masks": [np.ones((1, 8, 8), bool), np.ones((0, 8, 8), bool)],
        "captions": ["a", "b"],
    }
    Scenes(**columns).check("train", 3)
    with pytest.raises(ValueError, match=message):
        without_annotations(lambda: Scenes(**{**columns, **column}).check("train", 3))()


def test_a_data_set_of_scenes():
    data = scenes(12, 5, size=(16, 24), max_objects=3, seed=4)
    assert isinstance(data.train, Scenes)
    assert (len(data.train), len(data.test)) == (12, 5)
    assert data.train.images.shape == (12, 16, 24, 3)
    one = draw_scenes(12, size=(16, 24), max_objects=3, rng=np.random.default_rng(4).spawn(2)[0])
    for i, scene in enumerate(one):
        np.testing.assert_array_equal(data.train.images[i], scene.image)
        np.testing.assert_array_equal(data.train.boxes[i], scene.boxes)
        np.testing.assert_array_equal(data.train.labels[i], scene.labels)
        np.testing.assert_array_equal(data.train.masks[i], scene.masks)
        assert data.train.captions[i] == scene.caption
    np.testing.assert_array_equal(scenes(3, 5, size=16, seed=4).test.images, scenes(9, 5, size=16, seed=4).test.images)


def test_images_of_which_nothing_is_known():
    images = Images(np.zeros((4, 8, 8, 3), np.uint8))
    data = Dataset("unlabeled", images, images.take([0]), ("thing",), (0.0,) * 3, (1.0,) * 3)
    assert (len(data.train), len(data.test)) == (4, 1)
