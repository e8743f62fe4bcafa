"""Linear and GELU: the two halves of every MLP."""

from math import pi, sqrt

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task
from minivit.course.exercises._cases import batch_sizes, first_sample
from minivit.ops.normal import normal_cdf, normal_pdf


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


def some_zeros(rng: Generator) -> Case:
    (x,), _ = numbers(rng)
    x.flat[::3] = 0
    return Case((x,), {})


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


def slope(x: np.ndarray) -> np.ndarray:
    return normal_cdf(x) + x * normal_pdf(x)


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
                    lambda t: t.args[0] * normal_cdf(t.args[0] * sqrt(2)),
                    "erf is taken of x; the formula has x / sqrt(2)",
                ),
                Mistake("y", lambda t: normal_cdf(t.args[0]), "that is Phi(x); GELU is x times Phi(x)"),
                Mistake("cache.y", lambda t: normal_cdf(t.args[0]), "cache.y is Phi(x); it is to be the output y"),
            ),
            big=many_numbers,
        ),
        Task(
            "gelu_backward",
            "minivit.ops.activations",
            "backward",
            {"": numbers, "where x is 0": some_zeros},
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy * np.where(t.cache.x == 0, 0, slope(t.cache.x)),
                    "at x = 0 the slope is Phi(0) = 1/2; y / x is 0 / 0 there",
                ),
                Mistake("dx", lambda t: slope(t.cache.x), "dy is missing: the slope times what comes in"),
                Mistake("dx", lambda t: t.dy, "dy goes through unchanged; multiply it by the slope"),
                Mistake(
                    "dx",
                    lambda t: t.dy * normal_cdf(t.cache.x),
                    "what goes through the second factor, x phi(x), is missing",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy * t.cache.x * normal_pdf(t.cache.x),
                    "what goes through the first factor, Phi(x), is missing",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy * (normal_cdf(t.cache.x) + normal_pdf(t.cache.x)),
                    "phi(x) must be multiplied by x: the derivative of x Phi(x) is Phi(x) + x phi(x)",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy * (slope(t.cache.x) + (sqrt(2 * pi) - 1) * t.cache.x * normal_pdf(t.cache.x)),
                    "the density phi(x) is divided by sqrt(2 pi)",
                ),
            ),
            big=many_numbers,
        ),
    ),
    offers=("scipy.special.erf", "pi", "sqrt"),
    closed=("minivit.ops.conv:conv2d_forward", "minivit.ops.conv:conv2d_backward"),
)
