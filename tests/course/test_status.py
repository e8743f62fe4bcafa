"""``minivit course status`` and ``start all``: how far somebody is, true of the files as they are now."""

import json
from pathlib import Path

import pytest

from minivit.cli import main
from minivit.course import status as telling
from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_solution
from minivit.course.stub import solved_source
from tests.rights import posix
from tests.sampled import REST

REPORTS: dict = {}  # of texts that were checked before: the check itself is tested elsewhere


def check_once(solution):
    key = solution.exercise.name, solution.text
    if key not in REPORTS:
        REPORTS[key] = check_solution(solution)
    return REPORTS[key]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """The folders of two exercises; one has one of two functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(telling, "check_solution", check_once)
    for name in ("layer_norm", "adamw"):
        main(["course", "start", name])
    write("adamw", solved_source(EXERCISES["adamw"]).replace("adam_update(value *", "adam_updat(value *"))
    return tmp_path


def write(name: str, text: str) -> None:
    Path(name, "solution.py").write_text(text, encoding="utf-8")


@pytest.fixture
def checked(monkeypatch):
    """The exercises that were checked, in order."""
    names: list[str] = []

    def check(solution):
        names.append(solution.exercise.name)
        return check_once(solution)

    monkeypatch.setattr(telling, "check_solution", check)
    return names


def said(capsys, *arguments: str) -> list[str]:
    capsys.readouterr()
    assert main(["course", "status", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@REST
def test_what_is_done_in_progress_and_next(work, capsys):
    lines = said(capsys)
    states = {line.split()[0]: line for line in lines[:-1]}
    assert list(states) == list(EXERCISES)
    assert states["softmax"].endswith(f"{EXERCISES['softmax'].place:<36} not started")
    assert states["layer_norm"].endswith(" not started")
    assert states["adamw"].endswith(" in progress: 1 of 2 functions")
    total = sum(exercise.minutes for exercise in EXERCISES.values())
    left = total - EXERCISES["adamw"].minutes + EXERCISES["adamw"].minutes // 2
    first = next(iter(EXERCISES))
    assert lines[-1] == (
        f"0 of {len(EXERCISES)} done, about {left} of {total} minutes left; next: {EXERCISES[first].tasks[0].name}, "
        f"minivit course start {first} -o {first}"
    )


@REST
def test_only_what_has_changed_is_checked_again(work, checked, capsys):
    first = said(capsys)
    assert checked == ["layer_norm", "adamw"]
    assert said(capsys) == first
    assert checked == ["layer_norm", "adamw"]
    write("adamw", solved_source(EXERCISES["adamw"]))
    assert any(line.startswith("adamw ") and line.endswith(" done") for line in said(capsys))
    assert checked == ["layer_norm", "adamw", "adamw"]


@REST
def test_another_minivit_checks_all_again(work, checked, capsys, monkeypatch):
    said(capsys)
    monkeypatch.setattr(telling, "fingerprint", lambda *parts: f"another {parts}")
    said(capsys)
    assert checked == ["layer_norm", "adamw"] * 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"KEY": 3}', '{"KEY": ["done", ["nothing"]]}', '{"KEY": [1, []]}'])
def test_a_memory_that_makes_no_sense_is_as_good_as_none(text, work, checked, capsys):
    first = said(capsys)
    memory = Path(telling.MEMORY)
    key = list(json.loads(memory.read_text(encoding="utf-8")))[-1]
    memory.write_text(text.replace("KEY", key), encoding="utf-8")
    assert said(capsys) == first
    assert checked[2:] == ["layer_norm", "adamw"]


def test_in_a_folder_that_must_not_be_written_it_is_told_all_the_same(work, checked, capsys, monkeypatch):
    def refuse(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(telling, "replace_file", refuse)
    assert said(capsys) == said(capsys)
    assert checked == ["layer_norm", "adamw"] * 2


def test_what_cannot_run_is_told_in_its_line(work, capsys):
    write("adamw", "def adam_update(:\n")
    write("layer_norm", "")
    Path("layer_norm/solution.py").write_bytes(b"\xff")
    lines = said(capsys)
    assert any(
        line.startswith("adamw ") and "cannot run: the solution cannot be loaded: File" in line for line in lines
    )
    assert any(
        line.startswith("layer_norm ") and "cannot run: layer_norm/solution.py cannot be read" in line for line in lines
    )
    assert len(lines) == len(EXERCISES) + 1


def test_an_exercise_in_two_folders_has_two_lines_and_the_better_one_counts(work, capsys):
    Path("--again\n").mkdir()
    write("--again\n", solved_source(EXERCISES["adamw"]))
    lines = said(capsys)
    first, second = (line for line in lines if line.startswith("adamw"))
    assert r" done (in '--again\n')" in first
    assert second.endswith("in progress: 1 of 2 functions")
    assert lines[-1].startswith("1 of ")


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("nowhere", "No such file or directory: nowhere"),
        ("adamw", "no exercise is in adamw; to begin: minivit course start all -o adamw"),
        ("adamw/solution.py", "Not a directory: adamw/solution.py"),
    ],
)
@posix
def test_a_folder_without_exercises(folder, says, work, capsys):
    capsys.readouterr()
    assert main(["course", "status", folder]) == 2
    assert capsys.readouterr().err == f"minivit: {says}\n"


def test_start_all_leaves_what_is_there(work, capsys):
    before = Path("adamw/solution.py").read_bytes()
    capsys.readouterr()
    assert main(["course", "start", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == list(EXERCISES)
    assert [line.partition(":")[0] for line in lines if "was left as it is" in line] == [
        name for name in EXERCISES if name in ("layer_norm", "adamw")
    ]
    assert Path("adamw/solution.py").read_bytes() == before
    assert all(Path(name, file).is_file() for name in EXERCISES for file in ("README.md", "solution.py"))


def test_start_all_in_a_folder_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["course", "start", "all", "-o", "my work"]) == 0
    assert capsys.readouterr().out.endswith("how far you are: minivit course status 'my work'\n")
    assert {path.name for path in Path("my work").iterdir()} == {*EXERCISES}
