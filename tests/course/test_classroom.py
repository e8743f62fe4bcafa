"""Grading a folder of submissions, whatever was handed in."""

import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from minivit.cli import main
from minivit.course import batch, classroom
from minivit.course.batch import Verdict
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source, stub_source
from minivit.course.submissions import Solution
from tests.rights import as_nobody, posix
from tests.sampled import REST

SOLVED, STUB = solved_source(EXERCISES["adamw"]), stub_source(EXERCISES["adamw"])
WRONG = SOLVED.replace("beta1 * m", "beta2 * m")
HEAD = STUB.partition("from")[0]  # the docstring, by which it is known

KILL = """
import os, re, signal
check = re.search(r"PPid:\\s*(\\d+)", open(f"/proc/{os.getppid()}/status").read())
os.kill(int(check[1]), signal.SIGKILL)
"""


def put(folder: Path, name: str, content: str | bytes = SOLVED) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def table(path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def grade(*options: str) -> int:
    return main(["course", "grade", "subs", "--csv", "grades.csv", *options])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder ``subs`` in the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "subs").mkdir()
    return tmp_path / "subs"


@pytest.fixture
def quick(here, monkeypatch):
    """The same, and every check says at once that all is right; gives what has been checked."""
    asked = []

    def check_all(solutions, options, jobs):
        asked.append([solution.where for solution in solutions])
        for number, _ in enumerate(solutions):
            yield number, verdict_of_everybody()

    monkeypatch.setattr(classroom, "check_all", check_all)
    return asked


def verdict_of_everybody() -> Verdict:
    check = {"function": "adam_update", "check": "runs", "status": "passed", "message": ""}
    return Verdict("checked", "", {"checks": [check], "passed": 1, "total": 1, "isolated": True})


