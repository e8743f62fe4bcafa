"""``minivit course``: what it prints, and its exit codes."""

import json

import pytest

from minivit.cli import main
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source


def test_list(capsys):
    assert main(["course", "list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in EXERCISES)


def test_start_check_and_solve(tmp_path, capsys):
    folder, marks = str(tmp_path / "work"), tmp_path / "marks.json"
    assert main(["course", "start", "adamw", "-o", folder]) == 0
    assert main(["course", "check", folder]) == 1
    assert "not implemented" in capsys.readouterr().out
    (tmp_path / "work" / "solution.py").write_text(solved_source(EXERCISES["adamw"]), encoding="utf-8")
    assert main(["course", "check", folder, "--json", str(marks)]) == 0
    data = json.loads(marks.read_text(encoding="utf-8"))
    assert data["passed"] == data["total"] == len(data["checks"])


@pytest.mark.parametrize("command", [["start", "nothing"], ["check", "no/such/folder"]])
def test_what_cannot_run(command, capsys):
    assert main(["course", *command]) == 2
    assert capsys.readouterr().err.startswith("minivit: ")


def test_start_does_not_write_over_a_folder(tmp_path, capsys):
    assert main(["course", "start", "adamw", "-o", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_training_with_an_unfinished_solution_is_refused(tmp_path, capsys):
    folder = str(tmp_path / "work")
    main(["course", "start", "adamw", "-o", folder])
    assert main(["train", "--with", folder, "--out", str(tmp_path / "run")]) == 1
    assert "not training with" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
