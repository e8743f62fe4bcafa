"""Code as a lecture shows it."""

from minivit.layers import SelfAttention
from minivit.ops.softmax import softmax_backward
from minivit.plot.source import source_text


def test_the_docstring_is_left_out_and_the_code_is_all_there() -> None:
    text = source_text(softmax_backward)
    assert text.startswith("`minivit/ops/softmax.py`\n```python\ndef softmax_backward(")
    assert text.endswith("    return InputGrad(dx)\n```")
    assert '"""' not in text


def test_a_method_begins_at_the_left() -> None:
    assert "```python\ndef forward(\n    self" in source_text(SelfAttention.forward)


def test_only_lines_with_a_piece_are_shown() -> None:
    text = source_text(softmax_backward, "dx *=", "return")
    code = "dx *= y  # forward: y = exp(x) / sum(exp(x))\nreturn InputGrad(dx)"
    assert text == f"`minivit/ops/softmax.py`\n```python\n{code}\n```"
