"""``minivit step``: a page for a run and an image, or one sentence."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit.cli import main
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source
from minivit.steps.cli import class_of

OPTIONS = {"depth": 1, "embed_dim": 8, "num_heads": 2, "img_size": 8, "patch_size": 4, "num_classes": 3}


@pytest.fixture
def checkpoint(tmp_path):
    """A small model, as a training would have saved it."""
    path = tmp_path / "checkpoint.safetensors"
    said = {"class_names": ["cat", "dog", "<b>"], "mean": [0.5] * 3, "std": [0.2] * 3, "img_size": [8, 8]}
    mv.save(mv.models.ViT(**OPTIONS), path, data=said, task="Classification")
    return path


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)).save(path)
    return path


def test_a_page_is_written(checkpoint, image, tmp_path, capsys):
    out = tmp_path / "page"
    assert main(["step", str(checkpoint), str(image), "-o", str(out), "--label", "dog"]) == 0
    assert "wrote" in capsys.readouterr().out
    html = out.with_suffix(".html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "<b>" not in html.partition("<body>")[2].partition('type="application/json"')[2].partition("</script>")[0]


def test_forward_alone_of_one_block(checkpoint, image, tmp_path, capsys):
    out = tmp_path / "page.html"
    arguments = ["step", str(checkpoint), str(image), "-o", str(out), "--block", "0", "--no-backward"]
    assert main(arguments) == 0
    assert "No true class" not in capsys.readouterr().out  # there is no loss
    assert out.is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--label", "horse"], "there is no class 'horse'; there are cat, dog, <b>"),
        (["--label", "3"], "label is 3"),
        (["--block", "4"], "there is no block '4'"),
        (["--size", "9"], "--size goes with --model"),
        (["--with", "nowhere"], "nowhere"),
        (["--model", "vit_tiny_patch16_999"], "there is no model"),
    ],
)
def test_mistakes_are_one_sentence(checkpoint, image, tmp_path, capsys, arguments, sentence):
    out = tmp_path / "page.html"
    assert main(["step", str(checkpoint), str(image), "-o", str(out), *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
    assert not out.exists()


def test_what_is_read_is_not_written_over(checkpoint, image, capsys):
    for path in (checkpoint, image):
        before = path.read_bytes()
        assert main(["step", str(checkpoint), str(image), "-o", str(path)]) == 1
        assert "is the file that is read" in capsys.readouterr().err
        assert path.read_bytes() == before


def test_a_name_of_another_kind_of_file_is_refused(checkpoint, image, tmp_path, capsys):
    out = tmp_path / "page.png"
    assert main(["step", str(checkpoint), str(image), "-o", str(out)]) == 1
    said = f"minivit: {out} ends in .png; expected .html, for what is written is a page for a browser\n"
    assert capsys.readouterr().err == said
    with pytest.raises(ValueError, match=r"ends in \.pdf; expected \.html"):
        mv.steps.step_op("relu", np.ones((1, 2))).save(tmp_path / "page.pdf")
    mv.steps.step_op("relu", np.ones((1, 2))).save(tmp_path / "page.HTM")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.safetensors", "image.png", "page.HTM"]


def test_a_model_without_names_of_classes_is_refused(image, tmp_path, capsys):
    path = tmp_path / "plain.safetensors"
    mv.save(mv.models.ViT(**OPTIONS), path)
    assert main(["step", str(path), str(image), "-o", str(tmp_path / "page.html")]) == 1
    assert "not what it was trained on" in capsys.readouterr().err


def test_weights_that_are_not_finite_are_refused(checkpoint, image, tmp_path, capsys):
    model: Any = mv.load(checkpoint)
    model.head.bias.value[0] = np.inf
    mv.save(model, checkpoint, data={"class_names": ["a", "b", "c"], "mean": [0.5] * 3, "std": [1.0] * 3})
    assert main(["step", str(checkpoint), str(image), "-o", str(tmp_path / "page.html")]) == 1
    assert "not finite" in capsys.readouterr().err


def test_a_solution_that_changes_the_folder_does_not_move_the_page(checkpoint, image, tmp_path, monkeypatch, capsys):
    text = solved_source(EXERCISES["tokens"])
    for name in ("mine", "elsewhere"):
        (tmp_path / name).mkdir()
    moved = f"{text}\n__import__('os').chdir({str(tmp_path / 'elsewhere')!r})\n"
    (tmp_path / "mine" / "solution.py").write_text(moved, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["step", str(checkpoint), str(image), "-o", "page.html", "--with", "mine"]) == 0
    assert (tmp_path / "page.html").exists()


def test_a_solution_that_is_no_python_is_no_mistake_of_ours(checkpoint, image, tmp_path, capsys):
    (tmp_path / "solution.py").write_text("def attention_forward(q, k, v:\n    return q\n", encoding="utf-8")
    assert main(["step", str(checkpoint), str(image), "--with", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "SyntaxError" in said
    assert "line 1" in said
    assert "report it" not in said


def test_classes_go_by_name_or_number():
    assert class_of("dog", ("cat", "dog")) == 1
    assert class_of("1", ()) == 1
    assert class_of("7", ("7", "8")) == 0  # a name before a number
    with pytest.raises(ValueError, match="no class '-1'"):
        class_of("-1", ("cat",))
