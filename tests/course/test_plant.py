"""A mistake is described once: planted in the reference and run, it is what a student's numbers are held against."""

import numpy as np
import pytest

from minivit.course.call import load_source, perform
from minivit.course.checks import check_task
from minivit.course.exercise import Mistake, home
from minivit.course.exercises import EXERCISES
from minivit.course.explain import known_mistakes
from minivit.course.outputs import is_number, named_outputs
from minivit.course.plant import NoSuchPieceError, planted, with_piece
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source
from minivit.course.trial import make_trial, reference
from minivit.layers import SelfAttention
from minivit.ops.softmax import SoftmaxCache, softmax_backward

TASKS = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}
KNOWN = [(task, bug) for task in TASKS.values() for bug in task.bugs if bug.known]

NAMES = dict.fromkeys(task.name for task, _ in KNOWN)

TEXT = '''
@decorated
def twice(x):
    """Twice x."""
    y = x + x
    return y
'''


def test_the_first_piece_of_the_body_is_exchanged():
    assert with_piece(TEXT, "twice", "x", "z").splitlines()[-2:] == ["    y = z + x", "    return y"]
    assert with_piece(TEXT, "twice", "x", "z").startswith('def twice(x):\n    """Twice x."""\n')
    assert with_piece(TEXT, "twice", "", "return 2 * x").splitlines()[-1] == "    return 2 * x"
    for gone in ("twice", "Twice x", "decorated"):
        with pytest.raises(NoSuchPieceError, match=f"the reference of twice has no '{gone}'"):
            with_piece(TEXT, "twice", gone, "")


def test_what_is_planted_stands_beside_the_reference():
    task, mistake = TASKS["softmax_backward"], Mistake("dx *= y", "pass", "", True)
    wrong = planted(task, mistake)
    assert planted(task, mistake) is wrong  # compiled once
    assert reference(task) is softmax_backward
    dy, cache = np.array([1.0, 2.0]), SoftmaxCache(np.array([0.5, 0.5]))
    assert softmax_backward(dy, cache).x.tolist() == [-0.25, 0.25]
    assert wrong.softmax_backward(dy, cache).x.tolist() == [-0.5, 0.5]
    before = SelfAttention.forward
    layer = planted(TASKS["SelfAttention.forward"], Mistake("q, k, v =", "k, q, v =", "", True)).SelfAttention
    assert issubclass(layer, SelfAttention)
    assert layer.forward is not SelfAttention.forward is before


def test_what_is_planted_in_a_layer_finds_its_super():
    """The method of the class above, not that of the layer itself."""
    task = TASKS["WindowAttention.forward"]
    layer_class = planted(task, Mistake("bias, mask=mask", "None, mask=mask", "", True)).WindowAttention
    layer = layer_class(4, 2, 6, window_size=3).init(0, np.float64)
    _, cache = layer.forward(np.ones((1, 6, 6, 4)))
    assert cache.attn.attention.weights.shape == (1, 4, 2, 9, 9)
    assert cache.attn.attention.bias_shape is None


@pytest.mark.sampled(every=480, rest=12)
@pytest.mark.parametrize(
    ("task", "mistake"), [pytest.param(task, m, id=f"{task.name}-{m.new[:40]}") for task, m in KNOWN]
)
def test_a_known_mistake_gives_other_numbers_and_is_recognised_by_them(task, mistake):
    """In at least one of the cases."""
    rng = np.random.default_rng(5)
    draws = [*task.cases.values()]
    for draw in 4 * draws:  # with more keys than numbers in a key, or fewer; of sides that others divide, or not
        trial = make_trial(task, draw, rng)
        outcome = perform(planted(task, mistake), task.name, trial.args, trial.kwargs)
        if outcome.status == "returned":
            said = known_mistakes(arrays(task, trial, outcome.value), task, trial)
            if mistake.says in {sentence.partition(": ")[2] for _, sentence in said}:
                return
    pytest.fail(f"never heard: {mistake.says}")


@pytest.mark.sampled(every=36, rest=2)
@pytest.mark.parametrize("name", NAMES)
def test_the_right_numbers_are_no_mistake(name):
    rng = np.random.default_rng(5)
    for draw in TASKS[name].cases.values():
        trial = make_trial(TASKS[name], draw, rng)
        assert known_mistakes(arrays(TASKS[name], trial, trial.expected), TASKS[name], trial) == []


