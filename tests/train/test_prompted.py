"""Clicks and boxes from the command line: a training on scenes, and masks of what is meant on pictures."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minivit.cli import main
from minivit.data import scenes
from minivit.data.clicks import mask_iou
from minivit.storage import read_metadata
from minivit.tasks import Prompt
from minivit.train import Recipe, Trainer
from minivit.train.prompted import masks_of
from tests.models.test_sam import SMALL
from tests.sampled import REST

DATA = scenes(24, 6, size=(16, 24), max_objects=2)
OPTIONS = {name: value for name, value in SMALL.items() if name != "img_size"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a few steps."""
    recipe = Recipe(model="sam_tiny_patch4_64", options=OPTIONS, epochs=1, batch_size=8, lr=1e-3)
    trainer = Trainer(recipe, DATA, threads=1)
    assert isinstance(trainer.task, Prompt)
    for _ in trainer.run():
        pass
    path = tmp_path_factory.mktemp("run") / "checkpoint.safetensors"
    trainer.save(path)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write(tmp_path / "scene.png", DATA.test.images[0])


def write(path: Path, pixels: np.ndarray) -> Path:
    from PIL import Image

    Image.fromarray(pixels).save(path)
    return path


@REST
def test_train_and_resume_and_predict(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minivit.data.names.scenes", partial(scenes, 24, 6))
    monkeypatch.chdir(tmp_path)
    settings = [f"{name}={value}" for name, value in OPTIONS.items() if not isinstance(value, tuple)]
    settings.append("global_attn_indexes=1")
    sets = [word for text in settings if "patch" not in text for word in ("--set", text)]
    small = ["--epochs", "1", "--batch-size", "8", "--img-size", "32", "--threads", "1"]
    assert main(["train", "--task", "prompt", *small, *sets, "--out", "run"]) == 0
    said = capsys.readouterr().out
    assert "epoch 1: test IoU" in said
    assert {"clicks.png", "learning_curves.png", "checkpoint.safetensors"} <= {it.name for it in Path("run").iterdir()}
    assert read_metadata("run/checkpoint.safetensors")["metadata"]["task"] == "Prompt"
    assert main(["train", "--resume", "run"]) == 0
    capsys.readouterr()
    write(tmp_path / "scene.png", scenes(1, 1, size=32).test.images[0])
    assert main(["predict", "run", "scene.png", "--click", "12,20", "--beside", "3,3", "--box", "4,4,30,30"]) == 0
    assert "scene.png: a mask of " in capsys.readouterr().out
    assert Path("scene-mask.png").stat().st_size > 1000


def test_scenes_are_described(monkeypatch, capsys):
    monkeypatch.setattr("minivit.data.names.scenes", partial(scenes, 24, 6))
    assert main(["data", "scenes"]) == 0
    said = capsys.readouterr().out
    assert "scenes: 64 x 64 pixels, 3 channels, 10 classes" in said
    assert "train: 24 images with " in said


def test_the_answer_is_that_of_the_model(run, picture):
    answer = masks_of(run)(picture, clicks=[(10, 7)])
    assert answer.mask.shape == (16, 24)
    assert answer.image.shape == (16, 24, 3)
    np.testing.assert_array_equal(answer.points, [[10, 7]])
    again = masks_of(run)(picture, clicks=[(10, 7)])
    np.testing.assert_array_equal(answer.mask, again.mask)
    both = masks_of(run)(picture, clicks=[(10, 7)], beside=[(1, 2)], box=(3, 2, 20, 14))
    assert np.isfinite(both.iou)
    np.testing.assert_array_equal(both.labels, [1, 0])


def test_places_are_those_of_the_picture_as_it_is_in_the_file(run, tmp_path):
    """A picture twice as large, in which more is at both sides: the same place of it is clicked on."""
    small = DATA.test.images[0]
    large = np.repeat(np.repeat(small, 2, 0), 2, 1)
    wide = np.pad(large, ((0, 0), (10, 10), (0, 0)))
    answers = [
        masks_of(run)(write(tmp_path / f"{i}.png", image), clicks=[place], box=box)
        for i, (image, place, box) in enumerate(
            [
                (small, (10, 7), (4, 3, 15, 12)),
                (large, (20.5, 14.5), (8.5, 6.5, 30.5, 24.5)),
                (wide, (30.5, 14.5), (18.5, 6.5, 40.5, 24.5)),
            ]
        )
    ]
    for answer in answers[1:]:
        np.testing.assert_allclose(answer.points, answers[0].points, atol=1e-5)
        np.testing.assert_allclose(np.array(answer.box), np.array(answers[0].box), atol=1e-5)
    flat = [answer.mask.reshape(1, -1) for answer in answers]
    assert mask_iou(flat[1], flat[2]) > 0.9  # their edges are resized with other neighbours


WRONG = [
    (["--click", "30,2"], "a point is at x, y = 30, 2, outside the image, 24 wide and 16 high"),
    (["--click", "24,2"], "a point is at x, y = 24, 2, outside"),
    (["--beside", "3,15.6", "--click", "3,3"], "a point is at x, y = 3, 15.6, outside"),
    (["--click=-5,10"], "a point is at x, y = -5, 10, outside"),
    (["--box=-5,0,10,10"], "a corner of a box is at x, y = -5, 0, outside the image, 24 wide and 16 high"),
    (["--box", "3,0,24.1,10"], "a corner of a box is at x, y = 24.1, 10, outside"),
    (["--click", "23.6,2"], "0, 0 is in the middle of its first pixel, and 23, 15 in that of the last one"),
    (["--box", "0,0,6,6", "--box", "0,0,9,9"], "--box is given 2 times; expected one: clicks say what more is meant"),
    (["--click", "3,-1"], "a point is at x, y = 3, -1, outside"),
    (["--beside", "3,1"], "there is nothing that says which object is meant: expected a click on it, or a box"),
    (["--box", "3,1,3,9"], "a box is 3, 1, 3, 9, without area; expected x0, y0, x1, y1 with x0 < x1 and y0 < y1"),
    ([], "there is nothing that says which object is meant: expected a click on it, or a box"),
]


@pytest.mark.parametrize(("args", "says"), WRONG)
def test_prompts_that_cannot_be(run, picture, capsys, args, says):
    assert main(["predict", str(run), str(picture), *args]) == 1
    assert says in capsys.readouterr().err


def test_a_box_without_area_is_told_in_the_numbers_that_were_given(run, tmp_path):
    large = write(tmp_path / "large.png", np.zeros((90, 130, 3), np.uint8))
    with pytest.raises(ValueError, match="a box is 50, 50, 40, 60, without area"):
        masks_of(run)(large, box=(50, 50, 40, 60))


def test_what_is_on_a_picture_is_on_it_for_the_model_too(run, picture):
    """A click to the edge of the first and the last pixel, and a box around all of it."""
    for place in ((-0.5, -0.5), (23.5, 15.5)):
        assert masks_of(run)(picture, clicks=[place]).mask.shape == (16, 24)
    assert masks_of(run)(picture, box=(-0.5, -0.5, 24, 16)).mask.shape == (16, 24)


@pytest.mark.parametrize("text", ["3", "3,4,5", "a,b", "nan,2", "1,inf"])
def test_a_click_that_is_none(run, picture, capsys, text):
    with pytest.raises(SystemExit):
        main(["predict", str(run), str(picture), "--click", text])
    assert f"'{text}' is not X,Y, in pixels" in capsys.readouterr().err


def test_a_number_below_0_is_written_behind_an_equals_sign(run, picture, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(run), str(picture), "--click", "-5,10"])
    assert "--click: expected one argument; one that begins with - is written --click=-..." in capsys.readouterr().err


