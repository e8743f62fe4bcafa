"""Find a solution and read it, once, as Python would."""

import difflib
import re
import stat
from importlib.util import decode_source
from pathlib import Path
from typing import NamedTuple

from minivit.course.exercise import Exercise
from minivit.course.exercises import EXERCISES
from minivit.course.outputs import clip
from minivit.course.runner import CannotRunError
from minivit.files import must_be_file

LARGEST = 2**17  # bytes; the longest solution of ours has a tenth


class Source(NamedTuple):
    """The text of a solution, where it stands, and what it is a solution of."""

    text: str
    path: Path
    exercise: Exercise


def read_solution(folder: str | Path) -> Source:
    """Read ``folder/solution.py``; the file itself does as well.

    Raises
    ------
    CannotRunError
        If there is none, it cannot be read, or it belongs to no exercise.
    """
    path = solution_path(folder)
    text = read_text(path)
    return Source(text, path.resolve(), exercise_of(text, path))


def solution_path(folder: str | Path) -> Path:
    """The file of a solution, given its folder or itself.

    Raises
    ------
    CannotRunError
        If there is no such folder; it names one beside it that may be meant.
    """
    if folder == "":
        raise CannotRunError("the name of the folder is empty")
    folder = Path(folder)
    try:
        return folder / "solution.py" if stat.S_ISDIR(folder.stat().st_mode) else folder
    except FileNotFoundError:
        beside = [path.parent.name for path in folder.parent.glob("*/solution.py")]
        near = difflib.get_close_matches(folder.name, beside, 1)
        begin = f"; begin with: minivit course start {folder.name}" if folder.name in EXERCISES else ""
        meant = f"; did you mean {folder.parent / near[0]}?" if near else begin
        raise CannotRunError(f"there is no folder {folder}{meant}") from None
    except (OSError, ValueError) as error:
        raise cannot_be_read(folder, error) from error


def read_text(path: Path) -> str:
    """The text of a file of Python, which may begin with a byte order mark or name its encoding (PEP 263)."""
    try:
        size = path.stat().st_size
        must_be_file(path)
        if size > LARGEST:
            raise CannotRunError(f"{path} has {size:,} bytes; a solution has at most {LARGEST:,}")
        data = path.read_bytes()
        try:
            return decode_source(data)
        except SyntaxError:
            data.decode()  # tells more of what is wrong
            raise
    except CannotRunError:
        raise
    except (OSError, SyntaxError, LookupError, ValueError) as error:  # the last three are of the encoding
        raise cannot_be_read(path, error) from error


def cannot_be_read(path: Path, error: Exception) -> CannotRunError:
    """The error in one sentence."""
    return CannotRunError(f"{clip(str(path), 200)} cannot be read: {getattr(error, 'strerror', None) or error}")


def exercise_of(text: str, path: Path) -> Exercise:
    """The exercise that its docstring names in the first line, as stubs do, or most of whose functions it defines.

    By regular expressions: the text may not parse.
    """
    if named := re.search(r'\A(?:#.*\n|\s)*"""Exercise (\w+): ', text):
        if named[1] in EXERCISES:
            return EXERCISES[named[1]]
        there_are = ", ".join(EXERCISES)
        raise CannotRunError(
            f"{path} is of an exercise {clip(named[1], 100)!r}, which is not there; there are {there_are}"
        )
    defined = set(re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE))

    def count(exercise: Exercise) -> int:
        return len({task.name.partition(".")[0] for task in exercise.tasks} & defined)

    best = max(EXERCISES.values(), key=count)
    if count(best) == 0:
        raise CannotRunError(f"{path} defines no function of any exercise; minivit course list names them")
    return best
