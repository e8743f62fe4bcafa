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
    "of one row": arrays("D", "D F", "F"),
    "with one more axis": arrays("A B N D", "D F", "F"),
    "without a bias": arrays("B N D", "D F", None),
}
TANH = "0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)))"
TANH_SLOPE = (
    "c = np.sqrt(2 / np.pi); t = np.tanh(c * (x + 0.044715 * x * x * x)); "
    "dx = 0.5 * (1 + t + x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)) * dy"
)
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
                "y += bias + bias": "the bias is added twice; y = x W + b",
                "y *= bias": "the product is multiplied by the bias; y = x W + b",
                "x += 1; y += bias": "... you modified x in place",
                "y = y + bias; y = y.squeeze()": "... y has shape",
                "y = (y + bias).astype(np.float32)": "... from float64 comes y in float32",
                "y = (y + bias).astype(np.float64)": "... from float32 comes y in float64",
            },
            "x.reshape(-1, x.shape[-1]) @ weight": {
                "np.stack([x.reshape(-1, x.shape[-1]) @ column for column in weight.T], -1)": "... a loop over axis",
                "np.stack([*map(weight.T.dot, x.reshape(-1, x.shape[-1]))])": "... a loop over axis",
                "x.reshape(-1, x.shape[-1]) @ np.abs(weight)": "the sign of the weights is lost",
                "np.round(x, 3).reshape(-1, x.shape[-1]) @ weight": "... twice the input must give twice",
                "(x.reshape(-1, x.shape[-1]).astype(np.float32) @ weight.astype(np.float32)).astype(x.dtype)": "... "
                "float32's rounding",
                "np.array([row @ weight for row in x.reshape(-1, x.shape[-1])])": "... a loop over axis",
            },
            "return y, Linear": {
                "return np.maximum(y, 0), Linear": "negative numbers have become 0, as in ReLU; y = x W + b has no "
                "activation",
            },
            "bias is not None)": {"True)": "... cache.has_bias is True"},
            "Cache(x, weight": {
                "Cache(x, weight.T": "... it equals the transpose of the expected",
                "Cache(y, weight": "... cache.x has shape",
                "Cache(2 * x, weight": "... cache.x is 2 times too large",
            },
        },
    ),
    linear(
        "linear_backward",
        mistakes={
            "token_product(rows, drows)": {
                FIRST_SAMPLE: "only the first sample counts; every row of every sample used this weight, so all are "
                "summed",
                "rows.T @ drows * 2": "... dweight is 2 times too large",
                "rows.T @ np.abs(drows)": "... dweight is",
                "rows.T @ np.broadcast_to(drows.mean(0), drows.shape)": "dy is averaged over the rows before the "
                "product; each row of dy goes with its own row of x",
                "drows.T @ rows": "... it equals the transpose of the expected",
                "rows.T @ drows / len(x)": "... the batch: averaged over it instead of summed",
            },
            "column_sum(drows)": {
                "drows[0]": "that is the first row of dy; the bias was added to every row, so sum them all",
                "dy.sum(0)": "... dbias",
                "drows.sum(-1)": "... dbias has shape",
                "drows.sum(0, keepdims=True)": "... dbias has shape",
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
            "LinearGrads(dx,": {
                "LinearGrads(x,": "... dx is the argument x as it came",
                "LinearGrads(-dx,": "... dx has the wrong sign",
                "LinearGrads(dx[0],": "... dx has shape",
                "LinearGrads(dx.reshape(rows.shape),": "... only the shape is not",
            },
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
                "x / (1 + np.exp(-1.702 * x))": "that is the approximation by a sigmoid; use erf",
                "x / (1 + np.exp(-x))": "that is SiLU, x times a sigmoid; GELU is x times Phi(x)",
                "np.maximum(x, 0)": "that is ReLU; GELU is x times Phi(x)",
                "x * (2 * normal_cdf(x) - 1)": "the 1 before erf is missing: Phi(x) = (1 + erf(x / sqrt(2))) / 2",
                "x * 2 * normal_cdf(x)": "... y is 2 times too large",
                "x * normal_cdf(-x)": "the sign under erf is wrong: Phi grows with x",
                "x * normal_cdf(x / np.sqrt(2))": "x is divided by sqrt(2) twice",
                "x * normal_pdf(x)": "that is x times the density; GELU is x times its integral, Phi(x)",
            },
            "GeluCache(x, y)": {
                "GeluCache(y, x)": "... cache.x and cache.y are exchanged",
                "GeluCache(x, normal_cdf(x))": "cache.y is Phi(x); it is to be the output y",
            },
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
                TANH_SLOPE: "that is the slope of the approximation by tanh; it is Phi(x) + x phi(x)",
                "dx = dy.copy()": "dy goes through unchanged; multiply it by the slope",
            },
            "dx *= x": {
                "dx *= 0": "what goes through the second factor, x phi(x), is missing",
                "pass": "phi(x) must be multiplied by x: the derivative of x Phi(x) is Phi(x) + x phi(x)",
            },
            "return InputGrad(dx)": {
                "return InputGrad(dx * dy)": "dy is multiplied twice",
                "return InputGrad(np.maximum(dx, 0))": "... dx",
                "x *= 2; return InputGrad(dx)": "... you modified cache.x in place",
            },
            "normal_pdf(x)": {
                "np.exp(x * x / 2) / np.sqrt(2 * np.pi)": "the sign under exp is wrong: exp(-x^2 / 2)",
                "np.exp(-x * x) / np.sqrt(2 * np.pi)": "the 1/2 under exp is missing: exp(-x^2 / 2)",
                "np.exp(-x * x / 2) / (2 * np.pi)": "the density is divided by 2 pi; it is sqrt(2 pi)",
                "np.exp(-x * x / 2) / (np.sqrt(2) * np.pi)": "the density is divided by sqrt(2) pi; pi stands under "
                "the root, too: sqrt(2 pi)",
                "np.exp(-x * x / 2)": "the density phi(x) is divided by sqrt(2 pi)",
            },
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
    lecture="03_transformer",
    section=4,
)
