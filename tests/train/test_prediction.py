"""What is on images in files, or to be heard in sounds; test_cli.py holds it to its messages."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minivit.audio import write_wav
from minivit.train.prediction import likeliest_classes
from tests.train.small import small_dataset, small_trainer
from tests.train.sounds import small_sound_trainer, small_sounds


def test_the_three_most_probable_classes(tmp_path: Path) -> None:
    trainer = small_trainer(small_dataset())
    images = trainer.dataset.test.images[:3]
    trainer.save(tmp_path / "checkpoint.safetensors")
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    found = list(map(likeliest_classes(tmp_path), paths))
    assert found == list(map(likeliest_classes(tmp_path / "checkpoint.safetensors"), map(str, paths)))
    for classes, probabilities in zip(found, trainer.probabilities(images), strict=True):
        best = np.argsort(probabilities)[:-4:-1]
        assert [name for name, _ in classes] == [trainer.dataset.class_names[c] for c in best]
        np.testing.assert_allclose([share for _, share in classes], probabilities[best], rtol=1e-5)


def test_an_image_that_is_not_there_keeps_no_other_from_being_looked_at(tmp_path: Path) -> None:
    small_trainer(small_dataset()).save(tmp_path / "checkpoint.safetensors")
    Image.new("RGB", (40, 30)).save(tmp_path / "here.png")
    of_file = likeliest_classes(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        of_file(tmp_path / "nowhere.png")
    assert len(of_file(tmp_path / "here.png")) == 3


def test_sounds_are_heard_as_long_as_the_model_knows_them(tmp_path: Path) -> None:
    trainer = small_sound_trainer()
    trainer.save(tmp_path / "checkpoint.safetensors")
    wave = small_sounds().test.waves[0]
    write_wav(tmp_path / "same.wav", wave, 8_000)
    write_wav(tmp_path / "longer.wav", np.append(wave, np.zeros(50, np.int16)), 8_000)
    of_file = likeliest_classes(tmp_path)
    classes = of_file(tmp_path / "same.wav")
    probabilities = trainer.probabilities(wave[None])[0]
    assert dict(classes) == pytest.approx({"a": probabilities[0], "b": probabilities[1]})
    with pytest.warns(UserWarning, match=r"longer\.wav: cut out 0\.00 to 0\.07 s, where it is loudest"):
        assert of_file(tmp_path / "longer.wav") == classes
