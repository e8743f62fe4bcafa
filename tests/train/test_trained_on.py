"""What a checkpoint says of the examples that its model was trained on."""

from pathlib import Path
from typing import Any

import pytest

import minivit as mv
from minivit.cli import main
from minivit.models import CLIP, DETR, ViT
from minivit.storage import read_arrays
from minivit.train.detecting import detector
from minivit.train.kinds import ImageKind, SoundKind
from minivit.train.matching import Matcher
from minivit.train.prediction import likeliest_classes
from minivit.train.prompted import masks_of
from minivit.train.segmenting import segmenter
from minivit.train.trained_on import read_trained_on
from tests.models.test_clip import SMALL as SMALL_CLIP
from tests.models.test_detr import SMALL
from tests.train.small import small_dataset, small_trainer
from tests.train.sounds import small_sound_trainer
from tests.train.test_trainer import rewrite


@pytest.fixture(scope="module")
def dataset() -> mv.data.Dataset:
    return small_dataset()


@pytest.fixture
def checkpoint(dataset: mv.data.Dataset, tmp_path: Path) -> Path:
    small_trainer(dataset).save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_what_it_was_trained_on(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    found = read_trained_on(checkpoint, mv.load(checkpoint))
    assert found == (dataset.class_names, ImageKind(dataset.mean, dataset.std, (32, 32)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": []}, "class_names has 0 entries; expected 10"),
        ({"class_names": ["a"] * 9}, "class_names has 9 entries; expected 10"),
        ({"class_names": "0123456789"}, r"class_names is '0123456789'; expected \(str, ...\)"),
        ({"class_names": [*"abcdefghi", 3]}, r"class_names is \('a', .*; expected \(str, ...\)"),
        ({"class_names": [*"abcdefghi", None]}, r"class_names is \('a', .*; expected \(str, ...\)"),
        ({"class_names": None}, r"class_names is None; expected \(str, ...\)"),
        ({"mean": [0.5]}, "mean has 1 entries; expected 3"),
        ({"mean": [0.5] * 4}, "mean has 4 entries; expected 3"),
        ({"mean": 0.5}, r"mean is 0.5; expected \(float, ...\)"),
        ({"mean": [0.5, 0.5, "0.5"]}, r"mean is .*; expected \(float, ...\)"),
        ({"std": [True, 0.5, 0.5]}, r"std is .*; expected \(float, ...\)"),
        ({"std": [0.1, 0.1, -0.1]}, r"std is \(0.1, 0.1, -0.1\); expected 0 or more"),
        ({"std": []}, "std has 0 entries; expected 3"),
    ],
)
def test_classes_that_do_not_fit_the_model(checkpoint: Path, changes: dict, message: str) -> None:
    rewrite(checkpoint, data={**read_arrays(checkpoint)[1]["metadata"]["data"], **changes})
    with pytest.raises(ValueError, match=f"is damaged: {message}$"):
        read_trained_on(checkpoint, mv.load(checkpoint))


@pytest.mark.parametrize("data", [None, 3, []])
def test_classes_that_are_not_there(checkpoint: Path, data: object) -> None:
    rewrite(checkpoint, data=data)
    with pytest.raises(
        ValueError,
        match=r"holds a model, and not what .*: it was written by minivit\.save, not",
    ):
        read_trained_on(checkpoint, mv.load(checkpoint))


@pytest.fixture
def of_sounds(tmp_path: Path) -> Path:
    small_sound_trainer().save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_what_it_has_heard(of_sounds: Path) -> None:
    found = read_trained_on(of_sounds, mv.load(of_sounds))
    assert found == (("a", "b"), SoundKind(sr=8_000, length=600))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ["a"]}, "class_names has 1 entries; expected 2"),
        ({"class_names": [1, 2]}, r"class_names is \(1, 2\); expected \(str, ...\)"),
    ],
)
def test_sounds_that_do_not_fit_the_model(of_sounds: Path, changes: dict[str, Any], message: str) -> None:
    rewrite(of_sounds, data={**read_arrays(of_sounds)[1]["metadata"]["data"], **changes})
    with pytest.raises(ValueError, match=f"is damaged: {message}$"):
        read_trained_on(of_sounds, mv.load(of_sounds))


def test_the_model_knows_its_rate_and_length(of_sounds: Path) -> None:
    """A file says both twice."""
    data = read_arrays(of_sounds)[1]["metadata"]["data"]
    rewrite(of_sounds, data={**data, "sr": 10**12, "length": None})
    assert read_trained_on(of_sounds, mv.load(of_sounds)).kind == SoundKind(sr=8_000, length=600)


def test_sounds_are_not_taken_for_images(of_sounds: Path) -> None:
    data = read_arrays(of_sounds)[1]["metadata"]["data"]
    del data["sr"]
    rewrite(of_sounds, data=data)
    assert read_trained_on(of_sounds, mv.load(of_sounds)).kind == SoundKind(sr=8_000, length=600)


ANSWERS = {
    "Detect": detector,
    "Segment": segmenter,
    "Prompt": masks_of,
    "Match": Matcher,
    "Classification": likeliest_classes,
}


@pytest.mark.parametrize("task", ANSWERS)
@pytest.mark.parametrize(
    "model", [ViT(img_size=8, patch_size=4, embed_dim=4, depth=1, num_heads=1, num_classes=3), DETR(**SMALL)]
)
def test_a_task_that_is_not_the_model_s(model: mv.models.Model, task: str, tmp_path: Path) -> None:
    """Before it is asked anything, whose answer nobody could read."""
    if model.usual_task == task:
        return
    path = tmp_path / "checkpoint.safetensors"
    mv.save(model, path, task=task, data={"class_names": [*"abc"], "mean": [0.5] * 3, "std": [0.5] * 3})
    with pytest.raises(
        ValueError, match=f"{type(model).__name__} is trained for {model.usual_task}, not|expected a CLIP"
    ):
        ANSWERS[task](path)


@pytest.mark.parametrize(("task", "model"), [("Detect", DETR(**SMALL)), ("Match", CLIP(**SMALL_CLIP))])
def test_sounds_that_a_model_of_images_was_trained_on(task: str, model: mv.models.Model, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    names = [str(i) for i in range(model.config["num_classes" if "num_classes" in model.config else "vocab_size"])]
    mv.save(model, path, task=task, data={"class_names": names, "sr": 8_000, "length": 600})
    with pytest.raises(ValueError, match=r"is damaged: .* trained on sounds; expected images"):
        ANSWERS[task](path)


@pytest.mark.parametrize("task", ["NAMED", "Any", "iter_modules", "__name__", 3, None])
def test_a_task_that_is_none(task: object, tmp_path: Path, capsys: Any) -> None:
    """It is said in a sentence, also of names of other things."""
    path = tmp_path / "checkpoint.safetensors"
    mv.save(DETR(**SMALL), path, task=task, data={"class_names": [*"abc"], "mean": [0.5] * 3, "std": [0.5] * 3})
    assert main(["predict", str(path), "picture.png"]) == 1
    assert capsys.readouterr().err == f"minivit: the model of {path} was trained for {task}, not to name classes\n"
