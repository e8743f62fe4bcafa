"""``minivit course list | start | status | check | grade | verify``, and ``minivit train --with DIR``."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
    start.add_argument("name", metavar="NAME", help="of an exercise, or all")
    start.add_argument("-o", "--out", metavar="DIR", help="the folder, NAME if not given; of all, where to make them")
    start.set_defaults(run=run_start)

    status = actions.add_parser("status", help="what is done, what is in progress, what is next")
    status.add_argument("folder", metavar="DIR", nargs="?", default=".", help="with the folders of exercises")
    status.set_defaults(run=run_status)

    check = actions.add_parser("check", help="check a solution (0 all passed, 1 some failed, 2 could not run)")
    check.add_argument("folder", metavar="DIR")
    check.add_argument("--json", metavar="FILE", help="also write the results there, as JSON")
    step_help = "where a number is wrong, also write a page that shows it beside the right one; or where an error arose"
    check.add_argument("--step", metavar="FILE", help=step_help)
    add_choice_of_checks(check)
    check.set_defaults(run=run_check)

    grade = actions.add_parser("grade", help="check a folder of submissions, and write one list of grades")
    grade.add_argument("folder", metavar="DIR", help="as a learning platform exports it")
    grade.add_argument("--csv", metavar="FILE", required=True, help="the list; one that is there is gone on with")
    grade.add_argument("--exercise", metavar="NAME", help="the only one that counts; all that are found if not given")
    add_choice_of_checks(grade)
    grade.add_argument("--jobs", type=int, metavar="N", help="so many at a time; as many as processors if not given")
    grade.set_defaults(run=run_grade)

    verify = actions.add_parser("verify", help="check the exercises themselves")
    verify.add_argument("names", nargs="*", metavar="NAME", help="of an exercise; all if none is given")
    verify.set_defaults(run=run_verify)


def add_choice_of_checks(command: argparse.ArgumentParser) -> None:
    """Options that say what is checked; they are the same wherever something is checked."""
    command.add_argument("--seed", type=int, default=0, help="of the random cases")
    command.add_argument("--with-checks", metavar="FILE", help="further checks of your own, a file of Python")


def run_list(args: argparse.Namespace) -> int:
    """Name, minutes, title, place and functions of every exercise."""
    from minivit.course.exercises import EXERCISES

    for exercise in EXERCISES.values():
        print(f"{exercise.name:<11} {exercise.minutes} min  {exercise.title} ({exercise.place})")
        print(f"{'':<19} {', '.join(task.name for task in exercise.tasks)}")
    print(f"begin with: minivit course start {next(iter(EXERCISES))}, or: minivit course start all")
    return 0


def run_start(args: argparse.Namespace) -> int:
    """Make the folder, or all of them."""
    from minivit.course.stub import start, start_all

    if args.name == "all":
        start_all("." if args.out is None else args.out, print)
        return 0
    folder = start(exercise_named(args.name), args.name if args.out is None else args.out)
    print(f"{folder}: read README.md, write solution.py, then: minivit course check {folder}")
    return 0


def exercise_named(name: str) -> Any:
    """The exercise, or what there is instead."""
    from minivit.course.exercises import EXERCISES
    from minivit.course.outputs import clip

    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {clip(name, 100)!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


def run_status(args: argparse.Namespace) -> int:
    """A line for each exercise."""
    from minivit.course.status import status

    for line in status(args.folder):
        print(line)
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Print the report; the exit code says whether all passed."""
    from minivit.course.extra import read_extra, with_extra
    from minivit.course.grade import check_solution
    from minivit.course.source import read_solution
    from minivit.files import replace_file
    from minivit.json_text import to_json
    from minivit.steps.page import must_be_html
    from minivit.terminal import one_line

    if args.seed < 0:
        raise ValueError(f"seed is {args.seed}; expected 0 or more")
    solution = read_solution(args.folder)
    if args.with_checks:
        solution = solution._replace(exercise=with_extra(solution.exercise, read_extra(args.with_checks)))
    target = None if args.json is None else writable("--json", args.json, {"the solution itself": solution.path})
    others = {"the solution itself": solution.path, "the file for --json": target}
    page = None
    if args.step is not None:
        must_be_html(args.step)
        page = writable("--step", args.step, others)
    report = check_solution(solution, seed=args.seed)
    said = ""
    try:
        if target:
            replace_file(target, (to_json(report.as_json(), indent=2) + "\n").encode())
        if page:
            said = write_page(page, str(args.step), report, solution)
    finally:
        print(report)
    if said:
        print(one_line(said))
    return 0 if report.ok else 1


