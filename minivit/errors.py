"""How an error that ends a command is told: in a sentence, with its traceback, or with what to report.

- What minivit raises on purpose is a sentence already, and what the system refuses (a file, memory) is nearly one.
- An error in code that is not ours, such as a student's solution, keeps its traceback, from there on.
- Any other is a mistake of ours.
"""

import os
import platform
import shlex
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from minivit.terminal import one_line, shortened
from minivit.version import __version__

ON_PURPOSE = (ValueError, TypeError, KeyError, FloatingPointError)

PACKAGE = Path(__file__).resolve().parent
STANDARD_LIBRARY = Path(os.__file__).parent


def told(error: BaseException, command: Sequence[str]) -> str:
    """What to print of an error that has ended ``minivit COMMAND``."""
    if isinstance(error, (OSError, MemoryError)):
        return f"minivit: {sentence(error)}"
    place = first_foreign(error.__traceback__)
    is_misspelt = isinstance(error, SyntaxError) and is_foreign(error.filename or "<>")  # no line of it has run
    if place or is_misspelt:
        lines = traceback.format_exception(type(error), error, place)
        return f"{''.join(lines)}minivit: stopped by this error, in code that is not minivit's"
    if is_sentence(error):
        return f"minivit: {sentence(error)}"
    return report(error, command)


def is_sentence(error: BaseException) -> bool:
    """Whether :func:`sentence` says all that there is to say."""
    refused = isinstance(error, (OSError, MemoryError))
    return refused or (isinstance(error, ON_PURPOSE) and is_raised_by_us(error))


def sentence(error: BaseException) -> str:
    """The message of an error (KeyError would put it in quotes, OSError hides its file)."""
    if isinstance(error, OSError):
        here = "the current folder" * isinstance(error, FileNotFoundError)  # of which os.getcwd says no more
        named = error.filename or here
        refused = f"{error.strerror}: {named}" if error.strerror and named else error.strerror
        text = one_line(refused or str(error))
    elif isinstance(error, MemoryError):
        text = f"not enough memory ({error})" if str(error) else "not enough memory"
    else:
        text = one_line(str(error.args[0] if isinstance(error, KeyError) and error.args else error))
    return shortened(text or type(error).__name__)


def first_foreign(place: TracebackType | None) -> TracebackType | None:
    """The first place of a traceback in code that is neither minivit's nor a library's."""
    while place and not is_foreign(place.tb_frame.f_code.co_filename):
        place = place.tb_next
    return place


def last_foreign(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost place of an error in code that is neither minivit's nor a library's: the line to look at."""
    places = traceback.extract_tb(error.__traceback__)
    return next((place for place in reversed(places) if is_foreign(place.filename)), None)


def is_foreign(filename: str) -> bool:
    """Whether somebody who uses minivit has written this file. What has no file (``<string>``) is left out."""
    path = Path(filename)
    library = path.is_relative_to(STANDARD_LIBRARY) or {"site-packages", "dist-packages"} & set(path.parts)
    return not (filename.startswith("<") or path.is_relative_to(PACKAGE) or library)


def is_raised_by_us(error: BaseException) -> bool:
    """Whether it comes from a ``raise`` of minivit, and not from what a function of NumPy says of wrong arguments."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(PACKAGE) and (last.line or "raise").startswith("raise")


def report(error: BaseException, command: Sequence[str]) -> str:
    """A few lines for whoever can mend it."""
    places = traceback.extract_tb(error.__traceback__, limit=-3)
    lines = [
        "minivit: this is a mistake of minivit's; please report it, with these lines:",
        f"command: {shlex.join(['minivit', *command])}",
        f"minivit {__version__}, Python {platform.python_version()}, {platform.platform()}",
        *(f"{place.filename}, line {place.lineno}, in {place.name}: {place.line}" for place in places),
        f"{type(error).__name__}: {error}",
    ]
    return "\n  ".join(shortened(line, 500) for line in lines)
