"""What a command prints, whatever it prints to: a terminal, a file, a pipe that nobody reads, or nothing at all.

Names of files and classes come from others, and so do messages that quote them. They must not move the cursor, end a
training because an old code page cannot write them, or be taken for lines of ours.
"""

import errno
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from subprocess import list2cmdline
from typing import Any
from unicodedata import category

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control and format characters (escape sequences, overrides of the direction), surrogates, and breaks of lines."""

KEPT = "\n\t\u200c\u200d"  # the last two join letters of some scripts, and emoji
LONGEST = 2000  # characters; a sentence with a longer name in it is cut


def printable(text: str) -> str:
    r"""The text with everything that is not seen written as an escape, such as ``\x1b``."""
    return "".join(c if c in KEPT or category(c) not in HIDDEN else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    r"""As :func:`printable`, and a new line is an escape too: for a name that stands on a line with other words."""
    return printable(text).replace("\n", r"\n")


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and its end with ``[...]`` between them."""
    half = (longest - len(" [...] ")) // 2
    return text if len(text) <= longest else f"{text[:half]} [...] {text[-half:]}"


@contextmanager
def warnings_said() -> Iterator[None]:
    """Say on stderr, a line each, what was warned of inside; if an error ends it, the error alone is said."""
    with warnings.catch_warnings(record=True, action="always", category=UserWarning) as said:
        yield
    for warning in said:
        print(f"minivit: {warning.message}", file=sys.stderr)


def command_line(words: Sequence[str]) -> str:
    """A command as it is typed, with quotes where a name has spaces in it."""
    return list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


class PlainStream:
    """A stream that writes to another one what can be written there, and is quiet when there is none any more.

    Everything else is as the other stream has it. ``error`` is why something could not be written; it stays None when
    whoever reads has gone, as ``head`` does when it has seen enough.

    Parameters
    ----------
    stream : file or None
        None is what Python has for a stream that was closed before it began.
    bars : bool
        Whether a progress bar may go back to the beginning of its line: a carriage return that begins a piece of text.
    """

    def __init__(self, stream: Any, *, bars: bool = False) -> None:
        self.error: OSError | None = None
        self._stream, self._bars = stream, bars

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write at once, so that what is printed is seen, and what fails fails here."""
        if self._stream is not None:
            back = "\r" if self._bars and text.startswith("\r") else ""
            plain = back + printable(text[len(back) :])
            if encoding := getattr(self._stream, "encoding", None):
                plain = plain.encode(encoding, "backslashreplace").decode(encoding)
            with self._giving_up():
                self._stream.write(plain)
                self._stream.flush()
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Everything is written at once, except what was written to the other stream before."""
        if self._stream is not None:
            with self._giving_up():
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether somebody looks."""
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:  # it is closed
            return False

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Write nothing more after the first failure."""
        try:
            yield
        except ValueError:  # somebody has closed it
            self._stream = None
        except OSError as error:
            stream, self._stream = self._stream, None
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # EINVAL: Windows, of a pipe that nobody reads
                self.error = error
            if stream in (sys.__stdout__, sys.__stderr__):
                _let_go(stream)


def _let_go(stream: Any) -> None:
    """Send what waits in the buffer of a stream of the process nowhere: Python would try again in the end and complain.

    See https://docs.python.org/3/library/signal.html#note-on-sigpipe.
    """
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


@contextmanager
def plain_streams() -> Iterator[PlainStream]:
    """While it lasts, ``print`` prints through a :class:`PlainStream`; gives that of the standard output.

    Warnings and log messages of other libraries are for those who write programs with them: they are not shown, unless
    Python was asked for them (``python -W``).
    """
    streams, last_resort = (sys.stdout, sys.stderr), logging.lastResort
    out = PlainStream(sys.stdout)
    sys.stdout, sys.stderr = out, PlainStream(sys.stderr, bars=True)  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
                logging.lastResort = logging.NullHandler()  # type: ignore[assignment]
            yield out
    finally:
        sys.stdout, sys.stderr = streams
        logging.lastResort = last_resort
