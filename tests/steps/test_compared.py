"""A student's numbers beside the right ones: what the page holds, and what it must not hold."""

import inspect
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.course.checks import Result, check_task
from minivit.course.compare import Compared
from minivit.course.exercise import Mistake
from minivit.course.exercises import EXERCISES
from minivit.course.plant import planted
from minivit.course.report import Report
from minivit.course.runner import InPlaceRunner
from minivit.course.source import Source
from minivit.course.stub import solved_source
from minivit.course.trial import make_trial, reference
from minivit.steps.compared import compared, text_of
from tests.steps.test_arrays import bytes_of, read, shown

TASKS = {task.name: (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks}
TEXT = 'def softmax_backward(dy, cache):\n    """Mine."""\n    return dy  # </script><b>bold</b>\n'
MESSAGE = "numbers </script><b>bold</b> \ud800\x1b[31m"


def solution(name, text=TEXT):
    return Source(text, Path("work/solution.py"), TASKS[name][0])


def page_of(name, change, *, number=0) -> tuple[Any, Any, Any]:
    """The page's only call, its store and the trial, of a function whose result is changed so."""
    _, task = TASKS[name]
    trial = make_trial(task, [*task.cases.values()][number], np.random.default_rng(0))
    found = Compared(task, trial, change(trial.expected))
    run = compared(Result(name, "numbers", "failed", MESSAGE, found), solution(name))
    run.html()  # can be written
    (call,) = run.calls
    return call, run.store, trial


def text_in(page):
    """All that is no number in a page."""
    (run,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page, re.DOTALL)
    text = json.loads(run)["text"]
    return zlib.decompress(bytes_of(text["letters"], text["bytes"])).decode()


def test_a_wrong_gradient_stands_beside_the_right_one():
    call, store, trial = page_of("attention_backward", lambda right: right._replace(k=-right.k, v=right.v * 1.0))
    assert (call.kind, call.place, call.label, call.way) == ("op", "attention", "attention", "backward")
    for part, sign in ((call.outputs, -1), (call.expected, 1), (call.difference, -2)):
        assert list(part)[:3] == ["dq", "dk", "dv"]
        np.testing.assert_allclose(read(store, part["dk"]), shown(sign * trial.expected.k), rtol=1e-3)
        assert part["dk"]["axes"] == ["sample", "head", "key", "width"]
    assert list(call.wrong) == ["dk"]
    at = tuple(call.wrong["dk"]["at"])
    assert abs(trial.expected.k[at]) == np.abs(trial.expected.k).max()
    assert call.wrong["dk"]["words"].startswith(f"worst: dk[{', '.join(map(str, at))}] is ")
    assert not read(store, call.difference["dq"]).any()
    np.testing.assert_array_equal(read(store, call.inputs["dy"]), shown(trial.dy))
    np.testing.assert_array_equal(read(store, call.cache["weights"]), shown(trial.cache.weights))
    assert list(call.inputs) == ["dy"]
    assert call.words == f"attention_backward, numbers: {MESSAGE}"


def test_of_a_forward_the_cache_is_compared_too_and_options_are_told():
    def change(right):
        return right[0] + 1e-7, right[1]._replace(xhat=right[1].xhat[0])

    call, store, trial = page_of("layer_norm_forward", change)
    assert {"y", "cache.xhat", "cache.rstd"} <= set(call.outputs)
    assert {*call.inputs} == {"x", "gamma", "beta"}
    assert call.options == {name: repr(value) for name, value in trial.kwargs.items()}
    assert {name: wrong["at"] is None for name, wrong in call.wrong.items()} == {"y": False, "cache.xhat": True}
    assert "cache.xhat has shape" in call.wrong["cache.xhat"]["words"]
    assert "cache.xhat" not in call.difference
    np.testing.assert_allclose(read(store, call.difference["y"]), 1e-7, rtol=1e-3)  # which four digits do not show


def test_another_shape_is_shown_without_a_difference():
    call, store, trial = page_of("softmax_backward", lambda right: right._replace(x=right.x.mT))
    assert read(store, call.outputs["dx"]).shape == trial.expected.x.mT.shape
    assert read(store, call.expected["dx"]).shape == trial.expected.x.shape
    assert call.difference == {}
    assert call.wrong["dx"]["at"] is None
    assert "it equals the transpose of the expected" in call.wrong["dx"]["words"]


def test_another_dtype_and_other_forms_are_compared():
    """Also a plain tuple, and a dictionary."""
    for form in (tuple, lambda values: dict(zip(("logits",), values, strict=True))):
        call, store, trial = page_of(
            "cross_entropy_backward", lambda right, form=form: form((np.float32(2 * right.logits),))
        )
        np.testing.assert_allclose(
            read(store, call.difference["dlogits"]), shown(trial.expected.logits), rtol=1e-2, atol=1e-8
        )
    assert call.outputs["dlogits"]["dtype"] == "float32"
    assert read(store, call.inputs["dy"]).shape == ()


def test_an_output_that_is_missing_is_said_to_be():
    call, _, _ = page_of("layer_norm_backward", lambda right: right._replace(x=right.x + 1, beta=None))
    assert "dbeta" not in call.outputs
    assert "dbeta" in call.expected
    assert call.wrong["dbeta"] == {"at": None, "words": "dbeta is None (is the return missing?)"}


def test_both_parts_of_complex_numbers_are_shown():
    call, store, trial = page_of("dft", np.conj)
    assert list(call.outputs) == list(call.expected) == list(call.difference) == list(call.wrong) == ["Re y", "Im y"]
    np.testing.assert_array_equal(read(store, call.outputs["Im y"]), shown(-trial.expected.imag))
    np.testing.assert_array_equal(read(store, call.expected["Im y"]), shown(trial.expected.imag))
    assert not read(store, call.difference["Re y"]).any()
    call, store, _ = page_of("dft", np.real)
    assert not read(store, call.outputs["Im y"]).any()


@pytest.mark.parametrize("number", [7, -3, 5 * 10**9, 2**63])
def test_a_whole_number_is_compared(number):
    call, store, trial = page_of("num_tokens", lambda right: number)
    np.testing.assert_allclose(read(store, call.outputs["y"]), number, rtol=1e-3)
    np.testing.assert_allclose(read(store, call.difference["y"]), number - trial.expected, rtol=1e-3)
    assert call.wrong["y"] == {"at": [], "words": f"worst: y is {number:.9g}, it should be {trial.expected}"}
    assert call.inputs == {}
    assert {*call.options} >= {"img_size", "patch_size"}


def test_nan_and_infinity_are_shown():
    def change(right):
        y = right[0].copy()
        y.flat[:4] = np.nan, np.inf, -np.inf, 1e300
        return y, right[1]

    call, store, trial = page_of("softmax_forward", change)
    np.testing.assert_array_equal(read(store, call.outputs["y"]).flat[:3], [np.nan, np.inf, -np.inf])
    assert np.isnan(read(store, call.difference["y"]).flat[0])
    assert call.wrong["y"]["at"] == [0] * trial.expected[0].ndim
    call, store, _ = page_of("attention_forward", lambda right: (right[0] + 1, right[1]), number=2)
    assert np.isfinite(read(store, call.difference["y"])).all()


def test_a_huge_array_is_cropped_and_an_empty_one_is_none():
    huge = np.full((700, 700), 1e200)
    huge[-1] = np.nan
    call, store, _ = page_of("softmax_backward", lambda right: right._replace(x=huge))
    assert store.size < 2**17
    assert call.outputs["dx"]["shape"] == [700, 700]
    assert all(map(np.isfinite, call.outputs["dx"]["facts"].values()))
    call, store, _ = page_of("softmax_backward", lambda right: right._replace(x=np.zeros((0, 3))))
    assert call.outputs["dx"]["shape"] == [0, 3]


def test_what_a_generator_draws_is_compared():
    call, _, _ = page_of("random_box", lambda right: right._replace(top=right.top + 1))
    assert list(call.wrong) == ["top"]
    assert "rng" not in {*call.inputs, *call.options}


def test_a_cache_of_ones_own_is_not_shown():
    _, task = TASKS["softmax_backward"]
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    found = Compared(task, trial, (trial.expected.x + 1,), own_cache=True)
    run = compared(Result(task.name, "numbers", "failed", "", found), solution(task.name))
    assert run.calls[0].cache == {}
    assert set(run.calls[0].inputs) == {"dy", "x"}
    assert "your own forward" in run.notes[0]


def test_what_has_no_wrong_numbers_has_no_page():
    _, task = TASKS["softmax_backward"]
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    for found in (None, Compared(task, trial, trial.expected), Compared(task, trial, (None,))):
        with pytest.raises(ValueError, match="no numbers are wrong"):
            compared(Result(task.name, "numbers", "failed", "", found), solution(task.name))


def test_an_error_is_shown_with_what_went_in_and_its_line():
    _, task = TASKS["softmax_backward"]
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    raised = "ZeroDivisionError: division by zero\n  in softmax_backward, line 3: return dy / 0"
    found = Compared(task, trial, None, raised=raised)
    run = compared(Result(task.name, "runs", "failed", raised, found), solution(task.name))
    (call,) = run.calls
    assert call.words == f"softmax_backward, runs: {raised}"
    assert run.raised == {"file": "solution.py", "line": 3}
    np.testing.assert_array_equal(read(run.store, call.inputs["dy"]), shown(trial.dy))
    assert call.outputs == call.expected == {}
    assert "KNOWN_OPS" not in run.html()


@pytest.mark.parametrize("name", ["softmax_backward", "attention_loops", "SelfAttention.backward", "dft"])
def test_the_answer_is_not_in_the_page(name):
    """Neither the function nor the forward that it undoes; what the student has written is."""
    exercise, task = TASKS[name]
    text = re.sub(r"\breturn\b", "return 'MINE',", solved_source(exercise))
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    found = Compared(task, trial, wrong(trial.expected))
    page = compared(Result(name, "numbers", "failed", "", found), solution(name, text)).html()
    assert "KNOWN_OPS" not in page  # the derivatives of all ops
    told, answer = json.loads(text_in(page)), inspect.getsource(inspect.unwrap(source_of(task)))
    (function,) = told["functions"].values()
    assert any("'MINE'," in line for line in function["source"])
    returns = [line.strip() for line in answer.split("\n") if line.strip().startswith("return ")]
    assert returns
    assert not any(line in text_in(page) for line in returns)
    assert told["calls"][0]["partner"] is None


def source_of(task):
    """Our function; of a layer its method."""
    layer = reference(task)
    return getattr(layer.args[0], task.name.partition(".")[2]) if task.is_layer else layer


def wrong(value):
    """Other numbers of the same form."""
    if isinstance(value, dict):
        return {name: array + 1 for name, array in value.items()}
    return value._make(array + 1 for array in value) if hasattr(value, "_make") else value + 1


def test_a_formula_that_is_asked_for_is_not_said():
    name = next(name for name, (_, task) in TASKS.items() if task.hides_docstring)
    _, task = TASKS[name]
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    found = Compared(task, trial, wrong(trial.expected))
    (call,) = compared(Result(name, "numbers", "failed", "", found), solution(name)).calls
    assert (call.about or {})["doc"] == ""
    assert page_of("softmax_backward", wrong)[0].about["doc"].count("<math") >= 2


def test_the_students_text_is_that_of_the_function_that_counts():
    text = """# first
def f(x):
    return 1

if True:
    def f(x):
        def g(): return 3
        return 2
g = lambda x: x

class Layer(Base):
    @property
    def forward(self, x):
        \"\"\"What.\"\"\"

class Empty(Base): ...
"""
    assert text_of(text, "f") == (6, ["def f(x):", "    def g(): return 3", "    return 2"], True)
    assert text_of(text, "g") == (9, ["g = lambda x: x"], False)
    assert text_of(text, "Layer.forward") == (13, ["def forward(self, x):", '    """What."""'], True)
    assert text_of(text, "Empty.forward") == (16, ["class Empty(Base): ..."], False)
    assert text_of(text, "h") == (1, text.split("\n"), False)


def report_of(name, body) -> Any:
    """The checks of one function, whose body is this."""
    _, task = TASKS[name]
    report = Report("", False)
    report.add(check_task(task, InPlaceRunner(planted(task, Mistake("", body, "", True))), 0, timed=False))
    return report


def test_the_first_check_of_wrong_numbers_is_kept_and_no_other():
    report = report_of("softmax_backward", "return InputGrad(dy * cache.y)")
    assert report.wrong.check == "numbers"
    assert report.wrong.compared.wrong == ["dx"]
    assert [result.compared for result in report.results] == [None] * len(report.results)
    assert report.wrong._replace(compared=None) in report.results
    assert "compared" not in json.dumps(report.as_json())
    assert report_of("softmax_backward", "return InputGrad((dy * cache.y).mT)").wrong.check == "shapes"


def test_numbers_that_only_a_property_sees_are_kept():
    """The softmax of large scores: it is right for small ones."""
    body = """y = np.exp(np.where(x == -np.inf, -1e9, x))
    y /= np.maximum(y.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)
    return y, SoftmaxCache(y)"""
    report = report_of("softmax_forward", body)
    assert report.wrong.check == "large scores do not overflow"
    call, *_ = compared(report.wrong, solution("softmax_forward")).calls
    assert call.words.startswith("softmax_forward, large scores do not overflow: [1000.0, ")
    assert "is nan, it should be" in call.wrong["y"]["words"]


@pytest.mark.parametrize(
    "body",
    ["return None", "return InputGrad('text')", "dy *= 2; return InputGrad(dy)"],
)
def test_what_fails_otherwise_has_nothing_to_compare(body):
    report = report_of("softmax_backward", body if "*=" not in body else CHANGES)
    assert not report.ok
    assert report.wrong is None


def test_an_error_is_kept_unless_numbers_are_wrong():
    """Whichever comes first."""
    report = report_of("softmax_backward", "raise ValueError('no')")
    assert report.wrong.check == "runs"
    assert report.wrong.compared.raised == "ValueError: no"
    either = report_of("softmax_backward", "return InputGrad(1 / 0 if dy.dtype == np.float32 else dy)")
    checks = {result.check: result.message for result in either.results if result.status == "failed"}
    assert next(iter(checks.values())).startswith("ZeroDivisionError")
    assert either.wrong.compared.wrong == ["dx"]


CHANGES = """y = cache.y
    dx = (dy - (dy * y).sum(-1, keepdims=True)) * y
    dy *= 2
    return InputGrad(dx)"""


@pytest.mark.browser
def test_the_page_shows_yours_and_what_was_expected_and_the_difference(browser, tmp_path):
    """Every text of the student's is text, and one cursor reads the three pictures."""
    _, task = TASKS["softmax_backward"]
    trial = make_trial(task, next(iter(task.cases.values())), np.random.default_rng(0))
    got = trial.expected.x.copy()
    got[1, 2, 3] += 1
    found = Compared(task, trial, trial.expected._replace(x=got))
    page = tmp_path / "page.html"
    compared(Result(task.name, "numbers", "failed", MESSAGE, found), solution(task.name)).save(page)
    empty = tmp_path / "empty.html"
    found = Compared(task, trial, trial.expected._replace(x=np.zeros((0, 3))))
    compared(Result(task.name, "numbers", "failed", MESSAGE, found), solution(task.name)).save(empty)
    complaints, tab = [], browser.new_page()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    tab.wait_for_selector("body[data-ready] main[data-shown]")
    assert tab.inner_text("main h1").startswith("softmax_backward")
    assert "numbers </script><b>bold</b>" in tab.inner_text("main .top .error")
    assert "return dy  # </script><b>bold</b>" in tab.inner_text("main .code")
    assert tab.locator("main .code").count() == 1
    said = tab.inner_text('[data-wrong="dx"]')
    for words in ("came out: yours", "was expected", "difference: yours − expected", "worst: dx[1, 2, 3] is "):
        assert words in said
    readings = "[...document.querySelectorAll('.beside output')].map(item => item.textContent)"
    before = tab.evaluate(readings)
    assert [text.partition(" = ")[0] for text in before] == ["dx[1, 2, 3]"] * 3
    assert float(before[0].partition(" = ")[2]) == pytest.approx(got[1, 2, 3], rel=1e-3)
    assert float(before[1].partition(" = ")[2]) == pytest.approx(got[1, 2, 3] - 1, rel=1e-3)
    assert before[2] == "dx[1, 2, 3] = 1"
    assert tab.locator(".beside .mark:visible").count() == 3
    tab.focus(".beside .outputs canvas")
    tab.keyboard.press("ArrowUp")
    assert [text.partition(" = ")[0] for text in tab.evaluate(readings)] == ["dx[1, 1, 3]"] * 3
    tab.locator(".beside .expected input").evaluate("it => { it.value = 0; it.dispatchEvent(new Event('input')); }")
    assert {text.partition(" = ")[0] for text in tab.evaluate(readings)} == {"dx[0, 1, 3]"}
    assert tab.locator(".beside .mark:visible").count() == 0
    tab.goto(empty.as_uri())
    tab.wait_for_selector("body[data-ready] main[data-shown]")
    assert tab.locator(".beside canvas:visible").count() == 1
    assert complaints == []
