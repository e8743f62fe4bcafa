"""Put a student's functions in place of ours for a while: ``minivit train --with DIR`` trains with them.

Python looks a function up by its name in the module that calls it. So it is enough to let that name, in every module of
minivit that imported it, mean the student's function, and to put ours back in the end.
"""

import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from minivit.course.call import load_source
from minivit.course.exercise import Exercise
from minivit.course.grade import check_solution
from minivit.course.runner import CannotRunError
from minivit.course.source import Source, read_solution
from minivit.ops.registry import Op


class Solution(NamedTuple):
    """A solution that has passed its checks."""

    folder: str
    exercise: Exercise
    module: types.ModuleType

    @property
    def names(self) -> list[str]:
        """Functions and classes that are the student's."""
        return list(dict.fromkeys(task.name.partition(".")[0] for task in self.exercise.tasks))


def load_as_it_is(folder: str | Path) -> Solution:
    """Load a solution, right or wrong.

    Raises
    ------
    CannotRunError
        If there is none, or it cannot be loaded, or one of its functions is missing.
    """
    solution = read_solution(folder)
    found = _loaded(folder, solution)
    for name in found.names:
        if not hasattr(found.module, name):
            raise CannotRunError(f"{solution.path} has no {name}")
    return found


def load_checked(folder: str | Path) -> Solution:
    """Load a solution after every check of it has passed.

    Raises
    ------
    CannotRunError
        If there is no solution, or a check fails: a wrong function would only train badly, and nobody would see why.
        Also if a cache or gradients have a form of their own, which other functions could not read.
    """
    try:
        solution = read_solution(folder)
        report = check_solution(solution)
    except CannotRunError as error:
        raise CannotRunError(f"not training with {folder}: {' '.join(str(error).split())}") from error
    if not report.ok:
        failed = next(result for result in report.results if result.status != "passed")
        reason = (failed.message or failed.status).partition("\n")[0].removeprefix(f"{failed.task}: ")
        raise CannotRunError(
            f"not training with {folder}, because only {report.passed} of {len(report.results)} checks pass; first "
            f"mend {failed.task} ({failed.check}: {reason}); minivit course check {folder} says the rest"
        )
    for result in report.results:
        if result.check == "runs" and result.message:  # right, but in a form that others cannot read
            raise CannotRunError(
                f"not training with {folder}: {result.task} returns {result.message}; minivit reads the fields by name"
            )
    return _loaded(folder, solution)


def _loaded(folder: str | Path, solution: Source) -> Solution:
    return Solution(str(folder), solution.exercise, load_source(solution.text, str(solution.path)))


@contextmanager
def in_place_of_ours(solutions: Sequence[Solution]) -> Iterator[set[str]]:
    """While it lasts, minivit computes with these solutions; gives the names of the functions called so far.

    Models must be made inside, because a layer is made of the class that has the name at that moment.
    """
    called: set[str] = set()
    new: dict[int, Any] = {}  # by the identity of what it replaces
    for solution in solutions:
        for task in solution.exercise.tasks:
            name, _, method = task.name.partition(".")
            ours, theirs = getattr(import_module(task.module), name), getattr(solution.module, name)
            if method:
                setattr(theirs, method, noted(getattr(theirs, method), task.name, called))
                new[id(ours)] = theirs
            else:
                new[id(ours)] = new[id(theirs)] = noted(theirs, name, called)
        new |= {id(theirs): ours for theirs, ours in same_tuples(solution)}
    before: list[tuple[dict[str, Any], str, Any]] = []  # where, name, what stood there
    for names in tables([solution.module for solution in solutions]):
        for name, old in list(names.items()):
            put = Op(*(new.get(id(part), part) for part in old)) if isinstance(old, Op) else new.get(id(old))
            if put is not None and put != old:
                before.append((names, name, old))
                names[name] = put
    try:
        yield called
    finally:
        for names, name, old in before:
            names[name] = old


def same_tuples(solution: Solution) -> Iterator[tuple[type, type]]:
    """Caches and gradients that the solution defines as we do; while it trains, there is one class for both."""
    modules = [import_module(task.module) for task in solution.exercise.tasks]
    for name, theirs in vars(solution.module).items():
        if isinstance(theirs, type) and issubclass(theirs, tuple):
            for ours in {getattr(module, name) for module in modules if hasattr(module, name)} - {theirs}:
                yield theirs, ours


def tables(solutions: Sequence[types.ModuleType]) -> Iterator[dict[str, Any]]:
    """Every place where a function is looked up: the modules of minivit, tables of ops in them, the solutions."""
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == "minivit" and not module_name.startswith("minivit.course"):
            yield vars(module)
            yield from (table for table in list(vars(module).values()) if _is_op_table(table))
    yield from map(vars, solutions)


def _is_op_table(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, Op) for item in value.values())


def noted(function: Callable, name: str, called: set[str]) -> Callable:
    """The same function, which leaves its name when it is called."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        called.add(name)
        return function(*args, **kwargs)

    return call
