"""Whatever a function returns, it is judged: the report is never lost, and never long."""

import json
import types
from functools import wraps

import numpy as np
import pytest

from minivit.course.call import THEN, Outcome, shortest_time
from minivit.course.checks import Result, check_names, check_task
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Mistake
from minivit.course.exercises import EXERCISES
from minivit.course.grade import run_checks
from minivit.course.manners import outlives
from minivit.course.plant import planted
from minivit.course.report import Report
from minivit.course.runner import CannotRunError, InPlaceRunner
from minivit.course.trial import layer_class, reference
from minivit.course.wire import Other

TASKS = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}


class Returning(InPlaceRunner):
    """A runner that gives what ``make`` makes of the number of the call and of the right answer."""

    def __init__(self, make):
        self.make, self.calls, self.closed = make, 0, 0

    def call(self, name, args, kwargs, how="value", given=()):
        self.calls += 1
        if how == "steps":
            return Outcome("returned", value=1)
        first, _, again = name.partition(THEN)
        with np.errstate(all="ignore"):
            value = self.make(self.calls, reference(TASKS[first])(*(args[0] if again else args), **kwargs))
            if again:
                value = value, value, self.make(self.calls, reference(TASKS[first])(*args[1], **args[2]))
        return value if isinstance(value, Outcome) else Outcome("returned", value=value, args=(*args, kwargs))

    def has(self, name):
        return name in TASKS and not name.endswith("forward")

    def close(self):
        self.closed += 1


def with_parts(part):
    """The right structure with something else in all places."""

    def fill(right):
        if hasattr(right, "_asdict"):
            return {name: fill(item) for name, item in right._asdict().items()}
        return tuple(map(fill, right)) if isinstance(right, tuple) else part

    return lambda calls, right: fill(right)


STRANGE = {
    "an integer of 400 digits": with_parts(10**400),
    "minus that": with_parts(-(10**400)),
    "arrays of text": with_parts(np.array(["a" * 1000] * 3)),
    "arrays of many axes": with_parts(np.zeros((1,) * 30)),
    "arrays of no numbers": with_parts(np.zeros((0, 3))),
    "complex infinity": with_parts(np.array([complex("inf"), complex("nan")])),
    "something else": with_parts(Other("T" * 10**6)),
    "tuples": with_parts(((), [()])),
    "fields": with_parts({f"field{i}": np.ones(3) for i in range(10**4)}),
    "other fields": lambda calls, right: (1.0, {f"field{i}": 1 for i in range(10**5)}),
    "names of fields": lambda calls, right: (1.0, {"f" * 10**6: 1}),
    "nothing": lambda calls, right: (),
    "empty text": lambda calls, right: "",
    "a message": lambda calls, right: Outcome("raised", "x" * 10**6),
    "not implemented, and why": lambda calls, right: Outcome("not implemented", "x" * 10**6),
    "no arguments": lambda calls, right: Outcome("returned", value=right, args=()),
    "other arguments": lambda calls, right: Outcome("returned", value=right, args=(np.zeros((3000, 1)),) * 9),
    "arguments that are no arrays": lambda calls, right: Outcome("returned", value=right, args=("x",) * 9),
}


@pytest.mark.sampled(every=36)
@pytest.mark.parametrize("how", STRANGE)
@pytest.mark.parametrize("name", ["cross_entropy_forward", "linear_backward", "adam_update", "SelfAttention.forward"])
def test_strange_answers_are_judged_and_the_report_stays_short(name, how):
    task = TASKS[name]
    report = Report("exercise", True, list(check_task(task, Returning(STRANGE[how]), 0, timed=False)))
    left_out = {*check_names(task)} - {result.check for result in report.results}
    assert left_out <= {"speed", "with your forward"}
    assert not report.ok
    if "arguments" not in how:
        assert not any(result.status == "passed" for result in report.results if "numbers" in result.check)
    assert len(json.dumps(report.as_json())) < 30_000
    assert len(str(report)) < 20_000


@pytest.mark.parametrize("name", ["softmax_forward", "log_softmax_backward", "adamw_update"])
def test_shapes_that_would_fill_the_memory_together_are_not_compared(name):
    """A column and a row of 300,000 numbers each: their difference would have 720 gigabytes."""
    task = TASKS[name]

    def column_or_row(calls, right):
        shape = (300_000, 1) if calls % 2 else (1, 300_000)
        return with_parts(np.zeros(shape))(calls, right)

    results = list(check_task(task, Returning(column_or_row), 0, timed=False))
    assert not any("cannot be compared" in result.message for result in results)
    assert (
        sum("has shape" in result.message or result.message == "wrong as well" for result in results)
        >= len(results) - 5
    )