# name of the file: content, state, how much of it is right, a piece of the message
KINDS: dict[str, tuple[str | bytes, str, str, str]] = {
    "right/solution.py": (SOLVED, "checked", "all", ""),
    "Ada Lovelace_1815_assignsubmission_file_/solution.py": (SOLVED, "checked", "all", ""),
    "Müller Jürgen_12_assignsubmission_file/sub/other name.py": (SOLVED, "checked", "all", ""),
    "flat_1234_assignsubmission_file_solution.py": (SOLVED, "checked", "all", ""),
    "lovelaceada_LATE_1234_5678_solution-1.py": (SOLVED, "checked", "all", ""),
    "submission_42/solution.py": (SOLVED, "checked", "all", ""),
    "bare.py": (SOLVED, "checked", "all", ""),
    "CAPITALS/SOLUTION.PY": (SOLVED, "checked", "all", ""),
    "王小明/solution.py": (SOLVED, "checked", "all", ""),
    "عربي/solution.py": (SOLVED, "checked", "all", ""),
    "😀👩‍🎓/solution.py": (SOLVED, "checked", "all", ""),
    "two\nlines/so\nlution.py": (SOLVED, "checked", "all", ""),
    "--csv/--json.py": (SOLVED, "checked", "all", ""),
    "=HYPERLINK(1)/=1+1.py": (SOLVED, "checked", "all", ""),
    "\u202eright to left\u200f/solution.py": (SOLVED, "checked", "all", ""),
    "+49/solution.py": (SOLVED, "checked", "all", ""),
    "@sum/solution.py": (SOLVED, "checked", "all", ""),
    "comma, \"quote\" 'and'/solution.py": (SOLVED, "checked", "all", ""),
    "helper/helper.py": ("from math import sqrt\n", "checked", "all", ""),
    "helper/solution.py": (SOLVED.replace("from math import sqrt", "from helper import sqrt"), "checked", "all", ""),
    "mark/solution.py": (b"\xef\xbb\xbf" + SOLVED.encode(), "checked", "all", ""),
    "latin/solution.py": (b"# coding: latin-1\n# \xe9\n" + SOLVED.encode(), "checked", "all", ""),
    "twice/a/solution.py": (SOLVED, "checked", "all", ""),
    "twice/b/solution.py": (SOLVED, "checked", "all", ""),
    "stub/solution.py": (STUB, "checked", "0", "adam_update (runs): not implemented"),
    "wrong/solution.py": (WRONG, "checked", "some", "adam_update (numbers): m"),
    "exits/solution.py": (f"{SOLVED}\nimport os\nos._exit(0)", "cannot run", "0", "the process ended during the call"),
    "raises/solution.py": (f"{SOLVED}\n1 / 0", "cannot run", "0", "ZeroDivisionError"),
    "syntax/solution.py": (
        f"{HEAD}\ndef adam_update(:\n",
        "cannot run",
        "0",
        'File "solution.py", line 7 def adam_update(: ^ SyntaxError',
    ),
    "=cmd/solution.py": (f"{HEAD}\nraise SystemError('=1+1')", "cannot run", "0", "=1+1"),
    "numpy/numpy.py": ("raise SystemExit('not NumPy')", "checked", "all", ""),
    "numpy/solution.py": (SOLVED, "checked", "all", ""),
    "kills/solution.py": (f"{SOLVED}\n{KILL}", "no result", "", "the check was ended (exit code -9)"),
    "differ/a/solution.py": (SOLVED, "unclear", "", "these files differ"),
    "differ/b/solution.py": (WRONG, "unclear", "", "these files differ"),
    "empty file/solution.py": ("", "missing", "0", "solution.py defines no function of any exercise"),
    "binary/solution.py": (b"\xff\xfe\x00", "missing", "0", "solution.py cannot be read: 'utf-8' codec"),
    "huge/solution.py": (b"#" * 2**18, "missing", "0", "solution.py has 262,144 bytes"),
    "zip/solution.zip": (b"PK", "missing", "0", "solution.zip is an archive: unpack it"),
    "archive.tar.gz": (b"", "missing", "0", "archive.tar.gz is an archive: unpack it"),
    "anna_1_2_solution.ipynb": ("{}", "missing", "0", "solution.ipynb is a notebook: save it as a file of Python"),
    "pdf_7_assignsubmission_file_/report.pdf": (b"%PDF", "missing", "0", "report.pdf is no file of Python"),
    "other/solution.py": ("def softmax_forward(x): ...", "missing", "0", "only softmax"),
    "unknown/solution.py": (f'"""Exercise nothing: x.\n\n"""\n{SOLVED}', "missing", "0", "an exercise 'nothing'"),
    ".DS_Store": (b"", "", "", ""),
    "__MACOSX/right/._solution.py": (b"\0", "", "", ""),
    "submission_metadata.yml": ("", "", "", ""),
}


@pytest.fixture
def all_kinds(here):
    """All of them in ``subs``, and some that are made in other ways."""
    for name, (content, *_) in KINDS.items():
        put(here, name, content)
    (here / "nothing").mkdir()
    (here / "pipe").mkdir()
    os.mkfifo(here / "pipe" / "solution.py")
    (here / "folder" / "solution.py").mkdir(parents=True)
    (here / "leads away").mkdir()
    (here / "leads away" / "solution.py").symlink_to(here / "right/solution.py")
    put(here, os.fsdecode(b"\xe9/solution.py"))
    (here / "link.py").symlink_to(here / "right/solution.py")
    return here


