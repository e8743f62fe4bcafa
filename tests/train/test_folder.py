"""The folder of a run: what is written comes back, and what is damaged is named."""

import errno
import json
import os
import shlex
import stat
import subprocess
import sys
import threading
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.train import Metrics
from minivit.train.folder import RunFolder, create_numbered
from tests.rights import as_nobody, posix
from tests.sampled import REST
from tests.train.small import small_dataset, small_recipe, small_trainer

SOURCE = {"data": "shapes", "data_dir": None}
RECIPE = json.loads(json.dumps(asdict(small_recipe())))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.create(small_recipe(), SOURCE)
    return folder


def test_the_configuration_comes_back(folder: RunFolder) -> None:
    assert RunFolder(str(folder.path)).read_config() == (small_recipe(), SOURCE, [])


def test_solutions_come_back_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "run")
    folder.create(small_recipe(), SOURCE, ["softmax", "deep/../adamw"])
    assert folder.read_config()[2] == [str(tmp_path.resolve() / name) for name in ("softmax", "adamw")]


def test_a_configuration_from_before_solutions_were_kept(folder: RunFolder) -> None:
    config = json.loads(folder.config_path.read_text())
    del config["with"]
    folder.config_path.write_text(json.dumps(config))
    assert folder.read_config() == (small_recipe(), SOURCE, [])


def test_fingerprints_come_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(small_recipe(), SOURCE, fingerprints={"data": "a", "init": "b"})
    again = RunFolder(tmp_path / "run")
    again.read_config()
    assert again.fingerprints == folder.fingerprints == {"data": "a", "init": "b"}


def test_a_configuration_from_before_fingerprints_were_kept(folder: RunFolder) -> None:
    """And without a checkpoint: there is nothing that could tell whether something has changed."""
    config = json.loads(folder.config_path.read_text())
    del config["fingerprints"]
    folder.config_path.write_text(json.dumps(config))
    folder.read_config()
    folder.resume(small_trainer(small_dataset()))


def test_a_folder_that_exists(folder: RunFolder, tmp_path: Path) -> None:
    content = folder.config_path.read_bytes()
    with pytest.raises(FileExistsError, match=r"run exists already: choose another --out, or go on .* --resume .*run$"):
        folder.create(small_recipe(seed=1), SOURCE)
    assert folder.config_path.read_bytes() == content
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    (tmp_path / "file").touch()
    for name in ("photos", "file"):
        with pytest.raises(FileExistsError, match=rf"{name} exists already: choose another --out$"):
            RunFolder(tmp_path / name).create(small_recipe(), SOURCE)
    assert os.listdir(tmp_path / "photos") == ["cat.png"]
    with pytest.raises(NotADirectoryError, match=r"run cannot be made: .*file is not a folder$"):
        RunFolder(tmp_path / "file" / "run").create(small_recipe(), SOURCE)


