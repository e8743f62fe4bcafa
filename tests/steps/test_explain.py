"""What a page says of a function: every formula is MathML, and marks lead to lines of the forward."""

import inspect
import re
import sys
from typing import Any, Optional

import numpy as np
import pytest

from minivit.every_op import EVERY_OP
from minivit.steps.explain import axes_of, explained, hints_of, html_of
from minivit.steps.record import RULES
from minivit.types import Float, ndarray


@pytest.mark.parametrize("name", EVERY_OP)
def test_every_docstring_becomes_html(name):
    forward, backward = map(inspect.unwrap, EVERY_OP[name])
    for function, its_forward in ((forward, None), (backward, forward)):
        check_html(explained(function, its_forward)["doc"])


@pytest.mark.parametrize("rule", RULES)
def test_those_of_optimizers_too(rule):
    check_html(explained(rule)["doc"])


def check_html(doc):
    """No markup of docstrings and no LaTeX is left: every formula is MathML, those of several lines are tables."""
    prose = re.sub(r"<code>.*?</code>", "", doc)
    assert not re.search(r"\\[a-zA-Z]|:\w+:`|\.\. \w|``|&lt;math", prose)
    assert not re.search(r"<mi>\\|<mtext>\\|<mi>&</mi>", doc)
    assert doc.count("<math") == doc.count("</math>")


def test_formulas_of_several_lines_are_tables():
    assert html_of(".. math::\n    m &= a \\\\\n    v &= b").count("<mtr>") == 2
    assert html_of(r".. math:: a = b \\ c = d").count("<mtr>") == 2


def test_lines_of_a_backward_lead_to_those_of_the_forward():
    op = EVERY_OP["attention"]
    forward, backward = (inspect.unwrap(function) for function in op)
    told, there = explained(backward, forward), explained(forward)["source"]
    found = {
        told["source"][n].partition("  #")[0].strip().partition(" = ")[0]: [
            there[m].strip().partition("  #")[0] for m in lines
        ]
        for n, lines in told["undoes"].items()
    }
    output = ["return weights @ v, AttentionCache(q, k, v, weights, scale, None if bias is None else bias.shape)"]
    scores = ['scores = q @ np.multiply(k.mT, scale, order="C")']
    assert found == {
        "dv": output,
        "dweights": output,
        "(dscores,)": ["weights, _ = softmax_forward(scores)"],
        "dbias": ["scores += bias"],
        **dict.fromkeys(("dq", "dq *= scale", "dk", "dk *= scale"), scores),
    }


def test_most_lines_that_quote_lead_somewhere():
    quotes, led = 0, 0
    for op in EVERY_OP.values():
        told = explained(*(inspect.unwrap(function) for function in reversed(op)))
        quotes += sum("# forward: " in line for line in told["source"])
        led += len(told["undoes"])
    assert led > 0.9 * quotes > 50


def test_the_docstring_can_be_folded_and_the_number_of_the_line_is_right():
    function = inspect.unwrap(EVERY_OP["softmax"].forward)
    told = explained(function)
    assert told["source"][0].startswith("def softmax_forward")
    module = sys.modules[function.__module__]
    assert inspect.getsource(module).split("\n")[told["line"] - 1] == told["source"][0]
    start, end = told["docstring"]
    assert told["source"][start].strip().startswith('r"""')
    assert told["source"][end - 1].strip().endswith('"""')
    assert told["file"] == "minivit/ops/softmax.py"


def test_a_file_is_named_the_same_wherever_it_lies():
    names: dict[str, Any] = {"__name__": "solution"}
    exec(compile("def mine(): ...", "/home/minivit/minivit/work/solution.py", "exec"), names)
    assert explained(names["mine"])["file"] == "solution.py"


def test_products_are_no_emphasis():
    assert html_of("columns h*K to (h+1)*K") == "<p>columns h*K to (h+1)*K</p>"


def test_html_is_escaped():
    assert html_of("a < b & ``x<y`` and *so*") == "<p>a &lt; b &amp; <code>x&lt;y</code> and <em>so</em></p>"


MARKUP = (r"\hr\!ef{javascript:alert(1)}{y}", r"\style{background:url(http://a/b)}{x}", r"\class{top}{x}")


@pytest.mark.parametrize(
    "math", [r"\left( ", "a_", r"\text{&lt;img src=x onerror=alert(1)&gt;}", r"\href{x}{y}", " ", *MARKUP]
)
def test_what_is_no_formula_stands_as_it_was_written(math):
    found = html_of(f":math:`{math}` and\n\n.. math:: {math}")
    assert found.count("<code>") == 2
    assert not re.search("<(?!/?(p|code)>)", found)


def test_a_formula_makes_no_tags():
    assert "<img" not in html_of(r":math:`\text{<img src=x onerror=alert(1)>} a < b`")


def test_functions_without_source_or_in_odd_places_are_told():
    names: dict[str, Any] = {}
    exec("def made(x):\n    return x\n", names)
    assert explained(names["made"])["source"] == ["# Python does not know its source"]
    pair = (
        lambda x: (  # in brackets, so that its lines alone are no Python
            x
        ),
        0,
    )
    assert explained(pair[0])["docstring"] == []


def test_sections_on_types_are_left_out_and_references_stay():
    doc = "First.\n\nParameters\n----------\nx : array\n    It.\n\nReferences\n----------\nSomebody 2020."
    assert html_of(doc) == '<p>First.</p><p class="source">Somebody 2020.</p>'


@pytest.mark.parametrize(
    ("dims", "ndim", "axes"),
    [
        ("B N D", 3, ["B", "N", "D"]),
        ("*B N D", 3, ["B", "N", "D"]),
        ("*B H N K", 4, ["B", "H", "N", "K"]),
        ("*B N K", 4, ["B", "H", "N", "K"]),
        ("*B S", 4, ["B", "H", "N", "S"]),
        ("*B S", 5, ["B", "W", "H", "N", "S"]),
        ("*B S K", 5, ["B", "W", "H", "S", "K"]),
        ("*B H S K", 5, ["B", "W", "H", "S", "K"]),
        ("*B N D", 4, ["B", "W", "N", "D"]),
        ("*B N D", 5, None),
        ("*B D", 3, ["B", "N", "D"]),
        ("*B D", 4, ["B", "Y", "X", "D"]),
        ("*B D", 1, ["D"]),
        ("*B D", 6, None),
        ("B N D", 2, None),
        ("...", 2, None),
    ],
)
def test_names_of_axes(dims, ndim, axes):
    assert axes_of(Float[ndarray, dims], ndim) == axes
    assert axes_of(Optional[Float[ndarray, dims]], ndim) == axes  # noqa: UP045


def test_fields_without_names_of_axes_have_none():
    def wrong(x: Any) -> None: ...

    wrong.__annotations__["x"] = "missing"
    assert hints_of(wrong) == {}
    assert axes_of(np.ndarray, 2) is None
    assert axes_of(None, 2) is None
