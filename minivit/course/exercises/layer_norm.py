"""Layer normalisation: the backward that everybody gets wrong once."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, batch_sizes, close, lengths, with_options


def tokens(rng: Generator) -> Case:
    B, N, D = lengths(rng, 3)
    D += 6  # a row of two numbers becomes 1 and -1 whatever they are
    return Case((1 + 2 * rng.standard_normal((B, N, D)), rng.standard_normal(D), rng.standard_normal(D)), {})


def matrix(rng: Generator) -> Case:
    (x, gamma, beta), _ = tokens(rng)
    return Case((x[0], gamma, beta), {})


def with_outliers(rng: Generator) -> Case:
    """One number of each long row stands far from the others."""
    wide = rng.standard_normal((3, 67))
    wide[:, 5] = 100
    return Case((wide, rng.standard_normal(67), rng.standard_normal(67)), {})


CASES = {
    "": tokens,
    "for a matrix": matrix,
    "with another eps": with_options(tokens, eps=0.1),
    "with one more axis": arrays("A B N D", "D", "D"),
    "with an outlier in each row": with_outliers,
}


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
    same = close(call(3 * x + 5, gamma, beta, eps=0.0)[0], call(x, gamma, beta, eps=0.0)[0])
    return None if same else "with eps = 0, layer norm of 3 x + 5 must be that of x"


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


def normalised(axes: str, variance_axes: str | None = None) -> str:
    """A whole body that takes mean and variance, each of x itself, over these axes."""
    mean, variance = f"x.mean({axes}, keepdims=True)", f"x.var({variance_axes or axes}, keepdims=True)"
    norm = f"rstd = 1 / np.sqrt({variance} + eps); xhat = (x - {mean}) * rstd"
    return f"{norm}; return xhat * gamma + beta, LayerNormCache(xhat, rstd, gamma)"


DIVIDED = "is divided by D - 1; divide by D"
OWN = "taken over axis 0; every row (last axis) has its own"

layer_norm = partial(Task, cases=CASES, big=arrays("20000 8", "8", "8"), sizes=batch_sizes, simpler=ONE_SAMPLE)

TASKS = (
    layer_norm(
        "layer_norm_forward",
        properties=(
            Property("rows get mean 0 and variance 1", rows_are_standard),
            Property("shift and stretch change nothing", ignores_shift_and_stretch),
            Property("a constant row gives no nan", survives_a_constant_row),
            Property("large numbers keep their digits", keeps_digits),
        ),
        mistakes={
            "row_dot(xhat, xhat) / width + eps": {
                "row_dot(xhat, xhat) / (width - 1) + eps": "the variance is divided by D - 1; layer norm divides by D",
                "x.var(0) + eps": f"the variance, and not the mean, is {OWN}",
                "(xhat * xhat).mean(0) + eps": f"the variance is {OWN}",
                "row_dot(xhat, xhat) / width": "eps is not used: it is added to the variance, under the root",
                "row_dot(xhat, xhat) / width + 1e-6": "the argument eps is not used",
                "row_dot(xhat, xhat) / width + 1e-5": "eps is 1e-5; it is the argument eps, 1e-6 if it is not given",
                "row_dot(xhat, xhat) / width - eps": "eps is subtracted; it is added to the variance",
                "row_dot(xhat, xhat) / width + eps**2": "eps is squared; it is added to the variance as it is",
                "row_dot(xhat, xhat) + eps": "the variance is a sum; it is the mean of the squares, divided by D",
                "row_dot(x, x) / width + eps": "the mean is not subtracted before squaring: that is the mean of x^2, "
                "not the variance",
                "np.abs(xhat).mean(-1, keepdims=True) ** 2 + eps": "the spread is the mean of absolute values; the "
                "variance is the mean of squares",
                "(x.astype(np.float32)).var(-1, keepdims=True) + eps": "... float32's rounding",
                "xhat.var(-1, keepdims=True).mean() + eps": "the variance is averaged over the rows; every row has its "
                "own",
                "row_dot(x, x) / width - (row_sum(x) / width) ** 2 + eps": "... The mean of x^2 minus the square",
            },
            "np.sqrt(row_dot(xhat, xhat) / width + eps)": {
                "(np.sqrt(row_dot(xhat, xhat) / width) + eps)": "eps is added to the standard deviation; it belongs "
                "under the root",
            },
            "xhat = x - row_sum(x) / width": {
                "xhat = x - x.mean(0)": f"the mean is {OWN}",
                "xhat = x.copy()": "the mean is not subtracted: xhat = (x - mean) * rstd",
                "xhat = x - row_sum(x)": "the sum of the row is subtracted; it is the mean",
                "xhat = x + row_sum(x) / width": "the mean is added; subtract it",
                "xhat = x - np.median(x, -1, keepdims=True)": "... every row has mean 0",
                "xhat = x - x.mean()": "... with gamma 1 and beta 0 every row has mean 0",
                "x -= row_sum(x) / width; xhat = x.copy()": "... you modified x in place",
            },
            "": {
                normalised("0"): f"the mean and the variance are {OWN}",
                normalised("0", "-1"): f"the mean, and not the variance, is {OWN}",
                normalised(
                    "(1, 2) if x.ndim == 3 else None"
                ): "you normalised each sample as a whole; every row (token) is normalised alone",
                normalised(
                    "tuple(range(x.ndim - 1))"
                ): "each column is normalised over all rows: that is batch norm; every row (last axis) has its own",
            },
            "xhat *= rstd": {
                "pass": "that is x less its mean; it is not yet divided by the standard deviation",
                "xhat *= rstd**2": "xhat is divided by the variance; it is its root, the standard deviation",
                "xhat /= rstd": "xhat is multiplied by the standard deviation; divide by it",
                "xhat = x * rstd": "the mean is not subtracted: xhat = (x - mean) * rstd",
            },
            "y = xhat * gamma": {
                "y = xhat.copy()": "gamma is missing: y = gamma xhat + beta",
                "y = xhat / gamma": "xhat is divided by gamma; multiply",
                "y = xhat * (1 + gamma)": "gamma is one too large: y = gamma xhat + beta",
            },
            "y += beta": {
                "pass": "beta is missing: y = gamma xhat + beta",
                "y += beta * gamma": "beta is multiplied by gamma, too; it is added last: y = gamma xhat + beta",
            },
            "return y": {
                "return xhat": "that is xhat: gamma and beta are missing",
                "return xhat * beta + gamma": "gamma and beta have changed places",
            },
            "rstd, gamma)": {"rstd, beta)": "that is beta; backward needs gamma"},
            "Cache(xhat, rstd": {
                "Cache(xhat, 1 / rstd": "that is the standard deviation; rstd is one over it",
                "Cache(xhat, rstd**2": "that is one over the variance: the root is missing",
                "Cache(xhat, rstd[..., 0]": "... the axis of length 1 is missing (keepdims=True",
                "Cache(x, rstd": "cache.xhat holds x; keep the normalised rows",
                "Cache(y, rstd": "cache.xhat holds y; keep xhat, before gamma and beta",
            },
        },
    ),
    layer_norm(
        "layer_norm_backward",
        mistakes={
            "dx -= row_sum(dx) / width": {
                "pass": "the path through the mean is missing: subtract the mean of g = dy * gamma over the row",
                "dx -= row_sum(dx)": "the sum of g over the row is subtracted; it is the mean",
                "dx -= row_sum(dy) / width": "the mean of dy is subtracted; it is the mean of g = dy * gamma",
                "dx -= row_sum(dx) / (width - 1)": f"the sum of g over the row {DIVIDED}",
            },
            "dx -= xhat * along_xhat": {
                "pass": "the path through the variance is missing: subtract xhat times the mean of g * xhat",
                "dx = dy * gamma": "only the direct path: x also moves the mean and the variance of its row",
            },
            "along_xhat = row_dot(dx, xhat) / width": {
                "along_xhat = row_dot(dy, xhat) / width": "the term of the variance is made of dy; it needs g = dy * "
                "gamma",
                "along_xhat = row_sum(dx) / width": "xhat is multiplied by the mean of g; it is the mean of g * xhat",
                "along_xhat = 2 * row_dot(dx, xhat) / width": "the term of the variance is twice too large: the 2 of "
                "the square cancels with the 1/2 of the root",
                "along_xhat = -row_dot(dx, xhat) / width": "the term of the variance has the wrong sign",
                "along_xhat = row_dot(dx, xhat) / (width - 1)": f"the sum of g * xhat over the row {DIVIDED}",
                "along_xhat = rstd**2 * row_dot(dx, xhat) / width": "the term of the variance is multiplied by rstd ** "
                "2 again: xhat is divided already, so rstd stands once, before the bracket",
                "along_xhat = row_dot(dx, xhat)": "xhat is multiplied by the sum of g * xhat; it is the mean",
            },
            "width = xhat.shape[-1]": {
                "width = 1": "both sums over the row must be divided by D: means",
                "width = xhat.shape[-1] - 1": f"each sum over the row {DIVIDED}",
            },
            "dx = dy * gamma": {"dx = dy.copy()": "gamma is missing: the gradient of xhat is dy * gamma"},
            "dx *= rstd": {
                "pass": "the last factor, rstd, is missing: each row has its own",
                "dx /= rstd": "dx is divided by rstd; multiply",
                "dx *= rstd * rstd": "rstd is multiplied twice; once is right",
                "dx = gamma * rstd * (dy - row_sum(dy) / width - xhat * row_dot(dy, xhat) / width)": "gamma stands "
                "before the bracket, whose means are those of dy; it belongs inside: they are means of g = dy * gamma",
                "dx *= gamma * rstd": "gamma is multiplied again in the end; it belongs to g = dy * gamma, once",
                "dx *= rstd; xhat *= 2": "... you modified cache.xhat in place",
            },
            "column_sum(dy * xhat)": {
                "column_sum(dy)": "that is dbeta; for dgamma multiply dy by xhat before the sum",
                "column_sum(dy * xhat * gamma)": "gamma stands in its own gradient: it is the sum of dy * xhat",
                "(dy * xhat).sum(0)": "... dgamma has shape",
            },
            "dbeta = column_sum(dy)": {
                "dbeta = column_sum(dy) / dy[..., 0].size": "... the rows: averaged over it instead of summed",
                "dbeta = dy.sum(0)": "... dbeta has shape",
            },
            "(dx, dgamma, dbeta)": {"(dx, dbeta, dgamma)": "... dgamma and dbeta are exchanged"},
        },
    ),
)

LAYER_NORM = Exercise(
    "layer_norm",
    "layer normalisation",
    40,
    TASKS,
    lecture="03_transformer",
    section=3,
)
