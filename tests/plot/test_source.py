"""Code as a lecture shows it."""

from importlib import import_module
from operator import attrgetter

import pytest

from minivit.course.exercises import EXERCISES
from minivit.layers import PostNormBlock, SelfAttention
from minivit.layers.residual import PreNorm
from minivit.ops.softmax import softmax_backward
from minivit.plot.source import source_text

PRE_NORM = "`minivit/layers/residual.py`\n```python\n"
ANSWER = "the answer to the exercise [`{0}`](../minivit/course/exercises/{0}.md); do that first if you want to find it"


def test_the_docstring_is_left_out_and_the_code_is_all_there() -> None:
    text = source_text(softmax_backward)
    assert text.startswith("`minivit/ops/softmax.py`")
    assert "\n```python\ndef softmax_backward(" in text
    assert text.endswith("    return InputGrad(dx)\n```")
    assert '"""' not in text


def test_a_method_begins_at_the_left() -> None:
    assert "```python\ndef forward(\n    self" in source_text(SelfAttention.forward)


def test_only_lines_with_a_piece_are_shown() -> None:
    text = source_text(PreNorm.step, "return")
    assert text.startswith(PRE_NORM)
    assert all("return" in line for line in text.removeprefix(PRE_NORM).removesuffix("\n```").splitlines())


@pytest.mark.parametrize("name", EXERCISES)
def test_over_what_an_exercise_asks_for_it_says_that_this_is_the_answer(name) -> None:
    for task in EXERCISES[name].tasks:
        function = attrgetter(task.name)(import_module(task.module))
        for pieces in ((), ("return",)):
            first, code, *_ = source_text(function, *pieces).split("\n")
            assert first.endswith(f".py`: {ANSWER.format(name)} yourself.")
            assert code == "```python"


@pytest.mark.parametrize("function", [PreNorm.step, PostNormBlock.forward])
def test_over_what_none_asks_for_it_does_not(function) -> None:
    assert "exercise" not in source_text(function)