@pytest.mark.parametrize("left", [[], [".lock"], [".lock", f".{'0' * 32}.tmp"]])
def test_a_folder_in_which_a_run_was_never_begun(tmp_path: Path, left: list[str]) -> None:
    """Because the process was killed or the disk was full, before there was a config.json."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    for name in left:
        (folder.path / name).touch()
    folder.create(small_recipe(), SOURCE)
    with folder.held():
        assert folder.read_config() == (small_recipe(), SOURCE, [])
    assert os.listdir(folder.path) == ["config.json"]


def test_a_first_write_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: .*config.json"):
            folder.create(small_recipe(), SOURCE)
    assert os.listdir(folder.path) == []
    folder.create(small_recipe(), SOURCE)
    assert folder.read_config() == (small_recipe(), SOURCE, [])


def test_metrics_come_back(folder: RunFolder) -> None:
    rows = [Metrics(1, 1 / 3, 2.345678901234567, 1e-05, None), Metrics(2, 2 / 3, 0.1, 0.30000000000000004, 0.25)]
    assert folder.read_metrics(0) == []
    folder.save(small_trainer(small_dataset()), rows)
    assert folder.read_metrics(2) == rows
    assert folder.read_metrics(1) == rows[:1]  # the second step is done again
    assert folder.metrics_path.read_text().splitlines()[0] == "step,epoch,loss,lr,test_score"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2])  # the first file is metrics.csv, the second the checkpoint
def test_a_full_disk(folder: RunFolder, failing: str, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small_trainer(small_dataset())
    rows = [next(trainer.run())]
    folder.save(trainer, rows)
    content = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    calls, right = [], getattr(os, failing)

    def full(*args: Any) -> None:
        is_folder = isinstance(args[0], int) and stat.S_ISDIR(os.fstat(args[0]).st_mode)  # which is no file
        calls.extend([] if is_folder else [args])
        if len(calls) == call and not is_folder:
            raise OSError(errno.ENOSPC, "No space left on device")
        right(*args)

    monkeypatch.setattr(os, failing, full)
    rows.append(next(trainer.run()))
    with pytest.raises(OSError, match="No space left on device"):
        folder.save(trainer, rows)
    left = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    assert left.keys() == content.keys()
    assert left["checkpoint.safetensors"] == content["checkpoint.safetensors"]
    assert folder.read_metrics(1) == rows[:1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "Expecting value"),
        ('{"recipe": {"epochs": 3', "Expecting"),
        ("[]", r"all of it is \[\]; expected dict"),
        ("null", "all of it is None; expected dict"),
        ("[" * 10_000 + "]" * 10_000, "nested more than 32 deep"),
        ("{}", "it has no entry 'recipe'"),
        ('{"recipe": {}, "recipe": {}}', "the name 'recipe' stands there twice"),
        ({"recipe": {}}, "it has no entry 'model'"),
        ({"recipe": {name: RECIPE[name] for name in RECIPE if name != "betas"}}, "it has no entry 'betas'"),
        ({"recipe": 3}, "recipe is 3; expected dict"),
        ({"recipe": RECIPE | {"epochs": -1}}, "epochs is -1"),
        ({"recipe": RECIPE | {"lr": float("nan")}}, "the number NaN is not finite"),
        ({"recipe": RECIPE | {"lr": float("inf")}}, "the number Infinity is not finite"),
        ({"recipe": RECIPE | {"speed": 9}}, "speed"),
        ({"recipe": RECIPE | {"betas": [0.9, 0.9, 0.9]}}, "betas"),
        ({"data": None}, "data is None; expected dict"),
        ({"data": {"data": "shapes"}}, "it has no entry 'data_dir'"),
        ({"data": {"data": 3, "data_dir": None}}, "data is 3; expected str"),
        ({"data": {"data": "shapes", "data_dir": ["downloads"]}}, r"data_dir is \['downloads'\]; expected str | None"),
        ({"with": "softmax"}, "its entry 'with' is 'softmax'; expected a list of folders"),
        ({"with": [3]}, r"its entry 'with' is \[3\]; expected a list of folders"),
        ({"with": ["a\0b"]}, "embedded null"),
        ({"fingerprints": {"data": 3}}, "fingerprints is .*3.*; expected dict"),
    ],
    ids=count(),
)
def test_a_damaged_configuration(folder: RunFolder, config: str | dict, message: str) -> None:
    if isinstance(config, dict):
        config = json.dumps({"minivit": "0.1.0", "recipe": RECIPE, "data": SOURCE, "with": []} | config)
    folder.config_path.write_text(config)
    with pytest.raises(ValueError, match=rf"(?s)config.json is damaged: .*{message}"):
        folder.read_config()


def test_not_the_folder_of_a_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"is not the folder of a run: there is no config.json in it"):
            RunFolder(path).read_config()


@posix
def test_who_may_not_read_is_told_so(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that there is no such run, or no metrics."""
    folder.metrics_path.touch()
    monkeypatch.chdir(folder.path)
    for path in (folder.config_path, folder.metrics_path):
        path.chmod(0)
    here = RunFolder(".")
    with as_nobody(), pytest.raises(PermissionError, match=r"Permission denied: 'config.json'$"):
        here.read_config()
    with as_nobody(), pytest.raises(PermissionError, match=r"Permission denied: 'metrics.csv'$"):
        here.read_metrics(0)
    with as_nobody(), pytest.raises(PermissionError, match=r"Permission denied: '.'$"), here.held():
        pytest.fail("nobody may write there")


