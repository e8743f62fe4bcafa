"""The command line, as a student uses it: what it prints, what it leaves, and what it says about every mistake."""

import csv
import errno
import io
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit import cli, plot
from minivit.audio import write_wav
from minivit.course import EXERCISES
from minivit.course.stub import stub_source
from minivit.errors import sentence
from minivit.models import PRESETS
from minivit.storage import read_arrays, write_arrays
from minivit.train import pictures
from minivit.train.folder import RunFolder
from tests.rights import as_nobody, posix
from tests.sampled import REST
from tests.train.sounds import small_sound_trainer, small_sounds
from tests.unchecked import said

DRAW_RUN = pictures.draw_run
BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)]
PICTURES = ["attention_maps", "learning_curves", "patch_filters", "position_similarity", "predictions"]
LONG = r"9{16} \[...\] 9{16}"
TINY = ["--model", "vit_micro_patch4_32", "--epochs", "2", "--batch-size", "10", "--threads", "1"]


def write_cifar(folder: Path, n: int = 4) -> None:
    """CIFAR-10 in the binary layout, of noise: 5 batches of n images, and n to test on."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name in (*BATCHES, "test_batch.bin"):
        records = rng.integers(0, 256, (n, 3073), dtype=np.uint8)
        records[:, 0] = rng.integers(0, 10, n)
        (folder / name).write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"class{i}" for i in range(10)))


def write_images(folder: Path, size: int = 16, n: int = 5) -> None:
    """Images as ``train/CLASS/*.png`` and ``test/CLASS/*.png``."""
    rng = np.random.default_rng(0)
    for place in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (folder / place).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(folder / place / f"{i}.png")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with data and one finished run (20 images, 2 steps an epoch); to be copied, not changed."""
    place = tmp_path_factory.mktemp("finished")
    write_cifar(place / "cifar")
    write_images(place / "pets")
    # a process of its own: several tests compare with it what other processes do
    command = [*minivit(), "train", "--data", "cifar", "--out", "run", *TINY]
    done = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
    (place / "stdout").write_text(done.stdout)
    (place / "stderr").write_text(done.stderr)
    return place


@pytest.fixture
def place(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``finished`` as the current folder. Trainings in this process draw no pictures, to be quick."""
    shutil.copytree(finished, tmp_path / "place")
    path = tmp_path / "place" / "run" / "config.json"
    config = json.loads(path.read_text())
    config["data"]["data"] = str(tmp_path / "place" / "cifar")
    path.write_text(json.dumps(config, indent=2) + "\n")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setattr(pictures, "draw_run", lambda *_: [])
    return tmp_path / "place"


def minivit(before: str = "pass") -> list[str]:
    """The beginning of a command line that runs in a process of its own."""
    return [sys.executable, "-c", f"import sys\nfrom minivit import cli\n{before}\nsys.exit(cli.main())"]


def buffered() -> dict[str, str]:
    """The environment, in which Python keeps what is printed to a file until there is enough of it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same_training(run: Path, other: Path) -> None:
    """The same bits in the checkpoint, the same metrics."""
    (arrays, header), (other_arrays, other_header) = (read_arrays(r / "checkpoint.safetensors") for r in (run, other))
    assert header == other_header
    assert arrays.keys() == other_arrays.keys()
    assert [name for name in arrays if arrays[name].tobytes() != other_arrays[name].tobytes()] == []
    assert (run / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()


# A run, and what it leaves


def test_what_is_printed(finished: Path) -> None:
    lines = (finished / "stdout").read_text().splitlines()
    assert lines[0] == "vit_micro_patch4_32: 311,146 parameters; cifar10: 20 images"
    assert re.fullmatch(r"epoch 1: test accuracy \d+\.\d%", lines[1])
    assert re.fullmatch(r"epoch 2: test accuracy \d+\.\d%", lines[2])
    assert lines[3].startswith("run: checkpoint.safetensors, metrics.csv, learning_curves.png, predictions.png, ")
    assert (finished / "stderr").read_text() == ""  # no progress bar where nobody looks


def test_runs_are_numbered(place: Path) -> None:
    for _ in range(2):
        assert cli.main(["train", "--data", "cifar", *TINY]) == 0
    assert sorted(os.listdir("runs")) == ["cifar-1", "cifar-2"]
    assert_same_training(place / "runs" / "cifar-1", place / "run")  # what another process has trained
    assert_same_training(place / "runs" / "cifar-2", place / "run")


def test_the_folder_of_a_run(place: Path) -> None:
    run = place / "run"
    files = ["checkpoint.safetensors", "config.json", "metrics.csv", *(f"{name}.png" for name in PICTURES)]
    assert sorted(os.listdir(run)) == sorted(files)
    for name in PICTURES:
        with Image.open(run / f"{name}.png") as image:
            image.verify()
            assert image.format == "PNG"
    config = json.loads((run / "config.json").read_text())
    assert config["minivit"] == mv.__version__
    assert config["recipe"]["epochs"] == 2
    assert config["recipe"]["options"] == {"global_pool": "avg", "class_token": False}
    assert config["data"] == {"data": str(place / "cifar"), "data_dir": None}
    with open(run / "metrics.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "epoch", "loss", "lr", "test_score"]
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["epoch"] for row in rows] == ["0.5", "1.0", "1.5", "2.0"]
    assert [row["test_score"] != "" for row in rows] == [False, True, False, True]
    model = mv.load(run / "checkpoint.safetensors")
    assert model.config["embed_dim"] == 96


def test_options_reach_the_recipe(place: Path) -> None:
    options = [
        "--set",
        "global_pool=token",
        "--set",
        "class_token=true",
        "--lr",
        "0.002",
        "--seed",
        "7",
        "--out",
        "deep/er",
        "--data-dir",
        "downloads",
    ]
    assert cli.main(["train", "--data", "cifar", *TINY, *options]) == 0
    config = json.loads(Path("deep", "er", "config.json").read_text(encoding="utf-8"))
    recipe = config["recipe"]
    assert recipe["options"] == {"global_pool": "token", "class_token": True}
    assert (recipe["lr"], recipe["seed"], recipe["batch_size"]) == (0.002, 7, 10)
    assert config["data"]["data_dir"] == str(place / "downloads")  # in full, for another current folder
    assert "cls_token" in mv.load("deep/er/checkpoint.safetensors").state_dict()


def test_options_of_the_model_are_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was interrupted goes on with them."""
    options = {"depth": 2, "patch_size": (4, 8), "drop_rate": 0.1, "qkv_bias": False, "fc_norm": None}
    words = ["depth=2", "patch_size=4,8", "drop_rate=0.1", "qkv_bias=false", "fc_norm=none"]
    train = ["train", "--data", "cifar", *TINY, *(part for word in words for part in ("--set", word))]
    assert cli.main([*train, "--out", "whole"]) == 0
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        assert cli.main([*train, "--out", "mine"]) == 130
    recipe, _, _ = RunFolder("mine").read_config()
    assert recipe.options == {"global_pool": "avg", "class_token": False, **options}
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "whole")
    assert options.items() <= mv.load("mine/checkpoint.safetensors").config.items()


def test_drawn_shapes_are_the_default(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "minivit.data.source.load_dataset", lambda name, **_: asked.append(name) or mv.data.shapes(20, 10)
    )
    assert cli.main(["train", "--epochs", "1"]) == 0
    assert asked == ["shapes"]
    config = json.loads(Path("runs", "shapes-1", "config.json").read_text(encoding="utf-8"))
    assert config["data"]["data"] == "shapes"
    expected = {"model": "vit_micro_patch4_32", "epochs": 1, "lr": 3e-3, "crop_padding": 0, "flip": False}
    assert expected.items() <= config["recipe"].items()


def test_a_folder_of_images(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given from inside it, and resumed from elsewhere."""
    monkeypatch.chdir("pets")
    assert cli.main(["train", "--data", ".", "--out", "../pets-run", *TINY]) == 0
    monkeypatch.chdir("/")
    assert cli.main(["train", "--resume", str(place / "pets-run")]) == 0


def test_the_help_says_how_long_it_takes_as_the_readme_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    for text in (capsys.readouterr().out, (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")):
        assert "in two to three minutes" in " ".join(text.split())


def test_without_a_bar_there_is_a_line_now_and_then(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None in this short run, but where every moment is long enough."""
    assert cli.main(["train", "--data", "cifar", "--out", "quiet", *TINY]) == 0
    quiet = capsys.readouterr().out.splitlines()
    monkeypatch.setattr("minivit.train.run.LINE_SECONDS", -1)
    assert cli.main(["train", "--data", "cifar", "--out", "mine", *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    within = [line for line in lines if re.fullmatch(r"step \d+ of \d+: epoch \d\.\d, loss \d+\.\d{3}", line)]
    assert within
    assert [line for line in lines if line not in within] == [line.replace("quiet", "mine") for line in quiet]


# Interruption


@REST
def test_resume_a_finished_run(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It only draws the pictures again."""
    monkeypatch.setattr(pictures, "draw_run", DRAW_RUN)
    Path("run/predictions.png").unlink()
    before = contents(place / "run")
    assert cli.main(["train", "--resume", "run"]) == 0
    _, finished, drawn = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"run is finished, all \d+ steps; only its pictures are drawn again", finished)
    assert "predictions.png" in drawn
    after = contents(place / "run")
    assert after.pop("predictions.png").startswith(b"\x89PNG")
    assert {k: v for k, v in after.items() if not k.endswith("png")} == {
        k: v for k, v in before.items() if not k.endswith("png")
    }


def stop_after(step: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of this step."""
    from minivit.train import trainer

    right, steps = trainer.training_step, []

    def interrupted(*args: object, **kwargs: object) -> float:
        steps.append(1)
        if len(steps) == step:
            signal.raise_signal(signal.SIGINT)
        return right(*args, **kwargs)  # type: ignore[arg-type]

    patch.setattr(trainer, "training_step", interrupted)


@pytest.mark.parametrize("step", [pytest.param(1, marks=REST), 2, pytest.param(3, marks=REST)])
def test_ctrl_c(place: Path, step: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a step: the step is finished and saved."""
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        stop_after(step, patch)
        assert cli.main(["train", "--data", "cifar", "--out", "mine", *TINY]) == 130
    assert signal.getsignal(signal.SIGINT) is before
    out, err = capsys.readouterr()
    last = out.splitlines()[-1]
    assert last == f"interrupted at step {step}; saved. Go on with: minivit train --resume mine"
    assert err == ""
    assert read_arrays("mine/checkpoint.safetensors")[1]["metadata"]["step"] == step
    assert cli.main(last.partition(": minivit ")[2].split()) == 0
    assert_same_training(place / "mine", place / "run")


def test_a_second_ctrl_c_interrupts_at_once(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*args: object, **kwargs: object) -> float:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not interrupted")

    monkeypatch.setattr("minivit.train.trainer.training_step", impatient)
    assert cli.main(["train", "--data", "cifar", "--out", "mine", *TINY]) == 130
    assert capsys.readouterr().err == "minivit: interrupted\n"
    assert os.listdir("mine") == ["config.json"]


@REST
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_from_outside(place: Path, number: signal.Signals) -> None:
    command = [*minivit(SLOWLY), "train", "--data", "cifar", "--out", "mine", *TINY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=buffered()) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("epoch 1"):  # printed at once, also into a pipe
                process.send_signal(number)
                break
        rest = process.stdout.read()
    assert process.returncode == 130
    assert re.fullmatch("interrupted at step [23]; saved. Go on with: minivit train --resume mine\n", rest)
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


# Steps of a fifth of a second, so that what comes from outside comes in the middle of one.
SLOWLY = """import time
from minivit.train import trainer
step = trainer.training_step
def slow_step(*args, **kwargs):
    time.sleep(0.2)
    return step(*args, **kwargs)
trainer.training_step = slow_step"""


def train(*args: str, before: str = "from minivit.train import run; run.CHECKPOINT_SECONDS = 0") -> subprocess.Popen:
    """A training in a process of its own, which saves after every step."""
    return subprocess.Popen([*minivit(before), "train", "--threads", "1", *args], stdout=subprocess.DEVNULL)


def kill_and_resume(run: str, delays: Iterator[float], *begin: str) -> int:
    """Kill a training again and again, after each delay; the number of times it was still alive."""
    kills = 0
    for delay in delays:
        is_new = not Path(run, "config.json").exists()
        with train(*(begin if is_new else ("--resume", run))) as process:
            while process.poll() is None and not Path(run, "config.json").exists():
                time.sleep(0.005)
            time.sleep(delay)
            process.kill()
            kills += process.wait() != 0
    with train("--resume", run) as process:
        assert process.wait() == 0
    return kills


NEW = ("--data", "cifar", "--out", "mine", *TINY)


@REST
@pytest.mark.parametrize("delay", [0.0, 0.12])
def test_kill_9(place: Path, delay: float) -> None:
    assert kill_and_resume("mine", iter([delay]), *NEW) == 1
    assert_same_training(place / "mine", place / "run")
    assert not list(Path("mine").glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_kill_9_many_times(place: Path, seed: int) -> None:
    """At random moments: while Python starts, in a step, while a file is written, while it draws."""
    rng = random.Random(seed)
    assert kill_and_resume("mine", (rng.uniform(0, 1.2) for _ in range(8)), *NEW) >= 3
    assert_same_training(place / "mine", place / "run")
    assert not list(Path("mine").glob(".*"))
    assert sorted(os.listdir("mine")) == sorted(os.listdir("run"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_9_with_dropout(place: Path, seed: int) -> None:
    """Of every kind, so that all randomness takes part; twelve steps."""
    rates = dict.fromkeys(("drop_rate", "pos_drop_rate", "proj_drop_rate", "drop_path_rate"), 0.2)
    recipe, source, _ = RunFolder("run").read_config()
    recipe = replace(recipe, epochs=6, options={**recipe.options, **rates})
    for run in ("whole", "mine"):
        RunFolder(run).create(recipe, source)
    with train("--resume", "whole") as process:
        assert process.wait() == 0
    rng = random.Random(seed)
    assert kill_and_resume("mine", (rng.uniform(0.4, 1.2) for _ in range(8))) >= 3
    assert_same_training(place / "mine", place / "whole")
    with pytest.raises(AssertionError):
        assert_same_training(place / "mine", place / "run")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_9_of_two_that_begin_at_once(place: Path, seed: int) -> None:
    """One of the two has the folder, whichever, and the other is refused. Then two resume at once, and so on."""
    rng, kills = random.Random(seed), 0
    for _ in range(5):
        args = ("--resume", "mine") if Path("mine", "config.json").exists() else NEW
        with train(*args) as one, train(*args) as two:
            while one.poll() is None and two.poll() is None:
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.8))
            for process in (one, two):
                process.kill()
            assert sorted((one.wait(), two.wait()))[1] in (0, 1)
            kills += -signal.SIGKILL in (one.wait(), two.wait())
    with train("--resume", "mine") as process:
        assert process.wait() == 0
    assert kills >= 3
    assert_same_training(place / "mine", place / "run")
    assert sorted(os.listdir("mine")) == sorted(os.listdir("run"))


@pytest.mark.slow
def test_eight_that_begin_at_once(place: Path) -> None:
    """Each has a run of its own."""
    processes = [train("--data", "cifar", *TINY) for _ in range(8)]
    assert [process.wait() for process in processes] == [0] * 8
    assert sorted(os.listdir("runs")) == [f"cifar-{i}" for i in range(1, 9)]
    for run in os.listdir("runs"):
        assert_same_training(place / "runs" / run, place / "run")


@REST
def test_a_second_process_is_refused(place: Path, mistake) -> None:
    """While the first trains; when that is killed, the folder is free."""
    with train(*NEW, before=SLOWLY) as process:
        while process.poll() is None and not Path("mine", ".lock").exists():
            time.sleep(0.005)
        time.sleep(0.1)
        message = "another process works in mine: wait until it is done, or end it"
        before = Path("mine", "config.json").stat().st_mtime_ns
        for _ in range(2):
            mistake(message, "train", "--resume", "mine")
        mistake("mine exists already: .*", "train", *NEW)
        assert Path("mine", "config.json").stat().st_mtime_ns == before
        assert process.poll() is None
        process.kill()
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


def test_a_folder_that_is_there_is_refused_before_the_work(place: Path, mistake, monkeypatch) -> None:
    monkeypatch.setattr(cli, "load_source", lambda **source: pytest.fail("the data are loaded"))
    mistake("run exists already: .*", "train", "--data", "cifar", "--out", "run", *TINY)


def test_it_is_saved_before_it_is_printed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may be there to read: | head -1, a terminal that was closed."""
    from tqdm import tqdm

    def gone(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tqdm, "write", gone)
        assert cli.main(["train", *NEW]) == 130
    assert read_arrays("mine/checkpoint.safetensors")[1]["metadata"]["step"] == 2
    assert len(RunFolder("mine").read_metrics(2)) == 2
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


def test_ctrl_c_after_the_save_is_not_lost(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to be saved is saved: a signal after the last look at it is seen after the next step."""
    right = RunFolder.save

    def save(folder: RunFolder, *args: Any) -> None:
        right(folder, *args)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save)
        assert cli.main(["train", *NEW]) == 130
    assert read_arrays("mine/checkpoint.safetensors")[1]["metadata"]["step"] == 3
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_run_under_another_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun in a link to a folder, by a relative path, and resumed by the folder's own from elsewhere."""
    (place / "disk").mkdir()
    (place / "link").symlink_to("disk")
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        assert cli.main(["train", *NEW[:3], "link/mine", *TINY]) == 130
    monkeypatch.chdir("/")
    assert cli.main(["train", "--resume", os.path.relpath(place / "disk" / "mine")]) == 0
    assert_same_training(place / "link" / "mine", place / "run")


# With a student's functions


@pytest.fixture
def solution(place: Path) -> Path:
    """Right, but written otherwise than ours, so that a training with it has other bits."""
    exercise = EXERCISES["adamw"]
    text = (Path(__file__).parent / "course" / "otherwise" / "adamw.py").read_text(encoding="utf-8")
    (place / "adamw").mkdir()
    (place / "adamw" / "solution.py").write_text(f"{stub_source(exercise)}\n\n{text}", encoding="utf-8")
    return place / "adamw"


@REST
@pytest.mark.parametrize("step", [1, 2])
def test_a_run_goes_on_with_the_students_functions(
    place: Path, solution: Path, step: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun from beside the solution and resumed from elsewhere: the bits of a run that was not interrupted."""
    train = ["train", "--data", "cifar", "--with", "adamw", *TINY]
    assert cli.main([*train, "--out", "whole"]) == 0
    with monkeypatch.context() as patch:
        stop_after(step, patch)
        assert cli.main([*train, "--out", "mine"]) == 130
    go_on = f"minivit train --resume mine --with {solution.resolve()}"
    assert f"interrupted at step {step}; saved. Go on with: {go_on}" in capsys.readouterr().out.splitlines()
    monkeypatch.chdir("/")
    assert cli.main(["train", "--resume", str(place / "mine"), "--with", str(solution)]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = "adam_update, adamw_update"
    assert lines[0] == f"with {solution.resolve()}: what the training calls of {names} is yours, all else is minivit's"
    assert lines[-1] == f"{solution.resolve()}: trained with your adam_update, adamw_update"
    assert_same_training(place / "mine", place / "whole")
    with pytest.raises(AssertionError):  # ours would have given other bits
        assert_same_training(place / "mine", place / "run")


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize(
    ("fails", "says"),
    [
        ("{}['momentum']", "KeyError: 'momentum'"),
        ("raise SystemExit", "SystemExit"),
        ("adam_update()", r"TypeError: adam_update\(\) missing .*"),
    ],
)
def test_an_error_in_the_students_function_keeps_its_traceback(
    place: Path, solution: Path, fails: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the checks have not met; the run stays as it was."""
    path = solution / "solution.py"
    text = path.read_text(encoding="utf-8")
    trap = f"    import sys\n    if 'minivit.cli' in sys.modules:\n        {fails}\n    mhat, vhat ="
    path.write_text(text.replace("    mhat, vhat =", trap), encoding="utf-8")
    assert cli.main(["train", "--data", "cifar", "--out", "mine", "--with", "adamw", *TINY]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].startswith(f'  File "{path.resolve()}", line ')
    assert fails in [line.strip() for line in lines]
    assert re.fullmatch(says, lines[-2])
    assert lines[-1] == "minivit: stopped by this error, in code that is not minivit's"


def test_code_runs_only_when_it_is_named(place: Path, solution: Path, mistake) -> None:
    """A folder from somebody else may name any code in its config.json."""
    assert cli.main(["train", "--data", "cifar", "--with", "adamw", "--out", "mine", *TINY]) == 0
    path = solution / "solution.py"
    path.write_text(f"open({str(place / 'it ran')!r}, 'w')\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    shutil.copytree(solution, "other")
    go_on = f"minivit train --resume mine --with {solution.resolve().as_posix()}"
    message = rf"mine computes with functions of its own, and .* only code that you name; .* go on with: {go_on}"
    mistake(message, "train", "--resume", "mine")
    mistake(message, "train", "--resume", "mine", "--with", "other")
    mistake(message, "train", "--resume", "mine", "--with", "adamw", "--with", "other")
    assert not (place / "it ran").exists()


def test_a_run_from_before_solutions_were_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.loads(Path("run/config.json").read_text(encoding="utf-8"))
    assert config.pop("with") == []
    Path("run/config.json").write_text(json.dumps(config), encoding="utf-8")
    assert cli.main(["train", "--resume", "run"]) == 0
    assert "yours" not in capsys.readouterr().out


# The other commands


def test_predict(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grey, large, long, transparent: each image is cut and resized to what the model knows."""
    rng = np.random.default_rng(0)
    for name, mode, size in [("grey", "L", (32, 32)), ("big", "RGB", (900, 700)), ("long", "P", (300, 20))]:
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).convert(mode).save(f"{name}.png")
    Image.new("RGBA", (5, 9), (255, 0, 0, 100)).save("transparent.png")
    Image.new("RGB", (64, 64)).save("photo.jpg")
    names = ["grey.png", "big.png", "long.png", "transparent.png", "photo.jpg"]
    assert cli.main(["predict", "run/checkpoint.safetensors", *names]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, line in zip(names, out.splitlines(), strict=True):
        assert re.fullmatch(rf"{name}: class\d \d+\.\d%, class\d \d+\.\d%, class\d \d+\.\d%", line)
    assert cli.main(["predict", "run", *names]) == 0  # the folder of the run does as well
    assert capsys.readouterr().out == out


def test_predict_is_the_model(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = mv.data.load_dataset("cifar")
    Image.fromarray(dataset.test.images[0]).save("0.png")
    cli.main(["predict", "run", "0.png"])
    trainer = mv.train.Trainer(mv.train.Recipe("vit_micro_patch4_32"), dataset)
    trainer.model = mv.load("run/checkpoint.safetensors")
    probabilities = trainer.probabilities(dataset.test.images[:1])[0]
    best = probabilities.argmax()
    assert capsys.readouterr().out.startswith(f"0.png: class{best} {probabilities[best]:.1%}, ")


def test_predict_a_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done to a file stands on stderr, in front of what is said of it."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    small_sound_trainer().save("run/checkpoint.safetensors")
    wave = small_sounds().test.waves[0]
    write_wav("same.wav", wave, 8_000)
    write_wav("twice.wav", np.tile(np.append(wave, wave), (2, 1)), 16_000)
    write_wav("silent.wav", np.zeros(600), 8_000)
    assert cli.main(["predict", "run", "same.wav", "twice.wav"]) == 0
    out, err = capsys.readouterr()
    assert err == "minivit: twice.wav: took the mean of its 2 channels, resampled it from 16,000 to 8,000 Hz\n"
    assert re.fullmatch(r"(\w+\.wav: [ab] \d+\.\d%, [ab] \d+\.\d%\n){2}", out)
    assert cli.main(["predict", "run", "silent.wav"]) == 1
    assert capsys.readouterr().err == "minivit: silent.wav is silent: there is nothing to hear in it\n"
    assert cli.main(["predict", "run", "silent.wav", "none.wav", "same.wav"]) == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[1:] == ["minivit: there is no file none.wav"]
    assert out.startswith("same.wav: ")


def test_data(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "pets"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pets: 16 x 16 pixels, 3 channels, 2 classes",
        "train: 10 images, 5 to 5 of a class",
        "test: 10 images, 5 to 5 of a class",
        "classes: cat, dog",
    ]


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"minivit {mv.__version__}, Python ")
    assert f"numpy {np.__version__}" in out
    assert "blas: " in out
    assert f"models: {', '.join(sorted(PRESETS))}\n" in out


def test_doctor_where_blas_cannot_be_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Mac with Apple's own."""
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)
    assert cli.main(["doctor"]) == 0
    name = np.show_config("dicts")["Build Dependencies"]["blas"]["name"]
    assert f"  blas: {name}, whose threads" in capsys.readouterr().out


@REST
def test_python_m_minivit(tmp_path: Path) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "minivit", *args], cwd=tmp_path, capture_output=True, text=True)

    done = run("--help")
    assert done.returncode == 0
    assert all(f"    {command} " in done.stdout for command in ("train", "predict", "data", "doctor"))
    done = run("data", "nix")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("minivit: unknown data set 'nix'")


@pytest.mark.parametrize("command", [["train"], ["predict"], ["data"], ["cost"], ["doctor"], []])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*command, "--help"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: minivit", *command]))


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["trian"],
        ["train", "--epoch-s", "3"],
        ["train", "--epochs", "three"],
        ["train", "--set", "depth"],
        ["predict", "checkpoint"],
        ["data"],
    ],
)
def test_misspelt(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(args)
    assert exit_.value.code == 2
    assert "usage: minivit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["train", "--data", ""], "argument --data: it is empty"),
        (
            ["train", "--regularization", "0.1"],
            r"unrecognized arguments: --regularization 0.1; did you mean --regularisation\?",
        ),
        (
            ["predict", "run", "a.png", "--treshold=1"],
            r"unrecognized arguments: --treshold=1; did you mean --threshold\?",
        ),
        (["train", "pets"], "unrecognized arguments: pets"),
        (["train", "--data-dir", ""], "argument --data-dir: it is empty"),
        (["train", "--model", ""], "argument --model: it is empty"),
        (["train", "--out", ""], "argument --out: it is empty"),
        (["train", "--set", ""], "argument --set: it is empty"),
        (["train", "--set", "depth="], "argument --set: 'depth=' is not KEY=VALUE, such as depth=4"),
        (["train", "--set", "=4"], "argument --set: '=4' is not KEY=VALUE, such as depth=4"),
        (["train", "--resume", ""], "argument --resume: it is empty"),
        (["train", "--with", "adamw", "--with", ""], "argument --with: it is empty"),
        (["predict", "", "x.png"], "argument RUN: it is empty"),
        (["predict", "run", "x.png", ""], "argument FILE: it is empty"),
        (["data", ""], "argument DATA: it is empty"),
        (["course", "check", ""], "argument DIR: it is empty"),
        (["course", "check", "x", "--json="], "argument --json: it is empty"),
        (["course", "start", ""], "argument NAME: it is empty"),
        (["course", "start", "softmax", "-o", ""], "argument -o/--out: it is empty"),
        (["data", "a\0b"], "argument DATA: it has a NUL in it, which no name can have"),
        (["train", "--out", "a\0"], "argument --out: it has a NUL in it, which no name can have"),
        (["train", "--threads", "1e3"], "argument --threads: invalid int value: '1e3'"),
        (["train", "--threads", ""], "argument --threads: invalid int value: ''"),
        (["train", "--lr", "one"], "argument --lr: invalid float value: 'one'"),
        (["train", "--seed", "9" * 200_000], f"argument --seed: {LONG} has 200,000 digits; expected at most 300"),
        (["train", "--epochs", f"-{'9' * 300}"], "argument --epochs: .* has 301 digits; expected at most 300"),
        (["course", "check", "x", "--seed", "9" * 5_000], f"argument --seed: {LONG} has 5,000 digits; .*"),
        (["train", "--lr", "1" * 9_000 + "x"], "argument --lr: invalid float value: '1{59} \\[...\\] 1{94}x'"),
        (["train", "--lr", "\x1b[31m"], r"argument --lr: invalid float value: '\\x1b\[31m'"),
    ],
)
def test_an_argument_that_cannot_be_meant(
    args: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a variable of the shell that was not set."""
    monkeypatch.setattr(cli, "run_train", lambda _: pytest.fail("it trains"))
    with pytest.raises(SystemExit) as exit_:
        cli.main(args)
    assert exit_.value.code == 2
    usage, _, said = capsys.readouterr().err.rpartition(": error: ")
    assert usage.startswith("usage: minivit ")
    assert re.fullmatch(f"{says}\n", said), said


# Streams: closed, full, read by nobody, of an old code page


TO_A_FILE_ONLY = """
import json, os, sys
from minivit import cli
from minivit.train import pictures
pictures.draw_run = lambda *_: []
commands = json.loads(sys.argv[1])
kept = sys.stdout and os.dup(1)
codes = []
for command in commands:
    codes.append(cli.main(command))
    if kept:
        os.dup2(kept, 1)  # for the next command, as bad as it was for this one
open("codes", "w", encoding="utf-8").write(json.dumps(codes))
"""


@pytest.mark.sampled(every=4)
@pytest.mark.skipif(sys.platform == "win32", reason="no such shell, and no /dev/full")
@pytest.mark.parametrize(
    ("where", "codes", "says"),
    [
        (">&- 2>&-", [0, 0, 0, 0, 0], ""),
        ("| true", [0, 0, 0, 0, 0], ""),
        (">/dev/full", [1, 1, 1, 2, 0], "minivit: not all could be printed: No space left on device\n" * 4),
    ],
)
def test_streams_that_take_nothing(place: Path, where: str, codes: list[int], says: str) -> None:
    """Work is done all the same. Where printing is the work, and a disk is full, the exit code says so."""
    if "full" in where and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    train = ["train", "--data", "cifar", "--out", "mine", *TINY]
    predict = ["predict", "run", "pets/test/cat/0.png"]
    commands = [["doctor"], ["data", "pets"], predict, ["course", "list"], train]
    shell = ["sh", "-c", f'"$0" -c "$1" "$2" {where}; while test ! -e codes; do sleep 0.1; done']
    program = [sys.executable, TO_A_FILE_ONLY, json.dumps(commands)]
    done = subprocess.run([*shell, *program], capture_output=True, text=True, timeout=300, env=buffered())
    assert json.loads(Path("codes").read_text(encoding="utf-8")) == codes
    assert (done.stdout, done.stderr) == ("", says)
    assert_same_training(place / "mine", place / "run")


WEIRD = {"$5_$": "$5_$", "日本": r"\u65e5\u672c", "zü → 😀": r"z\xfc \u2192 \U0001f600"}


@REST
@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses such names")
def test_names_that_others_have_given(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of classes, folders and files, on an old terminal: what it cannot show is an escape, on the line of the name."""
    for name in WEIRD:
        for split in ("train", "test"):
            Path("weird\x1b[1m", split, name).mkdir(parents=True)
            Image.new("RGB", (16, 16)).save(Path("weird\x1b[1m", split, name, "0.png"))
    photo = "a\nb\x1b]0;title\a\r\u202eover" + (os.fsdecode(b"\xff") if sys.platform == "linux" else "")
    Image.new("RGB", (16, 16)).save(f"{photo}.png")
    monkeypatch.setattr(pictures, "draw_run", DRAW_RUN)
    monkeypatch.setattr(sys, "warnoptions", [])  # the font of the pictures has no such letters
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    assert cli.main(["data", "weird\x1b[1m"]) == 0
    assert cli.main(["train", "--data", "weird\x1b[1m", "--out", "mine\x9b", *TINY]) == 0
    assert cli.main(["predict", "mine\x9b", f"{photo}.png"]) == 0
    assert cli.main(["predict", "no\nsuch\x1brun", "日.png"]) == 1
    lines = stream.buffer.getvalue().decode("ascii").splitlines()  # type: ignore[attr-defined]
    assert lines[0] == r"weird\x1b[1m: 16 x 16 pixels, 3 channels, 3 classes"
    assert set(lines[3].removeprefix("classes: ").split(", ")) == set(WEIRD.values())
    assert lines[-3].startswith(r"mine\x9b: checkpoint.safetensors, metrics.csv, ")
    assert all(name in lines[-3] for name in PICTURES)
    assert lines[-2].startswith(r"a\nb\x1b]0;title\x07\r\u202eover")
    assert lines[-1].startswith(r"minivit: there is no file no\nsuch\x1brun")
    assert "\x1b" not in "".join(lines)


def test_main_in_another_thread(place: Path) -> None:
    """As a program with windows runs it; Python allows handlers of signals in the main thread only."""
    before, codes = sys.stdout, []
    command = ["train", "--data", "cifar", "--out", "mine", *TINY]
    thread = threading.Thread(target=lambda: codes.append(cli.main(command)))
    thread.start()
    thread.join()
    assert codes == [0]
    assert sys.stdout is before
    assert_same_training(place / "mine", place / "run")


def test_a_caller_gets_the_streams_back(place: Path) -> None:
    before = sys.stdout, sys.stderr
    for command in (["data", "pets"], ["data", "nix"]):
        cli.main(command)
        assert (sys.stdout, sys.stderr) == before
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert (sys.stdout, sys.stderr) == before


@REST
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_that_is_closed(place: Path) -> None:
    """The bar moves in it; when it is gone, the step is finished and saved, and the run can be resumed."""
    import pty
    import termios

    begin = f"import os; os.close(os.open(os.ttyname(0), os.O_RDWR))\n{SLOWLY}"  # the terminal of this session
    command = [*minivit(begin), "train", "--data", "cifar", "--out", "mine", *TINY]
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    while b"epoch 1: test accuracy" not in shown:
        shown += os.read(ours, 4096)
    assert shown.count(b"\r") > 5
    assert b"1/4" in shown
    assert b"\x1b" not in shown
    assert rb"\r" not in shown
    os.close(ours)
    assert process.wait(120) == 130
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


# Mistakes: one sentence that names the cause, exit code 1, and nothing lost


@pytest.fixture
def mistake(place: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command that must fail with one line that matches; nothing that was there may change."""

    def run(message: str, *args: str, new: tuple[str, ...] = ()) -> str:
        capsys.readouterr()
        before = contents(place)
        assert cli.main(args) == 1
        out, err = capsys.readouterr()
        assert err.count("\n") == 1
        assert re.fullmatch(rf"minivit: {message}\n", err.replace("\\", "/")), err
        after = contents(place)
        assert after.keys() - before.keys() == set(new)
        assert {name: after[name] for name in before} == before
        return out

    return run


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--data", "nix"],
            "unknown data set 'nix': expected shapes, scenes, sounds, cifar10, cifar100 or an existing folder",
        ),
        (["--data", "run"], ".*run holds no data set: expected .* train/CLASS/.*"),
        (["--model", "vit_huge"], r"there is no model 'vit_huge'; did you mean .*\?"),
        (["--epochs", "-1"], "epochs is -1; expected at least 1"),
        (["--epochs", "0"], "epochs is 0; expected at least 1"),
        (["--batch-size", "0"], "batch_size is 0; expected at least 1"),
        (["--lr", "-0.1"], "lr is -0.1; expected a positive, finite number"),
        (["--lr", "nan"], "lr is nan; expected a positive, finite number"),
        (["--lr", "inf"], "lr is inf; expected a positive, finite number"),
        (["--lr", "1e-400"], "lr is 0.0; expected a positive, finite number"),
        (["--seed", "-1"], "seed is -1; expected 0 or more"),
        (["--set", "dpeth=4"], "vit_tiny_patch4_32 has no option 'dpeth'; its options are img_size, .*, depth, .*"),
        (["--set", "depth=four"], "depth is 'four'; expected a whole number"),
        (["--set", "depth=-1"], "ViT: depth is -1; expected at least 0 and below 1001"),
        (["--set", "depth=2", "--set", "depth=3"], "--set sets depth twice"),
        (["--set", "num_classes=5"], "--set cannot change num_classes: it is that of the data set"),
        (["--set", "global_pool=token"], 'global_pool="token" reads the class token, so it needs class_token=True'),
        (["--threads", "0"], "threads is 0; expected at least 1"),
        (["--threads", "-1"], "threads is -1; expected at least 1"),
        (["--data-dir", "~nosuchuser/x"], "data_dir is '~nosuchuser/x', and there is no such user"),
        (["--out", "run"], "run exists already: choose another --out, or go on with that run by --resume run"),
        (["--out", "cifar"], "cifar exists already: choose another --out"),
        (["--out", "cifar/test_batch.bin"], "cifar/test_batch.bin exists already: choose another --out"),
    ],
)
def test_a_wrong_choice(mistake, args: list[str], message: str) -> None:
    data = [] if args[0] in ("--data", "--resume") else ["--data", "cifar"]
    mistake(message, "train", *data, *args)


def test_a_resumed_run_cannot_be_changed(mistake) -> None:
    message = "--resume goes on with a run as it was begun; --epochs and --out cannot change it"
    mistake(message, "train", "--resume", "run", "--epochs", "9", "--out", "x")
    message = "--resume goes on with a run as it was begun; --set cannot change it"
    mistake(message, "train", "--resume", "run", "--set", "depth=4")
    message = "--resume goes on with a run as it was begun; --with cannot change it"
    mistake(message, "train", "--resume", "run", "--with", "adamw")


@REST
def test_a_solution_that_went_away(place: Path, solution: Path, mistake) -> None:
    """Or that is not right any more: the run stays as it was, and goes on when the solution is there again."""
    assert cli.main(["train", "--data", "cifar", "--with", "adamw", "--out", "mine", *TINY]) == 0
    path = solution / "solution.py"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    gone = ".*/adamw/solution.py cannot be read: No such file or directory"
    resume = ["train", "--resume", "mine", "--with", "adamw"]
    mistake(f"not training with .*/adamw: {gone}", *resume)
    path.write_text(text.replace("vhat**0.5", "vhat"), encoding="utf-8")
    wrong = r"only \d+ of \d+ checks pass; first mend adam_update \(.*\); minivit course check .*/adamw says the rest"
    mistake(f"not training with .*/adamw, because {wrong}", *resume)
    path.write_text(text, encoding="utf-8")
    assert cli.main(resume) == 0


