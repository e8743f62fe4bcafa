"""Pages with answers, for lecturers: written from the reference and the exercises by each build of the site.

They stand in docs/answers, which is neither committed nor part of the package, and which a solution that is checked
cannot read (minivit.course.child). On the site nothing leads there, so that no learner comes upon them: no link from
another page, and neither the side bar nor the search. docs/teaching.md says where they are.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minivit.course.exercise import Exercise, Mistake, Task
from minivit.course.exercises import EXERCISES
from minivit.course.plant import definition
from minivit.course.stub import solved_source

NOT_SEARCHED = (":no-search:", "")  # at the top of a page

ANSWERS = Path(__file__).parent.parent / "docs" / "answers"


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx, which reads conf.py."""
    app.connect("builder-inited", write_pages)
    app.connect("doctree-read", leave_sources_to_the_reference, priority=400)  # before viewcode looks
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Any) -> None:
    """Write the pages; one that would be the same is left, so Sphinx need not read it."""
    pages = {ANSWERS / f"{name}.rst": page(exercise) for name, exercise in EXERCISES.items()}
    pages[ANSWERS / "index.rst"] = index_page()
    ANSWERS.mkdir(exist_ok=True)
    for path in set(ANSWERS.iterdir()) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def leave_sources_to_the_reference(app: Any, document: Any) -> None:
    """Pages with sources lead back to the reference, where a function has its anchor, and not to an answer."""
    if app.env.current_document.docname.startswith("docs/answers/"):
        for node in document.findall(lambda node: node.tagname == "desc"):
            node["domain"] = ""


def index_page() -> str:
    """A list of the pages. No other page leads here."""
    lines = [
        ":orphan:",
        *NOT_SEARCHED,
        *heading("Answers", "="),
        "For who teaches: what is right, why, and what people write.",
        "",
    ]
    return "\n".join([*lines, ".. toctree::", "   :maxdepth: 1", "", *(f"   {name}" for name in EXERCISES), ""])


def page(exercise: Exercise) -> str:
    """The answers to one exercise: each function's formula or derivation, its code, and the mistakes."""
    solved = solved_source(exercise)
    lines = [*NOT_SEARCHED, *heading(f"Answers: {exercise.title}", "=")]
    statement = f":doc:`the exercise </minivit/course/exercises/{exercise.name}>`"
    lines += [f"Of {statement}, {exercise.minutes} minutes, {exercise.place}.", ""]
    for task in exercise.tasks:
        lines += [*heading(task.name, "-"), *section(task, solved)]
    if helpers := list(helpers_in(exercise, solved)):
        lines += [*heading("What they call", "-"), *code("\n\n\n".join(helpers))]
    return "\n".join(lines)


def section(task: Task, solved: str) -> Iterator[str]:
    """What is to be known of one function."""
    kind = "automethod" if task.is_layer else "autofunction"
    yield from (f".. currentmodule:: {task.module}", "")  # names in the docstring are as this module knows them
    yield from (f".. {kind}:: {task.module}.{task.name}", "   :no-index:", "")
    yield from code(function_text(definition(solved, task.name), solved))
    bugs = list(task.bugs)
    if bugs:
        yield from ("Instead, people write (... stands before what a rule or another check says):", "")
        yield from (".. list-table::", "   :header-rows: 1", "   :widths: 30 35 35", "")
        yield from row("for", "this", "and are told")
        for bug in bugs:
            yield from row(literal(bug.old) or "all of it", literal(bug.new) or "nothing", message(bug))
        yield ""


def helpers_in(exercise: Exercise, solved: str) -> Iterator[str]:
    """Further functions of the solved file."""
    names = {task.name for task in exercise.tasks}
    for node in ast.parse(solved).body:
        if isinstance(node, ast.FunctionDef) and node.name not in names:
            yield function_text(node, solved)


def function_text(node: ast.FunctionDef, source: str) -> str:
    """A function without its docstring."""
    lines = source.split("\n")
    begin, end = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1, node.end_lineno
    if ast.get_docstring(node):
        lines[node.body[0].lineno - 1 : node.body[0].end_lineno] = []
        end = (end or 0) - ((node.body[0].end_lineno or 0) - node.body[0].lineno + 1)
    return textwrap.dedent("\n".join(lines[begin:end]))


def message(bug: Mistake) -> str:
    """What is said, as text that reStructuredText leaves as it is."""
    return re.sub(r"([\\*`|_])", r"\\\1", bug.says if bug.known else f"... {bug.says}")


def literal(piece: str) -> str:
    """A piece of code on one line; nothing for an empty one."""
    text = " ".join(piece.split())
    return f"``{text}``" if text else ""


def code(text: str) -> list[str]:
    """A block of Python."""
    return [".. code-block:: python", "", textwrap.indent(text, "   "), ""]


def row(*cells: str) -> list[str]:
    """A row of a list-table."""
    return [f"   {' ' if number else '*'} - {cell}" for number, cell in enumerate(cells)]


def heading(title: str, line: str) -> list[str]:
    """A title in reStructuredText."""
    return [title, line * len(title), ""]
