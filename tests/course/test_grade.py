"""Checking a folder, or functions from a notebook."""

import json
import sys
import types

import numpy as np
import pytest

from minivit.course import EXERCISES, CannotRunError, check, child, grade, start
from minivit.course.source import Source
from minivit.course.stub import solved_source, stub_source
from minivit.ops.softmax import SoftmaxCache, softmax_forward
from tests.sampled import REST


def write(folder, source):
    folder.mkdir(exist_ok=True)
    (folder / "solution.py").write_text(source, encoding="utf-8")
    return folder


@REST
def test_a_half_done_solution(tmp_path):
    """One function right, one wrong, one missing, the others not begun."""
    solved, stub = (text(EXERCISES["softmax"]) for text in (solved_source, stub_source))
    first = solved[solved.index("def softmax_forward") : solved.index("def softmax_backward")]
    todo = stub[stub.index("def softmax_forward") : stub.index("def softmax_backward")]
    text = stub.replace(todo, first).replace(
        "import numpy as np",
        "import numpy as np\nfrom minivit.checked import checked\nfrom minivit.ops.rows import largest, row_sum",
    )
    text = text.replace("def log_softmax_backward", "def log_softmax_gradient")
    text = text.replace('raise NotImplementedError("log_softmax_forward: write this")', "return x, LogSoftmaxCache(x)")
    report = check(write(tmp_path / "half", text))
    assert report.isolated
    assert {result.status for result in report.of("softmax_forward")} == {"passed"}
    assert {result.status for result in report.of("softmax_backward")} == {"not implemented"}
    assert {result.status for result in report.of("log_softmax_backward")} == {"not implemented"}
    assert {result.status for result in report.of("log_softmax_forward")} == {"passed", "failed"}
    assert "softmax_backward: not implemented (0 of " in str(report)
    assert report.as_json()["total"] == len(report.results)
    json.dumps(report.as_json())
    assert report._repr_html_().startswith("<pre>")


USERS = {task.name: exercise for exercise in EXERCISES.values() for task in exercise.tasks if task.uses}


ISOLATED = ("multi_head_attention_backward", "cross_entropy_forward", "SelfAttention.backward")  # one of each kind
CALLS = [pytest.param(name, False, id=name) for name in USERS]
CALLS += [pytest.param(name, True, id=f"{name}, in a process of its own") for name in reversed(ISOLATED)]


@pytest.mark.sampled(every=20, rest=2)
@pytest.mark.parametrize(("name", "isolated"), CALLS)
def test_a_function_is_not_blamed_for_another_that_it_calls(name, isolated, tmp_path, monkeypatch):
    """In the end the wrong one is there again, and costs its own marks."""
    monkeypatch.setattr(grade, "processes_exist", lambda: isolated)
    used = next(task.uses for task in USERS[name].tasks if task.name == name)
    broken = "\n".join(f"def {other}(*args, **options):\n    return None\n\n\n" for other in used)
    report = check(write(tmp_path / "work", f"{solved_source(USERS[name])}\n\n{broken}"))
    assert {result.status for result in report.of(name)} == {"passed"}
    assert all("passed" not in {result.status for result in report.of(other)} for other in used)


SEARCH = """

def search(names):
    import gc, inspect, types
    found = set()
    for value in gc.get_objects():
        if isinstance(value, types.FunctionType) and str(value.__module__).startswith("minivit."):
            try:
                value.__qualname__ in names and inspect.unwrap(value)()
            except TypeError:  # it misses its arguments: it is open
                found.add(value.__qualname__)
            except PermissionError:
                pass
    return sorted(found)
"""


@REST
@pytest.mark.parametrize("name", ["multi_head", "patches"])
def test_no_answer_is_in_the_child_before_it_is_judged(name, tmp_path):
    """What stands in for a while can be found there then, and has been judged; what is still asked for is closed."""
    exercise = EXERCISES[name]
    source = Source(solved_source(exercise) + SEARCH, tmp_path / "solution.py", exercise)
    runner = grade.open_solution(source, seconds=10)
    names = [task.name for task in exercise.tasks]
    for i, task in enumerate(exercise.tasks):
        found = runner.call("search", (names,), {}, given=task.given)
        assert found.status == "returned", found.message
        assert set(task.uses) <= set(found.value) <= set(names[:i])
    runner.close()


SPOILS = """

ours = linear_forward

def linear_forward(x, weight, bias=None):
    globals().update(normal_pdf=lambda *args: 0, gelu_forward=None)
    return ours(x, weight, bias)
"""


@REST
def test_a_function_is_not_blamed_for_what_a_right_one_has_changed(tmp_path):
    report = check(write(tmp_path / "work", solved_source(EXERCISES["linear"]) + SPOILS))
    assert report.ok, report


def test_closed_are_also_functions_with_decorators_and_methods(monkeypatch):
    module = types.ModuleType("closed")
    monkeypatch.setitem(sys.modules, "closed", module)
    exec(DECORATED, vars(module))
    for name in ("twice", "Layer.forward"):
        child.close(f"closed:{name}")
    for call in (module.twice, module.Layer().forward):
        with pytest.raises(PermissionError, match="it is closed during the check, the answer is in it"):
            call(1)
    again = child.functions({"closed:twice": texts["twice"], "closed:four_times": texts["four_times"]})
    assert again["four_times"](1) == 4


