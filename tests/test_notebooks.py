"""The lectures as they are committed. What reads them is imported where it is used: it takes seconds."""

# pyright: reportMissingImports=false

import ast
from base64 import b64decode, b64encode
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from minivit.course.exercises import EXERCISES

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("nbformat", "jupytext", "nbclient"))), reason="needs the extra [notebooks]"
)

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
    import nbformat

    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_there_are_lectures():
    assert NAMES


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("name", NAMES)
def test_the_committed_notebook_is_that_of_its_source(builder, name):
    assert builder.differences(read(name), builder.read_source(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_notebook_obeys_the_rules(builder, name):
    assert builder.rules(read(name)) == []


def shown(cell):
    """What a cell shows of the package's code, by the name that stands in its calls: the Markdown of each."""
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    names = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "show_source"]
    texts = [output.data["text/markdown"] for output in cell.outputs if "text/markdown" in output.get("data", {})]
    return zip(names, texts, strict=True) if names else ()


@pytest.mark.parametrize("name", NAMES)
def test_no_lecture_shows_an_answer_without_saying_so(name):
    """The sentence is show_source's; here it is asked for where the committed lecture shows the code."""
    asked = {task.name: exercise.name for exercise in EXERCISES.values() for task in exercise.tasks}
    for cell in read(name).cells:
        for called, text in shown(cell) if cell.cell_type == "code" else ():
            exercise = next((asked[task] for task in asked if f".{called}".endswith(f".{task}")), None)
            assert ("the answer to the exercise" in text) == bool(exercise), called
            assert exercise is None or f"[`{exercise}`](../minivit/course/exercises/{exercise}.md)" in text


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
    import nbformat

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


def result(**data):
    import nbformat

    cell = code_cell("f")
    data = {kind.replace("_", "/"): content for kind, content in data.items()}
    cell.cells[0].outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    return cell


def test_of_a_picture_its_name_is_left_out_and_it_has_256_colours(builder):
    pixels = np.arange(40 * 40 * 3, dtype=np.uint32).reshape(40, 40, 3) * 2654435761 >> 24  # more colours than that
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "png")
    (cell,) = result(image_png=b64encode(file.getvalue()).decode(), text_plain="<Picture>").cells
    builder.clean(cell)
    assert set(cell.outputs[0].data) == {"image/png"}
    shown = Image.open(BytesIO(b64decode(cell.outputs[0].data["image/png"])))
    assert (shown.size, len(shown.getcolors() or [])) == ((40, 40), 256)


def test_a_slider_that_needs_a_kernel_is_refused(builder):
    cell = result(**{builder.WIDGET: {}})
    assert builder.rules(cell) == ["cell 0 shows a widget, which needs a kernel to move: use mv.plot.frames"]


def test_what_stands_in_a_picture_by_chance_is_no_text(builder):
    assert builder.rules(result(text_html='<img src="data:image/png;base64,ab0x123456/tmp/cd=="><p>text</p>')) == []
    assert builder.rules(result(text_html='const x = {"pictures": ["ab0x123456/tmp/cd", "/usr/"]};')) == []
    assert len(builder.rules(result(text_html='<img src="data:image/png;base64,abcd">/tmp/'))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Jupyter's own
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs(builder, name):
    assert builder.check(name, seconds=180) == []