@posix
def test_a_checkpoint_that_cannot_be_read_is_not_written_over(folder: RunFolder) -> None:
    """Also where it seems not to be there."""
    folder.checkpoint_path.symlink_to(folder.checkpoint_path.name)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        folder.resume(small_trainer(small_dataset()))


HEAD = "step,epoch,loss,lr,test_score\n"
ROWS = ["1,0.5,2.0,0.1,\n", "2,1.0,1.5,0.1,0.25\n", "3,1.5,1.25,0.1,\n"]


@pytest.mark.parametrize("row", ["1,0.5", "one,0.5,2,0.1,", "1,0.5,2,0.1,,,"])
def test_damaged_metrics(folder: RunFolder, row: str) -> None:
    folder.metrics_path.write_text(f"{HEAD}{row}\n")
    with pytest.raises(ValueError, match=r"metrics.csv is damaged: .*; without that file it works"):
        folder.read_metrics(1)


def test_metrics_that_are_whole(folder: RunFolder) -> None:
    """Also those of a run that went on without its first file, and those of steps that it does again."""
    folder.metrics_path.write_text(HEAD + "".join(ROWS))
    assert [len(folder.read_metrics(step)) for step in (0, 1, 2, 3)] == [0, 1, 2, 3]
    folder.metrics_path.write_text(HEAD + "".join(ROWS[1:]))
    assert [row.step for row in folder.read_metrics(3)] == [2, 3]
    folder.metrics_path.write_text(HEAD)
    assert folder.read_metrics(0) == []


def test_metrics_of_a_run_from_when_there_was_one_task(folder: RunFolder) -> None:
    folder.metrics_path.write_text("step,epoch,loss,lr,test_accuracy\n" + "".join(ROWS))
    assert [row.test_score for row in folder.read_metrics(3)] == [None, 0.25, None]


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_run_whose_score_is_no_finite_number_can_go_on(folder: RunFolder, score: float) -> None:
    """The loss is finite in every step; the score on other examples, with running averages, need not be."""
    rows = [Metrics(1, 0.5, 2.0, 0.1, None), Metrics(2, 1.0, 1.5, 0.1, score)]
    folder.save(small_trainer(small_dataset()), rows)
    np.testing.assert_equal(folder.read_metrics(2)[1].test_score, score)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line is not step,epoch,loss,lr,test_score"),
        ("".join(ROWS), "its first line is not step,epoch,loss,lr,test_score"),
        (HEAD.strip(), "its first line is not"),
        (HEAD, "it ends before step 3, where the checkpoint stands"),
        (HEAD + "".join(ROWS[:2]), "it ends before step 3, where the checkpoint stands"),
        (HEAD + HEAD + "".join(ROWS), "invalid literal for int"),
        (HEAD + "".join(ROWS) + HEAD + "".join(ROWS), "invalid literal for int"),
        (HEAD + "".join(ROWS) + "".join(ROWS), "step 3 is followed by step 1"),
        (HEAD + ROWS[0] + "".join(ROWS), "step 1 is followed by step 1"),
        (HEAD + ROWS[0] + ROWS[2], "step 1 is followed by step 3"),
        (HEAD + "".join(ROWS).replace("1.5,0.1", "nan,0.1"), "a number of step 2 is not finite"),
        (HEAD + "".join(ROWS).replace("1.0,1.5", "inf,1.5"), "a number of step 2 is not finite"),
        (HEAD + "".join(ROWS).replace("1.5,0.1", "1e999,0.1"), "a number of step 2 is not finite"),
        (HEAD + "".join(ROWS) + "\n", "not enough values"),
        (HEAD + "".join(ROWS).replace("1", "\0"), "damaged"),
        ("\0" * 100, "its first line is not"),
    ],
    ids=count(),
)
def test_metrics_that_are_not_those_of_the_checkpoint(folder: RunFolder, text: str, message: str) -> None:
    folder.metrics_path.write_text(text)
    with pytest.raises(
        ValueError, match=rf"metrics.csv is damaged: .*{message}.*; without that file it works|{message}"
    ):
        folder.read_metrics(3)


