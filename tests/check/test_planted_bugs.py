from functools import partial
from itertools import islice

import numpy as np
import pytest

from minivit.check import CASES, CONSTANTS, GradientError, check_pair
from minivit.check.derivative import random_like
from minivit.every_op import EVERY_OP
from tests.check.planted_bugs import BUGS
from tests.check.planted_clip_bugs import CLIP_BUGS
from tests.check.planted_cnn_attention_bugs import CNN_ATTENTION_BUGS
from tests.check.planted_cnn_bugs import CNN_BUGS
from tests.check.planted_cosine_bugs import COSINE_BUGS
from tests.check.planted_detection_bugs import DETECTION_BUGS
from tests.check.planted_dino_bugs import DINO_BUGS
from tests.check.planted_distillation_bugs import DISTILLATION_BUGS
from tests.check.planted_future_bugs import FUTURE_BUGS
from tests.check.planted_mlp_bugs import MLP_BUGS
from tests.check.planted_pyramid_bugs import PYRAMID_BUGS
from tests.check.planted_restoration_bugs import RESTORATION_BUGS
from tests.check.planted_sam_bugs import SAM_BUGS
from tests.check.planted_sound_bugs import SOUND_BUGS
from tests.unchecked import without_annotations

SLOW = pytest.mark.slow
ALL_BUGS = [
    *(*BUGS, *SOUND_BUGS, *FUTURE_BUGS, *CNN_BUGS, *DISTILLATION_BUGS, *DINO_BUGS, *PYRAMID_BUGS),
    *(*CNN_ATTENTION_BUGS, *COSINE_BUGS, *MLP_BUGS, *RESTORATION_BUGS, *DETECTION_BUGS, *SAM_BUGS, *CLIP_BUGS),
]


def draws(bug, count):
    """The first cases in which the bug can show, with their seeds."""
    cases = ((seed, CASES[bug.op](np.random.default_rng(seed))) for seed in range(500))
    return list(islice(((seed, case) for seed, case in cases if bug.when(case)), count))


def planted(bug):
    op = EVERY_OP[bug.op]

    def backward(dy, cache):
        return bug.wrong(dy, cache, op.backward(dy, cache))

    return bug.forward or op.forward, backward


@pytest.mark.sampled(every=6, rest=2)
@pytest.mark.parametrize("bug", ALL_BUGS, ids=[f"{bug.op}: {bug.what}" for bug in ALL_BUGS])
def test_bug_is_caught_and_explained(bug):
    forward, backward = planted(bug)
    cases = draws(bug, 2)
    assert len(cases) == 2
    for seed, case in cases:
        with pytest.raises(GradientError) as caught:
            check_pair(forward, backward, *case.args, constants=CONSTANTS[bug.op], seed=seed, **case.kwargs)
        assert bug.says in str(caught.value)


def one_number(grad):
    changed = grad.copy()
    changed.flat[grad.size // 2] += 0.01 * np.abs(grad).max() + 0.01
    return changed


# What any gradient can be: no op is without these, and nobody has to write them.
FAULTS = {
    "is left out": lambda grad: None,
    "is wrong in one number": one_number,
    "runs backwards": lambda grad: grad[..., ::-1] * 1,
    "is nothing": np.zeros_like,
    "has the other sign": np.negative,
    "counts twice": lambda grad: 2 * grad,
    "stands at other places": lambda grad: np.roll(grad, 1, 0),
}
QUICK = 3  # of them, in each run of the tests


@pytest.mark.parametrize("fault", [*[*FAULTS][:QUICK], *(pytest.param(f, marks=SLOW) for f in [*FAULTS][QUICK:])])
@pytest.mark.sampled(every=16, rest=3)
@pytest.mark.parametrize("name", EVERY_OP)
def test_every_fault_in_every_gradient_of_every_op_is_caught(name, fault):
    op, planted = EVERY_OP[name], set()
    for seed in range(20):
        case = CASES[name](np.random.default_rng(seed))
        y, cache = op.forward(*case.args, **case.kwargs)
        for field, grad in op.backward(random_like(np.random.default_rng(9), np.asarray(y)), cache)._asdict().items():
            if field in planted or grad is None or grad.size < 2:
                continue
            wrong = FAULTS[fault](grad)
            if wrong is not None and np.array_equal(wrong, grad):
                continue  # a gradient of zeros, or of numbers that are all the same

            def backward(dy, cache, field=field):
                right = op.backward(dy, cache)
                return right._replace(**{field: FAULTS[fault](getattr(right, field))})

            check = partial(check_pair, constants=CONSTANTS[name], seed=seed, **case.kwargs)
            with pytest.raises(GradientError, match=f"gradient of {field}"):
                without_annotations(check)(op.forward, backward, *case.args)
            planted.add(field)
        if planted:
            break
    assert planted, "no gradient of the cases in minivit/check/cases could be wrong"


def test_there_are_many_bugs():
    assert len(BUGS) >= 80
    assert len(SOUND_BUGS) >= 30
    assert len(FUTURE_BUGS) >= 20
    assert sum(map(len, (CNN_ATTENTION_BUGS, COSINE_BUGS, MLP_BUGS, PYRAMID_BUGS))) >= 60  # those of layers come on top
    assert sum(map(len, (RESTORATION_BUGS, DETECTION_BUGS, SAM_BUGS, CLIP_BUGS))) >= 50
