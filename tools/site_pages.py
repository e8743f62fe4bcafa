"""What the site derives from the code: a reference page for each module, the map, and where a name leads to."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getdoc, isclass, isfunction, isroutine
from operator import attrgetter
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from myst_parser.slugs import github_slugify  # pyright: ignore[reportMissingImports]  (the extra [docs])
from sphinx.addnodes import desc_annotation, pending_xref  # pyright: ignore[reportMissingImports]
from sphinx.transforms import post_transforms  # pyright: ignore[reportMissingImports]
from sphinx.util.nodes import find_pending_xref_condition  # pyright: ignore[reportMissingImports]

import minivit
from minivit.course import EXERCISES

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"  # written anew by each build, and not committed
PARTS = (
    "minivit",
    "minivit.ops",
    "minivit.audio",
    "minivit.layers",
    "minivit.models",
    "minivit.tasks",
    "minivit.train",
    "minivit.data",
    "minivit.weights",
    "minivit.check",
    "minivit.plot",
    "minivit.course",
)
LINE = 80
MAPPED = PARTS[1:7]


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx, which reads conf.py."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", choose_anchors)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-signature", short_signature)
    app.connect("doctree-read", leave_out_long_values)
    app.add_post_transform(FindNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def choose_anchors(app: Any, page: str, source: list[str]) -> None:
    """Headings have the anchors of Jupyter in lectures, else those of GitHub, so a link is right there and here."""
    app.env.myst_config.heading_slug_func = jupyter_anchor if page.startswith("notebooks/") else github_slugify


def jupyter_anchor(title: str) -> str:
    """The anchor of a heading, as Jupyter makes it."""
    return title.replace(" ", "-")


# ---- pages


@cache
def modules() -> dict[str, ModuleType]:
    """Every module of the package by its name; packages stand before what is in them."""
    names = [info.name for info in walk_packages(minivit.__path__, "minivit.")]
    public = [name for name in names if not re.search(r"\._", name)]
    return {name: import_module(name) for name in ["minivit", *public]}


def write_pages(app: Any) -> None:
    """Write the pages of the reference and the map; one that would be the same is left, so Sphinx need not read it."""
    pages = {REFERENCE / f"{name}.rst": module_page(name) for name in modules()}
    pages[REFERENCE / "index.rst"] = index_page()
    pages[REFERENCE / "map.rst"] = map_page()
    REFERENCE.mkdir(exist_ok=True)
    for path in set(REFERENCE.iterdir()) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def module_page(name: str) -> str:
    """A module: where it is derived and practised, then all that is in it; of a package the list of its modules."""
    place = place_of(name)
    links = [("Lecture", place.lectures), ("Exercise", place.exercises)]
    fields = [f":{label}: {', '.join(documents)}" for label, documents in links if documents]
    # the sidebar lists the parts; with all modules it would hide them
    above = [] if name in PARTS else [":orphan:", ""]
    below = module_list(children(name)) if name != "minivit" else []
    return "\n".join([*above, *heading(name), *fields, "", f".. automodule:: {name}", "", *below])


def index_page() -> str:
    """The parts of the package, in the order in which they are read; then what they share."""
    toctree = [".. toctree::", "   :hidden:", "", *(f"   {part}" for part in PARTS), ""]
    shared = [name for name in children("minivit") if name not in PARTS]
    lines = [*heading("Reference"), "Every function and class: formula, derivation, source.", ""]
    return "\n".join([*lines, *toctree, *module_list(list(PARTS)), "What they share:", "", *module_list(shared)])


def module_list(names: list[str]) -> list[str]:
    """Links to the pages of modules, each with what the module says of itself."""
    return [*(f"- :doc:`{name.removeprefix('minivit.')} <{name}>`: {first_sentence(name)}" for name in names), ""]


def children(name: str) -> list[str]:
    """The modules of a package."""
    return [other for other in modules() if other.rpartition(".")[0] == name]


def heading(title: str) -> list[str]:
    """A title in reStructuredText."""
    return [title, "=" * len(title), ""]


# ---- the map


class Place(NamedTuple):
    """Where a module's idea is to be found: a sentence, papers, and links to all that treats it."""

    idea: str
    papers: list[str]
    lectures: list[str]
    exercises: list[str]
    tests: list[str]


@cache
def place_of(name: str) -> Place:
    """Derived from the docstrings, and from who speaks of the functions and classes of a module."""
    module = modules()[name]
    items = {key: item for key, item in vars(module).items() if is_ours(key, item, name)}
    papers = [paper for item in items.values() for paper in references(item)]
    words = re.compile(r"\b(?:" + "|".join(items) + r")\b") if items else re.compile(r"(?!)")
    lectures = [
        f":doc:`{path.stem} </notebooks/{path.stem}>`" for path in files("notebooks/src") if words.search(text_of(path))
    ]
    exercises = [
        f":doc:`{exercise} </minivit/course/exercises/{exercise}>`"
        for exercise, content in EXERCISES.items()
        if any(task.name.split(".")[0] in items for task in content.tasks)
    ]
    part, stem = name.removeprefix("minivit.").rpartition(".")[::2]
    tested = [path for path in files(f"tests/{part}") if words.search(text_of(path))]
    own = [path for path in tested if path.stem == f"test_{stem}"]
    tests = [f"``{path.relative_to(ROOT).as_posix()}``" for path in own or tested if path.stem.startswith("test_")]
    return Place(first_sentence(name), list(dict.fromkeys(papers)), lectures, exercises, tests)


