"""Links between pages, lectures and exercises: they lead somewhere on GitHub as in the site."""

import ast
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from minivit import course

ROOT = Path(__file__).parent.parent
DOCS, NOTEBOOKS, EXERCISES = ROOT / "docs", ROOT / "notebooks", ROOT / "minivit" / "course" / "exercises"
LECTURES = sorted((NOTEBOOKS / "src").glob("*.py"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *sorted(EXERCISES.glob("*.md")), *LECTURES]

LINK = re.compile(r"\]\(((?:[^()\s]|\([^()\s]*\))+)\)|^\[[^]]+\]: (\S+)", re.M)
CODE = re.compile(r"^( *)```.*?^\1```|`[^`\n]+`", re.M | re.S)
HEADING = re.compile(r"^(#+) (.+)$", re.M)


@cache
def prose(path: Path) -> str:
    """The Markdown of a page without its code; of a lecture, that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        cells = re.findall(r"^# %% \[markdown\]\n((?:#.*\n)*)", text, re.M)
        text = re.sub(r"^# ?", "", "\n".join(cells), flags=re.M)
    return CODE.sub("", text)


def anchor(path: Path, title: str) -> str:
    """What a heading is linked by: in a lecture as Jupyter does, elsewhere as GitHub does."""
    name = title.replace(" ", "-")
    return name if path.suffix == ".py" else re.sub(r"[^\w-]", "", name.lower())


@cache
def sections(path: Path) -> dict[str, str]:
    """The text under each heading, with that of the headings below it."""
    text, found = prose(path), {}
    headings = list(HEADING.finditer(text))
    for number, heading in enumerate(headings):
        after = (other.start() for other in headings[number + 1 :] if len(other[1]) <= len(heading[1]))
        found[anchor(path, heading[2])] = text[heading.start() : next(after, len(text))]
    return found


def links(path: Path, text: str) -> list[tuple[Path, str]]:
    """Where the links of a text lead to that stands on this page: a file, for lectures their source, and an anchor."""
    found = []
    for inline, reference in LINK.findall(text):
        url, _, fragment = unquote(inline or reference).partition("#")
        if re.match(r"\w+:", url):
            continue
        here = NOTEBOOKS if path.suffix == ".py" else path.parent
        target = (here / url).resolve() if url else path
        if target.suffix == ".ipynb":
            target = NOTEBOOKS / "src" / f"{target.stem}.py"
        found.append((target, fragment))
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading(path):
    for target, fragment in links(path, prose(path)):
        assert target.exists(), f"{name(path)} links {target}"
        assert not fragment or fragment in sections(target), f"{name(path)} links {fragment} of {name(target)}"


def test_links_are_found():
    lecture = LECTURES[0]
    text = "[a](x.md#b-(c)) `[no](no.md)` [d](02_x.ipynb#1-E?) [e]\n[e]: ../docs/y.md\n[f](https://x.org) [g](#h)"
    found = [(NOTEBOOKS / "x.md", "b-(c)"), (NOTEBOOKS / "src" / "02_x.py", "1-E?")]
    found += [(DOCS / "y.md", ""), (lecture, "h")]
    assert links(lecture, CODE.sub("", text)) == found
    assert anchor(DOCS / "x.md", "GELU, what (else)?") == "gelu-what-else"
    assert anchor(lecture, "2 Heads, or what?") == "2-Heads,-or-what?"


# ---- the glossary

GLOSSARY = DOCS / "glossary.md"
TITLES = [HEADING.findall(prose(lecture))[0][1] for lecture in LECTURES]
TERMS = [title for level, title in HEADING.findall(prose(GLOSSARY)) if level == "##"]


def test_terms_are_in_the_order_of_the_alphabet():
    assert sorted(TERMS, key=str.lower) == TERMS
    assert len(TERMS) > 50


def test_every_term_is_linked_from_somewhere():
    linked = {fragment for path in PAGES for target, fragment in links(path, prose(path)) if target == GLOSSARY}
    assert {anchor(GLOSSARY, term) for term in TERMS} <= linked


@pytest.mark.parametrize("term", TERMS)
def test_every_term_says_where_it_is_shown_and_who_says_so(term):
    text = sections(GLOSSARY)[anchor(GLOSSARY, term)]
    assert any(f"[{title}]" in text for title in TITLES) or "No lecture yet." in text
    assert "Source: " in text


# ---- exercises and their sections


@pytest.mark.parametrize("exercise", course.EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_an_exercise_links_its_section_and_the_section_links_the_exercise(exercise):
    path = EXERCISES / f"{exercise.name}.md"
    ((lecture, section),) = [(target, fragment) for target, fragment in links(path, prose(path)) if target in LECTURES]
    assert (lecture.stem, section.partition("-")[0]) == (exercise.lecture, str(exercise.section))
    assert (path, "") in links(lecture, sections(lecture)[section])


def test_every_section_that_links_an_exercise_is_linked_by_it():
    for lecture in LECTURES:
        linked = {target for target, _ in links(lecture, prose(lecture)) if target.parent == EXERCISES}
        for exercise in linked:
            assert lecture in {target for target, _ in links(exercise, prose(exercise))}, name(exercise)


# ---- the table of topics

SLIDES = DOCS / "slides.md"


def topics(text: str) -> list[tuple[str, str, str]]:
    """The rows of the table: topic, where it is shown, what is checked there."""
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if line[:1] == "|"]
    return [(row[0], row[1], row[2]) for row in rows[2:]]


@cache
def asserted(path: Path) -> str:
    """All that a lecture or a test asserts."""
    text = path.read_text(encoding="utf-8")
    claims = [ast.get_source_segment(text, node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]
    return "\n".join(re.sub(r"\s+", " ", claim or "") for claim in claims)


ROWS = topics(SLIDES.read_text(encoding="utf-8"))


def test_there_are_topics():
    assert len(ROWS) > 30


@pytest.mark.sampled(every=12)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_what_a_topic_checks_is_asserted_where_it_is_shown(row):
    _, where, checked = row
    definitions = dict(re.findall(r"^\[([^]]+)\]: (\S+)", SLIDES.read_text(encoding="utf-8"), re.M))
    shown = [links(SLIDES, f"[x]({definitions[label]})")[0] for label in re.findall(r"\[([^]]+)\]", where)]
    assert shown
    assert all(fragment for _, fragment in shown)
    claims = "\n".join(asserted(lecture) for lecture, _ in shown)
    quoted = re.findall(r"`([^`]+)`", checked)
    assert quoted
    for claim in quoted:
        assert claim in claims


def test_every_exercise_is_in_the_contents_of_the_site() -> None:
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    listed = [line.rpartition("/")[2] for line in contents if line.startswith("../minivit/course/exercises/")]
    assert sorted(listed) == sorted(course.EXERCISES)
