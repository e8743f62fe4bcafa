"""Check a solution: a folder, or functions from a notebook."""

import types
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from minivit.course.call import load_source
from minivit.course.checks import Result, check_names, check_task
from minivit.course.exercise import Exercise, Task
from minivit.course.exercises import EXERCISES
from minivit.course.process import processes_exist
from minivit.course.report import Report
from minivit.course.runner import CALL_SECONDS, CannotRunError, ChildRunner, InPlaceRunner, Runner
from minivit.course.source import Source, read_solution


def check(solution: str | Path | Callable, *more: Callable, seed: int = 0) -> Report:
    """Check the solution in a folder, or one or more functions.

    A folder is checked in a process of its own. Functions (of a notebook) are checked in place; they are recognised by
    their names.

    >>> from minivit.course import check                            # doctest: +SKIP
    >>> check("softmax")                                            # doctest: +SKIP
    >>> check(softmax_forward, softmax_backward)                    # doctest: +SKIP

    Raises
    ------
    CannotRunError
        If there is no solution, it cannot be loaded, or it belongs to no exercise.
    """
    if isinstance(solution, (str, Path)):
        return check_folder(solution, seed=seed)
    return check_functions((solution, *more), seed=seed)


def check_folder(folder: str | Path, *, seed: int = 0, seconds: float = CALL_SECONDS) -> Report:
    """Check ``folder/solution.py`` in a child process (so many seconds for a call), or in place where there is none."""
    return check_solution(read_solution(folder), seed=seed, seconds=seconds)


def check_solution(solution: Source, *, seed: int = 0, seconds: float = CALL_SECONDS) -> Report:
    """The same for a solution that has been read."""
    runner = open_solution(solution, seconds)
    try:
        report = run_checks(solution.exercise, runner, seed=seed)
    finally:
        runner.close()
    report.output = runner.output
    return report


def open_solution(solution: Source, seconds: float) -> Runner:
    """A child process with the solution in it; a browser has no processes, so there it is loaded right here."""
    text, path, exercise = solution
    if processes_exist():
        return ChildRunner(text, str(path), closed_functions(exercise), closed_for(exercise.tasks), seconds=seconds)
    try:
        return InPlaceRunner(load_source(text, str(path)), closed_for(exercise.tasks))
    except (Exception, SystemExit) as error:
        raise CannotRunError(f"the solution cannot be loaded: {type(error).__name__}: {error}") from error


def check_functions(functions: Iterable[Callable], *, seed: int = 0) -> Report:
    """Check functions in place, each by the exercise that asks for a function of its name."""
    named = {function.__name__: function for function in functions}
    tasks = {task.name: (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks}
    unknown = [name for name in named if not any(task.partition(".")[0] == name for task in tasks)]
    if unknown:
        raise CannotRunError(f"no exercise asks for a function {unknown[0]}")
    chosen = [(exercise, task) for name, (exercise, task) in tasks.items() if name.partition(".")[0] in named]
    for _, task in chosen:
        name = task.name.partition(".")[0]
        if named[name] is getattr(import_module(task.module), name):
            raise CannotRunError(f"{name} is minivit's own: write one yourself")
    runner = InPlaceRunner(types.SimpleNamespace(**named), closed_for(task for _, task in chosen))
    report = Report(", ".join(dict.fromkeys(exercise.name for exercise, _ in chosen)), runner.isolated)
    for _, task in chosen:
        report.add(check_task(task, runner, seed))
    return report


def run_checks(
    exercise: Exercise, runner: Runner, *, seed: int = 0, tasks: Iterable[Task] | None = None, timed: bool = True
) -> Report:
    """Every check of an exercise (or of some of its tasks); each result is noted as soon as it is known."""
    report = Report(exercise.name, runner.isolated)
    for task in exercise.tasks if tasks is None else tasks:
        report.add(check_task_safely(task, runner, seed, timed))
        if any(result.status == "failed" for result in report.of(task.name)):
            runner.close()  # whatever it may have broken, the next function finds a fresh process
    if not report.results:
        raise CannotRunError(f"exercise {exercise.name} asks for nothing")
    return report


def check_task_safely(task: Task, runner: Runner, seed: int, timed: bool) -> Iterator[Result]:
    """As :func:`check_task`; a solution that can no longer be loaded fails what is left."""
    done = 0
    try:
        for result in check_task(task, runner, seed, timed=timed):
            done += 1
            yield result
    except CannotRunError as error:
        for name in check_names(task)[done:]:
            yield Result(task.name, name, "failed", str(error))


def closed_functions(exercise: Exercise) -> list[str]:
    """``module:name`` of what a solution may not call."""
    return [*(f"{task.module}:{task.name}" for task in exercise.tasks), *exercise.closed]


def closed_for(tasks: Iterable[Task]) -> dict[str, tuple[str, ...]]:
    """Of each function, which of other packages it may not call."""
    return {task.name: task.closed for task in tasks if task.closed}
