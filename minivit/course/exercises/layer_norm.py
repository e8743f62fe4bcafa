"""Layer normalisation: the backward that everybody gets wrong once."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import batch_sizes, first_sample, with_options

Axes = Callable[[np.ndarray], tuple[int, ...]]


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


def keeps_digits(call: Call, rng: Generator) -> str | None:
    x = (1000 + rng.standard_normal((32, 16))).astype(np.float32)
    ones, zeros = np.ones(16, np.float32), np.zeros(16, np.float32)
    y, exact = call(x, ones, zeros)[0], call(*(a.astype(np.float64) for a in (x, ones, zeros)))[0]
    error = np.abs(y - exact).max()
    if error < 0.01:  # right ways are off by 0.0002 at most, the difference of two large numbers by 0.1
        return None
    return (
        f"for numbers around 1000 with variance 1, y in float32 is off by {error:.2g}: digits are lost. The mean "
        "of x^2 minus the square of the mean is a small difference of numbers near a million. Subtract the mean, then "
        "square"
    )


def parts(t: Trial, *, mean: float = 1, variance: float = 1, gamma: bool = True) -> np.ndarray:
    """The gradient of x with its terms taken so many times, 0 to leave them out."""
    xhat, rstd, scale = t.cache
    g = t.dy * scale if gamma else t.dy
    return rstd * (g - mean * g.mean(-1, keepdims=True) - variance * xhat * (g * xhat).mean(-1, keepdims=True))


def summed(*, mean: bool = False, variance: bool = False):
    """The gradient of x where sums stand for means."""
    return lambda t: parts(t, mean=t.dy.shape[-1] if mean else 1, variance=t.dy.shape[-1] if variance else 1)


def along(mean: Axes, variance: Axes):
    """Output when the mean or the variance is taken along other axes than the last."""

    def y(t: Trial) -> np.ndarray:
        x, gamma, beta = t.args
        centred = x - x.mean(mean(x), keepdims=True)
        var = (centred * centred).mean(variance(x), keepdims=True)
        return centred / np.sqrt(var + t.kwargs.get("eps", 1e-6)) * gamma + beta

    return y


def mean_elsewhere(t: Trial) -> np.ndarray:
    """The mean along axis 0, the variance as it should be."""
    x, gamma, beta = t.args
    return (x - x.mean(0)) * t.expected[1].rstd * gamma + beta


def variance_elsewhere(t: Trial) -> np.ndarray:
    """The variance along axis 0, the mean as it should be."""
    x, gamma, beta = t.args
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(0) + t.kwargs.get("eps", 1e-6)) * gamma + beta


def first_axis(x: np.ndarray) -> tuple[int, ...]:
    return (0,)


def last_axis(x: np.ndarray) -> tuple[int, ...]:
    return (-1,)


def all_but_the_last(x: np.ndarray) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


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
                Property("large numbers keep their digits", keeps_digits),
            ),
            (
                Mistake("y", unbiased, "the variance is divided by D - 1; layer norm divides by D"),
                Mistake("y", eps_outside, "eps is added to the standard deviation; it belongs under the root"),
                Mistake(
                    "y", whole_sample, "you normalised each sample as a whole; every row (token) is normalised alone"
                ),
                *(
                    Mistake("y", wrong, f"the {what} taken over axis 0; every row (last axis) has its own")
                    for what, wrong in {
                        "mean and the variance are": along(first_axis, first_axis),
                        "mean is": along(first_axis, last_axis),
                        "mean, and not the variance, is": mean_elsewhere,
                        "variance, and not the mean, is": variance_elsewhere,
                        "variance is": along(last_axis, first_axis),
                    }.items()
                ),
                Mistake(
                    "y",
                    along(all_but_the_last, all_but_the_last),
                    "each column is normalised over all rows: that is batch norm; every row (last axis) has its own",
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
                    lambda t: parts(t, mean=0, variance=0),
                    "only the direct path: x also moves the mean and the variance of its row",
                ),
                Mistake(
                    "dx",
                    lambda t: parts(t, mean=0),
                    "the path through the mean is missing: subtract the mean of g = dy * gamma over the row",
                ),
                Mistake(
                    "dx",
                    lambda t: parts(t, variance=0),
                    "the path through the variance is missing: subtract xhat times the mean of g * xhat",
                ),
                Mistake("dx", summed(mean=True), "the sum of g over the row is subtracted; it is the mean"),
                Mistake("dx", summed(variance=True), "xhat is multiplied by the sum of g * xhat; it is the mean"),
                Mistake("dx", summed(mean=True, variance=True), "both sums over the row must be divided by D: means"),
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
)
