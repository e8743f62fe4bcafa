from pathlib import Path

import pytest

from minivit import cli
from tests.sampled import REST

MODEL = ["--model", "vit_pocket_patch4_32"]


@REST
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_picture_is_written(weights: Path, photo: Path, tmp_path: Path, count: int, capsys) -> None:
    out = tmp_path / "seen.png"
    assert cli.main(["look", str(weights), *[str(photo)] * count, *MODEL, "-o", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"{photo}: 5 x 8 patches"] * count + [f"wrote {out}"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--size", "2000"], "choose a size of"),
        (["--size", "1"], "size is 1; expected at least 4"),
        (["-o", "seen.doc"], "seen.doc is no name for a picture"),
        (["."], "Is a directory: ."),
        (["/dev/null"], "Not an ordinary file: /dev/null"),
        (["nowhere.png"], "there is no file nowhere.png"),
        (["weights.safetensors"], "weights.safetensors cannot be read as an image"),
        (["photo.png"] * 12, "there are 13 images; expected at most 12"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    weights: Path, photo: Path, tmp_path: Path, args: list[str], says: str, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["look", str(weights), *args, "photo.png", *MODEL]) == 1
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "look.png").exists()


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("nowhere/seen.png", "No such file or directory: nowhere/seen.png"),
        ("photo.png/seen.png", "Not a directory: photo.png/seen.png"),
        (".", "Is a directory: ."),
        ("folder.png", "Is a directory: folder.png"),
        ("/dev/null", "Not an ordinary file: /dev/null"),
        ("seen.doc", "seen.doc is no name for a picture"),
        ("photo.png", "photo.png is the file that is read"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(
    photo: Path, tmp_path: Path, out: str, says: str, capsys, monkeypatch
) -> None:
    """As the model is not even opened, it need not be there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    assert cli.main(["look", "nowhere.safetensors", "photo.png", "-o", out]) == 1
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1
