from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs the extra [notebooks]")
pytest.importorskip("jupytext", reason="needs the extra [notebooks]")
pytest.importorskip("nbclient", reason="needs the extra [notebooks]")

ROOT = Path(__file__).parent.parent
NAMES = [path.stem for path in sorted((ROOT / "notebooks" / "src").glob("*.py"))]


@pytest.fixture(scope="module")
def builder():
    """tools/notebooks.py; tools is no package."""
    path = ROOT / "tools" / "notebooks.py"
    module = ModuleType("notebooks_builder")
    module.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module.__dict__)
    return module


def read(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_there_are_lectures():
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_notebook_is_that_of_its_source(builder, name):
    assert builder.differences(read(name), builder.read_source(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_notebook_obeys_the_rules(builder, name):
    assert builder.rules(read(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_slider_has_a_static_twin(builder, name):
    """What a slider draws stands before it as a picture, for readers without a running kernel."""
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    for before, cell in pairwise(cells):
        if "interact(" in cell.source:
            assert any("image/png" in output.get("data", {}) for output in before.outputs)


def test_what_differs_is_found(builder):
    name = NAMES[0]
    source, committed = builder.read_source(name), read(name)
    committed.cells[0].source += " changed"
    assert builder.differences(committed, source) == ["cell 0 is not that of its source: run `make notebooks`"]
    committed = read(name)
    next(cell for cell in committed.cells if cell.cell_type == "code").execution_count = 7
    assert builder.differences(committed, source) == ["was not executed from top to bottom: run `make notebooks`"]
    committed.cells.pop()
    assert "cells, its source" in builder.differences(committed, source)[0]


def code_cell(source, text=""):
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("source", "text", "says"),
    [
        ("x = 1\n" * 26, "", "26 lines"),
        ("x = " + "1" * 100, "", "100 columns"),
        ("f", "<function f at 0x7f8b8c0d1e50>", "0x7f8b8c0d1e50"),
        ("f", "/home/me/minivit/ops", "/home/"),
        ("f", "RuntimeWarning: overflow", "Warning:"),
    ],
)
def test_rules(builder, source, text, says):
    (problem,) = builder.rules(code_cell(source, text))
    assert says in problem


def test_widgets_are_left_out_and_pictures_stay(builder):
    slider = nbformat.v4.new_output("display_data", {builder.WIDGETS: {}, "text/plain": "interactive(...)"})
    picture = nbformat.v4.new_output("execute_result", {"image/png": "", "text/plain": "<Picture>"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("f", outputs=[slider, picture])
    builder.clean(cell)
    (kept,) = cell.outputs
    assert set(kept.data) == {"image/png"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Jupyter's own
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs(builder, name):
    assert builder.check(name, seconds=180) == []
