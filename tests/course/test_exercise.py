"""Where an exercise belongs: said by the exercise, and by the lecture that ends a section with it."""

import re
from pathlib import Path

import pytest

from minivit.cli import main
from minivit.course.exercises import EXERCISES

LECTURES = Path(__file__).parents[2] / "notebooks" / "src"


def exercises_of(lecture: str) -> list[tuple[str, int]]:
    """The exercises that the text of a lecture names, each with the number of the section that it stands in."""
    found, section = [], 0
    for line in lecture.splitlines():
        if heading := re.match(r"# ## (\d+) ", line):
            section = int(heading[1])
        found += [(name, section) for name in re.findall(r"\*\*Exercise\.?\*\*.*?\[`(\w+)`\]", line)]
    return found


def test_a_lecture_names_an_exercise_in_a_section():
    text = (
        "# ## 1 One\n# a\n# **Exercise.** [`softmax`](x.md): y\n# ## 2 Two\n# ## 13 Three\n# **Exercise.** [`adamw`](x)"
    )
    assert exercises_of(text) == [("softmax", 1), ("adamw", 13)]


def test_exercise_and_lecture_say_the_same():
    found = [
        (name, path.stem, section)
        for path in sorted(LECTURES.glob("*.py"))
        for name, section in exercises_of(path.read_text(encoding="utf-8"))
    ]
    assert [(name, EXERCISES[name].lecture, EXERCISES[name].section) for name, _, _ in found] == found


def test_the_order_is_that_of_the_lectures():
    places = [(exercise.lecture, exercise.section) for exercise in EXERCISES.values()]
    assert places == sorted(places)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_list_says_where_it_belongs(name, capsys):
    exercise = EXERCISES[name]
    assert re.fullmatch(r"\d\d_\w+", exercise.lecture)
    assert exercise.section > 0
    main(["course", "list"])
    line = f"{exercise.title} (lecture {exercise.lecture}, section {exercise.section})\n"
    assert line in capsys.readouterr().out
