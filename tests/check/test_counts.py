"""What the page on reliability counts is what there is."""

from pathlib import Path

from minivit.course.exercises import EXERCISES
from tests.check.test_planted_bugs import ALL_BUGS
from tests.check.test_wrong_layers import ALL_LAYERS
from tests.check.wrong_pairs import SEVERAL, WRONG
from tests.facts import COUNTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def test_the_page_on_reliability_counts_right():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    pairs, layers, bugs = len(WRONG), len(ALL_LAYERS), len(ALL_BUGS)
    caught = f"{pairs} pairs ({len(SEVERAL)} of them with several outputs), {layers} layers, {bugs} planted bugs"
    assert f"{pairs + layers + bugs} wrong backward passes are caught: {caught};" in text
    assert f"counts of {len(COUNTS)} presets" in text
    mistakes = sum(len([*task.bugs]) for exercise in EXERCISES.values() for task in exercise.tasks)
    assert "more than 4,500 mistakes" in text
    assert 4_500 < mistakes < 5_000
