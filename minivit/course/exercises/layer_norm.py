"""Layer normalisation: the backward that everybody gets wrong once."""

import numpy as np
from numpy.random import Generator

from minivit.check.cases import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import batch_sizes, first_sample, with_options


def tokens(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # a row of two numbers becomes 1 and -1 whatever they are
    return Case((1 + 2 * rng.standard_normal((B, N, D)), rng.standard_normal(D), rng.standard_normal(D)), {})


def matrix(rng: Generator) -> Case:
    (x, gamma, beta), _ = tokens(rng)
    return Case((x[0], gamma, beta), {})


def many_rows(rng: Generator) -> Case:
    return Case((rng.standard_normal((20_000, 8)), rng.standard_normal(8), rng.standard_normal(8)), {})


CASES = {"": tokens, "for a matrix": matrix, "with another eps": with_options(tokens, eps=0.1)}


def rows_are_standard(call: Call, rng: Generator) -> str | None:
    (x, gamma, _), _ = tokens(rng)
    y = call(x, np.ones_like(gamma), np.zeros_like(gamma))[0]
    if np.abs(y.mean(-1)).max() > 1e-9:
        return f"with gamma 1 and beta 0 every row has mean 0; yours go up to {np.abs(y.mean(-1)).max():.3g}"
    if np.abs(y.var(-1) - 1).max() > 1e-3:
        return f"with gamma 1 and beta 0 every row has variance 1; yours is {y.var(-1).flat[0]:.4g}"
    return None


def ignores_shift_and_stretch(call: Call, rng: Generator) -> str | None:
    (x, gamma, beta), _ = tokens(rng)
    if np.allclose(call(3 * x + 5, gamma, beta, eps=0.0)[0], call(x, gamma, beta, eps=0.0)[0], rtol=0, atol=1e-9):
        return None
    return "with eps = 0, layer norm of 3 x + 5 must be that of x"


def survives_a_constant_row(call: Call, rng: Generator) -> str | None:
    y = call(np.full((2, 4), 3.0), np.ones(4), np.zeros(4))[0]
    return None if np.isfinite(y).all() else "a row of equal numbers has variance 0: eps keeps the division alive"


def parts(t: Trial, *, mean: bool = True, variance: bool = True, gamma: bool = True) -> np.ndarray:
    """The gradient of x with some of its terms left out."""
    xhat, rstd, scale = t.cache
    g = t.dy * scale if gamma else t.dy
    dx = g - g.mean(-1, keepdims=True) if mean else g
    dx = dx - xhat * (g * xhat).mean(-1, keepdims=True) if variance else dx
    return dx * rstd


def unbiased(t: Trial) -> np.ndarray:
    x, gamma, beta = t.args
    eps = t.kwargs.get("eps", 1e-6)
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True, ddof=1) + eps) * gamma + beta


def eps_outside(t: Trial) -> np.ndarray:
    x, gamma, beta = t.args
    eps = t.kwargs.get("eps", 1e-6)
    return (x - x.mean(-1, keepdims=True)) / (np.sqrt(x.var(-1, keepdims=True)) + eps) * gamma + beta


def whole_sample(t: Trial) -> np.ndarray:
    x, gamma, beta = t.args
    axes = tuple(range(1, x.ndim)) if x.ndim == 3 else None
    var = x.var(axes, keepdims=True) + t.kwargs.get("eps", 1e-6)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(var) * gamma + beta


LAYER_NORM = Exercise(
    "layer_norm",
    "layer normalisation",
    40,
    (
        Task(
            "layer_norm_forward",
            "minivit.ops.layer_norm",
            "forward",
            CASES,
            (
                Property("rows get mean 0 and variance 1", rows_are_standard),
                Property("shift and stretch change nothing", ignores_shift_and_stretch),
                Property("a constant row gives no nan", survives_a_constant_row),
            ),
            (
                Mistake("y", unbiased, "the variance is divided by D - 1; layer norm divides by D"),
                Mistake("y", eps_outside, "eps is added to the standard deviation; it belongs under the root"),
                Mistake(
                    "y", whole_sample, "you normalised each sample as a whole; every row (token) is normalised alone"
                ),
                Mistake("y", lambda t: t.expected[1].xhat, "that is xhat: gamma and beta are missing"),
                Mistake("y", lambda t: t.expected[1].xhat * t.args[1], "beta is missing: y = gamma xhat + beta"),
                Mistake(
                    "y", lambda t: t.expected[1].xhat * t.args[2] + t.args[1], "gamma and beta have changed places"
                ),
                Mistake(
                    "cache.rstd",
                    lambda t: 1 / t.expected[1].rstd,
                    "that is the standard deviation; rstd is one over it",
                ),
                Mistake(
                    "cache.rstd",
                    lambda t: t.expected[1].rstd ** 2,
                    "that is one over the variance: the root is missing",
                ),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "layer_norm_backward",
            "minivit.ops.layer_norm",
            "backward",
            CASES,
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: parts(t, mean=False, variance=False),
                    "only the direct path: x also moves the mean and the variance of its row",
                ),
                Mistake(
                    "dx",
                    lambda t: parts(t, mean=False),
                    "the path through the mean is missing: subtract the mean of g = dy * gamma over the row",
                ),
                Mistake(
                    "dx",
                    lambda t: parts(t, variance=False),
                    "the path through the variance is missing: subtract xhat times the mean of g * xhat",
                ),
                Mistake("dx", lambda t: parts(t, gamma=False), "gamma is missing: the gradient of xhat is dy * gamma"),
                Mistake(
                    "dx",
                    lambda t: t.expected.x / t.cache.rstd,
                    "the last factor, rstd, is missing: each row has its own",
                ),
                Mistake(
                    "dgamma",
                    lambda t: t.dy.reshape(-1, t.dy.shape[-1]).sum(0),
                    "that is dbeta; for dgamma multiply dy by xhat before the sum",
                ),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
    ),
    closed=("minivit.ops.layer_norm:layer_norm_sample_forward", "minivit.ops.layer_norm:layer_norm_sample_backward"),
)
