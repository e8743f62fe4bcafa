from itertools import islice

import numpy as np
import pytest

from minivit.check import CASES, CONSTANTS, GradientError, check_pair
from minivit.ops import OPS
from tests.check.planted_bugs import BUGS


def draws(bug, count):
    """The first cases in which the bug can show, with their seeds."""
    cases = ((seed, CASES[bug.op](np.random.default_rng(seed))) for seed in range(500))
    return list(islice(((seed, case) for seed, case in cases if bug.when(case)), count))


def planted(bug):
    op = OPS[bug.op]

    def backward(dy, cache):
        return bug.wrong(dy, cache, op.backward(dy, cache))

    return bug.forward or op.forward, backward


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.op}: {bug.what}")
def test_bug_is_caught_and_explained(bug):
    forward, backward = planted(bug)
    cases = draws(bug, 2)
    assert len(cases) == 2
    for seed, case in cases:
        with pytest.raises(GradientError) as caught:
            check_pair(forward, backward, *case.args, constants=CONSTANTS[bug.op], seed=seed, **case.kwargs)
        assert bug.says in str(caught.value)


def test_there_is_a_bug_for_every_op():
    assert {bug.op for bug in BUGS} == set(OPS)
    assert len(BUGS) >= 40