def row_of(name: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows about a file of ``KINDS``: by its path, or where it is no solution, by its student."""
    student = re.sub(r"_[17]_.*|\.gz$", "", name.partition("/")[0])
    by_path = [row for row in rows if classroom.cell(name) in row["file"].split(", ")]
    return by_path or [row for row in rows if row["student"] == classroom.cell(student)]


def share(row: dict[str, str]) -> str:
    """How much of what can be had: ``all``, ``some``, ``0``, or nothing where it is not known."""
    passed, total = row["passed"], row["total"]
    return passed if passed in ("", "0") else "all" if passed == total else "some"


def must_be_as_expected(rows, states):
    for name, (_, state, passed, message) in KINDS.items():
        if state in states:
            (row,) = row_of(name, rows)
            assert (row["state"], share(row)) == (state, passed), row
            assert message in row["message"], row
            assert row["isolated"] == ("yes" if state == "checked" else ""), row
        elif not state:
            assert not row_of(name, rows)
    for name in ("nothing", "pipe", "folder", "leads away"):
        assert next(row for row in rows if row["student"] == name)["message"] == "the folder is empty"
    assert all(value.lstrip()[:1] not in tuple("=+-@") and "\n" not in value for row in rows for value in row.values())


@posix
@pytest.mark.slow
def test_submissions_of_all_kinds(all_kinds):
    """Each is a row, none stops the others, and nothing of what was handed in is changed."""
    before = contents(all_kinds)
    assert grade("--exercise", "adamw") == 0
    must_be_as_expected(table("grades.csv"), {"checked", "cannot run", "no result", "unclear", "missing"})
    assert contents(all_kinds) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@posix
def test_every_kind_has_a_row_before_anything_is_checked(all_kinds, quick, capsys):
    assert grade("--exercise", "adamw") == 0
    rows = table("grades.csv")
    must_be_as_expected(rows, {"unclear", "missing"})
    assert all(len(row_of(name, rows)) == bool(KINDS[name][1]) for name in KINDS)
    assert next(row for row in rows if row["student"] == r"\udce9")["state"] == "checked"
    assert "left out: .DS_Store, __MACOSX, link.py, submission_metadata.yml\n" in capsys.readouterr().out
    text = Path("grades.csv").read_text(encoding="utf-8-sig")
    Path("grades.csv").unlink()
    assert grade("--exercise", "adamw") == 0
    assert Path("grades.csv").read_text(encoding="utf-8-sig") == text


@REST
@posix
def test_what_ends_its_check_or_lies_about_modules_costs_nobody_else(here):
    chosen = ("wrong", "exits", "syntax", "kills", "helper", "numpy", "latin")
    for name, (content, *_) in KINDS.items():
        if name.startswith(chosen):
            put(here, name, content)
    assert grade() == 0
    for row in (rows := table("grades.csv")):
        (_, state, passed, message) = KINDS[row["file"]]
        assert (row["state"], share(row)) == (state, passed), row
        assert message in row["message"]
    assert {row["student"] for row in rows} == {*chosen}


def test_what_was_checked_is_taken_over_and_only_what_is_new_is_checked(here, quick):
    for name in ("ada", "bob"):
        put(here, f"{name}/solution.py")
    assert grade() == 0
    first = table("grades.csv")
    put(here, "bob/solution.py", WRONG)
    put(here, "eve/solution.py")
    assert grade() == 0
    put(here, "eve/helper.py", "x = 1")
    assert grade() == 0
    assert grade() == 0
    reference = [""]
    assert quick == [
        *(reference, ["ada/solution.py", "bob/solution.py"]),
        *(reference, ["bob/solution.py", "eve/solution.py"]),
        *(reference, ["eve/solution.py"]),
        *(reference, []),
    ]
    assert table("grades.csv")[0] == first[0]
    assert len({row["check"] for row in table("grades.csv")}) == 3


def test_with_another_seed_or_other_checks_all_is_checked_again(here, quick, tmp_path):
    put(here, "ada/solution.py")
    put(tmp_path, "extra.py", "TASKS = ()")
    options = [[], ["--seed", "1"], ["--with-checks", "extra.py"]]
    for option in options:
        assert grade(*option) == 0
    put(tmp_path, "extra.py", "TASKS = []")
    assert grade(*options[2]) == 0
    assert quick == [[""], ["ada/solution.py"]] * 4


def test_only_what_was_checked_is_taken_over(here, quick, monkeypatch):
    """The rest may have been the machine's fault."""
    put(here, "ada/solution.py")
    everybody = verdict_of_everybody()
    monkeypatch.setattr(sys.modules[__name__], "verdict_of_everybody", lambda: Verdict("no result", "ended"))
    monkeypatch.setattr(classroom, "points_of_references", lambda *_: {"adamw": {"adam_update": 1}})
    assert grade() == 0
    assert [(row["state"], row["passed"]) for row in table("grades.csv")] == [("no result", "")]
    monkeypatch.setattr(sys.modules[__name__], "verdict_of_everybody", lambda: everybody)
    assert grade() == 0
    assert [(row["state"], row["passed"]) for row in table("grades.csv")] == [("checked", "1")]


def test_a_row_for_every_student_and_exercise_in_the_order_of_both(here, quick):
    put(here, "bob/w/solution.py")
    put(here, "ada/solution.py")
    put(here, "ada/s.py", solved_source(EXERCISES["softmax"]))
    assert grade() == 0
    rows = table("grades.csv")
    assert [(row["student"], row["exercise"], row["state"]) for row in rows] == [
        ("ada", "softmax", "checked"),
        ("ada", "adamw", "checked"),
        ("bob", "softmax", "missing"),
        ("bob", "adamw", "checked"),
    ]
    assert rows[2]["message"] == "only adamw"
    assert grade("--exercise", "linear", "--csv", "linear.csv") == 0
    assert {row["message"] for row in table("linear.csv")} == {"only softmax, adamw", "only adamw"}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("grade nowhere --csv grades.csv", "No such file or directory: nowhere"),
        ("grade empty --csv grades.csv", "no solution is in empty; it must hold a folder or a file of Python"),
        ("grade subs --csv grades.csv --seed -1", "seed is -1 and jobs is "),
        ("grade subs --csv grades.csv --jobs 0", "seed is 0 and jobs is 0; expected 0 or more, and 1 or more"),
        (
            "grade subs --csv grades.csv --exercise sofmax",
            "there is no exercise 'sofmax'; there are recurrent_attention, ",
        ),
        ("grade subs --csv grades.csv --with-checks nowhere.py", "No such file or directory: nowhere.py"),
        ("grade subs --csv nowhere/grades.csv", "No such file or directory: {here}/nowhere/grades.csv"),
        ("grade subs --csv subs", "Is a directory: {here}/subs"),
        ("grade subs --csv subs/ada/solution.py", "{here}/subs/ada/solution.py is no list of grades with these"),
        ("grade subs --csv mine.csv", "{here}/mine.csv is no list of grades with these exercises and checks"),
        ("grade subs --csv old.csv", "{here}/old.csv has a row of zoe adamw, who is not in subs; choose another file"),
        ("grade subs --csv /dev/null", "Not an ordinary file: /dev/null"),
    ],
)
@posix
def test_what_cannot_be_graded(command, says, here, quick, capsys):
    """Exit code 2, and no file is written over that is anything else than an earlier list of the same."""
    put(here, "ada/solution.py")
    (here.parent / "empty").mkdir()
    put(here.parent, "mine.csv", "student;points\nada;10\n")
    put(here, "zoe/solution.py")
    assert grade("--csv", "old.csv") == 0
    (here / "zoe" / "solution.py").unlink()
    (here / "zoe").rmdir()
    before = contents(here.parent)
    capsys.readouterr()
    assert main(["course", *command.split()]) == 2
    assert capsys.readouterr().err.startswith("minivit: " + says.format(here=here.parent.resolve()))
    assert contents(here.parent) == before


