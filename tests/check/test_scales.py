"""No false alarm, and no bug that passes, whatever the scale of the arguments."""

import numpy as np
import pytest

from minivit.check import CASES, CONSTANTS, GradientError, check_complex_step, check_pair
from minivit.every_op import EVERY_OP
from tests.check.several_outputs import doubled
from tests.check.test_planted_bugs import ALL_BUGS, draws, planted
from tests.ops.annotations import is_analytic

SCALES = (1e-3, 1.0, 1e3)
PROBABILITIES = {"cross_entropy": 1}  # the argument that is none of the free numbers
MOST = {
    "distillation": 10.0,  # its reverse multiplies a probability near 0 by logarithms that differ by thousands
    "local_attention": 10.0,  # zeros around the map have equal scores; as scores grow, who comes near them takes a step
    "split_attention": 10.0,  # of few branches two may be alike, and between them a share takes a step as well
    "scaled_similarities": 10.0,  # its scale is an exponential
    "cosine_attention": 10.0,  # so may biases of two keys, beside which cosines stay small
}
OVERFLOW = (
    "sigmoid",
    "gru",
    "gelu_tanh",
    "quick_gelu",
    "dice_loss",
    "sigmoid_focal_loss",
)  # these forwards give nan for large complex numbers


def scaled(name, case, scale):
    args = [
        arg * scale if isinstance(arg, np.ndarray) and arg.dtype.kind in "fc" and i != PROBABILITIES.get(name) else arg
        for i, arg in enumerate(case.args)
    ]
    return case._replace(args=tuple(args))


def check_at(name, scale, seed, of=lambda op: (op.forward, op.backward)):
    scale = min(scale, MOST.get(name, np.inf))
    pair, case = of(EVERY_OP[name]), scaled(name, CASES[name](np.random.default_rng([seed, 1])), scale)
    check_pair(*pair, *case.args, constants=CONSTANTS[name], seed=seed, **case.kwargs)
    if is_analytic(EVERY_OP[name].forward) and (scale < 1e3 or name not in OVERFLOW):
        check_complex_step(*pair, *case.args, constants=CONSTANTS[name], seed=seed, **case.kwargs)


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("name", EVERY_OP)
def test_no_false_alarm_at_any_scale(name):
    for scale in SCALES:
        for seed in range(2):
            check_at(name, scale, seed)


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", EVERY_OP)
def test_no_false_alarm_at_any_scale_in_200_draws(name, scale):
    for seed in range(200):
        check_at(name, scale, seed)


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", EVERY_OP)
def test_no_false_alarm_with_two_outputs(name, scale):
    for seed in range(50):
        check_at(name, scale, seed, doubled)


DECIDED = {  # at 1e3 a softmax has decided: its true gradients are zero, and what is planted in them is nothing
    "sigmoid", "softmax", "log_softmax", "attention", "attention_chunked", "gelu", "gelu_tanh", "quick_gelu",
    "cross_entropy", "distillation", "binary_cross_entropy", "dice_loss", "local_attention", "split_attention",
    "cosine_attention",
}  # fmt: skip
ALIKE_NEAR_ZERO = {
    "slope of one kind, value of the other",  # the exact gelu and its approximation
    # near to each other, two distributions diverge as much one way as the other
    "the divergence the wrong way round", "gradient of the other way", "weighted by the teacher",
    "a clamped scale goes on learning", "the clamp forgotten on the way back",  # nothing is clamped there
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("bug", ALL_BUGS, ids=lambda bug: f"{bug.op}: {bug.what}")
def test_bug_is_caught_at_any_scale(bug, scale):
    if scale > 1 and bug.op in DECIDED:
        pytest.skip("a function that has decided has no slope")
    if scale < 1 and bug.what in ALIKE_NEAR_ZERO:
        pytest.skip("right to 1e-12 there")
    forward, backward = planted(bug)
    for seed, case in draws(bug, 5):
        case = scaled(bug.op, case, scale)
        with pytest.raises(GradientError):
            check_pair(forward, backward, *case.args, constants=CONSTANTS[bug.op], seed=seed, **case.kwargs)
