"""``minivit course``: what it prints, and its exit codes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from minivit.cli import build_parser, main
from minivit.course import grade
from minivit.course.checks import Result, check_names
from minivit.course.exercises import EXERCISES
from minivit.course.report import Report
from minivit.course.stub import solved_source, stub_source
from tests.sampled import REST
from tests.steps.test_compared import text_in


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
    assert main(["course", "check", folder, "--json", str(marks), "--step", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.endswith("nothing to compare, and no page written: all is right\n")
    assert not (tmp_path / "page.html").exists()
    data = json.loads(marks.read_text(encoding="utf-8"))
    assert data["passed"] == data["total"] == len(data["checks"])


NUL_ERROR = "SyntaxError" if sys.version_info >= (3, 11, 4) else "ValueError"  # what Python says of a NUL in its text

SOLUTIONS = {
    "syntax": "def adam_update(:\n",
    "import": "import nothing_of_this_name\n\n\ndef adam_update(): ...\n",
    "unknown": "def another_function(): ...\n",
    "nul": "def adam_update():\n\0\n",
    "latin": "# \xe9\ndef adam_update(): ...\n",
    "stub": stub_source(EXERCISES["adamw"]),
}


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("start nothing", "there is no exercise 'nothing'; there are recurrent_attention, "),
        ("start adamw -o stub", "stub exists already: choose another folder with -o DIR"),
        ("start adamw -o stub/solution.py/new", "the folder stub/solution.py/new cannot be made: Not a directory"),
        ("check nowhere", "there is no folder nowhere"),
        ("check stup", "there is no folder stup; did you mean stub?"),
        ("check attention", "there is no folder attention; begin with: minivit course start attention"),
        ("check .", "solution.py cannot be read: No such file or directory"),
        ("check syntax", 'the solution cannot be loaded: File "{here}/syntax/solution.py", line 1'),
        ("check import", 'the solution cannot be loaded: File "{here}/import/solution.py", line 1'),
        ("check unknown", "unknown/solution.py defines no function of any exercise; minivit course list names them"),
        ("check nul", f"the solution cannot be loaded: {NUL_ERROR}: source code string cannot contain null bytes"),
        ("check latin", "latin/solution.py cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        ("check stub --seed -1", "seed is -1; expected 0 or more"),
        ("check stub --json nowhere/marks.json", "No such file or directory: nowhere/marks.json"),
        ("check stub --json stub/solution.py/marks.json", "Not a directory: stub/solution.py/marks.json"),
        ("check stub --json latin", "Is a directory: latin"),
        ("check stub --json stub/solution.py", "--json stub/solution.py is the solution itself; choose another file"),
        (
            "check stub/solution.py --json stub/../stub/solution.py",
            "--json stub/../stub/solution.py is the solution its",
        ),
        ("check stub --json link", "--json link is the solution itself; choose another file"),
        ("check stub --json hard", "--json hard is the solution itself; choose another file"),
        ("check stub --json pipe", "--json pipe is no regular file"),
        ("check stub --step nowhere/page.html", "No such file or directory: nowhere/page.html"),
        ("check stub --step link", "--step link is the solution itself; choose another file"),
        ("check stub --step /dev/null", "--step /dev/null is no regular file"),
        ("check stub --json a --step ./a", "--step ./a is the file for --json; choose another file"),
        ("check stub --json known --step hard_known", "--step hard_known is the file for --json; choose another file"),
        ("check stub --json /dev/null", "--json /dev/null is no regular file"),
        ("check stub --json {long}", "File name too long: {start}{start} ... (5,000 characters)"),
        ("check {long}", "{start}{start} ... (5,000 characters) cannot be read: File name too long"),
        ("start {long}", "there is no exercise '{start}"),
        (
            "start adamw -o {long}",
            "the folder {start}{start} ... (5,000 characters) cannot be made: File name too long",
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other words for these errors")
def test_what_cannot_run(command, says, tmp_path, capsys, monkeypatch):
    """Exit code 2, so that it is not taken for marks."""
    monkeypatch.chdir(tmp_path)
    for name, source in SOLUTIONS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "solution.py").write_text(source, encoding="latin-1")
    os.mkfifo("pipe")
    Path("link").symlink_to("stub/solution.py")
    Path("hard").hardlink_to("stub/solution.py")
    Path("known").touch()
    Path("hard_known").hardlink_to("known")
    words = {"here": tmp_path.resolve(), "long": "long" * 1250, "start": "long" * 25}
    assert main(["course", *shlex.split(command.format(**words))]) == 2
    assert capsys.readouterr().err.startswith("minivit: " + says.format(**words))
    assert Path("stub/solution.py").read_text(encoding="utf-8") == SOLUTIONS["stub"]


def test_a_file_for_json_that_cannot_be_written_is_found_out_before_the_checks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grade, "run_checks", lambda *_, **__: pytest.fail("the checks ran"))
    main(["course", "start", "adamw"])
    assert main(["course", "check", "adamw", "--json", "nowhere/marks.json"]) == 2
    assert main(["course", "check", "adamw", "--step", "nowhere/page.html"]) == 2
    assert main(["course", "check", "nowhere", "--json", "marks.json"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["adamw"]  # the trial leaves no file


def test_the_file_of_a_solution_stands_for_its_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["course", "start", "adamw"])
    assert main(["course", "check", "adamw/solution.py"]) == 1
    assert "adamw: 0 of " in capsys.readouterr().out


@REST
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


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """A folder to be checked, in which every check says the same without running anything."""
    result = Result("adam_update", "runs", "failed", "ValueError: \u2192 \ud800 \x1b[31m")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grade, "check_solution", lambda solution, seed: Report("adamw", True, [result]))
    main(["course", "start", "adamw", "-o", "work"])


def test_the_file_has_the_whole_text_whatever_the_terminal_can_show(judged):
    """Nothing but ASCII is in it, so that whoever reads it need not know the encoding."""
    assert main(["course", "check", "work", "--json", "marks.json"]) == 1
    data = json.loads(Path("marks.json").read_bytes().decode("ascii"))
    assert data["checks"][0]["message"] == "ValueError: \u2192 \ud800 \x1b[31m"


def test_the_file_is_there_though_nothing_can_be_printed(judged, monkeypatch, capsys):
    monkeypatch.setattr(Report, "__str__", lambda self: "\u2192".encode("ascii").decode())
    with pytest.raises(UnicodeEncodeError):
        raise_from_main(["course", "check", "work", "--json", "marks.json"])
    assert json.loads(Path("marks.json").read_bytes())["total"] == 1


WRONG = """def adam_update(value, grad, m, v, step, *, lr, betas, eps):
    return value - lr * grad, m, v  # <b>