def test_what_is_cut_off_cannot_be_clicked_on(run, tmp_path):
    wide = write(tmp_path / "wide.png", np.zeros((16, 60, 3), np.uint8))
    with pytest.raises(
        ValueError, match="5,5 is not on what the model sees: of an image 60 wide and 16 high the middle"
    ):
        masks_of(run)(wide, clicks=[(5, 5)])


def test_pictures_go_into_a_folder(run, picture, tmp_path, capsys):
    assert main(["predict", str(run), str(picture), "--click", "3,3", "--out", str(tmp_path / "cut" / "out")]) == 0
    drawn = tmp_path / "cut" / "out" / f"{picture.stem}-mask.png"
    assert capsys.readouterr().out.endswith(f"; wrote {drawn}\n")
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_a_model_that_names_classes_has_no_masks(tmp_path, picture, capsys):
    from minivit.data import shapes

    data = shapes(16, 4)
    trainer = Trainer(Recipe(model="vit_micro_patch4_32", epochs=1, batch_size=8, crop_padding=0), data)
    trainer.save(tmp_path / "vit.safetensors")
    assert main(["predict", str(tmp_path / "vit.safetensors"), str(picture), "--click", "3,3"]) == 1
    assert "--click is for models of --task prompt; that of " in capsys.readouterr().err


def test_a_model_of_another_task_is_refused_before_scenes_are_drawn(capsys, monkeypatch):
    monkeypatch.setattr("minivit.cli.load_source", lambda **_: pytest.fail("they are drawn"))
    assert main(["train", "--task", "prompt", "--model", "vit_micro_patch4_32", "--data", "scenes"]) == 1
    says = "ViT is trained for Classification, not for Prompt; sam_tiny_patch4_64 would be"
    assert says in capsys.readouterr().err