def test_an_answer_with_nan_in_it_is_not_called_changed():
    """Of the power of a negative number, say: that is wrong, but no later call has written into it."""
    outlives({"y": np.array([np.nan, 1.0])}, {"y": np.array([np.nan, 1.0])})
    with pytest.raises(CheckFailedError, match="a later call writes into the y"):
        outlives({"y": np.array([np.nan, 1.0])}, {"y": np.array([1.0, 1.0])})


def test_an_array_that_has_another_shape_afterwards_was_modified():
    task = TASKS["softmax_forward"]
    reshaped = Returning(lambda calls, right: Outcome("returned", value=right, args=(np.zeros((1, 7)), {})))
    (said,) = (result.message for result in check_task(task, reshaped, 0, timed=False) if result.status == "failed")
    assert said == "you modified x in place: it has shape (1, 7) afterwards"


def test_a_solution_that_cannot_be_loaded_again_fails_what_is_left():
    exercise = EXERCISES["adamw"]

    def fail(calls, right):
        if calls > 17:  # one call to see that it runs, four for each of four cases
            raise CannotRunError("the solution cannot be loaded: nowhere")
        return right

    report = run_checks(exercise, Returning(fail))
    assert [result.status for result in report.results[:2]] == ["passed"] * 2
    assert {result.message for result in report.results[2:]} == {"the solution cannot be loaded: nowhere"}
    assert len(report.results) == sum(len(check_names(task)) for task in exercise.tasks)


@pytest.mark.parametrize(
    ("make", "closed"),
    [
        (lambda calls, right: right, 0),
        (lambda calls, right: right if calls > 1 else None, 1),
        (lambda calls, right: None, 2),
        (lambda calls, right: Outcome("not implemented", "write this"), 0),
    ],
)
def test_after_a_function_that_failed_the_next_one_begins_with_a_fresh_process(make, closed):
    """It may have changed what the others need; one that is not written has done nothing."""
    runner = Returning(make)
    run_checks(EXERCISES["adamw"], runner, timed=False)
    assert runner.closed == closed


def test_a_clock_that_stands_still_is_of_no_use(monkeypatch):
    """That of the module time, which a solution may replace."""
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)
    assert shortest_time(sum, ([1],), {}, 2) > 0


@pytest.mark.parametrize(
    ("name", "text", "check", "says"),
    [
        ("one_hot", "return labels[..., None] == np.arange(num_classes)", "dtype",
         "y is of bool; it must be of float32"),
        ("one_hot", "return np.eye(num_classes)[labels]", "dtype", "y is of float64; it must be of float32. np.sqrt"),
        ("mixup", "return Mixed(inputs, targets > 0)", "dtype", "from float32 comes targets in bool"),
        ("random_box", "return Box(0, np.random.randint(10**9), 0, 1)", "leaves its inputs alone",
         "the same call gives another bottom the second time: something is remembered, drawn, or never written"),
        ("label_weights", "return np.ones(len(labels), float if labels.ndim == 1 else int)", "dtype",
         "y is of int64; it must be of float64"),
        ("cutmix", "return Mixed(images, np.prod([2, 3]) / 7 * targets)", "dtype", "of np.prod, of a mean, of what"),
        ("random_box", "return Box(np.floor(2.5), 3, 4, 5)", "numbers",
         "top is 2.0, and must be a whole number: // gives one, / does not, nor np.floor"),
        ("distillation_backward", "return 1, 2, 3", "runs", "a tuple of 3; nothing but logits has a gradient"),
    ],
)  # fmt: skip
def test_what_is_said_of_kinds_of_numbers(name, text, check, says):
    task = TASKS[name]
    runner = InPlaceRunner(planted(task, Mistake("", text, "", True)))
    (result,) = (result for result in check_task(task, runner, 0) if result.check == check)
    assert result.status == "failed"
    assert says in result.message


REMEMBERED = "right in a first call, wrong in one with other numbers or options after it: something is kept"
WRITTEN = "a later call writes into the {} that an earlier one has returned"


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("resize_matrix", "matrix = np.zeros((new, old))",
         "matrix = KEPT.setdefault((new, old), np.zeros((new, old))); matrix[:] = 0", WRITTEN.format("y")),
        ("resize_matrix", "return matrix", "return KEPT.setdefault((old, new), matrix)", REMEMBERED),
        ("resize_forward", "return _apply(x, rows, columns)",
         "rows = KEPT.setdefault((rows.shape, x.dtype), rows); return _apply(x, rows, columns)", REMEMBERED),
        ("batch_norm_forward", "mean = column_sum(x) / n",
         "mean = KEPT.setdefault((x.shape, x.dtype), column_sum(x) / n)", REMEMBERED),
        ("batch_norm_forward", "times_row(xhat, rstd, out=xhat)",
         "kept = KEPT.setdefault((x.shape, x.dtype), np.empty_like(x)); kept[...] = xhat * rstd; xhat = kept",
         WRITTEN.format("cache.xhat")),
        ("fixed_scale_and_shift", "scale = gamma / np.sqrt(var + eps)",
         "scale = KEPT.setdefault((len(var), var.dtype), gamma / np.sqrt(var + eps))", REMEMBERED),
    ],
)  # fmt: skip
def test_what_is_kept_between_calls_is_told(name, old, new, says):
    """In the first check that calls twice, before wrong numbers are taken for another mistake."""
    new = new.replace("KEPT", f"{name}.__dict__")
    runner = InPlaceRunner(planted(TASKS[name], Mistake(old, new, "", True)))
    (result,) = (result for result in check_task(TASKS[name], runner, 0) if result.check == "leaves its inputs alone")
    assert result.message.startswith(says)