def arrays(task, trial, value):
    """The outputs that are numbers, by name."""
    outputs = named_outputs(task.kind, value, trial.expected)
    return {name: np.asarray(a) for name, a in outputs.items() if is_number(task.kind, a)}


def test_of_two_mistakes_the_one_without_another_consequence_is_told():
    """Where y is right, its numbers are not those of GELU's factor, though those of the cache are."""
    task = TASKS["gelu_forward"]
    (wrong,) = (bug for bug in task.bugs if "normal_cdf(x))" in bug.new and bug.old == "GeluCache(x, y)")
    report = list(check_task(task, InPlaceRunner(planted(task, wrong)), 0, timed=False))
    (said,) = {result.message.partition("\n")[0] for result in report if result.status == "failed"} - {"wrong as well"}
    assert said == "cache.y: cache.y is Phi(x); it is to be the output y"


def test_a_mistake_that_would_have_been_seen_before_is_not_told():
    """Who divides by the wrong number with per_class, and rightly without, has not exchanged the two."""
    task, rng = TASKS["distillation_forward"], np.random.default_rng(0)
    (wrong,) = (bug for bug in task.bugs if bug.new == "number = logits[..., 0].size")
    right = make_trial(task, task.cases[""], rng)
    trial = make_trial(task, task.cases["with a mean over classes, too"], rng)
    outcome = perform(planted(task, wrong), task.name, trial.args, trial.kwargs)
    found = {"y": np.asarray(outcome.value[0])}
    said = [sentence for _, sentence in known_mistakes(found, task, trial)]
    assert any("per_class is used the wrong way round" in sentence for sentence in said)
    assert [sentence for _, sentence in known_mistakes(found, task, trial, [right])] == [
        "y: the argument per_class is not used"
    ]
    exchanged = {"y": np.asarray(right.expected[0]) / right.args[0].shape[-1]}
    assert known_mistakes(exchanged, task, right, [right])  # where none is left, all are told


def test_a_mistake_is_known_where_the_function_calls_others_of_the_exercise():
    """They are the reference's then, in the student's function as in the planted one."""
    exercise, task = EXERCISES["adamw"], TASKS["adamw_update"]
    source = solved_source(exercise).replace("beta1 * m", "beta2 * m").replace(", eps=eps)", ")")
    failed = [r for r in check_task(task, InPlaceRunner(load_source(source, "s.py")), 0) if r.status == "failed"]
    first = [result.message.partition("\n")[0] for result in failed]
    assert {*first} == {"value: eps is not passed on to adam_update", "wrong as well"}


def test_a_mistake_in_the_shape_is_known_too():
    task = TASKS["PatchEmbed.forward"]
    (wrong,) = (bug for bug in task.bugs if bug.new == "_, c_proj =")
    failed = [r for r in check_task(task, InPlaceRunner(planted(task, wrong)), 0) if r.status == "failed"]
    assert failed[0].check == "shapes"
    assert failed[0].message.startswith("y: those are the patches; proj makes tokens of them\n  y has shape")


def test_what_a_task_is_follows_from_its_name():
    kinds = {task.name: task.kind for task in TASKS.values()}
    assert kinds["SelfAttention.forward"] == kinds["gelu_forward"] == "forward"
    assert kinds["PatchEmbed.backward"] == kinds["gelu_backward"] == "backward"
    assert kinds["adamw_update"] == kinds["conv2d_loops"] == "plain"
    assert TASKS["SelfAttention.backward"].module == "minivit.layers.attention"
    assert TASKS["attention_loops"].module == "minivit.ops.attention"
    assert TASKS["adam_update"].module == "minivit.train.optim"
    assert TASKS["SelfAttention.forward"].given == (
        "minivit.ops.heads:split_heads_forward",
        "minivit.ops.heads:multi_head_attention_forward",
    )
    with pytest.raises(LookupError, match="minivit has no function or layer softmaxx_forward"):
        home("softmaxx_forward")
    assert home("Linear") == "minivit.layers.basic"
