"""The folder of a run: what is written comes back, and what is damaged is named."""

import errno
import json
import os
from pathlib import Path

import pytest

from minivit.train import Metrics
from minivit.train.folder import RunFolder, new_run_path
from tests.train.small import small_dataset, small_recipe, small_trainer

GOOD = '"recipe": {"betas": [0, 0]}, "data": {"data": "shapes", "data_dir": null}'
SOURCE = {"data": "shapes", "data_dir": None}


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


def test_a_folder_that_exists(folder: RunFolder, tmp_path: Path) -> None:
    content = folder.config_path.read_bytes()
    with pytest.raises(FileExistsError, match=r"run exists already: choose another --out, or go on .* --resume .*run$"):
        folder.create(small_recipe(seed=1), SOURCE)
    assert folder.config_path.read_bytes() == content
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileExistsError, match=r"photos exists already: choose another --out$"):
        RunFolder(tmp_path / "photos").create(small_recipe(), SOURCE)


def test_metrics_come_back(folder: RunFolder) -> None:
    rows = [Metrics(1, 1 / 3, 2.345678901234567, 1e-05, None), Metrics(2, 2 / 3, 0.1, 0.30000000000000004, 0.25)]
    assert folder.read_metrics(0) == []
    folder.save(small_trainer(small_dataset()), rows)
    assert folder.read_metrics(2) == rows
    assert folder.read_metrics(1) == rows[:1]  # the second step is done again
    assert folder.metrics_path.read_text().splitlines()[0] == "step,epoch,loss,lr,test_accuracy"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2])  # the first file is metrics.csv, the second the checkpoint
def test_a_full_disk(folder: RunFolder, failing: str, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = small_trainer(small_dataset())
    rows = [next(trainer.run())]
    folder.save(trainer, rows)
    content = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    calls, right = [], getattr(os, failing)

    def full(*args: object) -> None:
        calls.append(args)
        if len(calls) == call:
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
        ("[]", "is damaged"),
        ("{}", "it has no entry 'recipe'"),
        ('{"recipe": {}, "data": {"data": "shapes", "data_dir": null}}', "it has no entry 'betas'"),
        ('{"recipe": {"betas": [0, 0]}}', "it has no entry 'data'"),
        ('{"recipe": {"betas": [0, 0]}, "data": {"data": "shapes"}}', "it has no entry 'data_dir'"),
        ('{"recipe": {"betas": [0, 0], "epochs": -1}, "data": {"data": "", "data_dir": null}}', "epochs is -1"),
        ('{"recipe": {"betas": [0, 0], "speed": 9}, "data": {"data": "", "data_dir": null}}', "speed"),
        (f'{{{GOOD}, "with": "softmax"}}', "its entry 'with' is 'softmax'; expected a list of folders"),
        (f'{{{GOOD}, "with": [3]}}', r"its entry 'with' is \[3\]; expected a list of folders"),
    ],
)
def test_a_damaged_configuration(folder: RunFolder, config: str, message: str) -> None:
    folder.config_path.write_text(config)
    with pytest.raises(ValueError, match=rf"config.json is damaged: .*{message}|config.json {message}"):
        folder.read_config()


def test_not_the_folder_of_a_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"is not the folder of a run: there is no config.json in it"):
            RunFolder(path).read_config()


@pytest.mark.parametrize("row", ["1,0.5", "one,0.5,2,0.1,", "1,0.5,2,0.1,,,"])
def test_damaged_metrics(folder: RunFolder, row: str) -> None:
    folder.metrics_path.write_text(f"step,epoch,loss,lr,test_accuracy\n{row}\n")
    with pytest.raises(ValueError, match=r"metrics.csv is damaged: .*; without that file it works"):
        folder.read_metrics(1)


def test_leftovers_are_removed(folder: RunFolder) -> None:
    (folder.path / ".0123456789abcdef.tmp").write_text("half a checkp")
    (folder.path / "notes.txt").write_text("mine")
    folder.remove_leftovers()
    assert {path.name for path in folder.path.iterdir()} == {"config.json", "notes.txt"}


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert new_run_path(tmp_path / "runs", "shapes") == tmp_path / "runs" / "shapes-1"
    (tmp_path / "shapes-1").mkdir()
    (tmp_path / "shapes-2").touch()
    assert new_run_path(tmp_path, "shapes") == tmp_path / "shapes-3"
