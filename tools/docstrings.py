r"""Let mkdocs show the docstrings: formulas and references, written for ``help`` and Sphinx, become Markdown.

A griffe extension, which mkdocs.yml names. ``:math:`x``` becomes ``$x$``, a ``.. math::`` block a formula on lines of
its own, and ``:func:`~minivit.nbytes``` the code ``nbytes``.
"""

import re
from textwrap import indent
from typing import Any

import griffe  # pyright: ignore[reportMissingImports]  (the extra [docs] brings it)

BLOCK = re.compile(r"^( *)\.\. math::(.*(?:\n(?:\1 +\S.*| *(?=\n\1 +\S)))*)", re.M)
INLINE = re.compile(r":math:`([^`]+)`")
REFERENCE = re.compile(r":(?:func|class|mod|meth|data):`(?:~(?:\w+\.)*)?([^`]+)`")


class Markdown(griffe.Extension):
    """Converts every docstring once, when it has been read."""

    def on_instance(self, *, obj: Any, **options: Any) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text: str) -> str:
    """The same docstring, with formulas and references as Markdown writes them."""
    text = BLOCK.sub(_formula, text)
    text = INLINE.sub(lambda found: f"${' '.join(found[1].split())}$", text)
    return REFERENCE.sub(r"`\1`", text)


def _formula(found: re.Match[str]) -> str:
    formula = "\n".join(line.strip() for line in found[2].splitlines() if line.strip())
    if "&" in formula:
        formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
    return indent(f"\n$$\n{formula}\n$$\n", found[1])
