"""A trained model as a teacher, in Python: what it is shown, and whom it cannot teach."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minivit as mv
from minivit.data import Dataset, LabeledImages
from minivit.data.dataset import channel_statistics
from minivit.storage import read_arrays, write_arrays
from minivit.tasks import OneBox
from minivit.train import Recipe, Trainer, predict
from minivit.train.kinds import kind_of
from minivit.train.teacher import Teacher
from tests.tasks.families import SMALL
from tests.train.sounds import small_sound_trainer, small_sounds

AVERAGE = {**SMALL, "global_pool": "avg", "class_token": False}


def images(size: int = 16, seed: int = 0, darker: int = 1) -> Dataset[LabeledImages]:
    """Noise, in three classes."""
    rng = np.random.default_rng(seed)
    train, test = (rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8) // darker for n in (20, 6))
    seen, unseen = (LabeledImages(pixels, np.arange(len(pixels)) % 3) for pixels in (train, test))
    return Dataset("noise", seen, unseen, ("ant", "bee", "cow"), *channel_statistics(train))


def trained(path: Path, dataset: Dataset, model: str = "vit_micro_patch4_32", **options) -> Trainer:
    options = options or (AVERAGE if model.startswith("vit") else {})
    recipe = Recipe(model=model, options=options, epochs=1, batch_size=10)
    trainer = Trainer(recipe, dataset, threads=1)
    list(trainer.run())
    trainer.save(path)
    return trainer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.safetensors"


def test_it_says_what_the_model_says(path):
    data = images()
    trainer = trained(path, data)
    normalized = trainer.normalize(data.test.images)
    for named in (path, path.parent, str(path)):
        np.testing.assert_array_equal(
            Teacher(named, data, threads=1)(normalized), predict(trainer.model, normalized, threads=1)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_shown_images_as_it_has_learned_them(path, dtype):
    """With the mean and the standard deviation of its own data."""
    theirs, ours = images(), images(seed=1, darker=3)
    trainer = trained(path, theirs)
    expected = predict(trainer.model, trainer.normalize(ours.test.images), threads=1)
    seen = kind_of(ours).normalize(ours.test.images).astype(dtype)
    np.testing.assert_allclose(Teacher(path, ours)(seen), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(predict(trainer.model, seen.astype(np.float32)) - expected).max() > 1e-2


def test_a_channel_without_variance(path):
    """It is shifted, and not stretched, in both of them."""
    pixels = images().train.images.copy()
    pixels[..., 1] = 7
    labeled = LabeledImages(pixels, images().train.labels)
    theirs = Dataset("flat", labeled, labeled, ("ant", "bee", "cow"), *channel_statistics(pixels))
    trainer = trained(path, theirs)
    ours = images(seed=2)
    expected = predict(trainer.model, trainer.normalize(ours.test.images), threads=1)
    seen = kind_of(ours).normalize(ours.test.images)
    np.testing.assert_allclose(Teacher(path, ours)(seen), expected, rtol=1e-3, atol=1e-4)


def test_a_resnet_teaches_images_of_any_size(path):
    trained(path, images(), "resnet20_32")
    larger = images(size=24)
    assert Teacher(path, larger)(kind_of(larger).normalize(larger.test.images)).shape == (6, 3)


def test_a_vision_transformer_teaches_those_of_its_size_only(path):
    trained(path, images())
    message = (
        r"cannot look at images of noise: images have shape \(1, 24, 24, 3\); the model expects \(batch, 16, 16, 3\)"
    )
    with pytest.raises(ValueError, match=message):
        Teacher(path, images(size=24))


def test_grey_images(path):
    trained(path, images(), "resnet20_32")
    data = images()
    splits = {split: LabeledImages(it.images[..., :1], it.labels) for split, it in vars(data).items() if split in
              ("train", "test")}  # fmt: skip
    grey = replace(data, **splits, mean=data.mean[:1], std=data.std[:1])
    with pytest.raises(ValueError, match=r"images of noise: images have 1 channels; the model expects 3"):
        Teacher(path, grey)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("bee", "ant", "cow"), r"the classes of noise in another order: its class 0 is 'ant', and there it is 'bee'$"),
        (("ant", "cow", "bee"), r"its class 1 is 'bee', and there it is 'cow'$"),
        (
            ("ant", "bee", "dog"),
            r"other classes than noise: its 3 are \('ant', .*\), and there are 3, \('ant'",
        ),
        (("ant", "bee", "cow", "dog"), r"other classes than noise: its 3 are \(.*\), and there are 4, \("),
    ],
)
def test_other_classes(path, names, message):
    trained(path, images())
    with pytest.raises(ValueError, match=message):
        Teacher(path, replace(images(), class_names=names))


def test_a_model_of_sounds(path):
    small_sound_trainer().save(path)
    with pytest.raises(ValueError, match=r"cannot teach noise: images only are taught, by a model of images$"):
        Teacher(path, images())


def test_sounds_are_not_taught(path):
    trained(path, images())
    with pytest.raises(ValueError, match=r"cannot teach .*: images only are taught"):
        Teacher(path, small_sounds())


def test_a_model_of_another_task(path):
    data = mv.data.scenes(12, 6, size=16, max_objects=1)
    recipe = Recipe(model="vit_micro_patch4_32", options=AVERAGE, epochs=1, batch_size=6, crop_padding=0)
    Trainer(recipe, data, task=OneBox()).save(path)
    with pytest.raises(ValueError, match="was trained for OneBox, not to name classes"):
        Teacher(path, images())


def test_a_student_can_teach_in_turn(path):
    data = images()
    trained(path, data)
    task = mv.tasks.Distillation(Teacher(path, data), token=True)
    recipe = Recipe(model="vit_micro_patch4_32", options={**SMALL, "distilled": True}, epochs=1, batch_size=10)
    student = Trainer(recipe, data, task=task)
    list(student.run())
    student.save(path.with_name("student"))
    normalized = student.normalize(data.test.images)
    said = Teacher(path.with_name("student"), data)(normalized)
    np.testing.assert_allclose(said, predict(student.model, normalized).mean(1), rtol=1e-5, atol=1e-6)


def test_the_fingerprint_is_that_of_the_model(path):
    data = images()
    trainer = trained(path, data, "resnet20_32")
    once = Teacher(path, data).fingerprint
    trainer.recipe = replace(trainer.recipe, batch_size=9)  # which is no matter of the model
    trainer.save(path)
    assert Teacher(path, data).fingerprint == once
    average = next(param for param in trainer.model.named_state().values() if not param.learned)
    average.value = average.value + 1  # of batch norm
    trainer.save(path)
    assert Teacher(path, data).fingerprint != once


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_a_teacher_whose_numbers_are_none(path):
    """Of weights that are numbers, but too large: of an image that shows nothing, or only of some that show more."""
    data = images()
    trained(path, data)
    arrays, header = read_arrays(path)
    message = r"checkpoint\.safetensors gives logits that are not finite$"
    write_arrays(path, arrays | {"head.weight": np.full_like(arrays["head.weight"], np.finfo("f4").max)}, header)
    with pytest.raises(ValueError, match=message):
        Teacher(path, data)
    write_arrays(path, arrays, header)
    teacher = Teacher(path, data)
    teacher.model.named_params()["head.weight"].value[:] = np.finfo("f4").max
    with pytest.raises(ValueError, match=message):
        teacher(kind_of(data).normalize(data.test.images))


def test_weights_that_are_no_numbers(path):
    """Such a teacher is refused as it is opened, before the run of its student has a folder."""
    trainer = trained(path, images())
    trainer.model.named_params()["head.bias"].value[1] = np.nan
    trainer.save(path)
    with pytest.raises(ValueError, match=r"holds weights that are not finite numbers, .* in head\.bias$"):
        Teacher(path, images())
