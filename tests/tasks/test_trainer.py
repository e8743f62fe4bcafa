"""Each task through the Trainer: the batches that it draws, the score after an epoch, pictures, checkpoints."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.data import Dataset, Images, Sounds, captioned, scenes, sorting
from minivit.ops import patchify_forward
from minivit.storage import read_arrays, write_arrays
from minivit.tasks import (
    Classification,
    Contrastive,
    Distillation,
    Future,
    MaskedPatches,
    MaskedPrediction,
    NextPixel,
    NextToken,
    OneBox,
    Task,
)
from minivit.train import Recipe, Trainer, normalize, predict, random_crop_flip
from minivit.train.pictures import draw_run
from minivit.train.trained_on import read_trained_on
from tests.tasks.families import SMALL
from tests.tasks.test_tasks import WAVES
from tests.unchecked import without_annotations

CROP = partial(random_crop_flip, padding=2)
pytestmark = pytest.mark.usefixtures("families")


@pytest.fixture(scope="module")
def objects() -> Dataset:
    return scenes(40, 24, size=(16, 24), max_objects=1)


def trainer_of(name: str, objects: Dataset, **choices: Any) -> Trainer:
    """A training of one epoch, three steps."""
    vit = {**SMALL, "global_pool": "avg", "class_token": False}
    images = Dataset(
        "images", Images(objects.train.images), Images(objects.test.images), ("a",), (0.4,) * 3, (0.2,) * 3
    )
    model, options, task, data = {
        "boxes": ("vit_micro_patch4_32", vit, OneBox(), objects),
        "contrastive": ("two_views", {}, Contrastive(CROP, temperature=0.2), images),
        "masked": ("fill_in", {}, MaskedPatches(4), images),
        "hidden": ("masked_vit_micro_patch8_32", {"embed_dim": 8, "depth": 1}, MaskedPrediction(8), images),
        "pixels": ("imagegpt_tiny_16", {"embed_dim": 8, "depth": 1, "vocab_size": 9}, NextPixel(), images),
        "tokens": ("transformer_micro", {"encoder_depth": 1, "decoder_depth": 1}, NextToken(), sorting(40, 24)),
        "distillation": ("vit_micro_patch4_32", vit, Distillation(teacher, augment=CROP), mv.data.shapes(40, 24)),
        "future": ("wav2vec_tiny", WAVES, Future(num_negatives=4), noises(40, 24)),
    }[name]
    recipe = Recipe(model=model, options=options, epochs=1, batch_size=13, crop_padding=0, **choices)
    return Trainer(recipe, data, task=task, threads=1)


def teacher(images: np.ndarray) -> np.ndarray:
    return images.mean((1, 2)) @ np.ones((3, 10), images.dtype)


def noises(*counts: int) -> Dataset:
    """Sounds of which nothing can be foretold."""
    train, test = (Sounds(np.random.default_rng(n).integers(-99, 99, (n, 240)).astype(np.int16)) for n in counts)
    return Dataset("noises", train, test, ("noise",), sr=8_000)


NAMES = ["boxes", "contrastive", "masked", "hidden", "pixels", "tokens", "distillation", "future"]
every_task = pytest.mark.parametrize("name", NAMES)


def test_frames_to_come_begin_where_they_share_no_sample_with_the_present_one():
    """Whatever the kernels and strides: with a hop of half as many samples they begin twice as far ahead."""
    for options, offset in (({}, 3), ({"conv_stride": (5, 4, 2, 2, 1)}, 6)):
        recipe = Recipe(model="wav2vec_tiny", options=options)
        trainer: Any = Trainer(recipe, mv.data.sounds(4, 2))
        assert (trainer.task.offset, trainer.model.offset) == (offset, offset)


@pytest.mark.sampled(every=4)
@every_task
def test_it_trains_and_goes_on(name, objects, tmp_path):
    trainer = trainer_of(name, objects)
    rows = []
    for row in trainer.run():
        rows.append(row)
        if row.step == 2:
            trainer.save(tmp_path / "checkpoint")
    assert [row.test_score is None for row in rows] == [True, True, False]
    assert all(np.isfinite(row.loss) for row in rows)
    assert rows[-1].test_score == trainer.test_score() <= 1
    again = trainer_of(name, objects)
    again.resume(tmp_path / "checkpoint")
    assert list(again.run()) == rows[2:]
    for mine, theirs in zip(again.model.params, trainer.model.params, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)


@pytest.fixture
def unsaved(monkeypatch):
    """Pictures are drawn, but none becomes a file, which takes the most time."""
    monkeypatch.setattr("minivit.plot.save", lambda picture, path: None)


@pytest.mark.sampled(every=8)
@every_task
def test_its_pictures(name, objects, tmp_path, capsys, unsaved):
    trainer = trainer_of(name, objects)
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert capsys.readouterr().err == ""
    own = {
        "boxes": "boxes",
        "contrastive": "similarity_matrix",
        "masked": "reconstructions",
        "hidden": "reconstructions",
        "pixels": "completions",
        "tokens": "learning_curves",
        "future": "foretold",
    }
    assert {"learning_curves", own.get(name, "predictions")} <= {path.stem for path in paths}


def test_patches_of_a_channel_without_variance_are_shown_as_they_are(objects, monkeypatch):
    """A channel that is alike on all training images may not be so on others."""
    task, mean, std = MaskedPatches(4, mask_ratio=0.5), (0.4,) * 3, (0.0, 0.2, 0.2)
    examples = Images(objects.test.images)
    data = Dataset("images", examples, examples, ("a",), mean, std)
    _, targets = task.draw(examples, normalize=partial(normalize, mean=mean, std=std))
    monkeypatch.setattr(mv.plot, "reconstructions", lambda images, seen, guessed: (images, guessed))
    images, guessed = task.pictures(data, examples, targets, targets.patches)["reconstructions"]()
    np.testing.assert_array_equal(guessed, images)


def test_pictures_that_a_task_cannot_draw_lose_nothing_else(objects, tmp_path, capsys, unsaved):
    trainer = trainer_of("boxes", objects)
    trainer.task.pictures = lambda *_: 1 / 0  # type: ignore[method-assign]
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert {"learning_curves", "patch_filters"} <= {path.stem for path in paths}
    assert capsys.readouterr().err == f"minivit: pictures of {tmp_path} could not be drawn: division by zero\n"


def test_the_score_of_a_task_of_ones_own_is_written_as_a_number(objects):
    trainer = trainer_of("boxes", objects)
    trainer.task.score = lambda outputs, targets: np.mean([0.5])  # type: ignore[method-assign,assignment]
    *_, last = trainer.run()
    assert repr(last.test_score) == "0.5"


def test_a_checkpoint_of_another_task_is_refused(objects, tmp_path):
    boxes = trainer_of("boxes", objects)
    boxes.save(tmp_path / "checkpoint")
    other = trainer_of("boxes", objects)
    other.task = Classification()
    with pytest.raises(ValueError, match="belongs to another training: its task is OneBox, not Classification"):
        other.resume(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="was trained for OneBox, not to name classes"):
        read_trained_on(tmp_path / "checkpoint", mv.load(tmp_path / "checkpoint"))


def test_a_checkpoint_of_a_task_with_other_options_is_refused(objects, tmp_path):
    """It would go on with another loss; files that do not tell the options are taken."""
    for name, option, value in [
        ("masked", "mask_ratio", 0.5),
        ("masked", "patch_size", (4, 2)),
        ("future", "offset", 2),
        ("distillation", "alpha", 0.25),
    ]:
        trainer, other = trainer_of(name, objects), trainer_of(name, objects)
        trainer.save(tmp_path / "checkpoint")
        setattr(other.task, option, value)
        with pytest.raises(ValueError, match=f"belongs to another training: its task_options is .*{option}"):
            other.resume(tmp_path / "checkpoint")
        arrays, header = read_arrays(tmp_path / "checkpoint")
        assert option in header["metadata"].pop("task_options")
        write_arrays(tmp_path / "checkpoint", arrays, header)
        other.resume(tmp_path / "checkpoint")
    vars(other.task)["labels"].label_smoothing = 0.3
    trainer.save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="label_smoothing"):
        other.resume(tmp_path / "checkpoint")


def test_options_that_no_file_can_hold_lose_no_training(objects, tmp_path):
    """Arrays, functions and infinity; whoever changes those is not told."""
    trainer = trainer_of("boxes", objects)
    odd = {"a": np.ones(3), "b": np.inf, "c": teacher, "d": (1, np.nan), "e": {teacher: 1}, "f": np.int64(3)}
    vars(trainer.task).update(odd, largest=0.5)
    trainer.save(tmp_path / "checkpoint")
    trainer.resume(tmp_path / "checkpoint")
    assert read_arrays(tmp_path / "checkpoint")[1]["metadata"]["task_options"] == {"largest": 0.5}


def test_examples_of_another_kind_are_refused(objects):
    with pytest.raises(
        TypeError,
        match="Classification is about LabeledImages or LabeledSounds; these examples are Scenes; for such there is "
        "--task denoise, detect, match, prompt, segment, upscale",
    ):
        Trainer(Recipe(), objects)
    with pytest.raises(TypeError, match="OneBox is about Scenes; these examples are LabeledImages"):
        Trainer(Recipe(), mv.data.shapes(3, 3), task=OneBox())
    nameless = Images(objects.train.images)
    with pytest.raises(
        TypeError, match="are Images; no folder says of which class they are; for such there is --task d"
    ):
        Trainer(Recipe(), replace(objects, train=nameless, test=nameless))


# What the tasks draw


def pixels(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32)


def test_boxes_are_shares_of_the_sides(objects):
    images, boxes = OneBox().draw(objects.train, normalize=pixels)
    np.testing.assert_array_equal(images, objects.train.images)
    for shares, box in zip(boxes, objects.train.boxes, strict=True):
        np.testing.assert_allclose(shares * [24, 16, 24, 16], box)
        assert shares.max() <= 1


def test_images_with_several_boxes_are_refused():
    with pytest.raises(ValueError, match="images with several boxes; expected at most one object on each"):
        OneBox().draw(scenes(20, 1, size=24).train, normalize=pixels)


def test_two_views_of_each_image(objects):
    task = Contrastive(CROP)
    views, targets = task.draw(objects.train, normalize=pixels, rng=np.random.default_rng(1))
    assert views.shape == (40, 2, 16, 24, 3)
    assert len(targets) == 40
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(views[:, 0], CROP(objects.train.images, rng))
    np.testing.assert_array_equal(views[:, 1], CROP(objects.train.images, rng))


def test_tokens_before_and_tokens_to_come():
    examples = sorting(5, 5).train
    (source, before), targets = NextToken().draw(examples, normalize=pixels)
    np.testing.assert_array_equal(source, examples.source)
    np.testing.assert_array_equal(before, examples.target[:, :-1])
    np.testing.assert_array_equal(targets, examples.target[:, 1:])


def test_captions_are_written_of_images(objects):
    data = captioned(objects)
    (images, before), targets = NextToken().draw(data.train, normalize=pixels)
    np.testing.assert_array_equal(images, objects.train.images)
    np.testing.assert_array_equal(before[:, 1:], targets[:, :-1])
    expected = {"img_size": (16, 24), "in_chans": 3, "vocab_size": len(data.class_names)}
    assert NextToken().model_options(data) == expected
    with pytest.raises(TypeError, match="NextToken is about Sequences or CaptionedImages; these examples are Scenes"):
        NextToken().check(objects.train)


@pytest.mark.parametrize("task", [Contrastive(CROP), MaskedPatches(4)])
def test_without_a_generator_each_draw_is_the_same(task, objects):
    one, other = (task.draw(objects.test, normalize=pixels) for _ in range(2))
    (first, _), (second, _) = (drawn if isinstance(drawn[0], np.ndarray) else drawn[0] for drawn in (one, other))
    np.testing.assert_array_equal(first, second)
    third = task.draw(objects.test, normalize=pixels, rng=np.random.default_rng(7))
    inputs = [drawn[0][1] if isinstance(drawn[0], tuple) else drawn[0] for drawn in (one, third)]
    assert (inputs[0] != inputs[1]).any()


@pytest.mark.parametrize(("ratio", "masked"), [(0.75, 18), (0.5, 12), (0.0, 1), (0.99, 24)])
def test_the_same_number_of_patches_of_each_image_is_masked(ratio, masked, objects):
    (images, mask), targets = MaskedPatches(4, mask_ratio=ratio).draw(objects.train, normalize=pixels)
    assert mask.shape == (40, 24)
    assert (mask.sum(1) == masked).all()
    assert targets.mask is mask
    np.testing.assert_array_equal(targets.patches, patchify_forward(images, patch_size=4)[0])


def test_a_teacher_sees_what_the_model_sees():
    data = mv.data.shapes(5, 5)
    task = Distillation(teacher, augment=CROP)
    images, targets = task.draw(data.train, normalize=pixels, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(targets.teacher, teacher(images))
    np.testing.assert_array_equal(targets.labels, data.train.labels)
    assert (images != data.train.images).any()
    np.testing.assert_array_equal(task.draw(data.train, normalize=pixels)[0], data.train.images)


def test_who_says_what_the_teacher_says_has_no_loss():
    data = mv.data.shapes(60, 30)
    master = mv.create_model("vit_micro_patch4_32", **SMALL, seed=3)
    task = Distillation(partial(predict, master), alpha=1.0)
    _, targets = task.draw(data.train, normalize=lambda images: images / np.float32(255))
    assert targets.teacher.shape == (60, 10)
    same, other = (task.forward(logits, targets)[0] for logits in (targets.teacher, targets.teacher[::-1]))
    assert abs(same) < 1e-6 < other


def test_a_task_says_what_it_wants():
    for task in (Classification(), OneBox(), Contrastive(CROP), MaskedPatches(4), NextToken(), Distillation(teacher)):
        assert task.loss_name != Task.loss_name
        assert task.score_name != Task.score_name


@pytest.mark.parametrize(
    ("task", "kind", "message"),
    [
        (lambda: MaskedPatches(4, mask_ratio=1), ValueError, "mask_ratio is 1; expected at least 0 and below 1"),
        (lambda: Distillation(teacher, alpha=1.5), ValueError, r"alpha is 1\.5; expected at least 0 and at most 1$"),
        (lambda: Distillation(teacher, alpha="1"), TypeError, "alpha is '1'; expected float"),  # type: ignore[arg-type]
        (lambda: Distillation(None), TypeError, "teacher is None; expected a function"),  # type: ignore[arg-type]
        (
            lambda: Distillation(teacher, temperature=0),
            ValueError,
            "temperature is 0; expected at least 0.001 and at most 10000",
        ),
        (lambda: Contrastive(None), TypeError, "augment is None; expected a function"),  # type: ignore[arg-type]
        (lambda: Contrastive(CROP, temperature=True), TypeError, "temperature is True; expected float"),
        (lambda: Classification(augment=3), TypeError, "augment is 3; expected a function or None"),  # type: ignore[arg-type]
        (lambda: Classification(label_smoothing=np.nan), ValueError, "label_smoothing is nan; expected at least 0"),
    ],
)
def test_choices_of_tasks_that_are_refused(task, kind, message):
    with pytest.raises(kind, match=message):
        without_annotations(task)()


def test_choices_at_their_ends_and_of_numpy():
    task = Distillation(teacher, alpha=np.float64(1), label_smoothing=1.0)
    assert type(task.alpha) is float
    Trainer(Recipe(label_smoothing=1.0), mv.data.shapes(3, 3))
