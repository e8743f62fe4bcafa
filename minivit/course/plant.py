"""Plant a known mistake in the reference: its text with one piece exchanged, compiled beside it, never in its place.

One description serves both ways: a student whose numbers are those of the mistake hears of it, and ``minivit course
verify`` hands the mistake in as a solution. It is our text, so it runs in the process that judges.
"""

import ast
import inspect
import textwrap
from functools import cache
from importlib import import_module
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import numpy as np

from minivit.course.exercise import Mistake, Task


class NoSuchPieceError(LookupError):
    """The reference has no such piece of text (any more)."""


def planted(task: Task, mistake: Mistake) -> SimpleNamespace:
    """What a solution would be whose function is the reference with this mistake."""
    return _planted(task.module, task.name, mistake.old, mistake.new)


@cache
def _planted(module_name: str, name: str, old: str, new: str) -> SimpleNamespace:
    module = import_module(module_name)
    names = {"np": np, **vars(module)}
    owner, _, method = name.rpartition(".")
    changed = with_piece(_text(module_name, name), method, old, new)
    if not owner:
        exec(changed, names)
        return SimpleNamespace(**{name: names[name]})
    layer = getattr(module, owner)
    exec(f"def of(__class__):\n{textwrap.indent(changed, '    ')}\n    return {method}", names)  # for its super()
    return SimpleNamespace(**{owner: type(owner, (layer,), {method: names["of"](layer)})})


@cache
def _text(module_name: str, name: str) -> str:
    """The source of a reference, for all mistakes in it."""
    return textwrap.dedent(inspect.getsource(inspect.unwrap(attrgetter(name)(import_module(module_name)))))


def with_piece(source: str, name: str, old: str, new: str) -> str:
    """A function, without what decorates it, in whose body the first ``old`` (if empty, all of it) has become ``new``.

    Raises
    ------
    NoSuchPieceError
        If ``old`` is not in its body.
    """
    lines = source.split("\n")
    first, last = body_lines(source, name)
    body = "\n".join(lines[first:last])
    if old not in body:
        raise NoSuchPieceError(f"the reference of {name} has no {old!r}")
    body = body.replace(old, new, 1) if old else f"    {new}"
    return "\n".join([*lines[definition(source, name).lineno - 1 : first], body, ""])


def body_lines(source: str, name: str) -> tuple[int, int]:
    """Where the body of a function (or of a layer's method) begins and ends, without its docstring."""
    node = definition(source, name)
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[0].lineno - 1, body[-1].end_lineno or 0


@cache
def definition(source: str, name: str) -> ast.FunctionDef:
    """The definition of a function, or of ``Layer.method``."""
    node: Any = ast.parse(source)
    for part in name.split("."):
        node = next(n for n in node.body if getattr(n, "name", None) == part)
    return node