DECORATED = """
import functools
import numpy as np


def checked(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)
    return call


@checked
@np.errstate(over="ignore")
def twice(x):
    return 2 * x


class Base:
    def forward(self, x):
        return x


class Layer(Base):
    def forward(self, x):
        return super().forward(x)
"""
texts = {
    "twice": "@checked\ndef twice(x):\n    return 2 * x\n",
    "four_times": "def four_times(x):\n    return twice(twice(x))\n",
}


def test_a_function_of_a_notebook_is_not_blamed_either(monkeypatch):
    names = {}
    exec(solved_source(EXERCISES["adamw"]).replace("beta1 * m", "beta2 * m"), names)
    report = check(names["adam_update"], names["adamw_update"])
    assert {result.status for result in report.of("adamw_update")} == {"passed"}
    assert {result.status for result in report.of("adam_update")} == {"passed", "failed"}


@REST
def test_what_it_does_not_use_is_closed_and_what_is_no_part_of_the_exercise_too(tmp_path):
    text = stub_source(EXERCISES["attention"]) + (
        "\n\nimport minivit.ops.attention_chunked as c\n\n"
        "attention_forward = lambda *args, **options: c.attention_chunked_forward(*args, **options)\n"
        "attention_loops = lambda q, k, v: attention_one_loop(q, k, v)\n"
    )
    report = check(write(tmp_path / "work", text))
    assert "attention_chunked_forward: it is closed during the check, the answer is in it" in str(report)
    assert "passed" not in {result.status for result in report.of("attention_loops")}


@REST
def test_a_misspelt_name_is_told(tmp_path):
    text = solved_source(EXERCISES["layer_norm"]).replace("def layer_norm_backward", "def layernorm_backward")
    report = check(write(tmp_path / "work", text))
    assert {result.status for result in report.of("layer_norm_backward")} == {"not implemented"}
    assert "there is no function layer_norm_backward in solution.py (there is layernorm_backward)" in str(report)
    text = solved_source(EXERCISES["adamw"]).replace("def adam_update", "def another_name")
    said = str(check(write(tmp_path / "other", text)))
    assert "there is no function adam_update in solution.py\n" in said  # adamw_update is asked for itself


def test_functions_of_a_notebook_are_checked_in_place():
    def softmax_forward(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        y = e / e.sum(-1, keepdims=True)
        return y, SoftmaxCache(y)

    report = check(softmax_forward)
    failed = [result.check for result in report.results if result.status != "passed"]
    assert failed == ["numbers with forbidden places (-inf)", "numbers in float32", "numbers in other forms"]
    assert not report.isolated
    assert "run in place" in str(report)


def test_in_place_an_interruption_is_one():
    """Whoever presses Ctrl-C in a notebook means the check, not the call."""

    def softmax_forward(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(softmax_forward)


@REST
def test_what_cannot_be_checked(tmp_path):
    with pytest.raises(CannotRunError, match="minivit's own"):
        check(softmax_forward)
    with pytest.raises(CannotRunError, match="no exercise asks for"):
        check(np.linalg.norm)
    with pytest.raises(CannotRunError, match="there is no folder"):
        check(tmp_path / "nothing")
    with pytest.raises(CannotRunError, match="cannot be read"):
        check(tmp_path)
    with pytest.raises(CannotRunError, match="no function of any exercise"):
        check(write(tmp_path / "empty", "x = 1\n"))
    stub = stub_source(EXERCISES["adamw"])
    for broken, says in (("def (", "SyntaxError"), ("1 / 0", "ZeroDivisionError"), ("raise SystemExit", "sys.exit")):
        with pytest.raises(CannotRunError, match=says):
            check(write(tmp_path / "broken", f"{stub}\n{broken}\n"))


@REST
def test_a_cache_with_other_fields_is_told_and_the_pair_is_judged(tmp_path):
    text = solved_source(EXERCISES["layer_norm"]).replace("rstd", "inverse")
    report = check(write(tmp_path / "other", text))
    assert report.ok
    note = (
        "a cache of your own, a LayerNormCache (xhat, inverse, gamma); the given one is a LayerNormCache (xhat, rstd,"
    )
    assert f"ok  runs  ({note} gamma))" in str(report)
    assert "ok  with your forward  (its cache is your own)" in str(report)


@REST
def test_a_backward_that_has_only_read_the_other_fields_wrong_is_told_what_it_got(tmp_path):
    text = solved_source(EXERCISES["layer_norm"]).replace("rstd", "inverse").replace("dx *= inverse", "dx *= 1")
    report = check(write(tmp_path / "other", text))
    assert {result.status for result in report.of("layer_norm_forward")} == {"passed"}
    assert "the last factor, rstd, is missing" in str(report)


def test_a_file_beside_the_solution_may_be_imported_but_not_stand_in_for_numpy(tmp_path):
    folder = write(tmp_path / "work", "import helpers\n" + solved_source(EXERCISES["adamw"]))
    (folder / "helpers.py").write_text("", encoding="utf-8")
    (folder / "numpy.py").write_text("raise SystemExit", encoding="utf-8")
    assert check(folder).ok


def test_where_no_processes_exist_it_runs_in_place_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "processes_exist", lambda: False)
    folder = write(tmp_path / "work", solved_source(EXERCISES["adamw"]))
    report = check(folder)
    assert report.ok
    assert not report.isolated
    assert "run in place" in str(report)


def test_the_untouched_stub(tmp_path):
    report = check(start(EXERCISES["layer_norm"], tmp_path / "work"))
    assert report.passed == 0
    assert {result.status for result in report.results} == {"not implemented"}
