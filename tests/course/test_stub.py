"""The stub is cut out of the reference: it explains everything and gives nothing away."""

import ast
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.course import exercise as exercises
from minivit.course.exercise import Exercise, Task
from minivit.course.exercises import EXERCISES
from minivit.course.plant import body_lines
from minivit.course.stub import solved_source, start, stub_source

ROOT = Path(__file__).parent.parent.parent
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


@pytest.mark.sampled(every=4)
@every_exercise
def test_bodies_are_out_and_explanations_stay(exercise):
    stub, solved = stub_source(exercise), solved_source(exercise)
    for task in exercise.tasks:
        first, last = body_lines(stub, task.name)
        body = "\n".join(stub.splitlines()[first:last])
        assert f'raise NotImplementedError("{task.name}: write this")' in body
        assert task.keep_loops or last - first == 1
        hidden = f"See {task.name} in README.md."  # where the formula is what is asked for
        assert docstring(stub, task.name) == (hidden if task.hides_docstring else docstring(solved, task.name))
        assert not task.hides_docstring or f"`{task.name}`: " in exercise.statement
        assert signature(stub, task.name) == signature(solved, task.name)


def node(source, name) -> Any:
    found: Any = ast.parse(source)
    for part in name.split("."):
        found = next(n for n in found.body if getattr(n, "name", "") == part)
    return found


def docstring(source, name):
    return ast.get_docstring(node(source, name))


def signature(source, name):
    return ast.unparse(node(source, name).args)


@every_exercise
def test_no_helper_of_a_removed_body_is_left(exercise):
    stub = stub_source(exercise)
    defined = {n.name for n in ast.parse(stub).body if isinstance(n, ast.FunctionDef)}
    kept = {"check_heads", "check_relative_position", "_pooling", "shifted_mask"}  # by __init__, WindowAttention.mask
    assert defined - kept <= {task.name for task in exercise.tasks}
    assert "row_sum" not in stub
    assert "column_sum" not in stub


@pytest.mark.sampled(every=4)
@every_exercise
def test_lint_and_format_accept_both_files(exercise, tmp_path):
    start(exercise, tmp_path / "stub")
    (tmp_path / "solved.py").write_text(solved_source(exercise), encoding="utf-8")
    # In a stub names are imported for the student, and loops that are kept have nothing in them yet.
    commands = (["check", "--ignore", "F401,F841,B007"], ["format", "--check"])
    for command in commands:
        run = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@every_exercise
def test_a_folder_has_two_files_and_is_never_written_over(exercise, tmp_path):
    folder = start(exercise, tmp_path / "work")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "solution.py"]
    assert "](.." not in (folder / "README.md").read_text(encoding="utf-8")  # of the repository, where no folder stands
    (folder / "solution.py").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="exists already"):
        start(exercise, folder)
    assert (folder / "solution.py").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["layer_norm", "attention"])
def test_the_backward_that_is_to_be_derived_is_folded(name):
    text = EXERCISES[name].statement
    opened = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert r"\bar" in text
    assert r"\bar" not in opened


@every_exercise
def test_the_statement_says_what_to_do(exercise):
    text = exercise.statement
    assert text.startswith("# ")
    assert all(word in text for word in ("**What.**", "**Why.**", "<details><summary>Hint", "minivit course check ."))
    assert text.count("<details>") == text.count("</details>") >= 2
    for task in exercise.tasks:
        name = task.name if not task.is_layer else task.name.partition(".")[2]
        assert name in text, name
    assert 20 <= exercise.minutes <= 60


EINSUMS = [(name, code) for name, e in EXERCISES.items() for code in re.findall(r'np\.einsum\("([^"]+)"', e.statement)]


@pytest.mark.parametrize(("name", "subscripts"), EINSUMS)
def test_products_in_hints_are_such_as_numpy_takes(name, subscripts):
    """One axis of length 2 for each letter, and three leading axes for the dots."""
    shapes = [(2,) * len(operand.replace("...", "abc")) for operand in subscripts.partition("->")[0].split(",")]
    np.einsum(subscripts, *(np.ones(shape) for shape in shapes))


DECORATED = '''
"""A module as in ops, in which a decorator checks the arguments."""

import numpy as np

from minivit.checked import checked
from minivit.types import Float, ndarray


@checked
def twice_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], None]:
    """Twice x."""
    return _twice(x), None


@checked
def thrice_forward(x: Float[ndarray, "..."]) -> tuple[Float[ndarray, "..."], None]:
    """Thrice x.

    Raises
    ------
    TypeError
        If x is no array.
    """
    return 3 * x, None


@np.errstate(over="ignore")  # seen elsewhere
def _twice(x):
    return 2 * x
'''


def test_decorators_stay_with_the_answer_and_in_the_stub_only_what_refuses_as_promised(tmp_path, monkeypatch):
    module: Any = types.ModuleType("decorated")
    module.__file__ = str(tmp_path / "decorated.py")
    module.twice_forward = module.thrice_forward = types.SimpleNamespace(__module__="decorated")
    Path(module.__file__).write_text(DECORATED, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "decorated", module)
    monkeypatch.setattr(exercises, "PACKAGES", ("decorated",))
    exercise = Exercise("twice", "twice", 1, (Task("twice_forward", {}), Task("thrice_forward", {})))
    stub, solved = stub_source(exercise), solved_source(exercise)
    assert stub.count("@") == 1
    assert (
        "@checked  # refuses what the annotations exclude; what else stands under Raises is yours\ndef thrice_forward("
        in stub
    )
    assert "@checked\ndef twice_forward(" in solved
    assert '@np.errstate(over="ignore")  # seen elsewhere\ndef _twice(x):' in solved
    names: dict = {}
    exec(solved, names)
    assert names["twice_forward"](np.array([3.0])) == (6, None)
    names = {}
    exec(stub, names)
    with pytest.raises(TypeError, match="expected a NumPy array"):
        names["thrice_forward"]("no array")


def test_the_statement_says_what_gradients_are_called(tmp_path: Path) -> None:
    """Of all backwards that a stub imports, and of the tuples that it imports to make."""
    text = {
        name: (start(exercise, tmp_path / name) / "README.md").read_text("utf-8")
        for name, exercise in EXERCISES.items()
    }
    assert "- `embedding_backward` returns `TableGrad(table)`" in text["pooling_attention"]
    assert "- `multi_head_attention_backward` returns `AttentionGrads(q, k, v, bias)`" in text["pooling_attention"]
    assert text["giou"].endswith("- `InputGrad(x)`\n")
    assert "## Gradients" not in text["costs"]
