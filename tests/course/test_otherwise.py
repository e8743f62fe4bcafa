"""Right solutions that are written otherwise than the reference get full marks, with the stub's own imports."""

import re
from pathlib import Path

import pytest

from minivit.course.call import load_source
from minivit.course.checks import check_task
from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_folder
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source, stub_source

FOLDER = Path(__file__).parent / "otherwise"
FEWEST = 60


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_another_right_solution_passes(exercise, tmp_path):
    text = (FOLDER / f"{exercise.name}.py").read_text(encoding="utf-8")
    (tmp_path / "solution.py").write_text(f"{stub_source(exercise)}\n\n{text}", encoding="utf-8")
    report = check_folder(tmp_path, seed=3)
    written = [result for result in report.results if f"def {result.task.split('.')[-1]}(" in text]
    assert len({result.task for result in written}) >= 2
    assert [result for result in written if result.status != "passed"] == []


def variants():
    """Each part of a file, by its heading."""
    for path in sorted((FOLDER / "variants").glob("*.py")):
        for part in path.read_text(encoding="utf-8").split("\n# --- ")[1:]:
            title, _, text = part.partition("\n")
            yield pytest.param(EXERCISES[path.stem], text, id=f"{path.stem}-{title}")


VARIANTS = [*variants()]


def test_there_are_enough():
    assert len(VARIANTS) >= FEWEST


@pytest.mark.parametrize(("exercise", "text"), VARIANTS)
def test_a_function_written_otherwise_passes_in_the_place_of_ours(exercise, text):
    source = f"from typing import Any, NamedTuple\n{solved_source(exercise)}\n\n{text}"
    runner = InPlaceRunner(load_source(source, "solution.py"))
    methods = set(re.findall(r"(\w+\.(?:for|back)ward)(?=[, =])", text))
    written = {*re.findall(r"^def (\w+)", text, re.MULTILINE), *methods}
    tasks = [
        task for task in exercise.tasks if task.name in written or (task.kind == "backward" and task.forward in written)
    ]
    assert tasks
    results = [result for task in tasks for result in check_task(task, runner, 1, timed=False)]
    assert [result for result in results if result.status != "passed"] == []
