import re
from typing import Any

import numpy as np
import pytest

from minivit.data import draw_scenes
from minivit.data.geometry import PALETTE, SHAPES
from minivit.data.scenes import MIN_VISIBLE, _arrange, _visible, bounding_box, caption

INT64: Any = np.int64


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(150, max_objects=4, rng=np.random.default_rng(0))


def test_the_first_scenes_do_not_depend_on_the_number(scenes):
    for one, other in zip(draw_scenes(20, rng=np.random.default_rng(0)), scenes, strict=False):
        assert one.caption == other.caption
        for a, b in [(one.image, other.image), (one.masks, other.masks), (one.boxes, other.boxes)]:
            np.testing.assert_array_equal(a, b)


def test_shapes_and_types(scenes):
    for scene in scenes:
        n = len(scene.labels)
        assert 1 <= n <= 4
        assert scene.image.shape == (64, 64, 3)
        assert scene.image.dtype == np.uint8
        assert scene.masks.shape == (n, 64, 64)
        assert scene.masks.dtype == bool
        assert scene.boxes.shape == (n, 4)
        assert scene.boxes.dtype == scene.labels.dtype == np.int64
        assert len(set(scene.colours)) == n
    assert {len(scene.labels) for scene in scenes} == {1, 2, 3, 4}


def test_boxes_are_tight_around_the_masks(scenes):
    for scene in scenes:
        for (x0, y0, x1, y1), mask in zip(scene.boxes, scene.masks, strict=True):
            assert mask[y0:y1, x0:x1].sum() == mask.sum()
            inside = mask[y0:y1, x0:x1]
            assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_masks_do_not_overlap_and_show_the_named_colour(scenes):
    for scene in scenes:
        assert scene.masks.sum(0).max() == 1
        for colour, mask in zip(scene.colours, scene.masks, strict=True):
            assert mask.sum() > 40
            np.testing.assert_allclose(np.median(scene.image[mask], 0) / 255, PALETTE[colour], atol=0.06)


def test_captions_are_true(scenes):
    """Read every caption and look the objects up in the picture."""
    relations = set()
    for scene in scenes:
        middles = {
            f"{colour} {list(SHAPES)[label]}": ((x0 + x1) / 2, (y0 + y1) / 2)
            for colour, label, (x0, y0, x1, y1) in zip(scene.colours, scene.labels, scene.boxes, strict=True)
        }
        assert {thing for _, thing in re.findall(r"\b(an?) (\w+ \w+)", scene.caption)} == set(middles)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", scene.caption)
        match = re.fullmatch(r"an? (\w+ \w+) (left of|right of|above|below) an? (\w+ \w+)", scene.caption)
        assert bool(match) == (len(middles) == 2)
        if match:
            first, relation, second = match.groups()
            (x, y), (other_x, other_y) = middles[first], middles[second]
            margin = {"left of": other_x - x, "right of": x - other_x, "above": other_y - y, "below": y - other_y}
            assert margin[relation] >= 5  # pixels: beyond doubt
            relations.add(relation)
    assert relations == {"left of", "right of", "above", "below"}


def test_a_caption_of_three():
    words = caption(np.array([0, 4, 3]), ("red", "orange", "blue"), np.zeros((3, 4), np.int64))
    assert words == "a red circle, an orange cross and a blue star"


def test_a_full_scene_stays_readable():
    for scene in draw_scenes(20, size=(48, 80), max_objects=8, rng=np.random.default_rng(1)):
        assert scene.image.shape == (48, 80, 3)
        assert 1 <= len(scene.labels) <= 8
        assert scene.masks.sum((1, 2)).min() > 20


def test_bounding_box():
    mask = np.zeros((5, 7), bool)
    mask[1:3, 4] = True
    assert bounding_box(mask) == (4, 1, 5, 3)


def test_every_object_stays_visible(scenes):
    """Of each at least 0.6 is seen; what it covers whole is drawn alone."""
    for scene in scenes:
        seen = scene.masks.sum((1, 2))
        for k, (x0, y0, x1, y1) in enumerate(scene.boxes):
            assert (x1 - x0) * (y1 - y0) >= seen[k]
    rng = np.random.default_rng(2)
    for _ in range(30):
        labels = rng.integers(10, size=6)
        cover = _arrange(labels, 48, rng) >= 0.5
        assert (_visible(cover).sum((1, 2)) >= MIN_VISIBLE * cover.sum((1, 2))).all()


def test_a_later_object_lies_above():
    masks = np.zeros((2, 3, 3), bool)
    masks[0, :2], masks[1, 1:] = True, True
    first, second = _visible(masks)
    assert first.any(1).tolist() == [True, False, False]
    assert second.any(1).tolist() == [False, True, True]


def test_numbers_of_numpy():
    (one,) = draw_scenes(INT64(1), size=(INT64(20), 30), max_objects=INT64(2), rng=np.random.default_rng(0))
    (other,) = draw_scenes(1, size=(20, 30), max_objects=2, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(one.image, other.image)


def test_more_than_there_is_memory():
    with pytest.raises(
        (MemoryError, ValueError), match=r"Unable to allocate|Maximum allowed dimension|too (big|large)"
    ):
        draw_scenes(10**12, rng=np.random.default_rng(0))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="max_objects is 9; expected at least 1 and below 9"):
        draw_scenes(1, max_objects=9, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="n is 0; expected at least 1"):
        draw_scenes(0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="max_objects is 0; expected at least 1"):
        draw_scenes(1, max_objects=0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="size is 15 x 15 pixels; expected at least 16 on each side"):
        draw_scenes(1, size=15, rng=np.random.default_rng(0))
