"""``minivit train --distill-from RUN``: what it leaves, that it goes on, and what it says of every mistake."""

import json
import re
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit import cli
from minivit.data.source import load_source
from minivit.storage import read_arrays, write_arrays
from minivit.train import pictures, predict
from minivit.train.distilling import Distilling, distilling_of, trainer_of
from minivit.train.folder import RunFolder
from minivit.train.teacher import Teacher
from tests.sampled import REST
from tests.test_cli import assert_same_training, write_images
from tests.train.sounds import small_sound_trainer
from tests.unchecked import without_annotations

DRAW_RUN = pictures.draw_run
QUICK = ["--epochs", "2", "--batch-size", "4", "--threads", "1"]
TINY = ["--set", "depth=1", "--set", "embed_dim=16", *QUICK]
VIT = ["--model", "vit_micro_patch4_32", *TINY]


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with pets of 16 pixels, some images without a class, and two teachers; to be copied, not changed."""
    place = tmp_path_factory.mktemp("school")
    write_images(place / "pets")
    write_images(place / "large", size=24)
    write_images(place / "birds", n=2)
    for split in ("train", "test"):
        (place / "birds" / split / "cat").rename(place / "birds" / split / "owl")
    (place / "more").mkdir()
    for i, size in enumerate((16, 20, 33)):
        pixels = np.random.default_rng(i).integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "more" / f"{i}.png")
    return place


@pytest.fixture(scope="session")
def taught_school(school: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(school)
        patch.setattr(pictures, "draw_run", lambda *_: [])
        assert cli.main(["train", "--data", "pets", "--out", "vit", *VIT]) == 0
        assert cli.main(["train", "--data", "pets", "--model", "resnet20_32", "--out", "resnet", *QUICK]) == 0
    return school


@pytest.fixture
def place(taught_school: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(taught_school, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setattr(pictures, "draw_run", lambda *_: [])
    return tmp_path / "place"


def train(*args: str, data: str = "pets", out: str = "student") -> int:
    return cli.main(["train", "--data", data, "--out", out, *(VIT if "--model" not in args else QUICK), *args])


def about(run: str = "student") -> dict[str, Any]:
    return json.loads(Path(run, "config.json").read_text(encoding="utf-8"))


# What it leaves


def test_a_student(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--distill-from", "vit", "--distill-alpha", "0.7", "--distill-temperature", "2") == 0
    kept = about()["distillation"]
    assert kept.pop("fingerprint") == Teacher("vit", load_source("pets")).fingerprint
    assert kept == {
        "teacher": str(place / "vit"),
        "method": "soft",
        "token": False,
        "alpha": 0.7,
        "temperature": 2.0,
    }
    _, header = read_arrays("student/checkpoint.safetensors")
    options = header["metadata"]["task_options"]
    assert (options["method"], options["alpha"], options["temperature"]) == ("soft", 0.7, 2.0)
    assert options["labels"] == {"label_smoothing": 0.1}
    capsys.readouterr()
    assert cli.main(["predict", "student", "pets/test/cat/0.png"]) == 0
    assert re.fullmatch(r"pets/test/cat/0\.png: (cat|dog) .*%, (cat|dog) .*%\n", capsys.readouterr().out)
    assert "distillation" not in about("vit")


def test_the_teacher_has_a_say(place: Path) -> None:
    assert train("--distill-from", "vit", out="one") == 0
    assert train("--distill-from", "resnet", out="other") == 0
    losses = {RunFolder(run).read_metrics(1)[0].loss for run in ("vit", "one", "other")}
    assert len(losses) == 3


def test_a_student_with_a_token(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--distill-from", "resnet", "--distill", "hard", "--distill-token") == 0
    assert about()["recipe"]["options"]["distilled"] is True
    model = mv.load("student/checkpoint.safetensors")
    assert model.config["heads_apart"] is False
    assert cli.main(["predict", "student", "pets/test/cat/0.png"]) == 0
    assert train("--distill-from", "student", out="pupil") == 0  # it can teach in turn
    mv.weights.load_timm(type(model)(**model.config), mv.weights.to_timm(model))


@REST
def test_its_pictures(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = set()
    monkeypatch.setattr(pictures, "draw_run", DRAW_RUN)
    monkeypatch.setattr("minivit.plot.save", lambda picture, path: drawn.add(path.stem))
    assert train("--distill-from", "resnet", "--distill-token") == 0
    assert capsys.readouterr().err == ""
    assert drawn == {"attention_maps", "learning_curves", "patch_filters", "position_similarity", "predictions"}


def test_a_resnet_of_other_images(place: Path) -> None:
    """Those that it teaches are of another size, and of another mean."""
    assert train("--distill-from", "resnet", data="large") == 0
    data = load_source("large")
    trainer, _ = trainer_of(RunFolder("student").read_config()[0], data, Distilling(str(place / "resnet")), threads=1)
    own, _ = trainer_of(RunFolder("resnet").read_config()[0], load_source("pets"), None)
    own.resume("resnet/checkpoint.safetensors")
    images = data.test.images
    answers = trainer.task.draw(data.test, normalize=trainer.normalize)[1].teacher
    np.testing.assert_allclose(answers, predict(own.model, own.normalize(images)), rtol=1e-4, atol=1e-5)


# That it goes on


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([], marks=REST),
        pytest.param(["--labeled", "4"], marks=REST),
        ["--unlabeled", "more", "--distill-token"],
    ],
)
def test_it_goes_on_with_the_same_bits(place: Path, more: list[str]) -> None:
    arguments = ["--distill-from", "vit", "--distill", "hard", *more]
    assert train(*arguments, out="whole") == 0
    assert train(*arguments, out="cut") == 0
    cut = RunFolder("cut")
    recipe, source, _ = cut.read_config()
    trainer, _ = trainer_of(recipe, load_source(**source), cut.distilling, threads=3)
    rows = []
    for row in trainer.run():
        rows.append(row)
        if row.step == 3:
            break
    cut.save(trainer, rows)
    assert cli.main(["train", "--resume", "cut", "--threads", "3"]) == 0
    assert_same_training(Path("cut"), Path("whole"))


def test_it_does_not_go_on_with_more_images(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--distill-from", "vit", "--unlabeled", "more") == 0
    assert cli.main(["train", "--resume", "student"]) == 0
    shutil.copy("more/0.png", "more/3.png")
    capsys.readouterr()
    assert cli.main(["train", "--resume", "student"]) == 1
    assert capsys.readouterr().err == (
        "minivit: student/checkpoint.safetensors belongs to another training: the examples of pets are not those that "
        "this run was begun with: some were added, removed or changed\n"
    )


def test_a_run_remembers_where_its_images_are_from(place: Path) -> None:
    assert train("--distill-from", "vit", "--labeled", "4", "--unlabeled", "more") == 0
    assert about()["data"]["labeled"] == 4
    assert about()["data"]["unlabeled"] == str(place / "more")
    data = load_source(**RunFolder("student").read_config()[1])
    assert len(data.train) == 13
    assert (data.train.labels >= 0).sum() == 4


def test_training_on_images_without_any_label(place: Path) -> None:
    assert train("--distill-from", "vit", "--labeled", "0") == 0


# What is refused


@pytest.fixture
def mistake(place: Path, capsys: pytest.CaptureFixture[str]):
    def run(message: str, *args: str, **options: Any) -> None:
        capsys.readouterr()
        before = set(place.rglob("*"))
        assert train(*args, **options) == 1
        err = capsys.readouterr().err.replace("\\", "/")
        assert err.count("\n") == 1
        assert re.fullmatch(rf"minivit: {message}\n", err), err
        assert set(place.rglob("*")) == before

    return run


FROM = ["--distill-from", "vit"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--distill", "hard"], "--distill needs a teacher: add --distill-from RUN"),
        (["--distill-token"], "--distill-token needs a teacher: add --distill-from RUN"),
        (["--distill-alpha", "0"], "--distill-alpha needs a teacher: add --distill-from RUN"),
        ([*FROM, "--distill-alpha", "1.5"], "alpha is 1.5; expected at least 0 and at most 1"),
        ([*FROM, "--distill-temperature", "0"], "temperature is 0.0; expected at least 0.001 and at most 100"),
        ([*FROM, "--distill-temperature", "101"], "temperature is 101.0; expected at least 0.001 and at most 100"),
        ([*FROM, "--distill-temperature", "1e200"], "temperature is 1e[+]200; expected at least 0.001 and at most 100"),
        ([*FROM, "--distill", "hard", "--distill-temperature", "2"], "a temperature is for --distill soft: .*"),
        (
            [*FROM, "--model", "swinir_tiny_dn"],
            "--distill-from is for models that name classes, as their teacher does; swinir_.* is trained for Denoise",
        ),
        ([*FROM, "--model", "masked_vit_micro_patch8_32"], ".*; masked_vit_micro_patch8_32 is trained for Masked.*"),
        ([*FROM, "--model", "resnet20_32", "--distill-token"], "--distill-token is for models .*; not resnet20_32"),
        (
            [*FROM, "--distill-token", "--set", "distilled=false"],
            "--distill-token is for a model with such a token, which --set distilled=false takes away",
        ),
        ([*FROM, "--distill-token", "--set", "global_pool=avg"], "distilled=True reads both tokens: .*"),
        (["--distill-from", "nowhere"], "there is no file .*/nowhere"),
        (["--distill-from", "pets"], "there is no file .*/pets/checkpoint.safetensors"),
        (["--distill-from", "vit/metrics.csv"], ".*/vit/metrics.csv is not a safetensors file, or it is damaged: .*"),
        (["--labeled", "3"], "images without labels need a teacher: add --distill-from RUN to --labeled or .*"),
        (["--unlabeled", "more"], "images without labels need a teacher: .*"),
        ([*FROM, "--labeled", "11"], "labeled is 11; expected at least 0 and at most 10"),
        ([*FROM, "--unlabeled", "nowhere"], "there is no folder .*/nowhere"),
        ([*FROM, "--unlabeled", "pets"], ".*/pets holds no images: expected .*, and no folders around them"),
    ],
)
def test_a_wrong_choice(mistake, args: list[str], message: str) -> None:
    mistake(message, *args)


def test_a_teacher_of_other_classes(mistake) -> None:
    message = (
        r"the teacher .*/vit/checkpoint.safetensors knows other classes than birds: its 2 are \('cat', 'dog'\), .*"
    )
    mistake(message, *FROM, data="birds")


def test_a_teacher_of_another_image_size(mistake) -> None:
    mistake(
        r"the teacher .* cannot look at images of large: images have shape \(1, 24, 24, 3\); .*", *FROM, data="large"
    )


def test_a_teacher_of_sounds(mistake, place: Path) -> None:
    small_sound_trainer().save(place / "sounds.safetensors")
    mistake(".*/sounds.safetensors cannot teach pets: images only are taught, by a model of images", "--distill-from",
            "sounds.safetensors")  # fmt: skip


def test_a_teacher_that_is_damaged(mistake, place: Path) -> None:
    path = place / "vit" / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    mistake(".*/vit/checkpoint.safetensors is damaged: its checksum is not that of its content", *FROM)


def test_a_run_cannot_teach_itself(mistake) -> None:
    mistake("vit is the run of the teacher: a model cannot be its own", *FROM, out="vit")
    file = ["--distill-from", "vit/checkpoint.safetensors"]
    mistake("../place/vit is the run of the teacher: a model cannot be its own", *file, out="../place/vit")


def resume(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert without_annotations(cli.main)(["train", "--resume", "student"]) == 1
    return capsys.readouterr().err.replace("\\", "/")


def test_a_teacher_that_has_changed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*FROM) == 0
    path = Path("vit/checkpoint.safetensors")
    arrays, header = read_arrays(path)
    arrays["head.bias"] = arrays["head.bias"] + 1
    write_arrays(path, arrays, header)
    assert "is not the one that this run was begun with: it was trained further, or another model" in resume(capsys)
    shutil.rmtree("vit")
    assert re.fullmatch("minivit: there is no file .*/vit\n", resume(capsys))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "warm"}, """method is 'warm'; expected "soft" or "hard\""""),
        ({"alpha": "1"}, "alpha is '1'; expected float"),
        ({"alpha": 2}, "alpha is 2; expected at least 0 and at most 1"),
        ({"spell": 1}, ".*unexpected keyword argument 'spell'"),
        ({"teacher": "student"}, "student is the run of the teacher: a model cannot be its own"),
    ],
)
def test_a_configuration_changed_by_hand(place: Path, change, message, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*FROM) == 0
    config = about()
    config["distillation"] |= change
    if "teacher" in change:
        config["distillation"]["teacher"] = str(place / change["teacher"])
        message = f"minivit: {message}\n"
    else:
        message = f"minivit: student/config.json is damaged: {message}\n"
    Path("student/config.json").write_text(json.dumps(config), encoding="utf-8")
    assert re.fullmatch(message, resume(capsys))


def test_a_resumed_run_cannot_get_another_teacher(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--resume", "vit", "--distill-from", "resnet", "--distill-token"]) == 1
    message = (
        "minivit: --resume goes on with a run as it was begun; --distill-from and --distill-token cannot change it\n"
    )
    assert capsys.readouterr().err == message


def test_what_is_asked_for_is_the_same_in_python() -> None:
    nothing = {"distill": None, "distill_token": None, "distill_alpha": None, "distill_temperature": None}
    assert distilling_of(Namespace(distill_from=None, **nothing)) is None
    assert distilling_of(Namespace(distill_from="/run", **nothing)) == Distilling("/run")


def test_what_has_no_label_cannot_be_mixed(place, capsys):
    assert train("--distill-from", "vit", "--labeled", "4", "--mixup", "0.2") == 1
    assert "mixup and cutmix mix labels, too; images without labels have none to mix" in capsys.readouterr().err
