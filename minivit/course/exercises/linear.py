"""Linear and GELU: the two halves of every MLP."""

from math import pi, sqrt

import numpy as np
from numpy.random import Generator

from minivit.check.cases import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task
from minivit.course.exercises._cases import batch_sizes, first_sample


def tokens(rng: Generator) -> Case:
    B, N, D, F = sizes(rng, 4)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal((D, F)), rng.standard_normal(F)), {})


def matrix(rng: Generator) -> Case:
    B, D, F = sizes(rng, 3)
    return Case((rng.standard_normal((B, D)), rng.standard_normal((D, F)), rng.standard_normal(F)), {})


def no_bias(rng: Generator) -> Case:
    (x, weight, _), _ = tokens(rng)
    return Case((x, weight, None), {})


def many_rows(rng: Generator) -> Case:
    return Case((rng.standard_normal((20_000, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)), {})


def numbers(rng: Generator) -> Case:
    return Case((2 * rng.standard_normal(sizes(rng, 3)),), {})


def many_numbers(rng: Generator) -> Case:
    return Case((rng.standard_normal(50_000),), {})


def is_linear(call: Call, rng: Generator) -> str | None:
    (x, weight, _), _ = tokens(rng)
    if np.allclose(call(2 * x, weight)[0], 2 * call(x, weight)[0], rtol=0, atol=1e-9):
        return None
    return "without a bias, twice the input must give twice the output"


def far_out(call: Call, rng: Generator) -> str | None:
    y = call(np.array([-30.0, 0.0, 30.0]))[0]
    if np.allclose(y, [0, 0, 30], rtol=0, atol=1e-9):
        return None
    return f"at -30, 0 and 30 GELU is 0, 0 and 30 to many digits; yours is {y.tolist()}"


def cdf(x: np.ndarray) -> np.ndarray:
    """Phi, the share of a normal distribution below x."""
    from minivit.ops.erf import erf

    return (1 + erf(x / sqrt(2))) / 2


def density(x: np.ndarray) -> np.ndarray:
    return np.exp(-x * x / 2) / sqrt(2 * pi)


def tanh_form(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)))


CASES = {"": tokens, "for a matrix": matrix, "without a bias": no_bias}

LINEAR = Exercise(
    "linear",
    "linear and GELU",
    30,
    (
        Task(
            "linear_forward",
            "minivit.ops.linear",
            "forward",
            CASES,
            (Property("linear in x", is_linear),),
            (
                Mistake("y", lambda t: t.args[0] @ t.args[1], "the bias is missing: y = x W + b"),
                Mistake("y", lambda t: t.args[0] @ t.args[1] - t.args[2], "the bias is subtracted; y = x W + b"),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "linear_backward",
            "minivit.ops.linear",
            "backward",
            CASES,
            mistakes=(
                Mistake(
                    "dweight",
                    lambda t: np.tensordot(t.cache.x[0], t.dy[0], (0, 0) if t.dy.ndim == 3 else 0),
                    "only the first sample counts; every row of every sample used this weight, so all are summed",
                ),
                Mistake(
                    "dbias",
                    lambda t: t.dy.reshape(-1, t.dy.shape[-1])[0],
                    "that is the first row of dy; the bias was added to every row, so sum them all",
                ),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "gelu_forward",
            "minivit.ops.activations",
            "forward",
            {"": numbers},
            (Property("far from zero: 0 and x", far_out),),
            (
                Mistake("y", lambda t: tanh_form(t.args[0]), "that is the approximation by tanh; use erf"),
                Mistake(
                    "y",
                    lambda t: t.args[0] * cdf(t.args[0] * sqrt(2)),
                    "erf is taken of x; the formula has x / sqrt(2)",
                ),
                Mistake("y", lambda t: cdf(t.args[0]), "that is Phi(x); GELU is x times Phi(x)"),
                Mistake(
                    "cache.slope", lambda t: cdf(t.args[0]), "the second half of the product rule, x phi(x), is missing"
                ),
                Mistake(
                    "cache.slope",
                    lambda t: cdf(t.args[0]) + density(t.args[0]),
                    "phi(x) must be multiplied by x: the derivative of x Phi(x) is Phi(x) + x phi(x)",
                ),
                Mistake(
                    "cache.slope",
                    lambda t: cdf(t.args[0]) + t.args[0] * density(t.args[0]) * sqrt(2 * pi),
                    "the density phi(x) is divided by sqrt(2 pi)",
                ),
            ),
            big=many_numbers,
        ),
        Task(
            "gelu_backward",
            "minivit.ops.activations",
            "backward",
            {"": numbers},
            mistakes=(
                Mistake("dx", lambda t: t.cache.slope, "dy is missing: the slope times what comes in"),
                Mistake("dx", lambda t: t.dy, "dy goes through unchanged; multiply it by the slope"),
            ),
            big=many_numbers,
        ),
    ),
    offers=("erf", "pi", "sqrt"),
    closed=("minivit.ops.conv:conv2d_forward", "minivit.ops.conv:conv2d_backward"),
)
