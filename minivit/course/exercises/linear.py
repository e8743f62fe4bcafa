"""Linear and GELU: the two halves of every MLP."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, batch_sizes, close

tokens = arrays("B N D", "D F", "F")
numbers = arrays("B N D", scale=2)


def some_zeros(rng: Generator) -> Case:
    (x,), _ = numbers(rng)
    x.flat[::3] = 0
    return Case((x,), {})


def is_linear(call: Call, rng: Generator) -> str | None:
    (x, weight, _), _ = tokens(rng)
    is_twice = close(call(2 * x, weight)[0], 2 * call(x, weight)[0])
    return None if is_twice else "without a bias, twice the input must give twice the output"


def far_out(call: Call, rng: Generator) -> str | None:
    y = call(np.array([-30.0, 0.0, 30.0]))[0]
    says = f"at -30, 0 and 30 GELU is 0, 0 and 30 to many digits; yours is {y.tolist()}"
    return None if close(y, [0, 0, 30]) else says


CASES = {
    "": tokens,
    "for a matrix": arrays("B D", "D F", "F"),
    "without a bias": arrays("B N D", "D F", None),
}
TANH = "0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)))"
FIRST_SAMPLE = "x[0].reshape(-1, x.shape[-1]).T @ dy[0].reshape(-1, dy.shape[-1])"

linear = partial(Task, cases=CASES, big=arrays("20000 4", "4 3", "3"), sizes=batch_sizes, simpler=ONE_SAMPLE)

TASKS = (
    linear(
        "linear_forward",
        properties=(Property("linear in x", is_linear),),
        mistakes={
            "y += bias": {
                "pass": "the bias is missing: y = x W + b",
                "y -= bias": "the bias is subtracted; y = x W + b",
            },
            "x.reshape(-1, x.shape[-1]) @ weight": {
                "np.array([row @ weight for row in x.reshape(-1, x.shape[-1])])": "... a loop over axis",
            },
            "bias is not None)": {"True)": "... cache.has_bias is True"},
        },
    ),
    linear(
        "linear_backward",
        mistakes={
            "token_product(rows, drows)": {
                FIRST_SAMPLE: "only the first sample counts; every row of every sample used this weight, so all are "
                "summed",
                "drows.T @ rows": "... it equals the transpose of the expected",
                "rows.T @ drows / len(x)": "... the batch: averaged over it instead of summed",
            },
            "column_sum(drows)": {
                "drows[0]": "that is the first row of dy; the bias was added to every row, so sum them all",
                "drows.mean(0)": "... the rows: averaged over it instead of summed",
                "drows": "... it is not summed yet",
            },
            "column_sum(drows) if has_bias else None": {
                "column_sum(drows)": "... dbias must be None where the argument is None",
                "None": "... dbias is None",
            },
            "drows @ weight.T": {
                "np.concatenate([drows[:1] @ weight.T] * len(rows))": "... right for one sample, wrong for a batch",
            },
            "LinearGrads(dx,": {"LinearGrads(x,": "... dx is wrong"},
        },
    ),
    Task(
        "gelu_forward",
        {"": numbers},
        (Property("far from zero: 0 and x", far_out),),
        {
            "x * normal_cdf(x)": {
                TANH: "that is the approximation by tanh; use erf",
                "x * normal_cdf(x * np.sqrt(2))": "erf is taken of x; the formula has x / sqrt(2)",
                "normal_cdf(x)": "that is Phi(x); GELU is x times Phi(x)",
            },
            "GeluCache(x, y)": {"GeluCache(x, normal_cdf(x))": "cache.y is Phi(x); it is to be the output y"},
        },
        big=arrays("50000"),
    ),
    Task(
        "gelu_backward",
        {"": numbers, "where x is 0": some_zeros},
        mistakes={
            "_second_factor(x, y)": {
                "np.nan_to_num(y / x)": "at x = 0 the slope is Phi(0) = 1/2; y / x is 0 / 0 there",
                "0": "what goes through the first factor, Phi(x), is missing",
            },
            "dx *= dy": {
                "pass": "dy is missing: the slope times what comes in",
                "dx = dy.copy()": "dy goes through unchanged; multiply it by the slope",
            },
            "dx *= x": {
                "dx *= 0": "what goes through the second factor, x phi(x), is missing",
                "pass": "phi(x) must be multiplied by x: the derivative of x Phi(x) is Phi(x) + x phi(x)",
            },
            "normal_pdf(x)": {"np.exp(-x * x / 2)": "the density phi(x) is divided by sqrt(2 pi)"},
        },
        big=arrays("50000"),
    ),
)

LINEAR = Exercise(
    "linear",
    "linear and GELU",
    30,
    TASKS,
    offers=("scipy.special.erf", "pi", "sqrt"),
    closed=("minivit.ops.conv:conv2d_forward", "minivit.ops.conv:conv2d_backward"),
)