def test_images_that_the_patches_do_not_divide(place: Path, mistake) -> None:
    write_images(place / "thirty", size=30, n=1)
    mistake(".*30 x 30 .*not divisible by the patch size 4 x 4.*", "train", "--data", "thirty")


def test_an_empty_data_set(place: Path, mistake) -> None:
    for path in Path("pets/train").rglob("*.png"):
        path.unlink()
    mistake(".*train holds no images: expected .*/CLASS/.*", "train", "--data", "pets")
    Path("cifar/test_batch.bin").write_bytes(b"")
    mistake(".*cifar/test_batch.bin holds no images", "train", "--data", "cifar")


def test_a_folder_of_large_images(place: Path, mistake) -> None:
    """The default model would want gigabytes: it says so, and what to do, before it begins."""
    write_images(place / "photos", size=224, n=1)
    message = (
        r"vit_tiny_patch4_32 cuts images of 224 x 224 pixels into 3136 patches, and each array of its attention takes "
        r"2\.3 GiB for 16 images, more than 0\.5: use --model vit_tiny_patch16_224, or smaller images \(--img-size\)"
    )
    mistake(message, "train", "--data", "photos")


@REST
def test_a_model_of_pixels_makes_images_small(place: Path, mistake) -> None:
    """As its preset has them, also when the run is resumed, if no size is given."""
    small = ["--set", "embed_dim=8", "--set", "depth=1", "--batch-size", "10", "--epochs", "1", "--threads", "1"]
    command = ["train", "--model", "imagegpt_tiny_16", "--data", "pets", *small]
    for more, size in ([], 16), (["--img-size", "8"], 8):
        folder = Path(f"pixels-{size}")
        assert cli.main([*command, *more, "--out", str(folder)]) == 0
        assert mv.load(folder / "checkpoint.safetensors").config["img_size"] == (size, size)
    assert cli.main(["train", "--resume", "pixels-16"]) == 0
    mistake(".*was trained for NextPixel, not to name classes", "predict", "pixels-16", "pets/train/dog/0.png")
    mistake(".*img_size is 0; expected at least 1", *command, "--img-size", "0")
    mistake("NextPixel is about Images; these examples are LabeledSounds", *command, "--data", "sounds")