def write_page(path: Path, name: str, report: Any, solution: Any) -> str:
    """Write the page of the first wrong numbers or the first error, if there is any, and say what was done."""
    if report.wrong is None:
        what = "all is right" if report.ok else "what failed has no numbers to be shown"
        return f"nothing to compare, and no page written: {what}"
    from minivit.steps.compared import compared

    run = compared(report.wrong, solution)
    run.save(path)
    names, task = ", ".join(report.wrong.compared.wrong), report.wrong.task
    what = f"your {names} of {task} beside what is right" if names else f"the line in which your {task} raised an error"
    return f"wrote {name}: {what}; open it in a browser"


def run_grade(args: argparse.Namespace) -> int:
    """Grade a folder; marks are in the list, the exit code says only whether it was written."""
    from minivit.course.classroom import grade_folder
    from minivit.processors import available_processors

    jobs = available_processors() if args.jobs is None else args.jobs
    if args.seed < 0 or jobs < 1:
        raise ValueError(f"seed is {args.seed} and jobs is {jobs}; expected 0 or more, and 1 or more")
    exercise = None if args.exercise is None else exercise_named(args.exercise).name
    grade_folder(args.folder, args.csv, seed=args.seed, exercise=exercise, extra=args.with_checks, jobs=jobs)
    return 0


def writable(option: str, name: str, others: Mapping[str, Path | None]) -> Path:
    """The file of an option; what is wrong with it is found out before the checks, which take a while.

    ``others`` are files that it must not be, by what is said of them.
    """
    from minivit.course.outputs import clip

    path, real = Path(name), Path(os.path.realpath(name))
    try:
        for what, other in others.items():
            if other and (real == other or (path.exists() and other.exists() and path.samefile(other))):
                raise ValueError(f"{option} {name} is {what}; choose another file")
        if not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                return real
        if not (path.is_file() or path.is_dir()):
            raise ValueError(f"{option} {name} is no regular file")
        with path.open("ab"):
            return real
    except OSError as error:
        raise OSError(error.errno, error.strerror, clip(name, 200)) from error


def run_verify(args: argparse.Namespace) -> int:
    """Check the exercises."""
    from minivit.course.verify import verify

    return 0 if verify(print, [exercise_named(name).name for name in args.names]) else 1


@contextmanager
def training_with(folders: Sequence[str]) -> Iterator[None]:
    """While it lasts, the solutions in these folders stand in place of our functions; tells which, before and after."""
    from minivit.course.with_ops import in_place_of_ours, load_checked

    solutions = [load_checked(folder) for folder in folders]
    for solution in solutions:
        names = ", ".join(solution.names)
        print(f"with {solution.folder}: what the training calls of {names} is yours, all else is minivit's")
    with in_place_of_ours(solutions) as called:
        yield
    for solution in solutions:
        names = [task.name for task in solution.exercise.tasks]
        used, idle = ([name for name in names if (name in called) == use] for use in (True, False))
        said = [f"trained with your {', '.join(used)}"] if used else []
        said += [f"this training had no use for {', '.join(idle)}"] if idle else []
        for words in said:
            print(f"{solution.folder}: {words}")