"""


@pytest.fixture
def in_place(tmp_path, monkeypatch):
    """A folder to be checked, without a process of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grade, "processes_exist", lambda: False)
    Path("work").mkdir()
    return Path("work/solution.py")


def test_a_page_shows_wrong_numbers_beside_the_right_ones(in_place, capsys):
    in_place.write_text(WRONG, encoding="utf-8")
    assert main(["course", "check", "work", "--step", "page.html", "--json", "marks.json"]) == 1
    *report, said = capsys.readouterr().out.splitlines()
    assert report[-1].startswith("adamw: ")
    assert said == "wrote page.html: your value, m, v of adam_update beside what is right; open it in a browser"
    assert Path("page.html").read_bytes().startswith(b"<!doctype html>")
    assert {*json.loads(Path("marks.json").read_bytes())} == {*Report("", True).as_json()}
    assert sorted(path.name for path in Path().iterdir()) == ["marks.json", "page.html", "work"]


def test_without_wrong_numbers_there_is_no_page(in_place, capsys):
    """What stood there before stays."""
    in_place.write_text("def adam_update(*args, **options): return 'no'", encoding="utf-8")
    Path("page.html").write_text("before", encoding="utf-8")
    assert main(["course", "check", "work", "--step", "page.html"]) == 1
    said = "nothing to compare, and no page written: what failed has no numbers to be shown\n"
    assert capsys.readouterr().out.endswith(said)
    assert Path("page.html").read_text(encoding="utf-8") == "before"


def test_a_page_shows_where_an_error_arose(in_place, capsys):
    in_place.write_text("def adam_update(*args, **options):\n    raise ValueError('no')\n", encoding="utf-8")
    assert main(["course", "check", "work", "--step", "page.html"]) == 1
    said = "wrote page.html: the line in which your adam_update raised an error; open it in a browser\n"
    assert capsys.readouterr().out.endswith(said)
    page = Path("page.html").read_text(encoding="utf-8")
    assert json.loads(text_in(page))["raised"] == {"file": "solution.py", "line": 2}
    assert "KNOWN_OPS" not in page  # the answers


def test_a_page_of_another_ending_is_refused_before_the_checks(in_place, capsys):
    in_place.write_text(WRONG, encoding="utf-8")
    assert main(["course", "check", "work", "--step", "page.png"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("minivit: page.png ends in .png; expected .html")
    assert printed.out == ""


def test_the_report_is_printed_though_the_page_cannot_be_written(in_place, monkeypatch, capsys):
    in_place.write_text(WRONG, encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda file: fail_with(OSError(28, "No space left on device")))
    assert main(["course", "check", "work", "--step", "page.html"]) == 2
    printed = capsys.readouterr()
    assert "adam_update: " in printed.out
    assert "wrote" not in printed.out
    assert printed.err == f"minivit: No space left on device: {Path('page.html').resolve()}\n"
    assert not Path("page.html").exists()


def raise_from_main(command):
    args = build_parser().parse_args(command)
    return args.run(args)


def test_the_report_is_printed_though_the_file_cannot_be_written(judged, monkeypatch, capsys):
    """As a whole or not at all: what stood there before stays."""
    Path("marks.json").write_text("before", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda file: fail_with(OSError(28, "No space left on device")))
    assert main(["course", "check", "work", "--json", "marks.json"]) == 2
    printed = capsys.readouterr()
    assert "adamw: 0 of 1 checks passed" in printed.out
    assert printed.err == f"minivit: No space left on device: {Path('marks.json').resolve()}\n"
    assert Path("marks.json").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in Path().iterdir()) == ["marks.json", "work"]


def fail_with(error):
    raise error


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make links")
def test_a_link_to_the_file_stays_a_link(judged):
    Path("link.json").symlink_to("marks.json")
    for _ in range(2):  # where it leads nowhere yet, and where it does
        assert main(["course", "check", "work", "--json", "link.json"]) == 1
        assert Path("link.json").is_symlink()
        assert json.loads(Path("marks.json").read_bytes())["total"] == 1


@REST
def test_two_checks_at_once_in_one_folder(tmp_path):
    """Each has a process of its own, and the file is that of one of them."""
    (tmp_path / "solution.py").write_text(solved_source(EXERCISES["adamw"]), encoding="utf-8")
    command = [sys.executable, "-m", "minivit", "course", "check", ".", "--json", "marks.json"]
    checks = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [check.wait(120) for check in checks] == [0, 0]
    total = sum(len(check_names(task)) for task in EXERCISES["adamw"].tasks)
    assert json.loads((tmp_path / "marks.json").read_bytes())["passed"] == total
    assert sorted(path.name for path in tmp_path.iterdir()) == ["marks.json", "solution.py"]