def test_a_reference_that_fails_here_stops_the_grading(here, monkeypatch, capsys):
    put(here, "ada/solution.py")
    check = {"function": "adam_update", "check": "without loops", "status": "failed", "message": "slow\nvery"}
    report = {"checks": [check], "passed": 0, "total": 1, "isolated": True}
    for verdict, says in [
        (Verdict("checked", "", report), "adam_update (without loops): slow"),
        (Verdict("no result", "ended"), "ended"),
    ]:
        monkeypatch.setattr(classroom, "check_all", lambda *_, verdict=verdict: iter([(0, verdict)]))
        assert grade() == 2
        assert capsys.readouterr().err == f"minivit: the reference itself does not pass adamw: {says}\n"
        assert not Path("grades.csv").exists()


def test_the_list_is_whole_after_each_result(here, monkeypatch):
    for name in ("ada", "bob"):
        put(here, f"{name}/solution.py")
    seen = []

    def check_all(solutions, options, jobs):
        for number, _ in enumerate(solutions):
            if Path("grades.csv").exists():
                seen.append([row["state"] for row in table("grades.csv")])
            yield number, verdict_of_everybody()
        if len(solutions) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(classroom, "check_all", check_all)
    assert grade() == 130
    assert seen == [["waiting", "waiting"], ["checked", "waiting"]]
    assert [row["state"] for row in table("grades.csv")] == ["checked", "checked"]


