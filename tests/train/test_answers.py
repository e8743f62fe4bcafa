"""Answers about several pictures in one command: each has its own picture, and each mistake the name of its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.cli import main
from minivit.models import DETR, SwinIR
from tests.models.test_detr import SMALL
from tests.models.test_swin_ir import SMALL as SMALL_SWIN_IR

DATA = {"class_names": [*"abc"], "mean": [0.5] * 3, "std": [0.5] * 3}


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    mv.save(DETR(**SMALL), "checkpoint.safetensors", task="Detect", data=DATA)
    return "checkpoint.safetensors"


def write(path: str, side: int = 16) -> str:
    from PIL import Image

    Path(path).parent.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
    return path


def test_pictures_of_one_name_do_not_take_each_other_s_place(checkpoint: str, capsys: Any) -> None:
    """As in a folder of images for each class; the same file, named twice, has one picture."""
    files = [write("cat/0.png"), write("dog/0.png", 20), write("dog/0.bmp", 24), "cat/0.png"]
    assert main(["predict", checkpoint, *files, "--out", "found"]) == 0
    said = capsys.readouterr().out.splitlines()
    names = [Path("found") / name for name in ("0-boxes.png", "0-2-boxes.png", "0-3-boxes.png", "0-boxes.png")]
    assert [line.partition("wrote ")[2] for line in said] == [*map(str, names)]
    assert sorted(Path("found").iterdir()) == sorted({*names})


def test_a_picture_takes_the_place_of_no_file_that_is_still_to_be_read(checkpoint: str, capsys: Any) -> None:
    files = [write("0.png"), write("0-boxes.png", 20)]
    before = Path("0-boxes.png").read_bytes()
    assert main(["predict", checkpoint, *files]) == 1
    assert Path("0-boxes.png").read_bytes() == before
    said, told = capsys.readouterr()
    assert said.splitlines()[0].endswith("wrote 0-boxes-boxes.png")
    assert "0-boxes.png is the file that is read; expected another name" in told


def test_what_is_wrong_with_one_of_several_files_has_its_name(tmp_path: Path, capsys: Any) -> None:
    path = str(tmp_path / "checkpoint.safetensors")
    mv.save(SwinIR(**SMALL_SWIN_IR), path, task="Denoise", task_options={}, data=DATA)
    files = [write(str(tmp_path / f"{side}.png"), side) for side in (1, 16)]
    assert main(["predict", path, *files, str(tmp_path / "none.png"), "--out", str(tmp_path)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"minivit: {files[0]} has 1 x 1 pixels; expected at least")
    assert second.count("none.png") == 1
