"""Grade a folder of submissions into one list: a row for each student and exercise, whatever was handed in."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from minivit.course.batch import Verdict, check_all
from minivit.course.exercises import EXERCISES
from minivit.course.fingerprint import fingerprint
from minivit.course.sheet import Key, Row, cell, key_of, read_sheet, write_sheet
from minivit.course.stub import solved_source
from minivit.course.submissions import Solution, Submission, exercises_in, find_submissions

Points = dict[str, int]
"""Numbers of checks by function."""


def grade_folder(
    folder: str | Path,
    target: str | Path,
    *,
    seed: int = 0,
    exercise: str | None = None,
    extra: str | None = None,
    jobs: int = 1,
    tell: Callable[[str], Any] = print,
) -> None:
    """Check every solution in a folder, and write the list of grades, anew after each result.

    Of a list that is there already, a row is taken over as it is where the solution, the checks and the seed are the
    same: what was interrupted goes on, and late submissions are added.

    Parameters
    ----------
    folder : path
        As a learning platform exports it, see :mod:`minivit.course.submissions`. Nothing in it is changed.
    target : path
        The list of grades, see :mod:`minivit.course.sheet`.
    seed : int
        Of the random cases.
    exercise : str, optional
        The only one that counts; if not given, all of which there is a solution.
    extra : str, optional
        A file with checks of one's own, see :mod:`minivit.course.extra`.
    jobs : int
        How many solutions are checked at a time.

    Raises
    ------
    ValueError
        If there is nothing to grade, the reference itself fails, or ``target`` is a file that must not be written over.
    OSError
        If the folder cannot be read, or the list not be written.
    """
    target = os.path.realpath(target)
    submissions, left_out = find_submissions(folder)
    if others := [name for name in left_out if os.path.realpath(Path(folder, name)) != target]:
        tell(f"left out: {', '.join(map(cell, others))}")
    names = [exercise] if exercise else exercises_in(submissions)
    if not submissions or not names:
        raise ValueError(f"no solution is in {folder}; it must hold a folder or a file of Python for each student")

    options = ["--seed", str(seed), *(["--with-checks", os.path.abspath(extra)] if extra else [])]
    points = points_of_references(names, options, jobs)
    columns = [column(*item) for functions in points.values() for item in functions.items()]
    before = read_sheet(target, columns)
    checks = fingerprint(str(seed).encode(), Path(extra).read_bytes() if extra else b"").encode()
    rows, waiting = plan(submissions, points, before, checks)
    if gone := before.keys() - {key_of(row) for row in rows}:
        who = " ".join(filter(None, min(gone)))
        raise ValueError(f"{target} has a row of {who}, who is not in {folder}; choose another file")

    write_sheet(target, columns, rows)
    solutions = [solution for _, solution in waiting]
    with closing(check_all(solutions, options, jobs)) as verdicts:
        for count, (number, verdict) in enumerate(verdicts, 1):
            row, _ = waiting[number]
            row |= result_of(verdict, points[row["exercise"]])
            write_sheet(target, columns, rows)
            tell(f"{count} of {len(waiting)}: {row['student']}, {row['exercise']}: {in_words(row)}")
    states = Counter(row["state"] for row in rows)
    tell(f"{target}: {len(rows)} rows, {', '.join(f'{count} {state}' for state, count in states.most_common())}")


def points_of_references(names: Sequence[str], options: Sequence[str], jobs: int) -> dict[str, Points]:
    """What there is to be had in each exercise: what the reference has, which must be all, or nobody could have it."""
    solutions = [Solution("solution.py", solved_source(EXERCISES[name]).encode(), {}, "") for name in names]
    found: dict[str, Points] = {}
    for number, (_, message, report) in check_all(solutions, options, jobs):
        if report is None or report["passed"] < report["total"]:
            trouble = first_message(report) if report else message
            raise ValueError(f"the reference itself does not pass {names[number]}: {trouble}")
        found[names[number]] = Counter(check["function"] for check in report["checks"])
    return {name: found[name] for name in names}


def plan(
    submissions: list[Submission], points: dict[str, Points], before: dict[Key, Row], checks: bytes
) -> tuple[list[Row], list[tuple[Row, Solution]]]:
    """All rows, and those that wait for a check, with the solution."""
    rows: list[Row] = []
    waiting: list[tuple[Row, Solution]] = []
    for submission in submissions:
        for name, functions in points.items():
            row, solution = first_row(submission, name, checks)
            row["total"] = str(sum(functions.values()))
            old = before.get(key_of(row), {})
            if solution and old.get("state") == "checked" and old["check"] == row["check"]:
                row = old
            elif solution:
                waiting.append((row, solution))
            rows.append(row)
    return rows, waiting


def column(function: str, points: int) -> str:
    """The name of a function's column. What can be had stands here, because 5/11 in a cell would become a date."""
    return f"{function} (of {points})"


def first_row(submission: Submission, name: str, checks: bytes) -> tuple[Row, Solution | None]:
    """The row as it is before anything is checked, and what is to be checked, if that is clear."""
    row = {"student": cell(submission.student), "id": cell(submission.id), "exercise": name, "check": ""}
    found = submission.solutions.get(name, [])
    row["file"] = cell(", ".join(solution.where for solution in found))
    if not found:
        message = "; ".join(submission.reasons or [f"only {', '.join(submission.solutions)}"])
        return row | {"state": "missing", "passed": "0", "message": cell(message)}, None
    if len({(solution.content, *sorted(solution.beside.items())) for solution in found}) > 1:
        return row | {"state": "unclear", "message": "these files differ: leave the one that counts"}, None
    _, content, beside, _ = found[0]
    parts = [content, *(part for other, text in sorted(beside.items()) for part in (os.fsencode(other), text))]
    return row | {"state": "waiting", "check": fingerprint(checks, *parts)}, found[0]


def result_of(verdict: Verdict, points: Points) -> Row:
    """What a verdict writes into a row."""
    state, message, report = verdict
    row = {"state": state, "message": cell(" ".join(message.split()))}
    if state == "no result":
        return row
    passed = Counter(c["function"] for c in (report["checks"] if report else []) if c["status"] == "passed")
    row["passed"] = str(passed.total())
    row |= {column(function, most): str(passed[function]) for function, most in points.items()}
    if report:
        row |= {"isolated": "yes" if report["isolated"] else "no", "message": cell(first_message(report))}
    return row


def first_message(report: dict[str, Any]) -> str:
    """Of the first check that did not pass, on one line; nothing if all did."""
    for check in report["checks"]:
        if check["status"] != "passed":
            what = check["message"].partition("\n")[0] if check["status"] == "failed" else check["status"]
            return f"{check['function']} ({check['check']}): {what}"
    return ""


def in_words(row: Row) -> str:
    """A row's result, for somebody who looks on."""
    return f"{row['passed']} of {row['total']}" if row["state"] == "checked" else f"{row['state']}: {row['message']}"
