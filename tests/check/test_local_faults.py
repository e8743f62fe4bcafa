"""A fault in one place of a large array is found as surely as one that is everywhere."""

import numpy as np
import pytest

from minivit.check import CONSTANTS, GradientError, check_vjp, compare
from minivit.ops import OPS


def times(factor, *place):
    """The gradient with one place multiplied; -1 is the last index, None a random one."""

    def fault(grad, rng):
        index = tuple(int(rng.integers(n)) if i is None else i for i, n in zip(place, grad.shape, strict=True))
        grad[index] *= factor
        return grad

    return fault


def block(grad, rng):
    side = max(1, len(grad) // 10)
    row, column = rng.integers(0, len(grad) - side + 1, 2)
    grad[row : row + side, column : column + side] *= 1.001
    return grad


def head(grad, rng):
    grad[:, : max(1, len(grad) // 10)] *= 1.0001
    return grad


def diagonal(grad, rng):
    np.fill_diagonal(grad, 0)
    return grad


def smallest(grad, rng):
    grad.flat[np.abs(grad).ravel().argsort()[: grad.size // 100]] = 0
    return grad


FAULTS = {
    "one number is zero": times(0, None, None),
    "the last number is zero": times(0, -1, -1),
    "one number is one percent off": times(1.01, None, None),
    "one number is one permille off": times(1.001, None, None),
    "the last column is one permille off": times(1.001, slice(None), -1),
    "one row is one permille off": times(1.001, None, slice(None)),
    "a block is one permille off": block,
    "one head of ten is off by 1e-4": head,
    "the diagonal is zero": diagonal,
    "the smallest percent is zero": smallest,
    "single precision": lambda grad, rng: grad.astype(np.float32).astype(np.float64),
}
INPUTS = {
    "gelu": ("x", lambda rng, n: (rng.standard_normal((n, n)),)),
    "softmax": ("x", lambda rng, n: (2 * rng.standard_normal((n, n)),)),
    "linear": ("weight", lambda rng, n: (rng.standard_normal((7, n)), rng.standard_normal((n, n)))),
    "layer_norm": ("x", lambda rng, n: (rng.standard_normal((n, n)), rng.standard_normal(n), rng.standard_normal(n))),
    "mse": ("x", lambda rng, n: (rng.standard_normal((n, n)), rng.standard_normal((n, n)))),
}


def is_caught(op, fault, size, seed):
    name, draw = INPUTS[op]
    forward, right = OPS[op].forward, OPS[op].backward

    def backward(dy, cache):
        grads = right(dy, cache)
        return grads._replace(**{name: FAULTS[fault](getattr(grads, name).copy(), np.random.default_rng([seed, 1]))})

    try:
        check_vjp(forward, backward, *draw(np.random.default_rng(seed), size), seed=seed, constants=CONSTANTS[op])
    except GradientError:
        return True
    return False


@pytest.fixture
def in_short(monkeypatch):
    """Only whether it is caught: what a message says costs some seconds in large arrays."""
    monkeypatch.setattr(compare, "explain", lambda *args: "")


@pytest.mark.usefixtures("in_short")
@pytest.mark.parametrize("op", INPUTS)
def test_fault_in_one_place_is_caught(op):
    for size in (10, 100):
        missed = [fault for fault in FAULTS if fault != "single precision" and not is_caught(op, fault, size, 0)]
        assert missed == [], size


@pytest.mark.slow
@pytest.mark.usefixtures("in_short")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("op", INPUTS)
@pytest.mark.parametrize(("size", "draws", "may_miss"), [(10, 200, 0.1), (100, 100, 0.05), (1000, 10, 0.0)])
def test_hardly_ever_is_a_fault_missed(size, draws, may_miss, op, fault):
    missed = sum(not is_caught(op, fault, size, seed) for seed in range(draws))
    assert missed <= may_miss * draws


def test_the_place_is_named_among_ten_thousand_and_more():
    def backward(dy, cache):
        grads = OPS["gelu"].backward(dy, cache)
        return grads._replace(x=times(0, 77, 33)(grads.x.copy(), None))

    with pytest.raises(GradientError, match=r"places tried: index \(77, 33\), got 0, expected"):
        check_vjp(OPS["gelu"].forward, backward, np.random.default_rng(0).standard_normal((120, 110)))
