"""``minivit course``: what it prints, and its exit codes."""

import json
import subprocess
import sys

import pytest

from minivit.cli import main
from minivit.course import grade
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source, stub_source


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


SOLUTIONS = {
    "syntax": "def adam_update(:\n",
    "import": "import nothing_of_this_name\n\n\ndef adam_update(): ...\n",
    "unknown": "def another_function(): ...\n",
    "nul": "def adam_update():\n\0\n",
    "latin": "# \xe9\ndef adam_update(): ...\n",
    "stub": stub_source(EXERCISES["adamw"]),
}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("start nothing", "there is no exercise 'nothing'; there are softmax, "),
        ("start adamw -o stub", "stub exists already: choose another folder with -o DIR"),
        ("start adamw -o stub/solution.py/new", "the folder stub/solution.py/new cannot be made: Not a directory"),
        ("check nowhere", "there is no folder nowhere"),
        ("check stup", "there is no folder stup; did you mean stub?"),
        ("check attention", "there is no folder attention; begin with: minivit course start attention"),
        ("check .", "solution.py cannot be read: No such file or directory"),
        ("check syntax", 'the solution cannot be loaded: File "{here}/syntax/solution.py", line 1'),
        ("check import", 'the solution cannot be loaded: File "{here}/import/solution.py", line 1'),
        ("check unknown", "unknown/solution.py defines no function of any exercise; minivit course list names them"),
        ("check nul", "the solution cannot be loaded: SyntaxError: source code string cannot contain null bytes"),
        ("check latin", "latin/solution.py cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        ("check stub --seed -1", "seed is -1; expected 0 or more"),
        ("check stub --json nowhere/marks.json", "No such file or directory: nowhere/marks.json"),
        ("check stub --json stub/solution.py/marks.json", "Not a directory: stub/solution.py/marks.json"),
        ("check stub --json latin", "Is a directory: latin"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other words for these errors")
def test_what_cannot_run(command, says, tmp_path, capsys, monkeypatch):
    """Exit code 2, so that it is not taken for marks."""
    monkeypatch.chdir(tmp_path)
    for name, source in SOLUTIONS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "solution.py").write_text(source, encoding="latin-1")
    assert main(["course", *command.split()]) == 2
    assert capsys.readouterr().err.startswith("minivit: " + says.format(here=tmp_path.resolve()))


def test_a_file_for_json_that_cannot_be_written_is_found_out_before_the_checks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grade, "run_checks", lambda *_, **__: pytest.fail("the checks ran"))
    main(["course", "start", "adamw"])
    assert main(["course", "check", "adamw", "--json", "nowhere/marks.json"]) == 2
    assert main(["course", "check", "nowhere", "--json", "marks.json"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["adamw"]  # the trial leaves no file


def test_the_file_of_a_solution_stands_for_its_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["course", "start", "adamw"])
    assert main(["course", "check", "adamw/solution.py"]) == 1
    assert "adamw: 0 of " in capsys.readouterr().out


def test_exit_codes_reach_the_shell(tmp_path):
    def code(*args):
        command = [sys.executable, "-m", "minivit", "course", *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    (tmp_path / "solved").mkdir()
    (tmp_path / "solved" / "solution.py").write_text(solved_source(EXERCISES["adamw"]), encoding="utf-8")
    assert [code("start", "adamw"), code("check", "solved"), code("check", "adamw"), code("check", ".")] == [0, 0, 1, 2]
    assert code("check") == 2


def test_training_with_an_unfinished_solution_is_refused(tmp_path, capsys):
    folder = str(tmp_path / "work")
    main(["course", "start", "adamw", "-o", folder])
    assert main(["train", "--with", folder, "--out", str(tmp_path / "run")]) == 1
    assert "not training with" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