def test_metrics_cut_anywhere(folder: RunFolder) -> None:
    content = HEAD + "".join(ROWS)
    for end in range(len(content)):
        folder.metrics_path.write_text(content[:end])
        with pytest.raises(ValueError, match=r"metrics.csv is damaged"):
            folder.read_metrics(3)


def test_leftovers_are_removed(folder: RunFolder) -> None:
    """Ours, while the folder is ours; nothing that anybody else has put there."""
    theirs = {"config.json", "notes.txt", ".notes.tmp", ".cafe.tmp"}
    for name in {f".{'0123456789abcdef' * 2}.tmp", *theirs} - {"config.json"}:
        (folder.path / name).write_text("half a checkp")
    with folder.held():
        assert {path.name for path in folder.path.iterdir()} == {*theirs, ".lock"}
    assert {path.name for path in folder.path.iterdir()} == theirs


def test_the_temporary_file_of_another_process_stays(folder: RunFolder) -> None:
    with folder.held():
        (folder.path / f".{'0' * 32}.tmp").touch()
        with pytest.raises(BlockingIOError, match="another process works in"), RunFolder(folder.path).held():
            pytest.fail("two have it")
        assert len(os.listdir(folder.path)) == 3


@posix
def test_a_file_system_without_locks(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be known whose the temporary files are, so they stay."""
    monkeypatch.setattr("minivit.files._lock", lambda _: False)
    (folder.path / f".{'0' * 32}.tmp").touch()
    with folder.held():
        assert (folder.path / f".{'0' * 32}.tmp").exists()
        assert capsys.readouterr().out.endswith(
            "run: this file system has no locks; see to it that no other process trains in there\n"
        )


# Solutions are code


def test_solutions_must_be_named(folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder.must_be_named([])
    with pytest.raises(ValueError, match=r"^--resume goes on with a run as it was begun; --with cannot change it$"):
        folder.must_be_named(["softmax"])
    other = RunFolder("other run")
    other.create(small_recipe(), SOURCE, ["softmax", "my adamw"])
    for found in (other, RunFolder("other run")):
        if found is not other:
            found.read_config()
        found.must_be_named(["softmax", "my adamw"])
        found.must_be_named([str(tmp_path / "softmax"), "x/../my adamw"])
        for named in (
            [],
            ["softmax"],
            ["my adamw", "softmax"],
            ["softmax", "my adamw", "linear"],
            ["softmax", "adamw"],
        ):
            with pytest.raises(
                ValueError, match=r"other run computes with functions of its own, and .* --resume "
            ) as caught:
                found.must_be_named(named)
            command = shlex.split(str(caught.value).partition("go on with: ")[2])
            full = [str(tmp_path.resolve() / name) for name in ("softmax", "my adamw")]
            assert command == ["minivit", "train", "--resume", "other run", "--with", full[0], "--with", full[1]]


# What cannot be written


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_left_after_an_error(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is so is said: that something was saved, that nothing was, that the folder is gone."""
    trainer = small_trainer(small_dataset())
    go_on = f"make room, or whatever is needed, then go on with: {folder.resume_command()}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match=r"No space left on device: .*metrics.csv; nothing was saved yet: ") as caught:
            folder.save(trainer, [])
    assert (caught.value.errno, str(caught.value).endswith(go_on)) == (errno.ENOSPC, True)
    folder.save(trainer, [])
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match=r"metrics.csv; what was saved before is untouched: ") as caught:
            folder.save(trainer, [])
    assert str(caught.value).endswith(go_on)
    folder.path.rename(folder.path.with_name("moved"))
    with pytest.raises(
        OSError, match=r"metrics.csv; .*run was moved or removed during the training, and what was saved"
    ):
        folder.save(trainer, [])
    assert not folder.path.exists()


