import re
from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe", reason="needs the extra [docs]")

EXTENSION = Path(__file__).parent.parent / "tools" / "docstrings.py"


@pytest.fixture(scope="module")
def package():
    """The package as mkdocs sees it."""
    return griffe.load("minivit", extensions=griffe.load_extensions(str(EXTENSION)))


def texts(item):
    """The docstring of a module or class, and of all in it."""
    if item.docstring:
        yield item.docstring.value
    for member in item.members.values():
        if not member.is_alias:
            yield from texts(member)


def test_no_docstring_has_anything_left_that_only_sphinx_understands(package):
    found = list(texts(package))
    assert len(found) > 300
    for text in found:
        assert not re.search(r"\.\. \w+::|:(?:math|func|class|mod|meth|data):`", text), text


def test_a_formula_in_a_line_becomes_one_in_a_line(package):
    text = package["ops.activations.relu_backward"].docstring.value
    assert text == r"Gradient of `relu_forward`: $\bar x = \bar y$ where $x > 0$, else 0 (at the kink too)."


def test_a_formula_on_lines_of_its_own_stays_there(package):
    text = package["ops.attention.attention_backward"].docstring.value
    _, formula, after = text.split("$$")
    assert formula.strip().startswith(r"\bar V = A^\top")
    assert formula.strip().endswith(r"\bar S^\top Q")
    assert after.strip().startswith("A forbidden place")


def test_a_formula_with_columns_is_aligned(package):
    _, formula, after = package["train.optim.adam_update"].docstring.value.split("$$")
    assert formula.strip().startswith("\\begin{aligned}\nm &")
    assert formula.strip().endswith("\n\\end{aligned}")
    assert after.strip().startswith("m and v start at zero")