def test_images_of_many_sizes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Are made alike; also when the run is resumed, and predict does with a photo what training did."""
    for number, size in enumerate([(40, 30), (16, 99), (224, 200)]):
        Image.new("RGB", size).save(f"pets/train/dog/odd{number}.png")
    assert cli.main(["train", "--data", "pets", "--img-size", "24", "--out", "pets-run", *TINY]) == 0
    config = json.loads(Path("pets-run/config.json").read_text(encoding="utf-8"))
    assert config["data"] == {"data": str(place / "pets"), "data_dir": None, "img_size": 24}
    assert mv.load("pets-run/checkpoint.safetensors").config["img_size"] == (24, 24)
    Path("pets-run/checkpoint.safetensors").unlink()
    assert cli.main(["train", "--resume", "pets-run"]) == 0
    assert cli.main(["predict", "pets-run", "pets/train/dog/odd2.png"]) == 0
    capsys.readouterr()
    assert cli.main(["data", "pets", "--img-size", "24"]) == 0
    assert capsys.readouterr().out.startswith("pets: 24 x 24 pixels, 3 channels, 2 classes\n")


def test_a_size_that_is_none(mistake) -> None:
    mistake(".*img_size is 0; expected at least 1", "train", "--data", "pets", "--img-size", "0")
    mistake("img_size is for images; sounds have none", "train", "--data", "sounds", "--img-size", "64")
    mistake(".*img_size is -1; expected at least 1", "data", "cifar", "--img-size", "-1")
    message = "--resume goes on with a run as it was begun; --img-size cannot change it"
    mistake(message, "train", "--resume", "run", "--img-size", "24")


def test_what_is_left_out_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pets/train/cat/notes.txt").touch()
    Path("pets/train/cat/._0.png").touch()
    for command in (["data", "pets"], ["train", "--data", "pets", "--out", "pets-run", *TINY]):
        assert cli.main(command) == 0
        err = capsys.readouterr().err
        assert re.fullmatch(r"minivit: .*pets: left out 'train/cat/notes.txt'; images are CLASS/\*.png, .*\n", err)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["data", "~nosuchuser"], "the data set is '~nosuchuser', and there is no such user"),
        (["data", "pets/test/cat/0.png"], "the data set is 'pets/test/cat/0.png', which is not a folder"),
        (["train", "--data", "~nosuchuser"], "--data is '~nosuchuser', and there is no such user"),
        (["train", "--data-dir", "~nosuchuser"], "data_dir is '~nosuchuser', and there is no such user"),
        (["data", "cifar10", "--data-dir", "run/config.json"], "data_dir is 'run/config.json', which is not a folder"),
    ],
)
def test_a_folder_that_is_none(mistake, args: list[str], message: str) -> None:
    mistake(message, *args)


def test_a_photo_that_pillow_stumbles_over(mistake) -> None:
    Path("photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\xff" * 17)
    mistake(r"photo.png cannot be read as an image \(.*\)", "predict", "run", "photo.png")
    Path("photo.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    mistake(r"photo.eps cannot be read as an image \(it is none of PNG, .*\)", "predict", "run", "photo.eps")


def test_images_of_different_size(place: Path, mistake) -> None:
    Image.new("RGB", (8, 9)).save("pets/train/dog/odd.png")
    mistake(
        ".*odd.png is 8 x 9 pixels but .* is 16 x 16: all images must have one size; .*--img-size.*", "data", "pets"
    )


def test_an_image_that_is_none(place: Path, mistake) -> None:
    Path("pets/train/dog/notes.png").write_text("woof", encoding="utf-8")
    mistake(r".*notes.png cannot be read as an image .*", "train", "--data", "pets")


def test_a_label_out_of_range(place: Path, mistake) -> None:
    content = bytearray(Path("cifar/data_batch_3.bin").read_bytes())
    content[0] = 77
    Path("cifar/data_batch_3.bin").write_bytes(content)
    mistake(r"the train split has the label 77; labels must lie in 0\.\.9, .*", "train", "--data", "cifar")


def test_a_truncated_file(place: Path, mistake) -> None:
    path = Path("cifar/data_batch_3.bin")
    path.write_bytes(path.read_bytes()[:-1])
    mistake(".*data_batch_3.bin is truncated: 12291 bytes are not a whole number .*", "train", "--data", "cifar")


def test_a_pickle_that_carries_code(place: Path, mistake) -> None:
    shutil.rmtree("cifar")
    Path("cifar").mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        Path("cifar", name).write_bytes(b"cos\nsystem\n(S'touch broken-into'\ntR.")
    Path("cifar/batches.meta").touch()
    mistake(".*data_batch_1 cannot be read .*os.system, and only NumPy arrays are allowed.*", "data", "cifar")


def test_no_network(place: Path, mistake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch
    import requests

    def no_route(*_: object, **__: object) -> None:
        raise requests.exceptions.ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", no_route)
    message = r"cifar-10-python.tar.gz could not be downloaded .*ConnectionError\); download it by hand, .* --data-dir"
    command = ["train", "--data", "cifar10", "--data-dir", "downloads"]
    mistake(message, *command)
    Path("downloads", "cifar-10-python.tar.gz").write_bytes(b"half an archive")
    assert cli.main(command) == 1
    assert "the cifar-10-python.tar.gz found there is truncated or altered" in capsys.readouterr().err
    assert not Path("runs").exists()


CUTS = [0, 1, 7, 8, 100, 5_000, 1_000_000, -1]


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("keep", CUTS)
@pytest.mark.parametrize("command", ["train --resume run", "predict run pets/test/cat/0.png"])
def test_a_checkpoint_cut_short(mistake, keep: int, command: str) -> None:
    path = Path("run/checkpoint.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    mistake("run/checkpoint.safetensors is not a safetensors file, or it is damaged: .*", *command.split())


@pytest.mark.parametrize("place_in_file", [100, 1_000_000, -1])
def test_a_checkpoint_with_a_flipped_bit(mistake, place_in_file: int) -> None:
    path = Path("run/checkpoint.safetensors")
    content = bytearray(path.read_bytes())
    content[place_in_file] ^= 1
    path.write_bytes(content)
    message = "run/checkpoint.safetensors is .*damaged: .*"
    mistake(message, "train", "--resume", "run")
    mistake(message, "predict", "run", "pets/test/cat/0.png")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "class_names has 0 entries; expected 10"),
        ([1] * 10, r"class_names is \(1, .*\); expected \(str, ...\)"),
    ],
)
def test_classes_that_are_none(mistake, names: list, message: str) -> None:
    path = Path("run/checkpoint.safetensors")
    arrays, header = read_arrays(path)
    header["metadata"]["data"]["class_names"] = names
    write_arrays(path, arrays, header)
    mistake(f"{path.as_posix()} is damaged: {message}", "predict", "run", "pets/test/cat/0.png")


def test_a_checkpoint_with_a_missing_array(mistake) -> None:
    path = Path("run/checkpoint.safetensors")
    arrays, metadata = read_arrays(path)
    del arrays["blocks.0.norm1.weight"]
    write_arrays(path, arrays, metadata)
    missing = r"array 'blocks\.0\.norm1\.weight' is missing.*"
    mistake(f"{path} is damaged: {missing}", "train", "--resume", "run")
    mistake(f"{path} does not fit its own configuration: {missing}", "predict", "run", "pets/test/cat/0.png")


def test_a_checkpoint_of_another_training(place: Path, mistake) -> None:
    assert cli.main(["train", "--data", "pets", "--out", "pets-run", *TINY]) == 0
    shutil.copy("pets-run/checkpoint.safetensors", "run/checkpoint.safetensors")
    message = "run/checkpoint.safetensors belongs to another training: its class_names is .*'cat', 'dog'.*"
    mistake(message, "train", "--resume", "run")


def test_a_model_without_a_training(mistake) -> None:
    mv.save(mv.create_model("vit_micro_patch4_32"), "run/checkpoint.safetensors")
    mistake(".*checkpoint.safetensors holds no training to go on with.*", "train", "--resume", "run")
    message = r".*checkpoint.safetensors holds a model, and not what it was .*: it was written by minivit\.save.*"
    mistake(message, "predict", "run", "pets/test/cat/0.png")


@pytest.mark.parametrize("config", ["", "{", "{}", '{"recipe": 3, "data": {}}', "\0\0\0\0"])
def test_a_damaged_configuration(mistake, config: str) -> None:
    Path("run/config.json").write_text(config, encoding="utf-8")
    mistake("run/config.json is damaged: .*", "train", "--resume", "run")


@pytest.mark.parametrize(("name", "value"), [("epochs", 3), ("seed", 1), ("lr", 0.1), ("clip_norm", None)])
def test_a_recipe_changed_by_hand(mistake, name: str, value: object) -> None:
    path = Path("run/config.json")
    config = json.loads(path.read_text(encoding="utf-8"))
    config["recipe"][name] = value
    path.write_text(json.dumps(config), encoding="utf-8")
    message = f"run/checkpoint.safetensors belongs to another training: its {name} is .*, not {value}"
    mistake(message, "train", "--resume", "run")


def test_damaged_metrics(mistake) -> None:
    Path("run/metrics.csv").write_text("step;epoch\n1;2\n", encoding="utf-8")
    mistake("run/metrics.csv is damaged: .*; without that file it works", "train", "--resume", "run")


@pytest.mark.parametrize("where", ["nowhere", "cifar", "run/checkpoint.safetensors"])
def test_nothing_to_resume(mistake, where: str) -> None:
    why = "it is a file" if Path(where).is_file() else "there is no config.json in it"
    mistake(f"{where} is not the folder of a run: {why}", "train", "--resume", where)


@posix
@pytest.mark.parametrize(
    ("name", "command"), [("config.json", "train --resume run"), ("checkpoint.safetensors", "predict run x.png")]
)
def test_a_run_that_one_may_not_read(place: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not said to be none."""
    place.chmod(0o755)
    Path("run", name).chmod(0)
    with as_nobody():
        assert cli.main(command.split()) == 1
    assert capsys.readouterr().err == f"minivit: Permission denied: run/{name}\n"


