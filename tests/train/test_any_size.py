"""A model without an option ``img_size`` is trained, saved and asked like any other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit.check import check_layer
from minivit.data import Dataset, LabeledImages
from minivit.models import MODELS, PRESETS
from minivit.train import Recipe, Trainer
from minivit.train.prediction import likeliest_classes
from tests.train.any_size import AnySize
from tests.train.test_trainer import rewrite


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a training on images that are no squares."""
    monkeypatch.setitem(MODELS, "AnySize", AnySize)
    monkeypatch.setitem(PRESETS, "any_size", (AnySize, {}))
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 12, 3), np.uint8)
    examples = LabeledImages(images, np.arange(12) % 2)
    data = Dataset("noise", examples, examples, ("a", "b"), (0.5,) * 3, (0.3,) * 3)
    trainer = Trainer(Recipe(model="any_size", epochs=1, batch_size=6), data, threads=1)
    assert trainer.model.config == {"in_chans": 3, "num_classes": 2, "seed": 0, "dtype": "float32"}
    assert len(list(trainer.run())) == 2
    trainer.save(tmp_path / "checkpoint.safetensors")
    Image.fromarray(images[0]).save(tmp_path / "same.png")
    Image.fromarray(images[0]).resize((240, 160)).save(tmp_path / "large.png")
    assert trainer.probabilities(images[:1]).shape == (1, 2)
    return tmp_path


def test_images_are_shown_as_it_has_seen_them(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(AnySize, "check_images", lambda self, images, *_: seen.append(images.shape))
    classes_of = likeliest_classes(checkpoint)
    assert [len(classes_of(checkpoint / name)) for name in ("same.png", "large.png")] == [2, 2]
    assert seen == [(1, 8, 12, 3), (1, 8, 12, 3)]


@pytest.mark.parametrize(
    ("img_size", "says"),
    [
        (None, r"img_size is None; expected \(int, int\)"),
        ([10**9, 10**9], "img_size is 1000000000; expected at least 1 and below 8192"),
        ([0, 8], "img_size is 0; expected at least 1"),
    ],
)
def test_a_size_that_no_image_has(checkpoint: Path, img_size: object, says: str) -> None:
    path = checkpoint / "checkpoint.safetensors"
    data = mv.storage.read_metadata(path)["metadata"]["data"]
    rewrite(path, data={**data, "img_size": img_size})
    with pytest.raises(ValueError, match=f"is damaged: {says}"):
        likeliest_classes(path)(checkpoint / "same.png")


def test_images_of_any_size_but_of_its_channels() -> None:
    model = AnySize(dtype="float64")
    check_layer(model, np.random.default_rng(0).standard_normal((2, 3, 5, 3)))
    with pytest.raises(ValueError, match=r"images have 1 channels; .*: \(batch, rows, columns, 3\)"):
        model.forward(np.zeros((2, 3, 5, 1)))
    with pytest.raises(ValueError, match=r"images have shape \(3, 5, 3\); .* \(batch, rows, columns, 3\)"):
        model.forward(np.zeros((3, 5, 3)))
