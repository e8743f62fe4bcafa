"""Boxes from the command line: a training on scenes, and what is where on pictures."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit import plot
from minivit.cli import main
from minivit.data import scenes
from minivit.storage import read_arrays, read_metadata, write_arrays
from minivit.tasks.detect import detected
from minivit.train import Recipe, Trainer, predict
from minivit.train.detecting import detector
from tests.sampled import REST

DATA = scenes(24, 6, size=(16, 24), max_objects=2)
SMALL = {"backbone": "swin_tiny_patch4_64", "embed_dim": 8, "num_heads": 2, "mlp_dim": 6, "encoder_depth": 1}
SMALL |= {"decoder_depth": 2, "num_queries": 4}


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    """A few steps of a training."""
    recipe = Recipe(model="detr_tiny_64", options=SMALL, epochs=1, batch_size=8, lr=1e-3)
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
    sets = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    choices = ["--epochs", "1", "--batch-size", "8", "--img-size", "32", "--threads", "1"]
    assert main(["train", "--task", "detect", *choices, *sets, "--out", "run"]) == 0
    assert "epoch 1: test AP50" in capsys.readouterr().out
    made = {it.name for it in Path("run").iterdir()}
    assert {"boxes.png", "queries.png", "learning_curves.png", "checkpoint.safetensors"} <= made
    assert read_metadata("run/checkpoint.safetensors")["metadata"]["task"] == "Detect"
    assert main(["train", "--resume", "run"]) == 0
    capsys.readouterr()
    write(tmp_path / "scene.png", scenes(1, 1, size=48).test.images[0])
    assert main(["predict", "run", "scene.png", "--out", "found"]) == 0
    said = capsys.readouterr().out
    assert "scene.png: " in said
    assert f"wrote {Path('found') / 'scene-boxes.png'}" in said
    assert Path("found/scene-boxes.png").stat().st_size > 1000


def test_the_answer_is_that_of_the_model(trainer: Trainer, run: Path, tmp_path: Path) -> None:
    """Boxes in pixels, the best first; all of them, if none is too unsure."""
    image, found, class_names = detector(run, threshold=0.0)(write(tmp_path / "scene.png", DATA.test.images[0]))
    np.testing.assert_array_equal(image, DATA.test.images[0])
    assert class_names == DATA.class_names
    (expected,) = detected(predict(trainer.finished(), trainer.normalize(image[None])))
    order = np.argsort(-expected.scores, kind="stable")
    np.testing.assert_array_equal(found.scores, expected.scores[order])
    np.testing.assert_array_equal(found.labels, expected.labels[order])
    np.testing.assert_allclose(found.shapes, expected.shapes[order] * (24, 16, 24, 16), rtol=1e-6)
    between = float(found.scores[1:3].mean())
    _, sure, _ = detector(run, threshold=between)(tmp_path / "scene.png")
    assert len(sure.scores) == 2
    assert len(detector(run, threshold=1.0)(tmp_path / "scene.png").found.scores) == 0
    with pytest.raises(ValueError, match="threshold is 2"):
        detector(run, threshold=2.0)


def test_what_is_found_is_said(trainer: Trainer, run: Path, tmp_path: Path, capsys: Any) -> None:
    """A class, how sure, and corners; the model is made to be sure of a heart in the middle."""
    arrays, header = read_arrays(run / "checkpoint.safetensors")
    heads = [name for name in arrays if "class_embed" in name or "bbox_embed" in name]
    changed = {name: np.zeros_like(arrays[name]) for name in heads}
    for name in heads:
        if name.endswith("class_embed.bias"):
            changed[name][DATA.class_names.index("heart")] = 5
    write_arrays(run / "checkpoint.safetensors", arrays | changed, header)
    picture = write(tmp_path / "scene.png", DATA.test.images[0])
    assert main(["predict", str(run), str(picture), "--out", str(tmp_path)]) == 0
    share = np.exp(5) / (np.exp(5) + 10)
    assert f"heart {share:.1%} at 6,4,18,12, heart" in capsys.readouterr().out
    for threshold, said in ((share - 0.01, "heart"), (share + 0.01, "nothing"), (0, "heart"), (1, "nothing")):
        assert main(["predict", str(run), str(picture), "--out", str(tmp_path), "--threshold", str(threshold)]) == 0
        assert f"scene.png: {said}" in capsys.readouterr().out


def test_the_picture_shows_the_boxes_that_are_told_of(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    picture, drawn = write(tmp_path / "scene.png", DATA.test.images[0]), []
    monkeypatch.setattr(plot, "save", lambda figure, path: drawn.append(figure))
    assert main(["predict", str(run), str(picture), "--out", str(tmp_path), "--threshold", "0"]) == 0
    (panel,) = drawn[0].axes
    assert len(panel.texts) == len(detector(run, threshold=0.0)(picture).found.scores) > 0


def test_runs_that_cannot_answer_are_refused(run: Path, tmp_path: Path, capsys: Any) -> None:
    picture = write(tmp_path / "scene.png", DATA.test.images[0])
    assert main(["predict", str(run), str(picture), "--click", "1,2"]) != 0
    assert "--click is for models of --task prompt" in capsys.readouterr().err
    assert main(["predict", str(run), str(picture), "--threshold", "1.5"]) != 0
    assert "threshold is 1.5; expected" in capsys.readouterr().err
    arrays, header = read_arrays(run / "checkpoint.safetensors")
    name = next(name for name in arrays if name.endswith("class_embed.bias"))
    write_arrays(run / "checkpoint.safetensors", arrays | {name: np.full_like(arrays[name], np.nan)}, header)
    assert main(["predict", str(run), str(picture)]) != 0
    assert "not finite" in capsys.readouterr().err
