"""A training that does not fit into memory is refused before anything is computed or written."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivit import cli
from minivit.cost import estimate, room
from minivit.data import Dataset, LabeledImages
from minivit.train import Recipe, Trainer
from minivit.train.folder import RunFolder
from tests.sampled import REST
from tests.train.small import small_dataset, small_recipe
from tests.train.sounds import small_sound_trainer


def free(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: size)


def trainer_of(model: str, size: int) -> Trainer:
    images = LabeledImages(np.zeros((20, size, size, 3), np.uint8), np.arange(20) % 2)
    data = Dataset("large", images, images, ("a", "b"), (0.5,) * 3, (0.2,) * 3)
    return Trainer(Recipe(model=model, batch_size=16), data, threads=2)


@REST
def test_large_images_of_a_model_without_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2,048 pixels, which nothing refused, a step of this small ResNet would take more than a hundred gigabytes."""
    free(monkeypatch, 64 * 2**30)
    message = (
        r"^a training step of resnet20_32 with 16 images of 2048 x 2048 pixels and --threads 2 takes "
        r"1\d\d,\d\d\d\.\d MiB, and 65,536\.0 MiB are free: "
        r"use smaller images \(--img-size\), fewer --threads or a smaller --batch-size$"
    )
    with pytest.raises(MemoryError, match=message):
        room.check_training_fits(trainer_of("resnet20_32", 2048))
    free(monkeypatch, None)
    room.check_training_fits(trainer_of("resnet20_32", 2048))


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("model", ["resnet20_32", "swin_tiny_patch2_32", "mixer_tiny_patch4_32", "vit_tiny_r8_s4_32"])
def test_it_is_what_the_code_takes(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, by running it; one byte less is too little."""
    trainer = trainer_of(model, 32)
    needed = estimate(model, img_size=32, num_classes=2, batch=16, threads=2).peak_training_bytes
    free(monkeypatch, needed)
    room.check_training_fits(trainer)
    free(monkeypatch, needed - 1)
    with pytest.raises(MemoryError, match=f"^a training step of {model} with 16 images of 32 x 32 pixels"):
        room.check_training_fits(trainer)


def test_sounds_have_no_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small_sound_trainer()
    room.check_training_fits(trainer)
    free(monkeypatch, 2**10)
    message = r"with 8 sounds and --threads 1 takes .*: use fewer --threads or a smaller --batch-size$"
    with pytest.raises(MemoryError, match=message):
        room.check_training_fits(trainer)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    free(monkeypatch, 2**20)
    monkeypatch.setattr(cli, "load_source", lambda **source: small_dataset())
    assert cli.main(["train", "--threads", "1"]) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(r"minivit: not enough memory \(a training step of vit_micro_patch4_32 .*\)\n", err)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_no_longer_fits_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(small_recipe(), {"data": "shapes", "data_dir": None})
    monkeypatch.setattr(cli, "load_source", lambda **source: small_dataset())
    free(monkeypatch, 2**10)
    assert cli.main(["train", "--resume", str(folder.path)]) == 1
    assert "not enough memory (a training step of vit_micro_patch4_32 with 12 images" in capsys.readouterr().err
    assert [path.name for path in folder.path.iterdir()] == ["config.json"]
