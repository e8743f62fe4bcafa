"""Kinks, steps, randomness and roughness: what has no slope is not called a wrong gradient."""

import re
from functools import wraps

import numpy as np
import pytest

from minivit.check import CASES, CONSTANTS, GradientError, check_pair, check_vjp, gradient_errors
from minivit.check.arguments import as_dtype
from minivit.every_op import EVERY_OP
from minivit.ops import linear_backward, linear_forward, relu_backward, relu_forward
from tests.check.small_pairs import grads, identity_backward, normal

WITH_ZEROS = np.maximum(np.round(2 * normal(4, 5)), 0)


def relu_with(value_at_zero):
    def backward(dy, cache):
        return grads(x=dy * np.where(WITH_ZEROS == 0, value_at_zero, WITH_ZEROS > 0))

    return backward


def complaint(*args, **kwargs):
    try:
        check_vjp(*args, **kwargs)
    except GradientError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_at_a_kink_everything_between_its_two_slopes_is_right(value):
    assert (WITH_ZEROS == 0).any()
    for seed in range(5):
        check_vjp(relu_forward, relu_with(value), WITH_ZEROS, seed=seed)
    assert not gradient_errors(relu_forward, relu_with(value), WITH_ZEROS)["x"].round(9).any()


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_at_a_kink_the_rest_is_wrong_and_the_message_speaks_of_the_kink(value):
    with pytest.raises(GradientError, match="nan" if np.isnan(value) else "forward has a kink there"):
        check_vjp(relu_forward, relu_with(value), WITH_ZEROS)
    if np.isfinite(value):
        assert np.abs(gradient_errors(relu_forward, relu_with(value), WITH_ZEROS)["x"]).max() > 0.01


def test_beside_a_kink_a_wrong_gradient_is_wrong():
    def backward(dy, cache):
        dx = relu_backward(dy, cache).x
        dx[place] *= 1.01
        return grads(x=dx)

    place = tuple(map(int, np.unravel_index(WITH_ZEROS.argmax(), WITH_ZEROS.shape)))
    with pytest.raises(GradientError) as caught:
        check_vjp(relu_forward, backward, WITH_ZEROS)
    first, worst, pattern, *_ = str(caught.value).split("\n  ")
    assert first.endswith("is wrong in 1 of 20 places")
    assert pattern == f"what it looks like: right except at index {place}"
    [(got, expected)] = re.findall(rf"^worst: index {re.escape(str(place))}, got (\S+), expected (\S+)$", worst)
    assert float(got) == pytest.approx(1.01 * float(expected), rel=1e-7)


def test_in_a_large_array_a_kink_is_named():
    x = np.tile(WITH_ZEROS, (60, 60))
    with pytest.raises(GradientError, match=r"cannot be told where forward has a kink, as here \(its slope is"):
        check_vjp(relu_forward, relu_backward, x)


def test_a_kink_between_two_numbers_is_seen_as_one():
    x = np.array([[1.0, 1.0, 0.5], [2.0, 0.0, 2.0]])

    def forward(x):
        return x.max(-1), x

    def backward(dy, x):
        ties = x == x.max(-1, keepdims=True)
        return grads(x=dy[:, None] * ties / ties.sum(-1, keepdims=True))  # shared among those that are equal

    check_vjp(forward, backward, x)
    check_vjp(lambda x: (x.max(-1), x), lambda dy, x: grads(x=dy[:, None] * (x == x.max(-1, keepdims=True))), x)


def test_a_random_forward_is_called_random():
    def forward(x):
        kept = np.random.default_rng().random(x.shape) < 0.5
        return x * kept, (kept.astype(float),)

    with pytest.raises(GradientError, match="forward gives other numbers when it is called again") as caught:
        check_pair(forward, lambda dy, c: grads(x=dy * c[0]), normal(4, 5))
    assert "wrong" not in str(caught.value)


def test_a_forward_that_is_hardly_random_is_called_random_too():
    def forward(x):
        return x + 1e-8 * np.random.default_rng().random(x.shape), None

    with pytest.raises(GradientError, match="forward gives other numbers"):
        check_vjp(forward, identity_backward, normal(4, 5))