def test_a_full_disk_leaves_the_list_as_it_was(here, quick, monkeypatch, capsys):
    put(here, "ada/solution.py")
    assert grade() == 0
    before = Path("grades.csv").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert grade("--seed", "1") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert Path("grades.csv").read_bytes() == before
    assert sorted(path.name for path in here.parent.iterdir()) == ["grades.csv", "subs"]


@posix
def test_a_folder_that_must_not_be_written_is_graded_and_one_for_the_list_is_told(quick, monkeypatch, capsys):
    with tempfile.TemporaryDirectory() as name:  # pytest's folders are closed to others
        os.chmod(name, 0o777)
        monkeypatch.chdir(name)
        put(Path("subs"), "ada/solution.py")
        os.chmod("subs", 0o555)
        with as_nobody():
            assert grade("--csv", "subs/grades.csv") == 2
            place = Path(name).resolve() / "subs" / "grades.csv"
            assert capsys.readouterr().err == f"minivit: Permission denied: {place}\n"
            assert grade() == 0
        assert len(table("grades.csv")) == 1
        monkeypatch.undo()


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "minivit", "course", "grade", "subs", "--csv", "grades.csv", *options]


@REST
@posix
def test_ctrl_c_ends_all_processes_and_keeps_what_is_done(here):
    """And the same command goes on where it was."""
    put(here, "ada/solution.py")
    put(here, "zoe/solution.py", f"{SOLVED}\nwhile True: pass")
    grading = subprocess.Popen(command("--jobs", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert grading.stdout
    assert re.fullmatch(r"1 of 2: ada, adamw: (\d+) of \1\n", grading.stdout.readline())
    while not (children := children_of(grading.pid)):
        time.sleep(0.01)
    grading.send_signal(signal.SIGINT)
    assert grading.communicate(timeout=60)[1] == "minivit: interrupted\n"
    assert grading.returncode == 130
    assert [row["state"] for row in table("grades.csv")] == ["checked", "waiting"]
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    put(here, "zoe/solution.py", WRONG)
    done = subprocess.run(command(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 of 1: zoe, adamw: ")
    assert [share(row) for row in table("grades.csv")] == ["all", "some"]


def children_of(process: int) -> list[str]:
    """The numbers of the processes that a process has started (Linux)."""
    return Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()


@REST
@posix
def test_two_at_once_and_with_closed_streams(here):
    """Each list is whole, and both have the same to say."""
    for name in ("ada", "bob"):
        put(here, f"{name}/solution.py", WRONG)
    text = " ".join(command("--jobs", "1"))
    both = [subprocess.Popen(f"{text} {streams}", shell=True) for streams in (">&- 2>&- <&-", "> /dev/null")]
    assert [one.wait(120) for one in both] == [0, 0]
    assert [row["state"] for row in table("grades.csv")] == ["checked", "checked"]
    assert sorted(path.name for path in here.parent.iterdir()) == ["grades.csv", "subs"]


def test_a_solution_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(batch, "LONGEST", 0.0)
    solution = Solution("solution.py", SOLVED.encode(), {}, "")
    assert list(batch.check_all([solution], [], 1)) == [(0, Verdict("no result", "ended after 0 minutes"))]