def is_ours(key: str, item: Any, module: str) -> bool:
    """Whether a module defines an item for others; its caches and gradients are known by their functions."""
    public = (isfunction(item) or isclass(item)) and not key.startswith("_") and not hasattr(item, "_fields")
    return public and item.__module__ == module


def references(item: Any) -> Iterator[str]:
    """What stands under References or after "Source:", in a docstring and in those of its methods, on one line each."""
    for owner in (item, *(part for part in vars(item).values() if isroutine(part))):
        found = re.search(r"(?:^References\n-+\n|\bSource: )(.+?)(?:\n\n|\Z)", getdoc(owner) or "", re.M | re.S)
        if found:
            yield " ".join(found[1].split())


def first_sentence(name: str) -> str:
    """What a module says of itself on its first line."""
    return (modules()[name].__doc__ or "").partition("\n")[0].removeprefix(f"{name}: ")


@cache
def files(folder: str) -> list[Path]:
    """The Python files under a folder."""
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def text_of(path: Path) -> str:
    """The text of a file."""
    return path.read_text(encoding="utf-8")


def map_page() -> str:
    """One row for each module that holds an idea: what it is, its paper, file, lecture, exercise and test."""
    lines = [
        ":hide-toc:",
        "",
        *heading("Map"),
        "Each idea, and all that treats it. Every op is also checked with inputs of :mod:`minivit.check.cases`.",
    ]
    for part in MAPPED:
        lines += ["", part, "-" * len(part), "", ".. list-table::", "   :header-rows: 1", "   :class: map", ""]
        lines += row("idea", "paper", "file", "lecture", "exercise", "test")
        for name in children(part):
            idea, papers, lectures, exercises, tests = place_of(name)
            if papers or lectures or exercises:
                file = f":doc:`{name.removeprefix('minivit.').replace('.', '/')}.py <{name}>`"
                paper = "; ".join(paper.rstrip(".") for paper in papers)
                lines += row(idea, paper, file, *map(", ".join, (lectures, exercises, tests)))
    return "\n".join([*lines, ""])


def row(*cells: str) -> list[str]:
    """A row of a list-table."""
    return [f"   {' ' if number else '*'} - {cell}" for number, cell in enumerate(cells)]


# ---- names


def skip_member(app: Any, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what others write into our classes; the fields of a cache stand in its signature."""
    is_field = type(item).__name__ == "_tuplegetter"
    return True if is_field or (isfunction(item) and not item.__module__.startswith("minivit")) else None


def leave_out_long_values(app: Any, document: Any) -> None:
    """A constant that does not fit on a line is read in the source, which is a click away."""
    for node in list(document.findall(desc_annotation)):
        if len(node.astext()) > LINE:
            node.parent.remove(node)


def short_signature(
    app: Any, what: str, name: str, item: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Annotations as the source has them: ``Float[ndarray, 'B N D']``."""

    def short(text: str | None) -> str | None:
        return text and re.sub(r"\bjaxtyping\.|\bminivit\.types\.|~", "", text)

    return short(signature), short(returns)


class FindNames(post_transforms.SphinxPostTransform):
    """A name as the module in which it stands knows it, or as a user writes it: ``minivit.load`` is ``storage.load``.

    What stands as a type of a parameter may be any word, so there is a link where the module knows the word only.
    """

    default_priority = (post_transforms.ReferencesResolver.default_priority or 0) - 1

    def run(self, **options: Any) -> None:
        """Called by Sphinx for each page, when all of them have been read."""
        objects = self.env.domains.python_domain.objects
        for node in list(self.document.findall(pending_xref)):
            if node["refdomain"] != "py":
                continue
            target, module = node["reftarget"], modules().get(node.get("py:module") or "minivit", minivit)
            is_type = "refspecific" in node
            names = (name for name in full_names(module, target) if name in objects)
            name = next((name for name in names if not is_type or objects[name].objtype == "class"), None)
            if name is None and not is_type:
                ends = [name for name in objects if name.endswith(f".{target}")]
                inner = [name for name in ends if name.startswith(f"{module.__name__}.")]
                name = next(iter(inner + ends), None)
            if name:
                node["reftarget"] = name
            elif is_type or isinstance(find(minivit, target), TypeVar):
                text = find_pending_xref_condition(node, "*") or node
                node.replace_self(text.children)


def full_names(module: ModuleType, path: str) -> Iterator[str]:
    """Where the object that is known by this path may have been defined."""
    yield path
    for root in (module, minivit):
        item = find(root, path)
        yield f"{getattr(item, '__module__', None)}.{getattr(item, '__qualname__', None)}"


def find(root: ModuleType, path: str) -> Any:
    """The object of this path, as seen from a module; None if there is none."""
    try:
        return attrgetter(path.removeprefix("minivit.") if root is minivit else path)(root)
    except AttributeError:
        return None