def test_a_forward_that_remembers_is_called_so():
    seen = []

    def forward(x):
        seen.append(0)
        return x * len(seen), None

    with pytest.raises(GradientError, match="forward gives other numbers"):
        check_vjp(forward, identity_backward, normal(4, 5))


def test_a_forward_in_low_precision_is_judged_as_far_as_it_goes():
    def forward(x):
        return np.tanh(x.astype(np.float32)).astype(x.dtype), x

    def backward(dy, x):
        return grads(x=dy / np.cosh(x) ** 2)

    for seed in range(20):
        check_vjp(forward, backward, normal(4, 5), seed=seed, every_element=True)
        with pytest.raises(GradientError, match="gradient of x is wrong") as caught:
            check_vjp(forward, lambda dy, x: grads(x=1.01 * dy / np.cosh(x) ** 2), normal(4, 5), seed=seed)
        [(got, expected)] = re.findall(r"worst: index .*, got (\S+), expected (\S+)", str(caught.value))
        assert float(got) == pytest.approx(1.01 * float(expected), rel=5e-3)


def test_a_forward_too_rough_to_judge_is_called_rough():
    def forward(x):
        return np.tanh(x.astype(np.float16)).astype(x.dtype), x

    with pytest.raises(
        GradientError, match=r"cannot be told because forward is too rough.*does it compute in float64\?"
    ):
        check_vjp(forward, lambda dy, x: grads(x=dy / np.cosh(x) ** 2), normal(4, 5))


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("name", EVERY_OP)
def test_a_right_pair_is_never_called_wrong_for_its_low_precision(name):
    @wraps(EVERY_OP[name].forward)
    def forward(*args, **kwargs):
        y, cache = EVERY_OP[name].forward(*args, **kwargs)
        return as_dtype(as_dtype(np.asarray(y), np.float32), np.float64), cache

    for seed in range(3):
        case = CASES[name](np.random.default_rng(seed))
        said = complaint(
            forward, EVERY_OP[name].backward, *case.args, constants=CONSTANTS[name], seed=seed, **case.kwargs
        )
        assert not said or "cannot be told because forward is too rough" in said


def test_a_forward_that_fails_close_by_is_called_so():
    def forward(x):
        if not np.array_equal(x, np.ones(3)):
            raise ValueError("x must be one")
        return x * 2, None

    with pytest.raises(GradientError, match="because forward fails for numbers close by: x must be one"):
        check_vjp(forward, lambda dy, c: grads(x=2 * dy), np.ones(3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_forward_cannot_compute_has_no_gradient(value):
    x = normal(3, 5)
    x[1, 2] = value
    with pytest.raises(GradientError, match=r"forward gives (nan|-?inf) at index \(1, .\)"):
        check_vjp(linear_forward, linear_backward, x, normal(5, 4))


def test_infinity_made_from_finite_numbers_is_told():
    with pytest.raises(GradientError, match=r"forward gives inf at index \(0, 0\)"), np.errstate(over="ignore"):
        check_vjp(lambda x: (np.exp(x), np.exp(x)), lambda dy, y: grads(x=dy * y), np.full((2, 2), 1000.0))


def test_a_wrong_gradient_beside_minus_infinity_is_wrong():
    x = normal(3, 5)
    x[0, 1] = -np.inf

    def forward(x):
        return np.maximum(x, -2), x

    with pytest.raises(GradientError, match=r"worst: index \(0, 1\)"):
        check_vjp(forward, lambda dy, x: grads(x=dy * ((x > -2) | (x == -np.inf))), x)


def test_a_generator_among_the_options_is_no_randomness():
    def forward(x, *, rng):
        factor = 2 * (rng.random(x.shape) < 0.5).astype(x.dtype)
        return x * factor, factor

    check_pair(forward, lambda dy, factor: grads(x=dy * factor), normal(3, 5), rng=np.random.default_rng(0))
