"""What semantic segmentation promises beyond what all tasks do."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from minivit.data import Dataset, SegmentedImages, scenes, segmented
from minivit.data.examples import Scenes
from minivit.models.upernet import Segmented
from minivit.ops import cross_entropy_forward, resize_forward
from minivit.tasks import NAMED, Segment
from minivit.train import Recipe, Trainer, random_crop_flip
from minivit.train.recipes import recipe_of
from tests.models.test_upernet import SMALL
from tests.train.small import assert_same_bits
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
DATA = scenes(36, 8, size=(16, 24), max_objects=2)
MAPS = RNG.integers(0, 4, (3, 5, 6)).astype(np.uint8)
MAPS[0, :2] = MAPS[2, :, 1:] = 255


def logits(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def test_a_map_has_the_class_of_the_object_that_is_seen() -> None:
    data = segmented(DATA)
    assert data.class_names == ("background", *DATA.class_names)
    assert data.train.images is DATA.train.images
    for labels, masks, classes in zip(DATA.test.labels, DATA.test.masks, data.test.maps, strict=True):
        np.testing.assert_array_equal(classes == 0, ~masks.any(0))
        for label, mask in zip(labels, masks, strict=True):
            assert (classes[mask] == label + 1).all()


def test_images_without_objects_are_background() -> None:
    columns: Any = {name: [column[i][:0] for i in range(2)] for name, column in DATA.test.columns()[1:4]}
    none = Scenes(DATA.test.images[:2], **columns, captions=["", ""])
    assert not segmented(replace(DATA, train=none, test=none)).train.maps.any()


def the_loss_is_a_mean_over_pixels_that_count() -> None:
    z, counted = logits(3, 5, 6, 4), MAPS != 255
    task = Segment()
    loss, cache = task.forward(z, MAPS)
    expected, _ = cross_entropy_forward(z[counted], MAPS[counted].astype(int))
    assert loss == pytest.approx(expected, rel=1e-12)
    assert task.over(MAPS) == counted.sum()
    gradient = task.backward(np.ones(()), cache)
    assert not gradient[~counted].any()
    assert gradient[counted].any(-1).all()


def the_second_head_counts_for_two_fifths() -> None:
    y = Segmented(logits(3, 5, 6, 4), logits(3, 5, 6, 4))
    (one, c_one), (two, c_two) = (Segment().forward(head, MAPS) for head in y)
    loss, cache = Segment().forward(y, MAPS)
    assert loss == pytest.approx(one + 0.4 * two, rel=1e-12)
    gradient = Segment().backward(np.ones(()), cache)
    assert type(gradient) is Segmented
    np.testing.assert_allclose(gradient.logits, Segment().backward(np.ones(()), c_one))
    np.testing.assert_allclose(gradient.auxiliary, 0.4 * Segment().backward(np.ones(()), c_two))
    assert Segment(auxiliary_weight=1.0).forward(y, MAPS)[0] == pytest.approx(one + two, rel=1e-12)


def small_logits_are_made_as_large_as_the_map() -> None:
    z = logits(3, 3, 3, 4)
    large, _ = resize_forward(z, size=(5, 6))
    loss, _ = Segment().forward(z, MAPS)
    assert loss == pytest.approx(Segment().forward(large, MAPS)[0], rel=1e-12)
    assert Segment().scores(z, MAPS) == Segment().scores(large, MAPS)


def the_score_is_of_all_images_together() -> None:
    labels = np.array([[[0, 0, 1, 1]], [[2, 2, 0, 255]]], np.uint8)
    said = np.array([[[0, 1, 1, 1]], [[2, 0, 0, 3]]])
    outputs = np.eye(5)[said]
    scores = Segment().scores(outputs, labels)
    assert scores == pytest.approx(((2 / 4 + 2 / 3 + 1 / 2) / 3, (2 / 3 + 1 / 2) / 2, 5 / 7))
    assert Segment().score(outputs, labels) == scores.mean_iou_of_objects
    assert Segment().score(Segmented(outputs, -outputs), labels) == scores.mean_iou_of_objects


def a_map_moves_as_its_image_does() -> None:
    """Of images that show their own maps; where zeros come in, nothing counts."""
    maps = RNG.integers(0, 9, (40, 8, 9)).astype(np.uint8)
    maps[:, 4, 4] = 255
    images = np.repeat(maps[..., None] + 1, 3, axis=-1)  # 255 is 0, which is what comes in
    task = Segment(augment=partial(random_crop_flip, padding=2))
    drawn, moved = task.draw(SegmentedImages(images, maps), normalize=np.float32, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(drawn[..., 0], moved + np.uint8(1))
    assert (moved == 255).sum() > 400
    assert not np.array_equal(moved, maps)
    tested, still = task.draw(SegmentedImages(images, maps), normalize=np.float32)
    np.testing.assert_array_equal(still, maps)
    np.testing.assert_array_equal(tested, images)


CHECKS = [
    the_loss_is_a_mean_over_pixels_that_count,
    the_second_head_counts_for_two_fifths,
    small_logits_are_made_as_large_as_the_map,
    the_score_is_of_all_images_together,
    a_map_moves_as_its_image_does,
]


@pytest.mark.parametrize("check", CHECKS)
def test_promises(check: Any) -> None:
    check()


def test_where_nothing_counts_there_is_no_loss() -> None:
    nothing = np.full_like(MAPS, 255)
    assert Segment().over(nothing) == 0
    with pytest.raises(ValueError, match="no pixel of these maps counts; expected one at least that is not 255"):
        Segment().forward(logits(3, 5, 6, 4), nothing)
    assert np.isnan(Segment().score(logits(3, 5, 6, 4), nothing))


def trainer(threads: int, **choices: Any) -> Trainer:
    options = {name: value for name, value in SMALL.items() if name not in ("img_size", "num_classes")}
    settings: dict[str, Any] = {
        "model": NAMED["segment"].usual_model,
        "options": options,
        "epochs": 2,
        "batch_size": 34,
        "crop_padding": 2,
        **choices,
    }
    return Trainer(Recipe(**settings), DATA, threads=threads)


@pytest.mark.parametrize("model", [{}, {"model": "segformer_tiny_64", "options": {"depths": (1, 1, 1), "channels": 4}}])
def test_a_training_goes_on_to_the_same_bits_with_any_number_of_threads(model: dict[str, Any], tmp_path) -> None:
    runs = [trainer(threads, **model) for threads in (1, 3)]
    metrics = [list(run.run()) for run in runs]
    assert metrics[0] == metrics[1]
    assert_same_bits(*(run.model.state_dict() for run in runs))
    halfway, later = trainer(2, **model), trainer(1, **model)
    next(halfway.run())
    halfway.save(tmp_path / "checkpoint.safetensors")
    later.resume(tmp_path / "checkpoint.safetensors")
    assert [*later.run()] == metrics[0][1:]
    assert_same_bits(later.model.state_dict(), runs[0].model.state_dict())


def test_a_model_knows_of_the_background() -> None:
    run = trainer(1)
    assert run.model.config["num_classes"] == len(DATA.class_names) + 1
    assert isinstance(run.task, Segment)
    assert run.dataset.class_names[0] == "background"
    assert recipe_of("scenes", task="segment").model == run.recipe.model


@pytest.mark.parametrize(("name", "value"), [("randaugment", (2, 9.0)), ("mixup", 0.2), ("cutmix", 1.0)])
def test_what_changes_pixels_is_not_for_maps(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*, and upernet_.* is not trained to classify"):
        trainer(1, **{name: value})


def with_maps(maps: np.ndarray, class_names: tuple[str, ...] = ("background", "thing")) -> Dataset:
    images = np.zeros((2, 4, 6, 3), np.uint8)
    examples = SegmentedImages(images, maps)
    return Dataset("mine", examples, examples, class_names, (0.5,) * 3, (0.2,) * 3)


@without_annotations
def test_maps_that_do_not_fit_are_refused() -> None:
    fits = np.zeros((2, 4, 6), np.uint8)
    fits[0, 0] = 255
    fits[1, 1] = 1
    assert with_maps(fits).train.maps is fits
    with pytest.raises(
        ValueError, match=r"train maps must be uint8 of shape \(2, 4, 6\), .* got uint8 of shape \(2, 6, 4\)"
    ):
        with_maps(fits.swapaxes(1, 2))
    with pytest.raises(ValueError, match=r"train maps must be uint8 .* got int64"):
        with_maps(fits.astype(int))
    with pytest.raises(ValueError, match="the train maps have the class 2; expected 0 to 1, because there are 2 class"):
        with_maps(fits + (fits == 1))
    with pytest.raises(ValueError, match="there are 256 class names; maps of uint8 tell at most 255 apart"):
        with_maps(fits, tuple(map(str, range(256))))

    z = np.zeros((2, 4, 6, 2))
    for maps, error, says in (
        (fits + 0.9, TypeError, "maps have dtype float64; expected uint8"),
        (fits > 0, TypeError, "maps have dtype bool; expected uint8"),
        (fits[..., None], ValueError, r"maps have shape \(2, 4, 6, 1\); expected \(images, rows, columns\)"),
        (fits[:, 0, 0], ValueError, r"maps have shape \(2,\); expected \(images, rows, columns\)"),
        (fits[:, :3], ValueError, r"maps have shape \(2, 3, 6\), and logits \(2, 4, 6, 2\); expected as large ones as"),
        (fits[:1], ValueError, "there are 2 outputs and 1 targets"),
    ):
        for asked in (Segment().forward, Segment().score):
            with pytest.raises(error, match=f"^Segment: {says}"):
                asked(z, maps)
    with pytest.raises(TypeError, match=r"^Segment: maps have dtype bool"):
        Segment().draw(SegmentedImages(np.zeros((2, 4, 6, 3), np.uint8), fits > 0), normalize=np.asarray)


def test_more_classes_than_a_map_can_tell_apart() -> None:
    with pytest.raises(ValueError, match="there are 255 classes and the background; maps of uint8 tell at most 255"):
        segmented(replace(DATA, class_names=tuple(map(str, range(255)))))