def test_what_is_wrong_of_other_numbers_is_not_said_to_be_kept():
    """Who divides vectors by their lengths is right where these are 1, and says the same of a share of them."""
    task = TASKS["scaled_similarities_forward"]
    scale = "scale = np.exp(logit_scale)[:, None]"
    wrong = Mistake(scale, f"image = image / np.sqrt((image * image).sum(-1, keepdims=True)); {scale}", "", True)
    results = [*check_task(task, InPlaceRunner(planted(task, wrong)), 0, timed=False)]
    assert any(result.status == "failed" for result in results)
    assert not any(result.message.startswith(REMEMBERED) for result in results)


def test_each_function_has_cases_of_its_own():
    """What the cache of one holds is not the answer to another."""
    seen: dict[str, list] = {}

    def note(name):
        return lambda calls, right: seen.setdefault(name, []).append(right)

    for name in ("softmax_forward", "log_softmax_forward"):
        list(check_task(TASKS[name], Returning(note(name)), 0))
    one, other = (seen[name][0][0] for name in seen)
    assert one.shape != other.shape or not np.allclose(np.exp(other), one)


def test_what_has_been_said_is_not_said_again_but_where_it_stands():
    """Also where only the sizes in an error of NumPy's are others."""
    said = [
        ("numbers", "dx is 2 times too large\n  worst: ..."),
        ("numbers with a mask", "IndexError: 5 is out of bounds for axis 0 with size 5"),
        ("numbers with a bias", "IndexError: 7 is out of bounds for axis 0 with size 7"),
        ("linear in dy", "dx is 2 times too large"),
        ("speed", "dx is 3 times too large"),
    ]
    text = str(Report("softmax", True, [Result("softmax_backward", check, "failed", what) for check, what in said]))
    assert "NO  numbers with a bias: the same as under 'numbers with a mask'\n" in text
    assert "NO  linear in dy: the same as under 'numbers'\n" in text
    assert "3 times too large" in text


LAYERS = {task.name.partition(".")[0] for task in TASKS.values() if task.is_layer}


def checked_layer(name, method, forward, backward):
    """What is said of a method where the layer's methods are these, made of our own."""
    layer = layer_class(TASKS[f"{name}.{method}"])
    methods = {"forward": forward(layer.forward), "backward": backward(layer.backward)}
    module = types.SimpleNamespace(**{name: type(name, (layer,), methods)})
    results = check_task(TASKS[f"{name}.{method}"], InPlaceRunner(module), 0, timed=False)
    return [result.message for result in results if result.status == "failed"]


def as_it_is(method):
    return method


def that_writes(method):
    """Into a parameter, when all is done."""

    @wraps(method)
    def written(self, *args, **options):
        value = method(self, *args, **options)
        next(iter(self.named_params().values())).value += 1
        return value

    return written


def of_an_own_cache(forward):
    @wraps(forward)
    def returning(self, *args, **options):
        y, cache = forward(self, *args, **options)
        return y, {"own": cache}

    return returning


def that_reads_it(backward):
    return lambda self, dy, cache: backward(self, dy, cache["own"])


def that_assigns(backward):
    """Gradients, in place of adding them."""

    def assigned(self, dy, cache):
        self.zero_grad()
        return backward(self, dy, cache)

    return assigned


@pytest.mark.sampled(every=0, rest=2)
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_method_that_writes_into_a_parameter_is_told(name):
    for forward, backward, method in (
        (that_writes, as_it_is, "forward"),
        (as_it_is, that_writes, "backward"),
        (of_an_own_cache, lambda ours: that_writes(that_reads_it(ours)), "backward"),
    ):
        said = checked_layer(name, method, forward, backward)
        assert any(message.startswith("you changed the parameter ") for message in said)
    assert checked_layer(name, "backward", lambda ours: that_writes(of_an_own_cache(ours)), that_reads_it) == []


@pytest.mark.sampled(every=18, rest=2)
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_gradients_that_are_assigned_are_told_with_an_own_cache_too(name):
    assert checked_layer(name, "backward", of_an_own_cache, that_reads_it) == []
    (said,) = checked_layer(name, "backward", of_an_own_cache, lambda ours: that_assigns(that_reads_it(ours)))
    assert "is assigned where a gradient is there already" in said
