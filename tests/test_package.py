"""Promises of the package as a whole: light to import, arrows only downwards, a README that runs."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minivit

ROOT = Path(__file__).parent.parent
LEVELS = ["types", "nests", "checked", "ops", "layers", "models"]  # each may import what stands to its left
BESIDE = {"data": {"models", "tasks", "train"}, "tasks": {"models", "train"}}  # and these may not import those


def test_import_is_light():
    heavy = ["scipy", "matplotlib", "PIL", "pooch", "tqdm", "safetensors", "threadpoolctl"]
    code = f"import sys, minivit; print(*[name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


def imported(path: Path) -> set[str]:
    """Parts of minivit that a file imports, anywhere in it: ``ops``, ``layers``, ..."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "minivit":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("level", LEVELS[1:])
def test_imports_point_downwards(level):
    allowed = set(LEVELS[: LEVELS.index(level) + 1])
    for path in (ROOT / "minivit" / level).glob("*.py"):
        assert imported(path) <= allowed, path.name


@pytest.mark.parametrize("folder", BESIDE)
def test_what_stands_beside_knows_nothing_of_what_builds_on_it(folder):
    for path in (ROOT / "minivit" / folder).glob("*.py"):
        assert not imported(path) & BESIDE[folder], path.name


def test_nothing_imports_the_command_line():
    for path in (ROOT / "minivit").rglob("*.py"):
        assert path.name == "__main__.py" or "cli" not in imported(path), path


def test_no_frameworks_in_the_package():
    for path in (ROOT / "minivit").rglob("*.py"):
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
