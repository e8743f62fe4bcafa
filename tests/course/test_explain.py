"""What a student reads: the messages of some typical mistakes, word by word."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivit.course.call import load_source
from minivit.course.checks import Result, check_task
from minivit.course.exercises import EXERCISES
from minivit.course.exercises.giou import overlap
from minivit.course.explain import worst_place, wrong_shape
from minivit.course.report import Report
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source
from tests.sampled import REST

TASKS = {task.name: (exercise, task) for exercise in EXERCISES.values() for task in exercise.tasks}


def messages(task_name, *changes):
    """Messages of the checks that fail when these pieces of the reference are exchanged."""
    return [result.message for result in results_of(task_name, *changes) if result.status == "failed"]


def results_of(task_name, *changes):
    """Results of the function with them exchanged."""
    exercise, task = TASKS[task_name]
    source = solved_source(exercise)
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return list(check_task(task, InPlaceRunner(load_source(source, "solution.py")), 0, timed=False))


def test_a_factor_is_named_with_its_reason():
    first = messages("attention_backward", ("dq *= scale", "pass"))[0]
    pattern, worst = first.splitlines()
    assert pattern.startswith("dq is ")
    assert "times too large = sqrt(" in pattern
    assert pattern.endswith("), the head width: the forward divides the scores by it")
    assert worst.startswith("  worst: dq[")


def test_the_page_about_the_course_shows_what_a_check_says():
    """Its example is a real one, and its table names every exercise with its minutes."""
    page = (Path(__file__).parent.parent.parent / "docs" / "course.md").read_text(encoding="utf-8")
    results = results_of("attention_backward", ("dq *= scale", "pass"))
    results.append(Result("attention_backward", "speed", "passed"))  # which depends on the machine
    first = str(Report("attention", True, results)).partition("  NO  numbers without")[0]
    assert f"```\n{first}```\n" in page
    assert len(re.findall(r"^\| \[`", page, re.MULTILINE)) == len(EXERCISES)
    for exercise in EXERCISES.values():
        link = rf"\[`{exercise.name}`\]\(\.\./minivit/course/exercises/{exercise.name}\.md\)"
        assert re.search(rf"^\| {link} \| .* \| {exercise.minutes} \|$", page, re.MULTILINE)


def test_a_factor_below_one_is_named_too():
    said = "\n".join(messages("attention_backward", ("dq *= scale", "pass")))
    assert "dq is 3.333 times too large = 1 / 0.3, one over scale: the forward multiplies the scores by scale" in said


@REST
@pytest.mark.parametrize(
    ("task", "old", "new", "says"),
    [
        ("linear_backward", "token_product(rows, drows)", "drows.T @ rows", "it equals the transpose of the expected"),
        ("linear_backward", "column_sum(drows) if", "drows.mean(0) if", "the rows: averaged over it instead of summed"),
        ("attention_backward", "dk *= scale", "dk *= scale; dk[:, 2:3] *= 0", "nothing reaches the third head"),
        ("layer_norm_backward", "dx *= rstd", "dx *= rstd; dy *= 1.5", "you modified dy in place"),
        ("softmax_backward", "dx = dy - row_dot(dy, y)", "dx = dy - (dy * y).sum((0, -1), keepdims=True)",
         "right for one sample, wrong for a batch"),
        ("SelfAttention.forward", "np.split(heads, 3, axis=-3)", "heads[:, ::3], heads[:, 1::3], heads[:, 2::3]",
         "right with one head, wrong for several"),
    ],
)  # fmt: skip
def test_patterns_in_the_students_words(task, old, new, says):
    assert any(says in message for message in messages(task, (old, new)))


MIXED_LAST = """dh = self.mlp_channels.backward(dh, cache.mlp_channels)
        dx = dy + self.norm2.backward(dh, cache.norm2)"""
MIXED_FIRST = """dh = self.norm2.backward(dh, cache.norm2)
        dx = dy + self.mlp_channels.backward(dh, cache.mlp_channels)"""
TRUE_AND_FALSE = [
    ("MixerBlock.backward", "dx = dy + self.norm2", "dx = self.norm2", "channel mixing is missing", "not linear"),
    ("MixerBlock.backward", MIXED_LAST, MIXED_FIRST, "norm2 comes before mlp_channels here", "is not called"),
    ("linear_forward", ".reshape(*x.shape[:-1], weight.shape[1])", "", "only the shape is not", "is summed"),
    ("cross_entropy_forward", "if label_smoothing:", "if False:", "label_smoothing is not used", "same factor"),
    ("cross_entropy_forward", "+ label_smoothing / logits.shape[-1]",
     "+ label_smoothing * (1 - targets) / (logits.shape[-1] - 1)", "yours goes to the others", "same factor"),
    ("cross_entropy_forward", "/ _count", "* 1.3 / _count", "y is wrong", "same factor"),
    ("cross_entropy_forward", "/ _count", "* 1.3 / _count", "cost 2600", "log of exp"),
    ("log_softmax_forward", "return y, Log", "y = y + x.max(-1, keepdims=True); return y, Log",
     "a row less its largest", "overflows"),
    ("patchify_forward", "PatchifyCache(x.shape, (rows, columns))", "PatchifyCache(x.shape, patch_size)",
     "cache.patch_size is ", "one sample"),
    ("log_softmax_backward", "return InputGrad(dy - np.exp(cache.y)",
     "return type('InputGrad', (), {})() or (dy - np.exp(cache.y)",
     "an InputGrad, which is no NamedTuple", "field"),
    ("gelu_forward", "y = x * normal_cdf(x)", "y = x * normal_cdf(x) / np.sqrt(1)", "use math.sqrt", "numbers"),
    ("resize_matrix", "np.maximum(1 - distance, 0) if", "np.maximum(1 - distance, 0) ** 2 if",
     "the triangle is squared", "something is kept"),
    ("batch_norm_forward", "times_row(xhat, rstd, out=xhat)", "xhat *= -rstd", "cache.xhat has the wrong sign",
     "digits are lost"),
    ("batch_norm_forward", "column_sum(xhat * xhat) / n", "column_sum(xhat * xhat) / x.size",
     "times too small = 7, the channels: averaged over it instead of summed", "a factor of its own"),
    ("batch_norm_forward", "mean=mean, var=var", "mean=gamma, var=var", "cache.mean is the argument gamma as it came",
     "cache.mean is wrong"),
    ("batch_norm_backward", "NormGrads(dx, dgamma, dbeta)", "NormGrads(dgamma, dbeta, dx)",
     "dx, dgamma and dbeta are exchanged", "that is dbeta"),
    ("box_iou_backward", "return _overlap_backward(dy, np.zeros_like(dy), cache)", overlap(
        first="(np.sign(other[..., :2] - box[..., :2]) + 1) / 2",
        second="(np.sign(box[..., 2:] - other[..., 2:]) + 1) / 2",
     ), "da: the edges of the intersection go to the wrong box", "exchanged"),
    ("random_box", "return Box(starts[0],", "return Box(0,", "top is wrong", "nothing reaches it"),
    ("mix", "alpha = cutmix_alpha if cuts", "if 0 in (mixup_alpha, cutmix_alpha): return Mixed(inputs, targets)\n    "
     "alpha = cutmix_alpha if cuts", "where only one has an alpha, that is always done", "changed places"),
]  # fmt: skip


@pytest.mark.sampled(every=20)
@pytest.mark.parametrize(("task", "old", "new", "true", "false"), TRUE_AND_FALSE)
def test_what_is_said_of_a_mistake_is_true(task, old, new, true, false):
    said = messages(task, (old, new))
    assert any(true in message for message in said)
    assert not any(false in message for message in said)


def test_an_error_names_the_line_of_the_solution():
    said = messages("adam_update", ("beta1, beta2 = betas", "beta1, beta2 = beta"))[0]
    assert "NameError: name 'beta' is not defined" in said
    assert "in adam_update, line " in said


def test_shapes():
    wide = np.arange(6.0).reshape(2, 3)
    assert "transpose" in wrong_shape("dW", wide.T, wide)
    assert "not summed yet" in wrong_shape("db", wide, wide.sum(0))
    assert "must be summed" in wrong_shape("db", wide, wide.sum(0, keepdims=True))
    assert "axis that must stay" in wrong_shape("db", wide.sum(0, keepdims=True), wide)
    heads = np.arange(24.0).reshape(2, 3, 4)
    assert "transpose of the expected (last two axes)" in wrong_shape("dk", heads.mT, heads)
    assert "that is the shape of dv" in wrong_shape("dk", 2 * heads, heads.mT, {"dk": heads.mT, "dv": heads})
    assert "it holds what belongs into dv" in wrong_shape("dk", heads, heads[:1], {"dv": heads})
    assert "only the shape is not" in wrong_shape("db", wide.reshape(3, 2), wide)
    assert "only the shape is not" in wrong_shape("y", heads.reshape(6, 4), heads)
    assert "only the shape is not" in wrong_shape("dx", wide[None], wide)
    assert "axis that must stay" in wrong_shape("db", heads.sum((0, 2)), heads)
    assert "axis that must stay" in wrong_shape("db", np.asarray(heads.sum()), heads)
    assert wrong_shape("y", wide[:, 0], wide[:, :1]).endswith("is missing (keepdims=True in a sum or mean, no squeeze)")
    assert wrong_shape("db", wide[0], heads) == "db has shape (3,); expected (2, 3, 4)"
    other = np.ones((2, 4, 3))
    assert wrong_shape("y", other, heads).endswith("expected (2, 3, 4): the lengths of axes 1 and 2 are exchanged")
    assert wrong_shape("y", np.ones((3, 4, 2)), heads) == "y has shape (3, 4, 2); expected (2, 3, 4)"


def test_axes_in_another_order_are_told():
    y = np.random.default_rng(0).standard_normal((2, 3, 5))
    assert wrong_shape("y", y.T, y).endswith(
        "expected (2, 3, 5): its axes stand in another order, (2, 1, 0) (.T turns all of them around)"
    )
    assert "(1, 2, 0)" in wrong_shape("y", np.moveaxis(y, 0, -1), y)
    assert "order" not in wrong_shape("y", y.T + 1, y)


def test_what_is_said_of_shapes_needs_no_memory():
    """Of no numbers; their sum over the first axis would be 8 exabytes of zeros."""
    assert wrong_shape("y", np.zeros((0, 10**9, 10**9)), np.ones((2, 3))).startswith("y has shape (0, 1000000000, ")


ADAM_AGREES = [
    ("adamw_update", "value * (1 - lr * weight_decay), grad", "value, grad + weight_decay * value", "that is L2"),
    ("adam_update", " * (m / root), m, v)", " * (m / root), m / (1 - beta1**step), v)", "already corrected"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "old", "new", "says"), ADAM_AGREES)
def test_the_first_step_does_not_contradict_the_other_cases(task, old, new, says):
    """There several mistakes give the same numbers; the one that explains all cases is told in all."""
    numbers = [message for message in messages(task, (old, new)) if "worst:" in message]
    assert len(numbers) >= 2
    assert all(says in message for message in numbers)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("(1 - beta1**step)", "1", ": m is not corrected for starting at zero"),
        ("sqrt(1 - beta2**step)", "1", ": v is not corrected for starting at zero"),
        ("value - (lr", "value + (lr", ": subtract the step, to go against the gradient"),
        (
            "np.sqrt(v) / sqrt(1 - beta2**step) + eps",
            "np.sqrt(v / (1 - beta2**step) + eps)",
            "is it added to the root, not under it?",
        ),
        ("(grad * grad)", "abs(grad)", "must cancel between m and the root of v"),
        ("np.sqrt(v) / sqrt(", "v / (", "must cancel between m and the root of v"),
        ("(lr / ", "(2 * lr / ", "yours are -0.2, -0.2, -0.2"),
    ],
)
def test_a_first_step_of_another_length_is_explained_by_what_fits(old, new, why):
    (said,) = (message for message in messages("adam_update", (old, new)) if message.startswith("from zero"))
    assert said.endswith(why)


def test_numbers_that_look_the_same_are_told_with_more_digits():
    said = "\n".join(messages("softmax_forward", ("y /= total", "y /= total + 1e-8")))
    assert "y is right to 8 digits only: is a constant like eps missing, elsewhere, or not asked for?" in said
    assert "1 times" not in said
    assert worst_place("y", np.array([1.80020459123]), np.array([1.80020459456])) == (
        "worst: y[0] is 1.800204591, it should be 1.800204595"
    )
    l2 = ("value * (1 - lr * weight_decay), grad", "value, grad + weight_decay * value")
    assert "a weight w of -4 shrinks to w (1 - lr decay) = -3.8; yours goes to -3.9" in "".join(
        messages("adamw_update", l2)
    )


@pytest.mark.parametrize(
    ("task", "old", "new"),
    [
        ("random_box", "(1 - lam) ** 0.5", "(1 - lam) ** 0.7"),
        ("random_box", "for length in size:", "rng.random(); lam = rng.random()\n    for length in size:"),
        ("mix", "targets = one_hot(", "labels = labels[rng.permutation(len(labels))]\n    targets = one_hot("),
    ],
)
def test_of_what_is_drawn_a_mistake_is_told_only_if_it_explains_every_output(task, old, new):
    """A box is four small numbers, of which one is right by chance, and a share that follows from a box may be, too."""
    numbers = [message for message in messages(task, (old, new)) if "worst:" in message]
    assert len(numbers) >= 2
    for message in numbers:
        assert re.match(r"\w+( is wrong$|: (right|nothing|permuted|off|the right numbers) )", message, re.MULTILINE)


def test_of_two_outputs_a_mistake_that_fits_one_is_not_told_of_both():
    whole = "lam * {0} + (1 - lam) * {0}[::-1]".format
    with_targets = whole("targets"), "lam * targets + (1 - lam) * targets[:, ::-1]"
    said = messages("mixup", (whole("inputs"), "(1 - lam) * inputs + lam * inputs[::-1]"), with_targets)
    assert any("yours is the other way round, for the inputs only" in message for message in said)
    assert not any("for inputs and targets" in message for message in said)


def test_what_is_said_of_one_output_is_said_of_another_where_that_one_is_right():
    """A box that is cut off has only one of its ends where it should not be."""
    said = messages("random_box", ("- side // 2", "- (side + 1) // 2"))
    numbers = [message for message in said if "worst:" in message]
    assert len({message.partition(":")[0] for message in numbers}) > 1
    assert all("of an odd side the larger half is before the middle" in message for message in numbers)


def test_a_function_that_answers_otherwise_each_time_is_told_so_and_nothing_else_of_its_numbers():
    results = results_of("random_box", ("rng.integers(length)", "np.random.randint(length)"))
    (manners,) = (result for result in results if result.check == "leaves its inputs alone")
    assert "the same call gives another" in manners.message
    numbers = [result.message for result in results if result.check.startswith("numbers") and result.message]
    wrong = [message for message in numbers if "largest error" not in message]
    assert wrong
    assert all(message.startswith("the same call gives another answer each time") for message in wrong)


ROUNDED = "digits only: that is float32's rounding"
EITHER = "digits only: that is either float32's rounding (something is computed in float32 on the way: "


@pytest.mark.parametrize(
    ("task", "old", "new", "true", "false"),
    [
        ("gelu_forward", "x * normal_cdf(x)", "x * normal_cdf(x) + 1e-7", EITHER, "that is float32's"),
        ("gelu_forward", "x * normal_cdf(x)", "x * normal_cdf(x) + 3e-8 * np.sin(9 * x)", EITHER, "that is float32's"),
        ("layer_norm_forward", "/ width + eps", "/ width + eps + 1e-7", EITHER, "that is float32's"),
        ("softmax_forward", "y /= total", "y = (y / total).astype(np.float32).astype(x.dtype)", ROUNDED, "constant"),
        ("adam_update", "m, v)", "m, v.astype(np.float32).astype(v.dtype))", ROUNDED, "constant"),
        ("one_hot", ".astype(np.float32)", ".astype(np.float32).clip(1e-6)", "is a constant like eps missing",
         "that is float32's"),
    ],
)  # fmt: skip
def test_a_small_error_is_called_rounding_only_where_nothing_else_fits(task, old, new, true, false):
    said = "\n".join(messages(task, (old, new)))
    assert true in said
    assert false not in said


def test_nan_is_told_where_minus_infinity_is_right():
    said = messages("log_softmax_forward", ("y = x - largest(x)", "y = x - x.max(-1, keepdims=True)"))
    assert any(message.startswith("y has nan in ") for message in said)


def test_a_factor_of_two_is_no_count_though_a_length_may_be_two():
    twice = "self.mlp.backward(dh, cache.mlp); dh = self.mlp.backward(dh, cache.mlp)"
    said = messages("Block.backward", ("dh = self.mlp.backward(dh, cache.mlp)", twice))
    assert said[0].startswith("dmlp.fc1.weight is 2 times too large, the same factor everywhere\n")
    assert not any("instead of" in message or "sqrt(4)" in message for message in said)


@REST
def test_no_length_that_a_message_may_name_is_two_or_four():
    rng = np.random.default_rng(0)
    for _, task in TASKS.values():
        for draw in task.cases.values() if task.sizes else ():
            for _ in range(50):
                sizes = task.sizes
                assert sizes is not None
                assert {2, 4}.isdisjoint(sizes(draw(rng)).values()), task.name


def test_a_cache_that_is_exchanged_while_y_is_right():
    said = messages("attention_forward", ("AttentionCache(q, k, v,", "AttentionCache(q, v, k,"))
    assert said[0] == "cache.k and cache.v are exchanged"


def test_an_error_names_what_a_property_has_called_it_with():
    said = messages("running_averages", ("at_least=2", "at_least=3"))
    assert any("expected at least 3" in message and "called with count=2, momentum=1.0" in message for message in said)


def test_an_error_where_an_axis_has_length_1_names_the_axis():
    (said,) = messages("batch_norm_forward", ("if n < 2", "if len(x) < 2"))[:1]
    assert said.startswith("ValueError: ")
    assert said.endswith("\n  where axis 0 of x (image) has length 1")


def test_an_error_of_a_tuple_names_its_fields():
    for wrong in ("dx=dx, gamma=dgamma, beta=dbeta", "dx, dgamma"):
        (said,) = messages("batch_norm_backward", ("NormGrads(dx, dgamma, dbeta)", f"NormGrads({wrong})"))
        assert said.startswith("TypeError: NormGrads.__new__() ")
        assert said.endswith("\n  the fields of NormGrads are x, gamma, beta")


def test_articles():
    said = messages("attention_backward", ("return AttentionGrads(dq, dk, dv, dbias)", "return dq, dk, dv"))
    assert said == ["the gradients must be an AttentionGrads (q, k, v, bias); it returned a tuple of 3"]


def test_an_array_that_stands_alone_for_its_tuple():
    for factor, which in ((1, "right"), (2, "others")):
        (said,) = messages("softmax_backward", ("return InputGrad(dx)", f"return {factor} * dx"))[:1]
        assert said.startswith("the gradients must be an InputGrad (x); it returned one array of shape (")
        assert said.endswith(f", whose numbers are {which}; return InputGrad(dx)")


def test_the_worst_place_may_be_nan():
    assert worst_place("y", np.array([1, np.nan]), np.array([1.0, 2.0])) == "worst: y[1] is nan, it should be 2"
