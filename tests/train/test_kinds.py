"""Images, sounds, and others: what a training does with them, whatever its task."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit.audio import write_wav
from minivit.data import Dataset
from minivit.data.sequences import sorting
from minivit.tasks import Future
from minivit.train import Recipe, Trainer, normalize, normalize_waves
from minivit.train.kinds import ImageKind, SoundKind, kind_of
from minivit.train.recipes import recipe_of
from tests.train.small import assert_same_bits, small_dataset
from tests.train.sounds import model_of, small_sound_trainer, small_sounds


def test_of_images() -> None:
    data = small_dataset()
    kind = kind_of(data)
    assert kind == ImageKind(data.mean, data.std, (32, 32))
    assert kind.what == "images"
    assert kind.facts() == {"mean": data.mean, "std": data.std, "img_size": (32, 32)}
    images = data.train.images[:3]
    np.testing.assert_array_equal(kind.normalize(images), normalize(images, data.mean, data.std))


def test_of_sounds() -> None:
    data = small_sounds()
    kind = kind_of(data)
    assert kind == SoundKind(sr=8_000, length=600)
    assert kind.what == "sounds"
    assert kind.facts() == {"sr": 8_000, "length": 600}
    np.testing.assert_array_equal(kind.normalize(data.train.waves), normalize_waves(data.train.waves))


def test_of_others_nothing_is_known() -> None:
    kind = kind_of(sorting(8, 8))
    assert (kind.what, kind.facts(), kind.augment(Recipe())) == ("examples", {}, None)
    with pytest.raises(ValueError, match="there are no files of such examples"):
        kind.read("x")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SoundKind(sr=0, length=5), "sr is 0; expected at least 1 and at most 1000000"),
        (SoundKind(sr=8_000, length=0), "length is 0; expected at least 1"),
        (SoundKind(sr=8_000, length=10**12), "length is 1000000000000; expected at least 1 and at most 16777216"),
        (ImageKind((0.5,), (-0.1,), (8, 8)), r"std is \(-0.1,\); expected 0 or more"),
        (ImageKind((0.5,), (0.1,), (8, 10**9)), "img_size is 1000000000; expected at least 1 and below 8192"),
    ],
)
def test_numbers_that_no_file_should_say(kind: ImageKind | SoundKind, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind.check()


def test_files_are_read_as_the_model_wants_them(tmp_path: Path) -> None:
    sounds, images = small_sounds(), small_dataset()
    write_wav(tmp_path / "a.wav", sounds.train.waves[0], 8_000)
    Image.fromarray(images.train.images[0]).save(tmp_path / "a.png")
    for data, stored, file in ((sounds, sounds.train.waves, "a.wav"), (images, images.train.images, "a.png")):
        kind = kind_of(data)
        np.testing.assert_array_equal(kind.read(tmp_path / file), kind.normalize(stored[:1]))


# A training on sounds


def test_sounds_are_told_apart() -> None:
    trainer = small_sound_trainer(epochs=8, lr=0.01)
    *_, last = trainer.run()
    assert last.test_score == 1
    config = model_of(trainer).config
    assert (config["sr"], config["length"], config["num_classes"]) == (8_000, 600, 2)
    assert trainer.probabilities(small_sounds().test.waves).argmax(1).tolist() == [0, 1] * 12


def test_a_training_on_sounds_goes_on(tmp_path: Path) -> None:
    whole, first, second = (small_sound_trainer() for _ in range(3))
    rows = list(whole.run())
    steps = first.run()
    next(steps)
    first.save(tmp_path / "checkpoint")
    second.resume(tmp_path / "checkpoint")
    assert list(second.run()) == rows[1:]
    assert_same_bits(second.model.state_dict(), whole.model.state_dict())


def test_sounds_of_another_rate_are_another_training(tmp_path: Path) -> None:
    small_sound_trainer().save(tmp_path / "checkpoint")
    other = small_sound_trainer(replace(small_sounds(), sr=8_001))
    with pytest.raises(ValueError, match="belongs to another training: its sr is 8000, not 8001"):
        other.resume(tmp_path / "checkpoint")


def test_a_shift_that_leaves_nothing() -> None:
    with pytest.raises(ValueError, match="crop_padding is 600; expected at least 0 and below 600"):
        small_sound_trainer(crop_padding=600)
    small_sound_trainer(crop_padding=599)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("vit_micro_patch4_32", small_sounds(), "vit_micro_patch4_32 cannot be trained on sounds: it has no option sr"),
        ("ast_tiny_patch16_64x98", small_dataset(), "ast_tiny_patch16_64x98 cannot be trained on images: .* in_chans"),
    ],
)
def test_models_of_the_other_kind(model: str, data: Dataset, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Trainer(Recipe(model=model), data)


def test_a_model_that_needs_no_labels_is_trained_for_its_own_task() -> None:
    options = {"conv_dim": (8, 8), "conv_kernel": (10, 8), "conv_stride": (5, 4), "context_dim": (8,)}
    options |= {"context_kernel": (3,), "prediction_steps": 4}
    trainer = Trainer(Recipe(model="wav2vec_tiny", options=options, epochs=1, batch_size=8), small_sounds(), threads=1)
    assert isinstance(trainer.task, Future)
    *_, last = trainer.run()
    assert last.test_score is not None


def test_the_embedded_sounds_have_a_recipe() -> None:
    """One step of it, on few of them."""
    data = mv.data.sounds(64, 30)
    trainer = Trainer(recipe_of("sounds"), data, threads=1)
    assert trainer.model.num_params == 121_231
    assert next(trainer.run()).loss < 4
