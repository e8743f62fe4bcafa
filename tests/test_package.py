"""Promises of the package as a whole: light to import, arrows only downwards, a README that runs."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import minivit

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "minivit"
# imports lead to the left
LEVELS = ["types", "nests", "checked", "ops", "files", "audio", "every_op", "layers", "models"]
BESIDE = {"data": {"models", "tasks", "train"}, "tasks": {"models", "train"}}  # and these may not import those


def test_import_is_light():
    heavy = ["scipy", "matplotlib", "PIL", "pooch", "tqdm", "safetensors", "threadpoolctl"]
    code = f"import sys, minivit; print(*[name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


def test_all_parts_are_reached_from_the_root():
    """Those too that are imported only when they are asked for; an editor is told of them before."""
    code = """
import minivit as mv
assert {"look", "plot", "course", "ops", "audio", "__version__"} <= {*dir(mv)}
assert mv.audio.stft_forward and mv.audio.get_window and mv.audio.OPS["stft"]
assert mv.plot.samples and mv.look.influence and mv.course.EXERCISES
from minivit import course, plot
assert (course, plot) == (mv.course, mv.plot)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="module 'minivit' has no attribute 'plots'"):
        minivit.plots  # noqa: B018


def modules_of(package: Path) -> dict[str, Path]:
    """Every module of a package by its full name; a folder's is its ``__init__.py``."""
    files = {path: path.relative_to(package.parent).with_suffix("").parts for path in package.rglob("*.py")}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in files.items()}


@cache
def imports(package: Path) -> dict[str, set[str]]:
    """Which modules of a package each of them imports, anywhere in it, in its functions too."""
    modules = modules_of(package)
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        named = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in modules else str(node.module) for name in names}
        graph[module] = named & modules.keys()
    return graph


def part(module: str) -> str:
    """The part of minivit that a module stands in: ``ops``, ``layers``, ...; nothing for the root itself."""
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("level", LEVELS[1:])
def test_imports_point_downwards(level):
    allowed = set(LEVELS[: LEVELS.index(level) + 1])
    for module, others in imports(PACKAGE).items():
        if part(module) == level and not module.endswith(".cli"):  # a command stands above all, wherever its file does
            assert {part(other) for other in others} <= allowed, module


@pytest.mark.parametrize("folder", BESIDE)
def test_what_stands_beside_knows_nothing_of_what_builds_on_it(folder):
    for module, others in imports(PACKAGE).items():
        if part(module) == folder:
            assert not {part(other) for other in others} & BESIDE[folder], module


def test_nothing_imports_the_command_line():
    for module, others in imports(PACKAGE).items():
        assert module == "minivit.__main__" or "minivit.cli" not in others, module


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, each of which imports the next one; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return []


def test_no_module_imports_itself_by_way_of_others():
    found = circle(imports(PACKAGE))
    assert not found, " imports ".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import package.a.b", {"package.a.b"}),
        ("import package.a.b as b, sys", {"package.a.b"}),
        ("from package.a.b import name", {"package.a.b"}),
        ("from package.a import b, name", {"package.a.b", "package.a"}),
        ("from package import a", {"package.a"}),
        ("from package import name", {"package"}),
        ("def f():\n    from package.a import b", {"package.a.b"}),
        ("if True:\n    import package.c", {"package.c"}),
        ("import packages.c", set()),
    ],
)
def test_every_way_to_import_counts(tmp_path, text, found):
    for name in ("__init__", "a/__init__", "a/b"):
        path = tmp_path / "package" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "package" / "c.py").write_text(text, encoding="utf-8")
    assert imports(tmp_path / "package") == {
        "package": set(),
        "package.a": set(),
        "package.a.b": set(),
        "package.c": found,
    }


def test_a_circle_is_named():
    graph = {"a": {"b", "e"}, "b": {"c"}, "c": {"d", "e"}, "d": {"b"}, "e": set()}
    found = circle(graph)
    assert found[0] == found[-1]
    assert set(found) == {"b", "c", "d"}
    assert all(after in graph[module] for module, after in pairwise(found))


def test_no_frameworks_in_the_package():
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(
            r"^\s*(import|from) (torch|jax|autograd|numba|tensorflow)\b", path.read_text(encoding="utf-8"), re.M
        ), path


def test_the_api_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## The API in fifteen lines")[1]
    code = section.split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    exec(compile(code, "README.md", "exec"), {})


def test_links_of_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert minivit.__version__ == version
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_only_tests_need_is_imported_in_one_place():
    """Without the extra [test] there is no jaxtyping, and minivit.types does without it."""
    package = Path(minivit.__file__).parent
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    importing = {path.name for path, text in sources.items() if re.search(r"^\s*(from|import) jaxtyping", text, re.M)}
    assert importing == {"types.py"}
