"""Right solutions that are written otherwise than the reference get full marks, with the stub's own imports."""

from pathlib import Path

import pytest

from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_folder
from minivit.course.stub import stub_source

FOLDER = Path(__file__).parent / "otherwise"


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_another_right_solution_passes(exercise, tmp_path):
    text = (FOLDER / f"{exercise.name}.py").read_text(encoding="utf-8")
    (tmp_path / "solution.py").write_text(f"{stub_source(exercise)}\n\n{text}", encoding="utf-8")
    report = check_folder(tmp_path, seed=3)
    written = [result for result in report.results if f"def {result.task.split('.')[-1]}(" in text]
    assert len({result.task for result in written}) >= 2
    assert [result for result in written if result.status != "passed"] == []
