"""What the page says of a function: its docstring with formulas as MathML, its source, and which line undoes which."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_type_hints
from xml.etree.ElementTree import fromstring

SECTIONS = ("Parameters", "Returns", "Raises", "References", "Examples", "Notes")
INLINE = re.compile(
    r":math:`(?P<math>[^`]+)`|:\w+:`(?P<role>[^`]+)`|``(?P<code>[^`]+)``|(?<!\w)\*(?P<stress>[^\s*][^*]*)\*(?!\w)"
)
ENTITY = re.compile(r"&[#\w]+;")
"""What latex2mathml would make tags of."""
ATTRIBUTES = {"display", "stretchy", "fence", "form", "separator", "mathvariant", "linethickness", "movablelimits"}
ATTRIBUTES |= {"columnalign", "columnspacing", "rowspacing", "displaystyle", "scriptlevel", "accent"}
ATTRIBUTES |= {"width", "height", "depth", "lspace", "rspace", "minsize", "maxsize", "mathcolor"}
"""What a formula may say of its parts: no links, no styles."""
UNDOES = re.compile(r"# forward: (?P<line>[^;]+)")


def explained(
    function: Callable[..., Any], forward: Callable[..., Any] | None = None, *, doc: str = ""
) -> dict[str, Any]:
    """Name, file, docstring as HTML, source, and of the lines of a backward those of the ``forward`` that they undo.

    ``doc`` stands where the function has no docstring of its own: that of a layer's class.
    """
    source, first = source_of(function)
    module, path = function.__module__ or "", Path(function.__code__.co_filename)  # what exec has made may have none
    start = body_of(source)
    return {
        "name": function.__qualname__,
        "file": f"{module.replace('.', '/')}.py" if module.startswith("minivit.") else path.name,
        "line": first + start,
        "doc": html_of(inspect.getdoc(function) or inspect.cleandoc(doc)),
        "source": source[start:],
        "docstring": docstring_of(source[start:]),
        "undoes": dict(undone(source[start:], forward)) if forward else {},
    }


def source_of(function: Callable[..., Any]) -> tuple[list[str], int]:
    """The lines of a function, and the number of the first; what ``exec`` has made may have none."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return ["# Python does not know its source"], 1
    return dedent("".join(lines)).rstrip("\n").split("\n"), first


def body_of(source: list[str]) -> int:
    """The line of ``def``, past decorators."""
    return next((n for n, line in enumerate(source) if line.startswith(("def ", "class "))), 0)


def docstring_of(source: list[str]) -> list[int]:
    """The first line of a function's docstring and the one behind its last, or nothing: the page folds it."""
    try:
        (node,) = ast.parse("\n".join(source)).body
    except (SyntaxError, ValueError):  # a lambda in the middle of something else
        return []
    if not isinstance(node, ast.FunctionDef) or ast.get_docstring(node) is None:
        return []
    text = node.body[0]
    return [text.lineno - 1, text.end_lineno or text.lineno]


def undone(source: list[str], forward: Callable[..., Any]) -> Iterator[tuple[int, list[int]]]:
    """Of each line of a backward that says which line of the forward it undoes, the numbers of both."""
    there, _ = source_of(forward)
    there = [_squeezed(line) for line in there[body_of(there) :]]
    for n, line in enumerate(source):
        if found := UNDOES.search(line):
            quoted = _squeezed(found["line"])
            said = quoted, quoted.replace("y=", "return", 1)  # what is returned is called y
            if those := [m for m, other in enumerate(there) if any(words in other for words in said)]:
                yield n, those


def _squeezed(line: str) -> str:
    """Code without spaces, comments and differences between quotes."""
    return "".join(line.partition("  #")[0].split()).replace('"', "'").replace("return(", "return")


def html_of(doc: str) -> str:
    """A docstring as HTML: its first paragraphs, their formulas, and the references; what is said of types is left."""
    return "".join(_blocks(doc))


def _blocks(doc: str) -> Iterator[str]:
    section = ""
    for block in re.split(r"\n\s*\n(?! )", doc):  # what is indented belongs to what stands before it
        lines = block.split("\n")
        if len(lines) > 1 and lines[0] in SECTIONS and set(lines[1]) == {"-"}:
            section, lines = lines[0], lines[2:]
        text = "\n".join(lines)
        if section not in ("", "References") or text.startswith(">>>") or not text.strip():
            continue
        if text.startswith(".. math::"):
            yield _mathml(text.removeprefix(".. math::"), display="block")
        else:
            kind = ' class="source"' if section or text.startswith("Source:") else ""
            yield f"<p{kind}>{_inline(text)}</p>"


def _inline(text: str) -> str:
    done, html = 0, ""
    for found in INLINE.finditer(text):
        html += escape(text[done : found.start()], quote=False)
        done = found.end()
        if found["math"]:
            html += _mathml(found["math"], display="inline")
        elif found["stress"]:
            html += f"<em>{escape(found['stress'], quote=False)}</em>"
        else:
            html += f"<code>{escape(found['code'] or found['role'].lstrip('~'), quote=False)}</code>"
    return html + escape(text[done:], quote=False)


def _mathml(latex: str, *, display: Any) -> str:
    """A formula as MathML, or as it was written: those of a student may be none, or be markup of a page."""
    from latex2mathml.converter import convert

    written = f"<code>{escape(latex.strip(), quote=False)}</code>"
    latex = latex.replace("<", "\\lt ").replace(">", "\\gt ")
    latex = " ".join(latex.replace("\\!", "").split())  # browsers have no negative spaces
    if ENTITY.search(latex):
        return written
    if ("&" in latex or "\\\\" in latex) and "\\begin" not in latex:  # several lines, as Sphinx takes them
        latex = f"\\begin{{split}}{latex}\\end{{split}}"
    latex = latex.replace("{aligned}", "{split}")  # the same, which latex2mathml knows
    try:
        formula = convert(latex, display=display)
        said = {name for part in fromstring(formula).iter() for name in part.attrib}
        return formula if said <= ATTRIBUTES else written
    except Exception:  # one of a dozen classes, or whatever it stumbles over
        return written


def axes_of(hint: Any, ndim: int) -> list[str] | None:
    """Names of the axes of an array, as the annotation of an argument, or of a field, has them.

    What stands for any number of axes is a batch, and its tokens or its map; of attention its windows, heads, queries.
    """
    for kind in (hint, *get_args(hint)):
        names = getattr(kind, "dim_str", "...").split()
        any_number = names[0].startswith(("*", "..."))
        if names == ["..."] or (len(names) - any_number > ndim) or (not any_number and len(names) != ndim):
            continue
        if not any_number:
            return names
        names, number = names[1:], ndim - len(names) + 1
        if not names:
            continue
        attends = bool({"N", "S"} & {*names})
        inner = ["H"] * (not {"H", "D"} & {*names}) + ["N"] * (names == ["S"]) if attends else ["N"]
        leading = ["B", *inner] if not attends or number <= 1 + len(inner) else ["B", "W", *inner]
        leading = ["B", "Y", "X"] if number == 3 and not attends else leading
        if number <= len(leading):
            return leading[:number] + names
    return None


@lru_cache(maxsize=1000)  # it takes as long as an op, and is asked of each call
def hints_of(function: Any) -> dict[str, Any]:
    """Annotations, of a function or of a tuple's fields; none of what a student wrote without."""
    try:
        return get_type_hints(function)
    except Exception:  # annotations of others may name anything
        return {}
