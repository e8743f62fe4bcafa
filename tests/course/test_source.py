"""A solution is read once, as Python reads it, and what cannot be read is refused in a sentence."""

import errno
import os
import socket
import sys
from pathlib import Path

import pytest

from minivit.course import EXERCISES, CannotRunError, check
from minivit.course.source import LARGEST, exercise_of, read_solution
from minivit.course.stub import solved_source, stub_source
from tests.sampled import REST

ADAMW = solved_source(EXERCISES["adamw"])


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        ("# é\n", "utf-8"),
        ("# é\n", "utf-8-sig"),
        ("# -*- coding: latin-1 -*-\n# é\n", "latin-1"),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n# €\n", "cp1252"),
        ("# coding: utf-8\n# é\n", "utf-8-sig"),
    ],
)
def test_the_encodings_of_python(start, encoding, tmp_path):
    path = tmp_path / "solution.py"
    path.write_bytes((start + ADAMW).replace("\n", "\r\n").encode(encoding))
    assert read_solution(tmp_path).text == start + ADAMW
    assert read_solution(tmp_path).exercise is EXERCISES["adamw"]


@REST
def test_a_solution_with_a_mark_and_another_encoding_is_checked_like_any_other(tmp_path):
    for name, start, encoding in (("mark", "", "utf-8-sig"), ("latin", "# coding: latin-1\n", "latin-1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "solution.py").write_bytes((start + "# é\n" + ADAMW).encode(encoding))
        assert check(tmp_path / name).ok


@pytest.mark.parametrize(
    ("head", "exercise"),
    [
        ('"""Exercise softmax: whatever.\n\nMine.\n"""\n', "softmax"),
        ('# mine\n\n"""Exercise softmax: whatever."""\n', "softmax"),
        ("", "adamw"),
        ('"""Exercise: softmax and cross-entropy. As stubs began before."""\n', "adamw"),
        ('x = 1\n"""Exercise softmax: not the first line."""\n', "adamw"),
    ],
)
def test_a_solution_says_of_which_exercise_it_is_or_its_functions_do(head, exercise, tmp_path):
    """Whatever the name of the file is."""
    (tmp_path / "tuesday.py").write_text(head + ADAMW.partition('\n"""\n')[2], encoding="utf-8")
    assert read_solution(tmp_path / "tuesday.py").exercise is EXERCISES[exercise]


def test_every_stub_says_of_which_exercise_it_is(tmp_path):
    for name, exercise in EXERCISES.items():
        assert stub_source(exercise).startswith(f'"""Exercise {name}: ')
        text = stub_source(exercise).replace("def ", "def another_")
        assert exercise_of(text, tmp_path) is exercise


@REST
def test_what_is_missing_is_told_with_the_name_of_the_file(tmp_path):
    (tmp_path / "tuesday.py").write_text('"""Exercise adamw: AdamW."""\n', encoding="utf-8")
    assert "there is no function adam_update in tuesday.py" in str(check(tmp_path / "tuesday.py"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"# \xe9\n", "cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        (b"x = 1\n\n\n# \xe9\n", "cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        (b"# coding: nonsense\n", "cannot be read: unknown encoding: nonsense"),
        (b"# coding: rot13\n", "cannot be read: .*rot13"),
        (b"# coding: ascii\n# \xe9\n", "cannot be read: 'ascii' codec can't decode byte 0xe9"),
        (b"", "defines no function of any exercise; minivit course list names them"),
        (
            b'"""Exercise soft_max: x."""\ndef adam_update(): ...\n',
            "is of an exercise 'soft_max', which is not there; there are recurrent_attention, softmax, ",
        ),
        (b"x = 1\n", "defines no function of any exercise"),
        (b"def adam_update(): ...\n" + b"#" * LARGEST, "has 131,095 bytes; a solution has at most 131,072"),
    ],
)
def test_contents_that_are_refused(content, says, tmp_path):
    (tmp_path / "solution.py").write_bytes(content)
    with pytest.raises(CannotRunError, match=f"solution.py {says}"):
        check(tmp_path)


def test_a_file_of_a_hundred_megabytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with open(tmp_path / "solution.py", "wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(CannotRunError, match=r"solution\.py has 104,857,600 bytes"):
        check(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_file(tmp_path, monkeypatch):
    """None of them is opened: a pipe would wait for ever."""
    monkeypatch.chdir(tmp_path)
    for name in ("pipe", "folder", "loop", "socket"):
        Path(name).mkdir()
    os.mkfifo("pipe/solution.py")
    Path("folder/solution.py").mkdir()
    Path("loop/solution.py").symlink_to("solution.py")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("socket/solution.py")
        for name, says in (
            ("pipe", "pipe/solution.py cannot be read: Not an ordinary file"),
            ("pipe/solution.py", "pipe/solution.py cannot be read: Not an ordinary file"),
            ("folder", "folder/solution.py cannot be read: Is a directory"),
            ("socket", "socket/solution.py cannot be read: Not an ordinary file"),
            ("/dev/null", "/dev/null cannot be read: Not an ordinary file"),
            ("loop", "loop/solution.py cannot be read: Too many levels of symbolic links"),
            ("loop/solution.py", "loop/solution.py cannot be read: Too many levels of symbolic links"),
            ("pipe/solution.py/more", "pipe/solution.py/more cannot be read: Not a directory"),
            ("", "the name of the folder is empty"),
        ):
            with pytest.raises(CannotRunError, match=f"^{says}$"):
                read_solution(name)


def test_a_name_of_5000_characters_is_not_repeated_in_full():
    with pytest.raises(CannotRunError, match=r"^(long){50} \.\.\. \(20,000 characters\) cannot be read: ") as error:
        read_solution("long" * 5000)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("name", ["stat", "read_bytes"])
def test_without_permission_it_says_so(name, tmp_path, monkeypatch):
    """Not that there is no such file."""
    (tmp_path / "solution.py").write_text(ADAMW, encoding="utf-8")

    def refuse(path, *args, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, name, refuse)
        with pytest.raises(CannotRunError, match="cannot be read: Permission denied"):
            read_solution(tmp_path)


def test_a_link_leads_to_the_solution(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "solution.py").write_text(ADAMW, encoding="utf-8")
    try:
        (tmp_path / "link").symlink_to(tmp_path / "work")
    except OSError:
        pytest.skip("no right to make links")
    assert read_solution(tmp_path / "link").path == (tmp_path / "work" / "solution.py").resolve()
