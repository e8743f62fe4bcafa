"""Files of solutions in parts: what stands below ``# --- heading`` takes the place of functions of an answer.

In a part, ``ours`` has the functions of the answer, and ``our_forward`` and ``our_backward`` are those of the layer of
which it replaces a method. What stands above a function in the stub stands above the part's, too: a student writes
below it.
"""

import ast
import re
from pathlib import Path

import pytest

from minivit.course.call import load_source
from minivit.course.checks import check_task
from minivit.course.exercises import EXERCISES
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source, stub_source


def parts(folder):
    """Exercise, heading and text of each part of the files in a folder beside this file, as parameters of a test."""
    for path in sorted((Path(__file__).parent / folder).glob("*.py")):
        for part in path.read_text(encoding="utf-8").split("\n# --- ")[1:]:
            title, _, text = part.partition("\n")
            yield pytest.param(EXERCISES[path.stem], title, text, id=f"{path.stem}-{title}")


def results_of(exercise, text, *, with_heads=True):
    """Results of the functions that a part defines, and of the backward of each forward."""
    lines = ["import types", "from typing import Any, NamedTuple", solved_source(exercise)]
    lines += ["ours = types.SimpleNamespace(**globals())"]
    text = with_the_stubs_heads(exercise, text) if with_heads else text
    methods = re.findall(r"(\w+)(\.(?:for|back)ward)(?=[, =])", text)
    lines += [f"our_forward, our_backward = {layer}.forward, {layer}.backward" for layer, _ in methods]
    runner = InPlaceRunner(load_source("\n\n".join([*lines, text]), "solution.py"))
    written = {*re.findall(r"^def (\w+)", text, re.MULTILINE), *map("".join, methods)}
    written |= {task.name for task in exercise.tasks if task.kind == "backward" and task.forward in written}
    tasks = [task for task in exercise.tasks if task.name in written]
    return [result for task in tasks for result in check_task(task, runner, 1, timed=False)]


def with_the_stubs_heads(exercise, text):
    """The text with the decorator and the annotations that its functions have in the stub."""
    stub = {node.name: node for node in ast.parse(stub_source(exercise)).body if isinstance(node, ast.FunctionDef)}
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in stub and stub[node.name].decorator_list:
            node.decorator_list, node.args = stub[node.name].decorator_list, stub[node.name].args
    return ast.unparse(tree)
