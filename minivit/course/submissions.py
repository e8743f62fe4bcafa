"""Find out who handed in what: a folder as learning platforms export it, or one folder or file for each student.

Known are names as of Moodle (``Ada Lovelace_1234_assignsubmission_file_``, a folder, or with a file's name behind it),
and as of Canvas (``lovelaceada_LATE_1234_5678_solution.py``). Else the name of the folder or file is the student's, as
in exports of Gradescope (``submission_1234``).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from minivit.course.exercises import EXERCISES
from minivit.course.runner import CannotRunError
from minivit.course.source import exercise_of, read_text

MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
CANVAS = re.compile(r"(?P<student>[^_]+)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)", re.DOTALL)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
NOTEBOOK = ".ipynb"


class File(NamedTuple):
    """A file that was handed in, and what it was called before the platform put the student's name before it."""

    path: Path
    name: str


class Solution(NamedTuple):
    """A file that belongs to an exercise: name, content, files of Python beside it by name, and where it was."""

    name: str
    content: bytes
    beside: dict[str, bytes]
    where: str


class Submission:
    """What one student handed in. ``reasons`` say of the rest why it is no solution.

    Parameters
    ----------
    student, id : str
        The name, and the number that the platform gave.
    """

    def __init__(self, student: str, id: str) -> None:
        self.student, self.id = student, id
        self.solutions: dict[str, list[Solution]] = {}
        self.reasons: list[str] = []


def find_submissions(folder: str | Path) -> tuple[list[Submission], list[str]]:
    """Everybody's submission, sorted by name, and the names of what was left out.

    Raises
    ------
    OSError
        If it is no folder, or must not be read.
    """
    files: dict[tuple[str, str], list[File]] = {}
    left_out = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if found := owner(entry):
                student, id, name = found
                path = Path(entry.path)
                handed_in = files_below(path) if entry.is_dir() else [File(path, name)]
                files.setdefault((student, id), []).extend(handed_in)
            else:
                left_out.append(entry.name)
    return [read_submission(*who, handed_in, folder) for who, handed_in in sorted(files.items())], left_out


def owner(entry: os.DirEntry) -> tuple[str, str, str] | None:
    """Student, number, and name of the file; None for what nobody handed in, such as a list of grades."""
    name, is_folder = entry.name, entry.is_dir(follow_symlinks=False)
    if is_junk(name) or not (is_folder or entry.is_file(follow_symlinks=False)):
        return None
    match = MOODLE.fullmatch(name) or (None if is_folder else CANVAS.fullmatch(name))
    if match and (is_folder or match["file"]):
        return match["student"], match["id"], match["file"] or ""
    path = Path(name)
    if is_folder or path.suffix.lower() not in (".py", NOTEBOOK, *ARCHIVES):
        return (name, "", "") if is_folder else None
    return path.stem, "", name


def is_junk(name: str) -> bool:
    """Whether systems and editors leave such things."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def files_below(folder: Path) -> list[File]:
    """All ordinary files; links may lead anywhere, and are not followed."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_junk(name))
        paths = [Path(where, name) for name in sorted(names) if not is_junk(name)]
        found += [File(path, path.name) for path in paths if path.is_file() and not path.is_symlink()]
    return found


def read_submission(student: str, id: str, files: list[File], folder: str | Path) -> Submission:
    """Sort files by the exercise that they belong to."""
    submission = Submission(student, id)
    contents: dict[File, bytes] = {}
    exercises: dict[File, str] = {}
    for file in files:
        if file.path.suffix.lower() != ".py":
            continue
        try:
            text = read_text(file.path)
            contents[file] = file.path.read_bytes()
            exercises[file] = exercise_of(text, Path(file.name)).name
        except CannotRunError as error:
            submission.reasons.append(str(error).replace(str(file.path), file.name))
    for file, exercise in exercises.items():
        near = (other for other in contents if other.path.parent == file.path.parent and other != file)
        beside = {other.name: contents[other] for other in near}
        where = os.path.relpath(file.path, folder)
        submission.solutions.setdefault(exercise, []).append(Solution(file.name, contents[file], beside, where))
    submission.reasons += no_python(files)
    return submission


def no_python(files: list[File]) -> Iterator[str]:
    """What is to be said of files of other kinds, if there is nothing else."""
    names = [file.name for file in files]
    if not names:
        yield "the folder is empty"
    for name in names:
        if name.lower().endswith(ARCHIVES):
            yield f"{name} is an archive: unpack it"
        elif name.lower().endswith(NOTEBOOK):
            yield f"{name} is a notebook: save it as a file of Python"
        elif not any(other.lower().endswith((".py", NOTEBOOK, *ARCHIVES)) for other in names):
            yield f"{name} is no file of Python"


def exercises_in(submissions: list[Submission]) -> list[str]:
    """The exercises of which there is any solution, in the order of the course."""
    return [name for name in EXERCISES if any(name in submission.solutions for submission in submissions)]
