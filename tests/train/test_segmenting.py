"""Maps of classes from the command line: a training on scenes, and what is at each pixel of pictures."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.cli import main
from minivit.data import scenes
from minivit.storage import read_arrays, read_metadata, write_arrays
from minivit.tasks.segment import classes_of, heads_of
from minivit.train import Recipe, Trainer, predict
from minivit.train.segmenting import SegmentedFile, segmenter
from tests.models.test_upernet import SMALL
from tests.sampled import REST

DATA = scenes(24, 6, size=(16, 24), max_objects=2)
MODELS: dict[str, dict[str, Any]] = {
    "upernet_swin_tiny_patch4_64": {name: SMALL[name] for name in SMALL if name not in ("img_size", "num_classes")},
    "segformer_tiny_64": {"depths": (1, 1, 1), "channels": 4},
}


@pytest.fixture(scope="module", params=MODELS)
def trainer(request: pytest.FixtureRequest) -> Trainer:
    """A few steps of a training."""
    recipe = Recipe(model=request.param, options=MODELS[request.param], epochs=1, batch_size=8, lr=1e-3)
    trainer = Trainer(recipe, DATA, threads=1)
    for _ in trainer.run():
        pass
    return trainer


@pytest.fixture
def run(trainer: Trainer, tmp_path: Path) -> Path:
    trainer.save(tmp_path / "checkpoint.safetensors")
    return tmp_path


def write(path: Path, pixels: np.ndarray) -> Path:
    from PIL import Image

    Image.fromarray(pixels).save(path)
    return path


@REST
def test_train_and_resume_and_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("minivit.data.names.scenes", partial(scenes, 24, 6))
    monkeypatch.chdir(tmp_path)
    small = ["embed_dim=4", "depths=1,1,1", "num_heads=1,1,2", "channels=4", "aux_channels=3"]
    sets = [word for text in small for word in ("--set", text)]
    choices = ["--epochs", "1", "--batch-size", "8", "--img-size", "32", "--threads", "1"]
    assert main(["train", "--task", "segment", *choices, *sets, "--out", "run"]) == 0
    assert "epoch 1: test mean IoU of objects" in capsys.readouterr().out
    assert {"segments.png", "learning_curves.png", "checkpoint.safetensors"} <= {
        it.name for it in Path("run").iterdir()
    }
    assert read_metadata("run/checkpoint.safetensors")["metadata"]["task"] == "Segment"
    assert main(["train", "--resume", "run"]) == 0
    capsys.readouterr()
    write(tmp_path / "scene.png", scenes(1, 1, size=48).test.images[0])
    assert main(["predict", "run", "scene.png", "--out", "maps"]) == 0
    said = capsys.readouterr().out
    assert "scene.png: " in said
    assert f"wrote {Path('maps') / 'scene-segments.png'}" in said
    assert Path("maps/scene-segments.png").stat().st_size > 1000


def test_the_answer_is_that_of_the_model(trainer: Trainer, run: Path, tmp_path: Path) -> None:
    of_file, class_names = segmenter(run)
    assert class_names == ("background", *DATA.class_names)
    image = DATA.test.images[0]
    found = of_file(write(tmp_path / "scene.png", image))
    np.testing.assert_array_equal(found.image, image)
    logits, *_ = heads_of(predict(trainer.finished(), trainer.normalize(image[None])))
    np.testing.assert_array_equal(found.classes, classes_of(logits, (16, 24))[0])
    assert of_file(write(tmp_path / "large.png", image.repeat(3, 0).repeat(3, 1))).classes.shape == (16, 24)


def test_shares_are_of_classes_that_are_somewhere() -> None:
    classes = np.array([[0, 0, 0, 2], [0, 1, 2, 2]])
    shares = SegmentedFile(np.zeros((2, 4, 3), np.uint8), classes).shares(("background", "a", "b", "c"))
    assert shares == [("background", 0.5), ("b", 0.375), ("a", 0.125)]


def test_runs_that_cannot_answer_are_refused(run: Path, tmp_path: Path, capsys: Any) -> None:
    picture = write(tmp_path / "scene.png", DATA.test.images[0])
    assert main(["predict", str(run), str(picture), "--click", "1,2"]) != 0
    assert "--click is for models of --task prompt" in capsys.readouterr().err
    arrays, header = read_arrays(run / "checkpoint.safetensors")
    name = next(name for name in arrays if name.endswith("decode_head.classifier.bias"))
    write_arrays(run / "checkpoint.safetensors", arrays | {name: np.full_like(arrays[name], np.nan)}, header)
    assert main(["predict", str(run), str(picture)]) != 0
    assert "not finite" in capsys.readouterr().err
