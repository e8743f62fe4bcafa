"""Files of solutions in parts: what stands below ``# --- heading`` takes the place of functions of an answer.

In a part, ``ours`` has the functions of the answer, and ``our_forward`` and ``our_backward`` are those of its layer.
"""

import re
from pathlib import Path

import pytest

from minivit.course.call import load_source
from minivit.course.checks import check_task
from minivit.course.exercises import EXERCISES
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source


def parts(folder):
    """Exercise, heading and text of each part of the files in a folder beside this file, as parameters of a test."""
    for path in sorted((Path(__file__).parent / folder).glob("*.py")):
        for part in path.read_text(encoding="utf-8").split("\n# --- ")[1:]:
            title, _, text = part.partition("\n")
            yield pytest.param(EXERCISES[path.stem], title, text, id=f"{path.stem}-{title}")


def results_of(exercise, text):
    """Results of the functions that a part defines, and of the backward of each forward."""
    lines = ["import types", "from typing import Any, NamedTuple", solved_source(exercise)]
    lines += ["ours = types.SimpleNamespace(**globals())"]
    layers = {task.name.partition(".")[0] for task in exercise.tasks if task.is_layer}
    lines += [f"our_forward, our_backward = {name}.forward, {name}.backward" for name in layers]
    runner = InPlaceRunner(load_source("\n\n".join([*lines, text]), "solution.py"))
    methods = re.findall(r"(\w+\.(?:for|back)ward)(?=[, =])", text)
    written = {*re.findall(r"^def (\w+)", text, re.MULTILINE), *methods}
    written |= {task.name for task in exercise.tasks if task.kind == "backward" and task.forward in written}
    tasks = [task for task in exercise.tasks if task.name in written]
    return [result for task in tasks for result in check_task(task, runner, 1, timed=False)]
