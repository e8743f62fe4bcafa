"""Right solutions that are written otherwise than the reference get full marks, with the stub's own imports."""

from pathlib import Path

import pytest

from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_folder
from minivit.course.stub import stub_source
from tests.course.parts import parts, results_of, with_the_stubs_heads

FOLDER = Path(__file__).parent / "otherwise"
FEWEST = 60


@pytest.mark.sampled(every=0, rest=2)
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_another_right_solution_passes(exercise, tmp_path):
    text = (FOLDER / f"{exercise.name}.py").read_text(encoding="utf-8")
    solution = f"{stub_source(exercise)}\n\n{with_the_stubs_heads(exercise, text)}"
    (tmp_path / "solution.py").write_text(solution, encoding="utf-8")
    report = check_folder(tmp_path, seed=3)
    written = [result for result in report.results if f"def {result.task.split('.')[-1]}(" in text]
    assert len({result.task for result in written}) >= 2
    assert [result for result in written if result.status != "passed"] == []


VARIANTS = [*parts("otherwise/variants")]


def test_there_are_enough():
    assert len(VARIANTS) >= FEWEST


@pytest.mark.sampled(every=24, rest=2)
@pytest.mark.parametrize(("exercise", "title", "text"), VARIANTS)
def test_a_function_written_otherwise_passes_in_the_place_of_ours(exercise, title, text):
    results = results_of(exercise, text)
    assert results
    assert [result for result in results if result.status != "passed"] == []


@pytest.mark.sampled(every=90, rest=9)
@pytest.mark.parametrize(("exercise", "title", "text"), [*parts("wrong")])
def test_what_is_wrong_in_a_way_that_no_planting_expresses_is_told(exercise, title, text):
    """The heading says what must be heard: of promises, by those who have taken away what keeps them in the stub."""
    results = results_of(exercise, text, with_heads="it must raise" not in title)
    assert any(result.status == "failed" for result in results)
    assert title in "\n".join(result.message for result in results)