@posix
def test_a_run_that_one_may_not_write(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.chmod(0o755)
    before = contents(place)
    with as_nobody():
        assert cli.main(["train", "--resume", "run"]) == 1
    assert capsys.readouterr().err == "minivit: Permission denied: run\n"
    assert contents(place) == before


def test_a_folder_that_went_away(place: Path, mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the training: nothing of it is untouched, and nobody is told to go on with it."""
    from minivit.train import trainer

    right = trainer.training_step

    def remove(*args: Any, **kwargs: Any) -> float:
        shutil.rmtree("mine")
        return right(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("minivit.train.run.CHECKPOINT_SECONDS", 0)
        patch.setattr(trainer, "training_step", remove)
        message = "No such file or directory: mine; mine was moved or removed during the training, .*"
        mistake(message, "train", *NEW)
    assert cli.main(["train", *NEW]) == 0
    assert_same_training(place / "mine", place / "run")


def test_data_that_went_away(place: Path, mistake) -> None:
    shutil.rmtree("cifar")
    mistake("unknown data set '.*cifar': expected .* or an existing folder", "train", "--resume", "run")


def test_a_model_whose_numbers_are_none(mistake) -> None:
    arrays, metadata = read_arrays("run/checkpoint.safetensors")
    arrays["head.bias"][3] = np.nan
    write_arrays("run/checkpoint.safetensors", arrays, metadata)
    message = "run/checkpoint.safetensors gives no probabilities for pets/test/cat/0.png: its numbers are .*"
    mistake(message, "predict", "run", "pets/test/cat/0.png")


def test_nothing_to_predict(mistake) -> None:
    Path("notes.png").write_text("woof", encoding="utf-8")
    image = "pets/test/cat/0.png"
    mistake("there is no file nowhere", "predict", "nowhere", image)
    mistake("there is no file cifar/checkpoint.safetensors", "predict", "cifar", image)
    mistake("Not a directory: notes.png/x", "predict", "notes.png/x", image)
    mistake("notes.png is not a safetensors file, or it is damaged: .*", "predict", "notes.png", image)
    mistake("there is no file nowhere.png", "predict", "run", "nowhere.png")
    mistake("notes.png cannot be read as an image .*", "predict", "run", "notes.png")
    out = mistake("there is no file nowhere.png", "predict", "run", image, "nowhere.png")
    assert out.startswith(f"{image}: class")  # what could be said was said


def test_an_image_cut_short(mistake) -> None:
    content = Path("pets/test/cat/0.png").read_bytes()
    for keep in (0, 10, 40, len(content) // 2):
        Path("cut.png").write_bytes(content[:keep])
        mistake(r"cut.png cannot be read as an image \(.*\)", "predict", "run", "cut.png")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_exploding_learning_rate(mistake) -> None:
    message = "training stopped at step 2: the loss is nan: .* is not finite.*; a smaller lr or a longer warmup .*"
    mistake(message, "train", "--data", "cifar", "--lr", "1e30", "--out", "x", *TINY, new=("x/config.json",))


def test_too_little_memory(mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> None:
        np.empty(2**60, np.uint8)

    monkeypatch.setattr("minivit.train.trainer.training_step", greedy)
    message = r"not enough memory \(Unable to allocate .*\)"
    mistake(message, "train", "--data", "cifar", "--out", "x", *TINY, new=("x/config.json",))


# A full disk


@REST
@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk(place: Path, mistake, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first epoch nothing can be written: the training stops, and goes on when there is room again."""
    right, calls = getattr(os, failing), []

    def full(*args: Any) -> None:
        if not isinstance(args[0], int) or not stat.S_ISDIR(os.fstat(args[0]).st_mode):  # a folder is no file
            calls.append(1)
        if len(calls) > 3:  # config.json, metrics.csv, checkpoint
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        right(*args)

    new = ("mine/config.json", "mine/metrics.csv", "mine/checkpoint.safetensors")
    message = (
        "No space left on device: mine/metrics.csv; what was saved before is untouched: make room, or whatever is "
        "needed, then go on with: minivit train --resume mine"
    )
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        mistake(message, "train", "--data", "cifar", "--out", "mine", *TINY, new=new)
    assert read_arrays("mine/checkpoint.safetensors")[1]["metadata"]["step"] == 2
    assert cli.main(["train", "--resume", "mine"]) == 0
    assert_same_training(place / "mine", place / "run")


@REST
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), MemoryError(), ZeroDivisionError()]
)
def test_a_picture_that_cannot_be_drawn(
    place: Path, error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training is done by then: the others are drawn, and resuming draws it, too."""
    monkeypatch.setattr(pictures, "draw_run", DRAW_RUN)

    def save(_: object, path: Path) -> None:
        if path.name == "predictions.png":
            raise error
        path.write_bytes(b"drawn again")

    before = contents(place / "run")
    monkeypatch.setattr(plot, "save", save)
    assert cli.main(["train", "--resume", "run"]) == 0
    out, err = capsys.readouterr()
    assert err == f"minivit: {Path('run', 'predictions.png')} could not be drawn: {sentence(error)}\n"
    assert "predictions.png" not in out
    after = contents(place / "run")
    assert before.keys() == after.keys()
    drawn = {f"{name}.png" for name in PICTURES} - {"predictions.png"}
    assert after == {**before, **dict.fromkeys(drawn, b"drawn again")}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 5 MB: room for one checkpoint of 3.7 MB, not for a second beside it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root on Linux can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full(place: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = small_disk / "run"
    assert cli.main(["train", "--data", "cifar", "--out", str(run), *TINY]) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(rf"minivit: No space left on device.* minivit train --resume {run}\n", err), err
    assert sorted(os.listdir(run)) == ["checkpoint.safetensors", "config.json", "metrics.csv"]
    assert read_arrays(run / "checkpoint.safetensors")[1]["metadata"]["step"] == 2
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert cli.main(["train", "--resume", str(run)]) == 0
    assert_same_training(run, place / "run")


# The same mistakes in the library, as a notebook meets them: without the checks of the test run


def test_wrong_calls_of_the_library() -> None:
    calls = {
        "mv.models.ViT(embed_dim=130, num_heads=4)": "ValueError: width 130 is not divisible by num_heads 4: .*",
        "mv.create_model('vit_tiny_patch4_32', img_size=30)": "ValueError: .*30 x 30 is not divisible.*; 28 x 28 .*",
        "model.forward(np.zeros((2, 32, 32, 1), 'f'))": "ValueError: images have 1 channels; the model expects 3.*",
        "model.forward(np.zeros((2, 3, 32, 32), 'f'))": "ValueError: .*channels last",
        "model.forward(np.zeros((32, 32, 3), 'f'))": r"ValueError: .*\(32, 32, 3\); the model expects \(batch, 32, .*",
        "model.forward(np.zeros((2, 32, 32, 3), 'u1'))": "TypeError: images have dtype uint8; .*convert them first.*",
        "model.forward(np.zeros((2, 32, 32, 3)))": "TypeError: images have dtype float64; .*float32.*",
        "step(np.zeros((2, 32, 32, 3), 'f'), np.array([0, 10]))": "ValueError: label 10 is out of range; .* 0 to 9 .*",
        "step(np.zeros((2, 32, 32, 3), 'f'), np.array([0.0, 1.0]))": "ValueError: .*soft targets .*",
        "step(np.zeros((0, 32, 32, 3), 'f'), np.zeros(0, int))": "ValueError: .*expected as many, at least one",
    }
    setup = """
import numpy as np, minivit as mv
model = mv.create_model("vit_tiny_patch4_32")
def step(images, labels):
    mv.train.training_step(model, images, labels, optimizer=mv.train.AdamW(model), threads=1)
"""
    for (call, message), found in zip(calls.items(), said(setup, calls), strict=True):
        assert re.fullmatch(message, found), f"{call}: {found}"
