"""What the lines of a backward say of the forward: `# forward:` quotes code, `# formula:` is mathematics."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import minivit

PACKAGES = ("ops", "audio", "layers", "models", "tasks", "train")
FILES = [path for package in PACKAGES for path in sorted((Path(minivit.__path__[0]) / package).glob("*.py"))]
QUOTE, FORMULA = "# forward: ", "# formula: "


def notes(text):
    """The comments that quote, each with its line; what stands after a semicolon is ours."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.string.startswith(QUOTE):
            yield token.start[0], token.string.removeprefix(QUOTE).partition(";")[0]


def code(lines):
    """Lines of code without comments and spaces, and without differences between kinds of quotes."""
    return squeezed("".join(re.sub(r"  # .*", "", line) for line in lines if not line.lstrip().startswith("#")))


def squeezed(text):
    return "".join(text.split()).replace('"', "'")


def missing(text):
    """Quotes of what stands in no other function of the file; "y = ..." is also what begins with "return"."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    lines = text.splitlines()
    for line, quote in notes(text):
        own = next(node for node in functions if node.lineno <= line <= (node.end_lineno or 0))  # the outermost
        others = code(lines[: own.lineno - 1] + lines[own.end_lineno :])
        quoted = squeezed(quote)
        if quoted not in others and quoted.replace("y=", "return", 1) not in others.replace("return(", "return"):
            yield f"line {line}: {quote}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_line_of_the_forward_is_quoted_as_it_is(path):
    assert list(missing(path.read_text(encoding="utf-8"))) == []


def test_there_are_notes():
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert text.count(QUOTE) > 30
    assert text.count(FORMULA) > 20


def test_a_wrong_quote_is_found():
    forward = "def f_forward(x):\n    h = x * x\n    return h + 1, None\n\n\n"
    right = "def f_backward(dy, cache):\n    dh = dy  # forward: y = h + 1\n    return 2 * dh  # forward: h = x*x; 2\n"
    assert list(missing(forward + right)) == []
    assert list(missing(forward + right.replace("h + 1", "h + 2"))) == ["line 7: y = h + 2"]
    assert list(missing(right)) == ["line 2: y = h + 1", "line 3: h = x*x"]  # not in itself
