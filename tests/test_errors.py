"""How errors are told, by who has made them."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minivit import cli
from minivit.errors import PACKAGE, sentence, told
from minivit.ops.losses import cross_entropy_forward

OURS = str(PACKAGE / "ops" / "no_such_file.py")  # its lines are not found, so they are taken for a raise


def code_of(filename: str, source: str) -> Callable[..., Any]:
    """A function ``f`` of a file with this source."""
    names: dict[str, Any] = {}
    exec(compile(source, filename, "exec"), names)
    return names["f"]


def error_of(function: Callable[..., Any], *args: Any) -> BaseException:
    try:
        function(*args)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this file
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise ValueError('epochs is 0; expected at least 1')", "epochs is 0; expected at least 1"),
        ("raise TypeError('it is text')", "it is text"),
        ("raise KeyError('array x is missing')", "array x is missing"),
        ("raise FloatingPointError('the loss is nan')", "the loss is nan"),
        ("raise FileNotFoundError('there is no file x')", "there is no file x"),
        ("raise ValueError", "ValueError"),
        ("raise ValueError('cat\\nminivit: done.png cannot be read')", "cat\\nminivit: done.png cannot be read"),
        (
            "raise FileNotFoundError(2, 'No such file or directory', 'no/such\\nfile')",
            "No such file or directory: no/such\\nfile",
        ),
        ("raise OSError(28, 'No space left on device')", "No space left on device"),
        ("raise MemoryError('Unable to allocate 1 EiB')", "not enough memory (Unable to allocate 1 EiB)"),
        ("raise MemoryError", "not enough memory"),
        ("raise ValueError('x' * 200_000)", f"{'x' * 996} [...] {'x' * 996}"),
    ],
)
def test_what_is_raised_on_purpose_is_a_sentence(source: str, says: str) -> None:
    assert told(error_of(code_of(OURS, f"def f(): {source}")), []) == f"minivit: {says}"


def test_a_sentence_of_the_package() -> None:
    import numpy as np

    error = error_of(cross_entropy_forward, np.zeros((1, 2)), np.array([7]))
    assert told(error, []) == f"minivit: {error}"
    assert "label 7 is out of range" in str(error)


def test_what_the_system_refuses_is_a_sentence_wherever_it_happens() -> None:
    error = error_of(code_of("/home/me/solution.py", "def f(): open('/no/such/file')"))
    assert told(error, []) == f"minivit: {os.strerror(errno.ENOENT)}: /no/such/file"


STUDENT = "import numpy as np\ndef g(x):\n    return 1 / x\ndef f(x):\n    {0}\n"


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("return g(0)", "ZeroDivisionError: division by zero"),
        ("raise ValueError('mine')", "ValueError: mine"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("return f(x)", "RecursionError: maximum recursion depth exceeded"),
        ("return np.linalg.inv(np.zeros((2, 2)))", "numpy.linalg.LinAlgError: Singular matrix"),  # deep in a library
        ("return x()", "ValueError: ours"),  # or in minivit
    ],
)
def test_an_error_in_code_of_somebody_else_keeps_its_traceback_from_there_on(line: str, last: str) -> None:
    student = code_of("/home/me/solution.py", STUDENT.format(line))
    between = code_of(OURS, "def f(g, x):\n    return g(x)")
    ours = code_of(OURS, "def f(): raise ValueError('ours')")
    said = told(error_of(between, student, ours), []).splitlines()
    assert said[:2] == ["Traceback (most recent call last):", '  File "/home/me/solution.py", line 5, in f']
    assert said[-2].startswith(last)
    assert said[-1] == "minivit: stopped by this error, in code that is not minivit's"
    assert len(said) < 20


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f(): return [][1]", "IndexError: list index out of range"),
        ("def f(): return f()", "RecursionError: maximum recursion depth exceeded"),
        ("def f(): assert False, 'never'", "AssertionError: never"),
        ("def f(): raise RuntimeError('what nobody says on purpose')", "RuntimeError: what nobody says on purpose"),
        ("def f(): raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_mistake_of_ours_says_what_to_report(source: str, name: str) -> None:
    first, command, versions, *places, last = told(
        error_of(code_of(OURS, source)), ["train", "--out", "a b", "--seed", "9" * 5000]
    ).splitlines()
    assert first == "minivit: this is a mistake of minivit's; please report it, with these lines:"
    assert command.startswith("  command: minivit train --out 'a b' --seed 999")
    assert len(command) < 600
    assert versions.startswith("  minivit 0.")
    assert "Python 3." in versions
    assert 1 <= len(places) <= 3
    assert places[-1].startswith(f"  {OURS}, line 1, in f")
    assert last.startswith(f"  {name}")


def test_what_numpy_says_of_our_arguments_is_a_mistake_of_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ValueError, a TypeError or a KeyError that no ``raise`` of minivit has raised."""
    monkeypatch.setattr("minivit.data.source.load_dataset", divmod)  # which takes no such arguments
    assert cli.main(["data", "x y"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "  command: minivit data 'x y'\n" in err
    assert re.search(r"line \d+, in .*: dataset = load_dataset\(.*\)\n  TypeError: divmod\(\) takes no", err)


def test_the_exit_code_of_a_course_command_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minivit.course.grade.check_folder", divmod)
    assert cli.main(["course", "check", "x"]) == 2


def test_every_kind_of_error_has_a_sentence() -> None:
    assert sentence(OSError("cannot be reached")) == "cannot be reached"
    assert sentence(PermissionError(13, "Permission denied", "a\nb")) == "Permission denied: a\\nb"
    assert sentence(KeyError()) == "KeyError"
    assert sentence(KeyError(3)) == "3"


def test_a_folder_that_is_gone_while_one_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        Path("run").resolve()
    assert sentence(caught.value) == "No such file or directory: the current folder"
