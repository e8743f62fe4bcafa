"""A student's numbers beside the right ones: a page of the first check in which they differ, or there are none.

Of a function that an exercise asks for, the page has the formula and the student's own text, never ours: that is the
answer.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from minivit.caches import arrays_in
from minivit.course.checks import Result
from minivit.course.compare import Compared, is_numeric
from minivit.course.exercise import Task
from minivit.course.explain import worst_index, worst_place, wrong_shape
from minivit.course.outputs import describe
from minivit.course.source import Source
from minivit.course.trial import argument_names, forward_names, layer_class, reference
from minivit.steps.arrays import Store
from minivit.steps.explain import axes_of, docstring_of, hints_of, html_of
from minivit.steps.record import Array, Call, real_parts
from minivit.steps.steps import Steps
from minivit.types import ndarray

LONGEST_OPTION = 200  # characters

PLACE = re.compile(r"\n  in .+, line (\d+): ")
"""In what is said of an error: the line of the solution that raised it."""

OWN_CACHE = "Your function was given the cache of your own forward, which stays in the process of your solution."


def compared(result: Result, solution: Source) -> Steps:
    """The page of a check in which numbers were wrong, or an error arose.

    Parameters
    ----------
    result : Result
        With what it has compared, such as ``wrong`` of a :class:`minivit.course.report.Report`.
    solution : Source
        What was checked.

    Raises
    ------
    ValueError
        If the result has no numbers that are wrong, and no error.
    """
    found = result.compared
    if found is None or not (found.wrong or found.raised):
        raise ValueError(f"in the check {result.check!r} of {result.task} no numbers are wrong")
    task = found.task
    function = function_of(task)
    way = "forward" if task.kind == "plain" else task.kind
    call = Call("op", solution.exercise.name, task.name.removesuffix(task.kind).rstrip("_."), way, function, None)
    call.words = f"{result.task}, {result.check}: {result.message}"
    call.about = about(task, solution)
    kept = Kept(task)
    put_inputs(call, found, kept)
    run = Steps(task.name, [call], kept.store)
    if not found.raised:
        put_outputs(call, found, kept)
    elif line := PLACE.search(found.raised):
        run.raised = {"file": solution.path.name, "line": int(line[1])}
    run.notes = [OWN_CACHE] * found.own_cache
    run.what_if = run.field = {"reason": "there is no model, only a function of an exercise"}
    return run


def function_of(task: Task) -> Any:
    """Our own function; of a layer its method."""
    return getattr(layer_class(task), task.name.partition(".")[2]) if task.is_layer else reference(task)


class Kept:
    """The arrays of the page, with names of their axes: those of the exercise, or else those of an annotation."""

    def __init__(self, task: Task) -> None:
        self.task, self.store = task, Store()

    def all_in(self, nest: Any, hints: Mapping[str, Any]) -> dict[str, Array]:
        """The arrays of numbers in a nest, by their paths."""
        found: dict[str, Array] = {}
        for name, array in arrays_in(nest):
            if is_numeric(array):
                found |= self.parts(name, array, hints)
        return found

    def parts(self, name: str, array: ndarray, hints: Mapping[str, Any], *, as_complex: bool = False) -> dict[str, Any]:
        """One array, or both parts of one of complex numbers."""
        words = self.task.axes.get(name, self.task.axes.get(f"d{name}", "")).split()
        axes = words if len(words) == array.ndim else axes_of(hints.get(name), array.ndim)
        parts = real_parts(name, array.astype(complex) if as_complex else array)
        named = {"axes": axes} if axes else {}
        return {part: self.store.add(numbers) | named for part, numbers in parts.items()}


def put_inputs(call: Call, found: Compared, kept: Kept) -> None:
    """What went into the function; of a backward the options of its forward too, which tell one case from another."""
    task, trial = found.task, found.trial
    forward = dict(zip(forward_names(task), trial.inputs, strict=False)) | trial.case.kwargs
    options = {name: value for name, value in forward.items() if isinstance(value, (bool, int, float, str, tuple))}
    given = dict(zip([*argument_names(task), "start"], trial.args, strict=False)) | trial.kwargs
    given = forward | {"dy": trial.dy} if found.own_cache else options | given
    call.cache = kept.all_in(given.pop("cache", None), hints_of(type(trial.cache)))
    for name, value in given.items():
        value = np.asarray(value) if isinstance(value, np.generic) else value
        arrays = kept.all_in({name: value}, hints_of(call.function))
        if arrays:
            call.inputs |= arrays
        elif isinstance(value, (bool, int, float, str, tuple)):
            call.options[name] = repr(value)[:LONGEST_OPTION]


def put_outputs(call: Call, found: Compared, kept: Kept) -> None:
    """What came out, what was expected, the difference, and of what is wrong where and how."""
    hints, wrong = hints_of_outputs(found), found.wrong
    for name, (got, expected) in found.pairs.items():
        if not is_numeric(expected):
            continue
        expected = np.asarray(expected)
        if not is_numeric(got):
            parts = kept.parts(name, expected, hints)
            call.expected |= parts
            call.wrong |= {part: {"at": None, "words": f"{name} is {describe(got)}"} for part in parts}
            continue
        got = np.asarray(got)
        as_complex = "c" in got.dtype.kind + expected.dtype.kind
        call.outputs |= kept.parts(name, got, hints, as_complex=as_complex)
        parts = kept.parts(name, expected, hints, as_complex=as_complex)
        call.expected |= parts
        is_alike = got.shape == expected.shape
        if is_alike:
            call.difference |= kept.parts(name, difference(got, expected), hints, as_complex=as_complex)
        if name in wrong:
            at = [*worst_index(got, expected)] if is_alike else None
            words = worst_place(name, got, expected) if is_alike else wrong_shape(name, got, expected)
            call.wrong |= {part: {"at": at, "words": words} for part in parts}


def difference(got: ndarray, expected: ndarray) -> ndarray:
    """What came minus what was expected; nothing where both are infinite, or no number."""
    kind = np.complex128 if "c" in got.dtype.kind + expected.dtype.kind else np.float64
    with np.errstate(all="ignore"):
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        return np.where(same, 0, got.astype(kind) - expected.astype(kind))


def hints_of_outputs(found: Compared) -> dict[str, Any]:
    """Annotations of what comes out, by its names in the page; a gradient has that of the argument."""
    task, expected = found.task, found.trial.expected
    if task.kind == "backward":
        return {f"d{name}": hint for name, hint in hints_of(function_of(replace(task, name=task.forward))).items()}
    result = hints_of(function_of(task)).get("return")
    if task.kind == "forward":
        fields = {f"cache.{name}": hint for name, hint in hints_of(type(expected[1])).items()}
        return {"y": (*get_args(result), None)[0], **fields}
    return hints_of(type(expected)) if hasattr(expected, "_fields") else {"y": result}


def about(task: Task, solution: Source) -> dict[str, Any]:
    """What the page says of the function: the docstring, unless the stub leaves it out, and the student's text."""
    doc = inspect.getdoc(inspect.unwrap(function_of(task))) or ""
    if task.is_layer and not doc:
        doc = inspect.getdoc(layer_class(task)) or ""
    line, source, is_function = text_of(solution.text, task.name)
    return {
        "name": task.name,
        "file": solution.path.name,
        "line": line,
        "doc": "" if task.hides_docstring else html_of(doc),
        "source": source,
        "docstring": docstring_of(source) if is_function else [],
        "undoes": {},
    }


def text_of(text: str, name: str) -> tuple[int, list[str], bool]:
    """The number of the first line of a function in a solution, its lines, and whether it is a ``def``.

    Of a method that its class does not define the class is shown, and of what nothing defines the whole text.
    """
    lines = text.split("\n")
    owner, _, method = name.partition(".")
    found = definition(ast.parse(text), owner)
    if isinstance(found, ast.ClassDef):
        found = definition(found, method) or found
    if found is None:
        return 1, lines, False
    shown = [line[found.col_offset :] for line in lines[found.lineno - 1 : found.end_lineno]]
    return found.lineno, shown, isinstance(found, ast.FunctionDef)


def definition(node: ast.AST, name: str) -> ast.stmt | None:
    """The last statement in a module or a class that gives something this name."""
    named = [statement for statement in statements_in(node) if name in names_given_by(statement)]
    return named[-1] if named else None


def statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    """Its statements, those in conditions and the like too, but not what is inside of functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from statements_in(child)


def names_given_by(statement: ast.stmt) -> set[str]:
    """Of a definition its name, of an assignment those of its targets."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}
