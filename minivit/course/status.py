"""How far somebody is with the exercises in a folder: what is done, what is in progress, what is next.

A result is remembered together with a fingerprint of what it is of: the text of the solution, and minivit. So only what
has changed is checked, and what is said is always true of the files as they are.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from minivit.course.exercise import Exercise
from minivit.course.exercises import EXERCISES
from minivit.course.fingerprint import fingerprint
from minivit.course.grade import check_solution
from minivit.course.report import Report
from minivit.course.runner import CannotRunError
from minivit.course.source import read_solution
from minivit.files import replace_file
from minivit.json_text import from_json, to_json
from minivit.terminal import one_line, shortened

MEMORY = ".minivit-status.json"


class Standing(NamedTuple):
    """How far a solution is, and the functions that are right."""

    words: str
    done: list[str]


NOT_STARTED = Standing("not started", [])


def status(folder: str | Path) -> Iterator[str]:
    """A line for each exercise, as soon as it is known, and one that sums up.

    Raises
    ------
    OSError
        If there is no such folder.
    ValueError
        If no exercise is in it.
    """
    folder = Path(folder)
    found = solutions_in(folder)
    if not found:
        raise ValueError(
            f"no exercise is in {folder}; to begin: minivit course start all -o {shlex.quote(str(folder))}"
        )
    remembered, known = read_memory(folder), {}
    done = total = left = 0
    following = ""
    for exercise in EXERCISES.values():
        standings = []
        for path in found.get(exercise.name, []):
            standing, key = standing_of(path, exercise, remembered)
            if key:
                known[key] = list(standing)
            standings.append((standing, path))
            elsewhere = "" if path.name == exercise.name else f" (in {shlex.quote(str(path))})"
            yield line(exercise, f"{standing.words}{elsewhere}")
        if not standings:
            yield line(exercise, NOT_STARTED.words)
        standing, path = max(standings, key=lambda pair: len(pair[0].done), default=(NOT_STARTED, None))
        todo = [task.name for task in exercise.tasks if task.name not in standing.done]
        total += exercise.minutes
        left += exercise.minutes * len(todo) // len(exercise.tasks)
        done += not todo
        if todo and not following:
            where = shlex.quote(str(path or folder / exercise.name))
            command = f"check {where}" if path else f"start {exercise.name} -o {where}"
            following = f"; next: {todo[0]}, minivit course {command}"
    with suppress(OSError):  # in a folder that must not be written, everything is checked each time
        replace_file(folder / MEMORY, to_json(known).encode())
    yield one_line(f"{done} of {len(EXERCISES)} done, about {left} of {total} minutes left{following}")


def line(exercise: Exercise, words: str) -> str:
    """What is said of an exercise."""
    return one_line(f"{exercise.name:<11} {exercise.minutes} min  {exercise.place:<36} {words}")


def solutions_in(folder: Path) -> dict[str, list[Path]]:
    """Folders with a solution, by exercise; one that cannot be read is of the one that its folder is called after."""
    found: dict[str, list[Path]] = {}
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if (path / "solution.py").exists():
            exercise = name
            with suppress(CannotRunError):
                exercise = read_solution(path).exercise.name
            found.setdefault(exercise, []).append(path)
    return found


def standing_of(path: Path, exercise: Exercise, remembered: dict[str, Any]) -> tuple[Standing, str]:
    """How far a solution is, as remembered or else as a check says, and under which key to remember it."""
    try:
        solution = read_solution(path)
        key = fingerprint(exercise.name.encode(), solution.text.encode())
        standing = recalled(remembered.get(key), exercise) or judged(check_solution(solution), exercise)
    except CannotRunError as error:
        return Standing(shortened(f"cannot run: {error}", 200), []), ""
    return standing, key


def judged(report: Report, exercise: Exercise) -> Standing:
    """What a report says in short."""
    wrong = [result for result in report.results if result.status != "passed"]
    done = [task.name for task in exercise.tasks if all(result.task != task.name for result in wrong)]
    if not wrong:
        return Standing("done", done)
    if all(result.status == "not implemented" for result in report.results):
        return NOT_STARTED
    return Standing(f"in progress: {len(done)} of {len(exercise.tasks)} functions", done)


def read_memory(folder: Path) -> dict[str, Any]:
    """What was remembered, by key; nothing where that cannot be read."""
    with suppress(OSError, ValueError):
        remembered = from_json((folder / MEMORY).read_text(encoding="utf-8"))
        return remembered if isinstance(remembered, dict) else {}
    return {}


def recalled(value: Any, exercise: Exercise) -> Standing | None:
    """A standing that was remembered; None if there is none, or anything else stands there."""
    match value:
        case [str(words), list(done)] if all(name in [task.name for task in exercise.tasks] for name in done):
            return Standing(words, done)
    return None
