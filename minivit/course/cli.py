"""``minivit course list | start | check | verify``, and ``minivit train --with DIR``."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def add_course_command(commands: Any) -> None:
    """Add ``course`` to the commands of ``minivit``. What cannot run at all is told apart from what runs and fails."""
    course = commands.add_parser("course", help="exercises: write the ops yourself and have them checked")
    course.set_defaults(could_not=2)
    actions = course.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the exercises and their functions")
    listing.set_defaults(run=run_list)

    start = actions.add_parser("start", help="make a folder with the statement and the stub")
    start.add_argument("name", metavar="NAME")
    start.add_argument("-o", "--out", metavar="DIR", help="the folder; NAME if not given")
    start.set_defaults(run=run_start)

    check = actions.add_parser("check", help="check a solution (0 all passed, 1 some failed, 2 could not run)")
    check.add_argument("folder", metavar="DIR")
    check.add_argument("--json", metavar="FILE", help="also write the results there, as JSON")
    check.add_argument("--seed", type=int, default=0, help="of the random cases")
    check.set_defaults(run=run_check)

    verify = actions.add_parser("verify", help="check the exercises themselves")
    verify.set_defaults(run=run_verify)


def run_list(args: argparse.Namespace) -> int:
    """Name, minutes, title and functions of every exercise."""
    from minivit.course.exercises import EXERCISES

    for exercise in EXERCISES.values():
        print(f"{exercise.name:<11} {exercise.minutes} min  {exercise.title}")
        print(f"{'':<19} {', '.join(task.name for task in exercise.tasks)}")
    print("begin with: minivit course start softmax")
    return 0


def run_start(args: argparse.Namespace) -> int:
    """Make the folder."""
    from minivit.course.exercises import EXERCISES
    from minivit.course.outputs import clip
    from minivit.course.stub import start

    if args.name not in EXERCISES:
        raise ValueError(f"there is no exercise {clip(args.name, 100)!r}; there are {', '.join(EXERCISES)}")
    folder = start(EXERCISES[args.name], args.name if args.out is None else args.out)
    print(f"{folder}: read README.md, write solution.py, then: minivit course check {folder}")
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Print the report; the exit code says whether all passed."""
    from minivit.course.grade import check_solution
    from minivit.course.source import read_solution
    from minivit.files import replace_file
    from minivit.json_text import to_json

    if args.seed < 0:
        raise ValueError(f"seed is {args.seed}; expected 0 or more")
    solution = read_solution(args.folder)
    target = None if args.json is None else writable(args.json, solution.path)
    report = check_solution(solution, seed=args.seed)
    try:
        if target:
            replace_file(target, (to_json(report.as_json(), indent=2) + "\n").encode())
    finally:
        print(report)
    return 0 if report.ok else 1


def writable(name: str, solution: Path) -> Path:
    """The file for ``--json``; what is wrong with it is found out before the checks, which take a while."""
    from minivit.course.outputs import clip

    path = Path(name)
    try:
        if not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                return Path(os.path.realpath(path))
        if path.samefile(solution):
            raise ValueError(f"--json {name} is the solution itself; choose another file")
        if not (path.is_file() or path.is_dir()):
            raise ValueError(f"--json {name} is no regular file")
        with path.open("ab"):
            return Path(os.path.realpath(path))
    except OSError as error:
        raise OSError(error.errno, error.strerror, clip(name, 200)) from error


def run_verify(args: argparse.Namespace) -> int:
    """Check the exercises."""
    from minivit.course.verify import verify

    return 0 if verify(print) else 1


@contextmanager
def training_with(folders: Sequence[str]) -> Iterator[None]:
    """While it lasts, the solutions in these folders stand in place of our functions; tells which, before and after."""
    from minivit.course.with_ops import in_place_of_ours, load_checked

    solutions = [load_checked(folder) for folder in folders]
    for solution in solutions:
        print(f"with {solution.folder}: {', '.join(solution.names)} are yours, all else is minivit's")
    with in_place_of_ours(solutions) as called:
        yield
    for solution in solutions:
        names = [task.name for task in solution.exercise.tasks]
        idle = [name for name in names if name not in called]
        print(f"{solution.folder}: trained with your {', '.join(name for name in names if name in called)}")
        if idle:
            print(f"{solution.folder}: this training had no use for {', '.join(idle)}")
