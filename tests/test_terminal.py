"""Printing to whatever there is: every character, every encoding, streams that are closed, full or not read."""

import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minivit.terminal import PlainStream, one_line, plain_streams, printable, shortened

BELL, CSI, LINK = "\a", "\x1b[2J", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünd 日本 😀 👩\u200d🔬 ×\u00a0✓\n\tline", "plain, ünd 日本 😀 👩\u200d🔬 ×\u00a0✓\n\tline"),
        (CSI, r"\x1b[2J"),
        (LINK, r"\x1b]8;;http://x\x1b\here\x1b]8;;\x1b" + "\\"),
        (f"{BELL}\b\r\0\x7f", r"\x07\x08\r\x00\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),  # CSI and next line in one character each
        ("\u202eabc\u2066\u200f", r"\u202eabc\u2066\u200f"),  # right to left
        ("\u2028\u2029\ufeff\u00ad\U000e0041", r"\u2028\u2029\ufeff\xad\U000e0041"),
        ("\udcff\ud800", r"\udcff\ud800"),  # undecodable bytes of a file name
    ],
)
def test_what_is_not_seen_is_written_as_an_escape(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_name_stays_on_its_line() -> None:
    assert one_line("a\nb\r\tc") == "a\\nb\\r\tc"


def test_a_long_text_is_cut_in_the_middle() -> None:
    assert shortened("a" * 9 + "b" * 9, 17) == "aaaaa [...] bbbbb"
    assert len(shortened("a" * 100_000, 200)) <= 200
    assert shortened("a" * 17, 17) == "a" * 17


def file(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding, errors="strict", newline="")


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", rb"z\xfc \u65e5 \u2192 \U0001f600 \udcff"),
        ("cp1252", b"z\xfc \\u65e5 \\u2192 \\U0001f600 \\udcff"),
        ("utf-8", "zü 日 → 😀 \\udcff".encode()),
        ("utf-16-le", "zü 日 → 😀 \\udcff".encode("utf-16-le")),
    ],
)
def test_an_encoding_writes_what_it_can(encoding: str, expected: bytes) -> None:
    stream = file(encoding)
    print("zü 日 → 😀 \udcff", file=PlainStream(stream), end="")
    assert stream.buffer.getvalue() == expected  # type: ignore[attr-defined]  (at once)


def test_a_stream_without_an_encoding() -> None:
    stream = io.StringIO()
    PlainStream(stream).writelines(["日\r", "\x1b"])
    assert stream.getvalue() == "日\\r\\x1b"


class Full(io.StringIO):
    """A disk without room, or whatever the error says; it counts how often it is asked."""

    def __init__(self, number: int, where: str) -> None:
        super().__init__()
        self.asked, self.number, self.where = 0, number, where

    def refuse(self, where: str) -> None:
        self.asked += 1
        if where == self.where:
            raise OSError(self.number, os.strerror(self.number))

    def write(self, text: str) -> int:
        self.refuse("write")
        return len(text)

    def flush(self) -> None:
        self.refuse("flush")


@pytest.mark.parametrize("where", ["write", "flush"])
@pytest.mark.parametrize(
    ("number", "is_error"),
    [(errno.ENOSPC, True), (errno.EIO, True), (errno.EBADF, True), (errno.EPIPE, False), (errno.EINVAL, False)],
)
def test_after_a_failure_nothing_more_is_written(where: str, number: int, is_error: bool) -> None:
    full = Full(number, where)
    stream = PlainStream(full)
    print("once", file=stream)
    asked = full.asked
    print("more", file=stream, flush=True)
    stream.flush()
    assert full.asked == asked
    assert not stream.isatty()
    assert (stream.error is not None) == is_error


@pytest.mark.parametrize("none", [None, "closed"])
def test_no_stream_at_all(none: Any) -> None:
    if none:
        none = io.StringIO()
        none.close()
    stream = PlainStream(none, bars=True)
    print("anything", file=stream, flush=True)
    assert not stream.isatty()
    assert stream.error is None


@pytest.fixture
def unread() -> Iterator[Any]:
    """A pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        yield stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # so that it can be closed


def test_a_real_pipe_that_nobody_reads(unread: Any) -> None:
    stream = PlainStream(unread)
    print("anything", file=stream)
    assert stream.error is None
    with pytest.raises(OSError, match=r"."):
        unread.flush()  # what belongs to somebody else was not touched


def test_what_waits_in_a_stream_of_the_process_goes_nowhere(unread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Python would try again when it ends."""
    monkeypatch.setattr(sys, "__stdout__", unread)
    print("anything", file=PlainStream(unread))
    unread.flush()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_goes_back_and_a_name_does_not() -> None:
    from tqdm import tqdm

    terminal = Terminal()
    stream = PlainStream(terminal, bars=True)
    with tqdm(total=3, file=stream, mininterval=0, ncols=40, desc="x\x1b[2J") as bar:  # type: ignore[type-var]
        for _ in range(3):
            bar.update()
    shown = terminal.getvalue()
    assert shown.count("\r") > 3
    assert "3/3" in shown
    assert r"x\x1b[2J" in shown
    assert "\x1b" not in shown
    assert r"\r" not in shown
    out = Terminal()
    PlainStream(out).write("\rover")
    assert out.getvalue() == r"\rover"


def test_streams_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", [])
    before = sys.stdout, sys.stderr, logging.lastResort, list(warnings.filters)

    def interrupted() -> None:
        with plain_streams():
            assert sys.stdout is not before[0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (sys.stdout, sys.stderr, logging.lastResort, list(warnings.filters)) == before


@pytest.mark.parametrize("asked", [True, False])
def test_warnings_of_libraries_are_shown_to_who_asks(
    asked: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "warnoptions", ["default"] if asked else [])
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with warnings.catch_warnings(record=True, action="always") as shown, plain_streams():
        warnings.warn("a thing is deprecated", UserWarning, stacklevel=1)
        logging.getLogger("library").warning("a cache is slow")
    assert (len(shown), capsys.readouterr().err) == ((1, "a cache is slow\n") if asked else (0, ""))


def test_what_was_printed_before_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "out", "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        print("before")
        with plain_streams():
            print("within")
        print("after")
        monkeypatch.undo()
    assert (tmp_path / "out").read_text(encoding="utf-8").split() == ["before", "within", "after"]
