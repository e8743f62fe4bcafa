"""The pages with answers: derived from the exercises, on the site alone, and closed to a solution."""

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from minivit.course import check
from minivit.course.call import load_source
from minivit.course.exercises import EXERCISES
from minivit.course.grade import run_checks
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source, stub_source

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages():
    """The module that writes the pages."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return import_module("answer_pages")
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("name", EXERCISES)
def test_a_page_has_every_function_and_every_mistake(name, pages):
    exercise, text = EXERCISES[name], pages.page(EXERCISES[name])
    for task in exercise.tasks:
        assert f"\n{task.name}\n---" in text
        assert f"{task.module}.{task.name}\n   :no-index:\n" in text  # the docstring: formula and derivation
        for bug in task.bugs:
            assert f"- {pages.message(bug)}\n" in text
            assert pages.literal(bug.new) in text
    assert text.count("   * - ") == sum(len(list(task.bugs)) + 1 for task in exercise.tasks)


def test_the_code_of_a_page_is_the_reference_without_docstrings(pages):
    """All blocks together, where the stub has its functions, pass."""
    exercise = EXERCISES["softmax"]
    blocks = pages.page(exercise).split(".. code-block:: python\n\n")[1:]
    blocks = [block.partition("\nInstead, ")[0] for block in blocks]
    code = ["\n".join(line[3:] for line in block.split("\n") if line[:3] in ("   ", "")) for block in blocks]
    assert not any('"""' in text for text in code)
    module = load_source("\n\n".join([solved_source(exercise), *code]), "answers.py")
    assert run_checks(exercise, InPlaceRunner(module), timed=False).ok


def test_pages_are_written_once_and_those_of_what_is_gone_are_removed(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ANSWERS", tmp_path / "answers")
    pages.write_pages(None)
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "answers").iterdir()}
    assert {*written} == {"index.rst", *(f"{name}.rst" for name in EXERCISES)}
    (tmp_path / "answers" / "gone.rst").touch()
    pages.write_pages(None)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "answers").iterdir()} == written


def test_answers_are_neither_in_the_package_nor_committed(pages):
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"] == {"packages": ["minivit"]}
    assert not [path for path in build["sdist"]["include"] if path.startswith(("/docs", "/tools"))]
    assert "docs/answers/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert pages.ANSWERS == ROOT / "docs" / "answers"


def test_nothing_on_the_site_leads_to_them(pages):
    """No page names them, but that for lecturers, which says where they are; Sphinx puts into the side bar what a
    list of pages leads to, and into the search what is not marked.
    """
    assert pages.index_page().startswith(":orphan:\n:no-search:\n\n")
    assert all(pages.page(exercise).startswith(":no-search:\n\n") for exercise in EXERCISES.values())
    sources = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "notebooks" / "src").glob("*.py")]
    sources += (ROOT / "minivit" / "course" / "exercises").glob("*.md")
    links = re.compile(r"^(\.\./docs/)?answers/|\]\([^)]*\banswers/|<[^>]*\banswers/", re.M)
    assert [path.name for path in sources if links.search(path.read_text(encoding="utf-8"))] == []


HOW = ["open(PLACE)", "os.open(PLACE, os.O_RDONLY)", "os.open(FOLDER, os.O_RDONLY)"]
PLACES = ["docs/answers", "docs/answers/adamw.rst", "build/site/docs/answers/adamw.html"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.sampled(every=9)
@pytest.mark.parametrize("how", HOW)
def test_a_solution_cannot_read_them(place, how, tmp_path):
    """Whether they are there or not: nothing that is asked for finds out."""
    path = ROOT / place
    lines = f"import os\nPLACE, FOLDER = {str(path)!r}, {str(path.parent)!r}\n{how}\n"
    (tmp_path / "solution.py").write_text(f"{stub_source(EXERCISES['adamw'])}\n{lines}", encoding="utf-8")
    with pytest.raises(ValueError, match="PermissionError: the files of minivit are closed during the check"):
        check(tmp_path)
