"""Make the file that a student gets from the reference itself: bodies out, everything that explains them stays.

Because it is cut out of the package's source, a stub cannot fall behind it, and the package carries no marks.
"""

import ast
import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from minivit.course.exercise import Exercise, Task
from minivit.course.exercises import EXERCISES
from minivit.course.outputs import clip

LINE_LENGTH = 120
LINK = re.compile(r"\[([^]]*)\]\(\.\./(?:[^()\s]|\([^()\s]*\))+\)")  # into the repository, which is elsewhere

GIVEN = """## Gradients that are there already

Gradients come as a NamedTuple, also a single one: take them out by their names, `.x`, or unpack all, `(dx,) = ...`."""


def stub_source(exercise: Exercise) -> str:
    """Text of solution.py as it is handed out."""
    return _source(exercise, solved=False)


def solved_source(exercise: Exercise) -> str:
    """The same file with the reference's bodies in it."""
    return _source(exercise, solved=True)


def start(exercise: Exercise, folder: str | Path) -> Path:
    """Make a folder with README.md (the statement) and solution.py (the stub).

    Raises
    ------
    FileExistsError
        If the folder exists already: work that was begun is never written over.
    OSError
        If it cannot be made there.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise FileExistsError(f"{folder} exists already: choose another folder with -o DIR") from None
    except OSError as error:
        raise OSError(f"the folder {clip(str(folder), 200)} cannot be made: {error.strerror}") from error
    statement, source = LINK.sub(r"\1", exercise.statement), stub_source(exercise)
    (folder / "README.md").write_text(statement + given_gradients(source), encoding="utf-8")
    (folder / "solution.py").write_text(source, encoding="utf-8")
    return folder


def given_gradients(source: str) -> str:
    """For the statement: what the backwards return that a stub imports, and what gradients that it imports hold."""
    imports = (node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom))
    names = ((str(node.module), alias.name) for node in imports for alias in node.names)
    lines = []
    for module, name in names:
        if module.startswith("minivit.") and name.endswith(("_backward", "Grad", "Grads")):
            found = getattr(import_module(module), name)
            gradients = found if isinstance(found, type) else inspect.signature(found).return_annotation
            fields = getattr(gradients, "_fields", ())
            held = f"`{gradients.__name__}({', '.join(fields)})`" if fields else "the array itself"
            lines.append(f"- {held}\n" if gradients is found else f"- `{name}` returns {held}\n")
    return f"\n{GIVEN}\n\n{''.join(lines)}" if lines else ""


def start_all(folder: str | Path, tell: Callable[[str], Any]) -> None:
    """Make a folder for every exercise, in the order of the course; those that are there are left as they are."""
    for exercise in EXERCISES.values():
        try:
            tell(f"{start(exercise, Path(folder, exercise.name))}: {exercise.minutes} min, {exercise.title}")
        except FileExistsError:
            tell(f"{Path(folder, exercise.name)}: is there already, and was left as it is")
    tell(
        f"read README.md in each, write solution.py; how far you are: minivit course status {shlex.quote(str(folder))}"
    )


def _source(exercise: Exercise, solved: bool) -> str:
    modules: dict[str, Cut] = {}
    for task in exercise.tasks:
        modules.setdefault(task.module, Cut(task.module)).tasks.append(task)
    blocks: list[str] = []
    defined: set[str] = set()
    offers = set(() if solved else exercise.offers)
    names = {"np", *offers}
    for cut in modules.values():
        kept = cut.kept(solved)
        defined |= set(kept)
        blocks += [cut.text(node, solved) for node in kept.values()]
        names |= {name for node in kept.values() for name in cut.names_in(node, solved)}
    sources: dict[str, set[str]] = {}
    for module, _, name in (offer.rpartition(".") for offer in offers if "." in offer):
        sources.setdefault(module, set()).add(name)
    for cut in modules.values():
        for name, (module, line) in cut.imports.items():
            if name in names - defined:
                names.remove(name)  # ndarray can be had from two places
                sources.setdefault(module, set()).add(line)
    says = "README.md says what to do; `minivit course check .` what is right."
    title = f'"""Exercise {exercise.name}: {exercise.title}.\n\n{says}\n"""'
    gap = "\n\n\n" if blocks[0].startswith(("@", "class ", "def ")) else "\n\n"  # before a constant
    return f"{title}\n\n{_import_lines(sources)}{gap}" + "\n\n\n".join(blocks) + "\n"


def _import_lines(sources: dict[str, set[str]]) -> str:
    """Import statements, sorted: the standard library, then NumPy, then minivit."""
    groups: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for module in sorted(sources):
        group = 2 if module.startswith("minivit") else 0 if module.split(".")[0] in sys.stdlib_module_names else 1
        plain = sorted(name for name in sources[module] if name.startswith("import "))
        names = sorted((name for name in sources[module] if not name.startswith("import ")), key=_isort_key)
        groups[group] += plain
        if names:
            line = f"from {module} import {', '.join(names)}"
            if len(line) > LINE_LENGTH:
                line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
            groups[group].append(line)
    for lines in groups.values():
        lines.sort(key=lambda line: not line.startswith("import "))
    return "\n\n".join("\n".join(lines) for lines in groups.values() if lines)


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)


@cache
def _read(module: str) -> tuple[list[str], list[ast.stmt]]:
    """The lines of a module and its statements, which are only looked at."""
    path = import_module(module).__file__
    assert path
    text = Path(path).read_text(encoding="utf-8")
    return text.splitlines(), ast.parse(text).body


class Cut:
    """One file of the reference, and what of it goes into the student's."""

    def __init__(self, module: str) -> None:
        self.lines, body = _read(module)
        self.tasks: list[Task] = []
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, tuple[str, str]] = {}  # name -> (module, how it is imported)
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.definitions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.definitions[node.targets[0].id] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.definitions[node.target.id] = node
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imports[alias.name] = (node.module or "", alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    name = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                    self.imports[alias.asname or alias.name] = (alias.name, name)

    def kept(self, solved: bool) -> dict[str, ast.stmt]:
        """The tasks, and whatever of this file they name, in the order of the file; what has loops comes first, with
        what it names.
        """
        wanted: set[str] = set()
        new = {task.name.partition(".")[0] for task in self.tasks}
        while new:
            wanted |= new
            new = {name for old in new for name in self.names_in(self.definitions[old], solved)}
            new = (new & set(self.definitions)) - wanted
        loops = {task.name for task in self.tasks if task.keep_loops}
        first = loops.union(*(self.names_in(self.definitions[name], solved) for name in loops))  # what they return
        return {
            name: self.definitions[name]
            for name in sorted(self.definitions, key=lambda n: n not in first)
            if name in wanted
        }

    def names_in(self, node: ast.stmt, solved: bool) -> set[str]:
        """Names that the kept part of a definition uses."""
        out: set[str] = set()
        left_out = {*getattr(node, "decorator_list", [])} - {*self.decorators(node, solved)}
        removed: set[ast.AST] = {inner for decorator in left_out for inner in ast.walk(decorator)}
        if not solved:
            for function, task in self.bodies(node):
                removed |= {inner for statement in _cut_out(function, task) for inner in ast.walk(statement)}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner not in removed:
                out.add(inner.id)
        return out

    def decorators(self, node: ast.stmt, solved: bool) -> list[ast.expr]:
        """What stays above a definition: all in an answer, and in a stub what refuses the arguments it promises to."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        promises = isinstance(node, ast.FunctionDef) and "\nRaises\n---" in (ast.get_docstring(node) or "")
        return [d for d in decorators if solved or (promises and isinstance(d, ast.Name) and d.id == "checked")]

    def bodies(self, node: ast.stmt) -> Iterator[tuple[ast.FunctionDef, Task]]:
        """Functions in a definition whose bodies are to be written, with their tasks."""
        for task in self.tasks:
            owner, _, method = task.name.partition(".")
            if isinstance(node, ast.FunctionDef) and node.name == task.name:
                yield node, task
            elif isinstance(node, ast.ClassDef) and node.name == owner:
                yield from ((f, task) for f in node.body if isinstance(f, ast.FunctionDef) and f.name == method)

    def text(self, node: ast.stmt, solved: bool) -> str:
        """Lines of a definition, with ``raise NotImplementedError`` where something is to be written."""
        assert node.end_lineno
        lines: list[str | None] = list(self.lines[node.lineno - 1 : node.end_lineno])
        for function, task in () if solved else self.bodies(node):
            cut = _cut_out(function, task)
            first, last = cut[0].lineno - node.lineno, cut[-1].end_lineno or 0
            todo = f'raise NotImplementedError("{task.name}: write this")'
            lines[first] = " " * cut[0].col_offset + todo
            for i in range(first + 1, last - node.lineno + 1):
                lines[i] = None
            if task.hides_docstring:
                docstring = function.body[0]
                lines[docstring.lineno - node.lineno] = (
                    " " * docstring.col_offset + f'"""See {task.name} in README.md."""'
                )
                for i in range(docstring.lineno, docstring.end_lineno or 0):
                    lines[i - node.lineno + 1] = None
        note = "" if solved else "  # refuses what the annotations exclude; what else stands under Raises is yours"
        above = [line + note for d in self.decorators(node, solved) for line in self.lines[d.lineno - 1 : d.end_lineno]]
        return "\n".join(line for line in (*above, *lines) if line is not None)


def _cut_out(function: ast.FunctionDef, task: Task) -> list[ast.stmt]:
    """Statements that the student is to write: all but the docstring, or what stands in the innermost kept loop."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not task.keep_loops:
        return body
    loop = next(statement for statement in body if isinstance(statement, ast.For))
    while len(loop.body) == 1 and isinstance(loop.body[0], ast.For):
        loop = loop.body[0]
    return loop.body