@posix
def test_another_run_in_its_place(folder: RunFolder) -> None:
    """It is not written over by one that was begun in a folder of that name."""
    trainer = small_trainer(small_dataset())
    other = RunFolder(folder.path.with_name("other"))
    other.create(small_recipe(), SOURCE)
    other.save(trainer, [])
    content = {path.name: path.read_bytes() for path in other.path.iterdir()}
    with folder.held():
        folder.save(trainer, [])
        folder.path.rename(folder.path.with_name("moved"))
        other.path.rename(folder.path)
        message = r"another folder is there now: .*run; .*run was moved or removed during the training"
        with pytest.raises(FileNotFoundError, match=message):
            folder.save(trainer, [next(trainer.run())])
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == content


def test_runs_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "shapes-2").touch()
    paths = [create_numbered(tmp_path / "runs", "shapes", small_recipe(), SOURCE).path.name for _ in range(3)]
    assert paths == ["shapes-1", "shapes-3", "shapes-4"]
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"shapes-1 cannot be made: .*file is not a folder$"):
        create_numbered(tmp_path / "file", "shapes", small_recipe(), SOURCE)


def test_runs_that_begin_at_once_have_different_numbers(tmp_path: Path) -> None:
    begin = threading.Barrier(8)
    found = []

    def create(seed: int) -> None:
        begin.wait()
        folder = create_numbered(tmp_path / "runs", "shapes", small_recipe(seed=seed), SOURCE)
        found.append((folder.read_config()[0].seed, seed))

    threads = [threading.Thread(target=create, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(seed, seed) for seed in range(8)]
    assert len(os.listdir(tmp_path / "runs")) == 8


# Killed while it saves

KILLED = """
import os, signal, sys
from minivit.train.folder import RunFolder
from tests.train.small import small_dataset, small_trainer

dataset = small_dataset()
folder, trainer, again = RunFolder(sys.argv[1]), small_trainer(dataset), small_trainer(dataset)
steps, rows, states = trainer.run(), [], []
for _ in range(2):
    rows.append(next(steps))
    folder.save(trainer, rows)
    states.append((folder.metrics_path.read_bytes(), folder.checkpoint_path.read_bytes()))
old, new = states
names = sorted(os.listdir(folder.path))

def kill_at(line):
    def trace(frame, event, arg):
        nonlocal line
        if not frame.f_code.co_filename.endswith(("files.py", "folder.py")):
            return None
        line -= event == "line"
        if line < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    return trace

def kill_at_byte(size):
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the system kills who writes beyond it, in the middle of a write
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def killed(prepare):
    folder.metrics_path.write_bytes(old[0])
    folder.checkpoint_path.write_bytes(old[1])
    child = os.fork()
    if child == 0:
        prepare()
        folder.save(trainer, rows)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = folder.metrics_path.read_bytes(), folder.checkpoint_path.read_bytes()
    assert found in (old, (new[0], old[1]), new), "half a file"
    with folder.held():
        folder.resume(again)
        assert len(folder.read_metrics(again.step)) == again.step in (1, 2)
    assert sorted(os.listdir(folder.path)) == names
    assert status == 0 or os.WIFSIGNALED(status), status
    ends.append((status != 0, found == new))

ends = []
while not ends or ends[-1][0]:
    killed(lambda: sys.settrace(kill_at(len(ends))))
assert ends[0] == (True, False) and ends[-1] == (False, True)
lines = len(ends) - 1
for size in range(0, len(new[1]), len(new[1]) // 20):
    killed(lambda: kill_at_byte(size))
print(lines, sum(was_killed for was_killed, _ in ends))
"""


@REST
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_killed_at_every_line_of_a_save(folder: RunFolder) -> None:
    """With signal 9, before each line that runs, and in the middle of a write: the old state or the new, never half."""
    done = subprocess.run([sys.executable, "-c", KILLED, folder.path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines, kills = map(int, done.stdout.split())
    assert lines > 60
    assert kills >= lines + 20
