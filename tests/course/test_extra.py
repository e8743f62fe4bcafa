"""A lecturer's own checks, beside those of the exercises; and what the page for lecturers says of them."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from minivit.check.draw import Case
from minivit.cli import build_parser, main
from minivit.course.checks import check_names
from minivit.course.exercise import Property, Task
from minivit.course.exercises import EXERCISES
from minivit.course.extra import with_extra
from minivit.course.stub import solved_source, start
from tests.sampled import REST

TEACHING = Path(__file__).parents[2] / "docs" / "teaching.md"
TEXT = TEACHING.read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A right solution, a wrong one, and the file with checks that the page shows."""
    monkeypatch.chdir(tmp_path)
    solved = solved_source(EXERCISES["softmax"])
    for name, text in {
        "right": solved,
        "wrong": solved.replace("    y /= total\n", "    y /= total\n    y[..., 500:] = 0\n"),
    }.items():
        start(EXERCISES["softmax"], f"submissions/{name}")
        Path(f"submissions/{name}/solution.py").write_text(text, encoding="utf-8")
    Path("hidden.py").write_text(EXAMPLE, encoding="utf-8")


@REST
def test_the_example_finds_what_the_exercise_does_not(work, capsys):
    assert main(["course", "check", "submissions/wrong"]) == 0
    assert main(["course", "check", "submissions/right", "--with-checks", "hidden.py"]) == 0
    assert "ok  order does not matter" in capsys.readouterr().out
    assert main(["course", "check", "submissions/wrong", "--with-checks", "hidden.py"]) == 1
    assert "NO  numbers of one long row" in capsys.readouterr().out


@REST
def test_they_count_in_the_list_of_grades(work):
    assert main(["course", "grade", "submissions", "--csv", "grades.csv", "--with-checks", "hidden.py"]) == 0
    head, right, wrong = Path("grades.csv").read_text(encoding="utf-8-sig").splitlines()
    own = sum(len(check_names(task)) for task in EXERCISES["softmax"].tasks)
    assert right.startswith(f"right,,softmax,checked,{own + 2},{own + 2},")
    assert wrong.split(",")[5] == str(own + 2) > wrong.split(",")[4]
    assert f"softmax_forward (of {len(check_names(EXERCISES['softmax'].tasks[0])) + 2})" in head


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "hidden.py has no TASKS, a tuple of minivit.course.exercise.Task"),
        ("TASKS = 3", "hidden.py has no TASKS"),
        ("TASKS = ()", "hidden.py has no TASKS"),
        ("TASKS = ('softmax_forward',)", "hidden.py has no TASKS"),
        ("TASKS = (Task('softmax', {}),)", "hidden.py checks softmax, which no exercise asks for"),
        (
            "TASKS = (Task('softmax_forward', {'': print}),)",
            "hidden.py checks softmax_forward '', as the exercise does",
        ),
        (
            "TASKS = 2 * (Task('softmax_forward', {'x': print}),)",
            "hidden.py checks softmax_forward 'x', as the exercise does; choose another name",
        ),
        (
            "TASKS = (Task('softmax_forward', {}, (Property('rows sum to one', None),)),)",
            "hidden.py checks softmax_forward 'rows sum to one', as the exercise does",
        ),
        (
            "TASKS = (Task('softmax_forward', {}, keep_loops=True),)",
            "hidden.py gives softmax_forward more than cases and properties",
        ),
    ],
)
def test_a_file_that_adds_nothing_is_told(text, says, work, capsys):
    Path("hidden.py").write_text(f"from minivit.course.exercise import Property, Task\n{text}", encoding="utf-8")
    assert main(["course", "check", "submissions/right", "--with-checks", "hidden.py"]) == 2
    assert capsys.readouterr().err.startswith(f"minivit: {says}")


@REST
def test_checks_that_the_reference_fails_are_told_before_anybody_is_graded(work, capsys):
    Path("hidden.py").write_text(EXAMPLE.replace("if same", "if not same"), encoding="utf-8")
    assert main(["course", "grade", "submissions", "--csv", "grades.csv", "--with-checks", "hidden.py"]) == 2
    says = "softmax_forward (order does not matter): scores in reverse must give shares in reverse"
    assert capsys.readouterr().err == f"minivit: the reference itself does not pass softmax: {says}\n"
    assert not Path("grades.csv").exists()


def test_a_mistake_in_the_file_is_shown_with_its_line(work, capsys):
    Path("hidden.py").write_text("x = 1\nx / 0\n", encoding="utf-8")
    assert main(["course", "check", "submissions/right", "--with-checks", "hidden.py"]) == 2
    assert 'hidden.py", line 2' in capsys.readouterr().err


def test_an_exercise_is_not_changed_by_what_is_added_to_it():
    exercise = EXERCISES["softmax"]
    task = Task("softmax_forward", {"more": lambda rng: Case((np.zeros(3),), {})}, (Property("p", lambda c, r: None),))
    assert [*check_names(with_extra(exercise, [task]).tasks[0])].count("numbers more") == 1
    assert "numbers more" not in check_names(exercise.tasks[0])
    assert with_extra(exercise, [Task("adam_update", {})]) == exercise


COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    minivit ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_are_spelt_right(command):
    assert build_parser().parse_args(shlex.split(command)[1:]).run


def test_the_plan_of_the_page_is_that_of_the_exercises():
    rows = re.findall(r"^\| \d+ \| `(\w+)`[^|]*\|([^|]*)\|([^|]*)\|$", TEXT, re.MULTILINE)
    plan = {lecture: (re.findall(r"`(\w+)`", names), minutes.strip()) for lecture, names, minutes in rows}
    for lecture, (names, minutes) in plan.items():
        assert names == [name for name, exercise in EXERCISES.items() if exercise.lecture == lecture]
        assert minutes == (str(sum(EXERCISES[name].minutes for name in names)) if names else "")
    assert {exercise.lecture for exercise in EXERCISES.values()} <= {*plan}
