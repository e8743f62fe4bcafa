"""Batch normalisation: the same formula as layer norm along another axis, and what is left of it after training."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, lengths, telling, with_options


def maps(rng: Generator) -> Case:
    B, Y, X, C = lengths(rng, 4)
    return Case((1 + 2 * rng.standard_normal((B, Y, X, C)), *rng.standard_normal((2, C))), {})


def vectors(rng: Generator) -> Case:
    B, C = lengths(rng, 2)
    B += 6  # a channel of two numbers becomes 1 and -1 whatever they are
    return Case((1 + 2 * rng.standard_normal((B, C)), *rng.standard_normal((2, C))), {})


def sequences(rng: Generator) -> Case:
    (x, gamma, beta), _ = maps(rng)
    return Case((x[:, :, 0], gamma, beta), {})


def with_outliers(rng: Generator) -> Case:
    """One number of each channel stands far from the others."""
    x = rng.standard_normal((7, 9, 5))
    x[3, 2] = 100
    return Case((x, *rng.standard_normal((2, 5))), {})


def of_few_numbers(rng: Generator) -> Case:
    """Many more channels than numbers in each: divided by C for n, or by n - 1, it is far off."""
    return Case((1 + 2 * rng.standard_normal((3, 11)), *rng.standard_normal((2, 11))), {})


def averages(rng: Generator) -> Case:
    """Running mean and variance, those of a batch, and of how many numbers: so few that n - 1 is another."""
    C, count = lengths(rng, 2)
    means, variances = rng.standard_normal((2, C)), rng.uniform(0.3, 3, (2, C))
    return Case((means[0], variances[0], means[1], variances[1], count + 3), {})


def learned(rng: Generator) -> Case:
    (C,) = lengths(rng, 1)
    return Case((*(1 + rng.standard_normal((2, C))), rng.standard_normal(C), rng.uniform(0.3, 3, C)), {})


CASES = {
    "": maps,
    "of vectors": vectors,
    "of sequences": sequences,
    "with another eps": with_options(maps, eps=20.0),
    "with few numbers for each channel": of_few_numbers,
    "with an outlier in each channel": with_outliers,
}


def named_sizes(case: Case) -> dict[str, float]:
    *places, C = case.args[0].shape
    n = int(np.prod(places))
    found = {"the batch": places[0], "the channels": C, "the numbers of a channel": n, "the places": n // places[0]}
    return telling({name: size for name, size in found.items() if size > 1})


def channels_are_standard(call: Call, rng: Generator) -> str | None:
    (x, gamma, _), _ = maps(rng)
    y = call(x, np.ones_like(gamma), np.zeros_like(gamma))[0].reshape(-1, x.shape[-1])
    if np.abs(y.mean(0)).max() > 1e-9:
        return f"with gamma 1 and beta 0 every channel has mean 0; yours go up to {np.abs(y.mean(0)).max():.3g}"
    if np.abs(y.var(0) - 1).max() > 1e-3:
        return f"with gamma 1 and beta 0 every channel has variance 1; yours is {y.var(0)[0]:.4g}"
    return None


def channels_do_not_meet(call: Call, rng: Generator) -> str | None:
    """What layer norm would do."""
    (x, gamma, beta), _ = maps(rng)
    other = x.copy()
    other[..., 0] = rng.standard_normal(x.shape[:-1])
    same = close(call(other, gamma, beta)[0][..., 1:], call(x, gamma, beta)[0][..., 1:])
    return None if same else "what becomes of a channel must not depend on the other channels; yours does"


def ignores_shift_and_stretch(call: Call, rng: Generator) -> str | None:
    (x, gamma, beta), _ = maps(rng)
    same = close(call(3 * x + 5, gamma, beta, eps=0.0)[0], call(x, gamma, beta, eps=0.0)[0])
    return None if same else "with eps = 0, batch norm of 3 x + 5 must be that of x"


def survives_a_constant_channel(call: Call, rng: Generator) -> str | None:
    y = call(np.full((4, 3, 2), 3.0), np.ones(2), np.zeros(2))[0]
    return None if np.isfinite(y).all() else "a channel of equal numbers has variance 0: eps keeps the division alive"


def keeps_digits(call: Call, rng: Generator) -> str | None:
    x = (1000 + rng.standard_normal((32, 16, 4))).astype(np.float32)
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    y, exact = call(x, ones, zeros)[0], call(*(a.astype(np.float64) for a in (x, ones, zeros)))[0]
    error = np.abs(y - exact).max()
    if np.isnan(error):
        error = np.inf  # the root of a variance that has come out negative
    if error < 0.01:  # right ways are off by 0.001 at most, the difference of two large numbers by 0.1
        return None
    return (
        f"for numbers around 1000 with variance 1, y in float32 is off by {error:.2g}: digits are lost. The mean "
        "of x^2 minus the square of the mean is a small difference of numbers near a million. Subtract the mean, then "
        "square"
    )


def refuses_a_single_number(call: Call, rng: Generator) -> str | None:
    """Which no change of a single length makes of a batch."""
    says = "with a single number for each channel, x of shape (1, 3), it must raise a ValueError"
    try:
        call(np.ones((1, 3)), np.ones(3), np.zeros(3))
    except CheckFailedError as failure:
        return None if str(failure).startswith("ValueError") else f"{says}; yours: {failure}"
    except ValueError:  # ours, when something has been returned
        pass
    return f"{says}, as its docstring promises: it would become beta whatever it is"


def stays_where_it_is(call: Call, rng: Generator) -> str | None:
    args, _ = averages(rng)
    for momentum, kept in ((0.0, args[:2]), (1.0, (args[2], args[3] * args[4] / (args[4] - 1)))):
        found = call(*args, momentum=momentum)
        wrong = [name for name, right in zip(("mean", "var"), kept, strict=True) if not close(found[name], right)]
        if wrong:
            stays = "the averages stay as they are" if momentum == 0 else "the batch takes their place"
            return f"with momentum = {momentum:g} {stays}; yours do not ({' and '.join(wrong)})"
    return None


def goes_to_the_variance_of_all(call: Call, rng: Generator) -> str | None:
    """The mean of the unbiased variances of all pairs of four numbers is the unbiased variance of the four."""
    numbers = rng.standard_normal(4)
    var, zero = [], np.zeros(1)
    for i, j in np.argwhere(np.triu(np.ones((4, 4)), 1)):
        two = numbers[[i, j]]
        var.append(call(zero, zero, zero + two.mean(), zero + two.var(), 2, momentum=1.0)["var"][0])
    if close(np.mean(var), numbers.var(ddof=1)):
        return None
    return (
        f"taken over all batches of two out of four numbers, the variances must be {numbers.var(ddof=1):.4g} on "
        f"average, that of the four (divided by 3); yours are {np.mean(var):.4g}"
    )


def computes_what_is_normalised(call: Call, rng: Generator) -> str | None:
    (gamma, beta, mean, var), _ = learned(rng)
    for eps in (1e-5, 0.0):
        found = call(gamma, beta, mean, var, eps=eps)
        scale, shift = found["scale"], found["shift"]
        if not close(mean * scale + shift, beta):
            return "where x is the mean, y = x * scale + shift must be beta: x - mean is 0 there"
        one_more = mean + np.sqrt(var + eps)
        if not close(one_more * scale + shift, gamma + beta):
            return "where x is the mean plus one standard deviation, y = x * scale + shift must be gamma + beta"
    return None


def both(axes: str) -> str:
    """The last line of the backward with both means taken over these axes."""
    means = f"g.mean({axes}, keepdims=True) - xhat * (g * xhat).mean({axes}, keepdims=True)"
    return f"g = dy * gamma; dx = rstd * (g - {means})"


ALL_BUT_LAST = "tuple(range(x.ndim - 1))"
ALL_BUT_TWO = "tuple(range(max(x.ndim - 2, 1)))"
PLACES = "tuple(range(1, x.ndim - 1))"
CHANNELS_SECOND = "(0, *range(2, x.ndim))"
BY_ITSELF = "0", ALL_BUT_LAST, ALL_BUT_TWO
"""Axes of which what is left meets the last axes of x, without ``keepdims``."""


def normalised(axes: str, variance_axes: str | None = None) -> str:
    """A whole body that takes mean and variance, each of x itself, over these axes."""
    mean, variance = (
        f"x.{of}({over}{'' if over in BY_ITSELF else ', keepdims=True'})"
        for of, over in (("mean", axes), ("var", variance_axes or axes))
    )
    norm = f"mean, var = {mean}, {variance}; rstd = 1 / np.sqrt(var + eps); xhat = (x - mean) * rstd"
    return f"{norm}; return xhat * gamma + beta, BatchNormCache(xhat, rstd, gamma, mean, var)"


def kept(of: str) -> str:
    """A cache with mean and variance of something else."""
    averages = f"mean=column_sum({of}) / n, var=({of}).var({ALL_BUT_LAST})"
    return f"BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, {averages})"


CENTRED = "xhat = plus_row(x, -mean)"
VARIANCE = "var = column_sum(xhat * xhat) / n"
OWN = "each channel has one for the whole batch: over all axes but the last"
DIVIDED = "is divided by n - 1; divide by n, the numbers of a channel"
INSTANCE = "each image is normalised alone: that is instance norm; a channel has one mean and variance for the batch"
VARIANCE_POWER = (
    "a wrong power of rstd in the term of the variance: rstd = (var + eps)^(-1/2) has the derivative -1/2 (var + "
    "eps)^(-3/2), which is -rstd^3 / 2"
)
G = "gamma stands in front of all: dx = gamma * rstd * (...)"
UNBIASED = "the unbiased variance, n / (n - 1) times that of the batch, goes into the average"

batch_norm = partial(
    Task,
    cases=CASES,
    big=arrays("40 16 16 8", "8", "8"),
    sizes=named_sizes,
    simpler=ONE_SAMPLE,
    instead="where a sum or mean over several axes at once does it: axis=(0, 1, 2)",
)

TASKS = (
    batch_norm(
        "batch_norm_forward",
        properties=(
            Property("channels get mean 0 and variance 1", channels_are_standard),
            Property("channels do not meet", channels_do_not_meet),
            Property("shift and stretch change nothing", ignores_shift_and_stretch),
            Property("a constant channel gives no nan", survives_a_constant_channel),
            Property("large numbers keep their digits", keeps_digits),
            Property("a single number is refused", refuses_a_single_number),
        ),
        mistakes={
            "": {
                normalised("-1"): "each place is normalised over its channels: that is layer norm; each channel is "
                "normalised over all else",
                normalised(PLACES): INSTANCE,
                normalised("0"): f"mean and variance are taken over the images alone, so each place has its own; {OWN}",
                normalised("tuple(range(1, x.ndim))"): "each image is normalised as a whole; each channel is "
                "normalised, over the whole batch",
                normalised("None"): "one mean and one variance for all channels; each channel has its own",
                normalised(ALL_BUT_LAST, "None"): "one variance for all channels; each channel has its own",
                normalised("None", ALL_BUT_LAST): "one mean for all channels; each channel has its own",
                normalised("-1", ALL_BUT_LAST): f"the mean is taken over the channels; {OWN}",
                normalised(ALL_BUT_LAST, "-1"): f"the variance is taken over the channels; {OWN}",
                normalised("0", ALL_BUT_LAST): f"the mean is taken over the images alone; {OWN}",
                normalised(ALL_BUT_LAST, "0"): f"the variance is taken over the images alone; {OWN}",
                normalised(PLACES, ALL_BUT_LAST): f"the mean is that of each image; {OWN}",
                normalised(ALL_BUT_LAST, PLACES): f"the variance is that of each image; {OWN}",
                normalised(CHANNELS_SECOND): f"mean and variance are taken over axes 0, 2, 3, as where channels come "
                f"second; here they are last, and {OWN}",
                normalised(ALL_BUT_TWO): f"each column of a map has a mean and a variance of its own; {OWN}",
                "mean, var = (np.mean([f(x[i], tuple(range(x.ndim - 2))) for i in range(len(x))], 0) for f in (np.mean,"
                " np.var)); rstd = 1 / np.sqrt(var + eps); xhat = (x - mean) * rstd; return xhat * gamma + beta, "
                "BatchNormCache(xhat, rstd, gamma, mean, var)": "the variance is the mean of the images' variances, "
                "each about its own mean; it is about the mean of the whole batch",
                "mean, var = (np.array([f(x[..., c]) for c in range(x.shape[-1])]) for f in (np.mean, np.var)); rstd = "
                "1 / np.sqrt(var + eps); xhat = (x - mean) * rstd; return xhat * gamma + beta, BatchNormCache(xhat, "
                "rstd, gamma, mean, var)": "... a loop over axis 3 of x",
            },
            "n = prod(x.shape[:-1])": {
                "n = prod(x.shape[:-1]) - 1": f"both sums over a channel: each {DIVIDED}",
                "n = len(x)": "the sums are divided by the images alone; divide by all numbers of a channel, the "
                "places of a map among them",
                "n = x.size": "the sums are divided by all numbers of x; divide by those of one channel",
                "n = prod(x.shape[1:-1])": "the sums are divided by the places of an image; divide by all numbers of "
                "a channel, the batch among them",
                "n = prod(x.shape[:2])": "the sums are divided by the first two lengths of x; divide by all numbers of "
                "a channel, the product of all lengths but the last",
                "n = x.shape[-1]": "the sums are divided by the channels, as in layer norm; divide by the numbers of "
                "one channel",
            },
            "mean = column_sum(x) / n": {
                "x = x * gamma; mean = column_sum(x) / n; gamma = np.ones_like(gamma)": "x is multiplied by gamma "
                "before it is normalised, which takes it out again; multiply xhat",
                "mean = column_sum(x)": "the sum of the channel is subtracted; it is the mean",
                "mean = column_sum(x) / (n - 1)": f"the sum for the mean {DIVIDED}",
                "mean = np.median(x.reshape(n, -1), axis=0)": "that is the median of the channel; subtract the mean",
                "mean = np.zeros(x.shape[-1], x.dtype)": "the mean is not subtracted: (x - mean) * rstd",
                "mean = x.reshape(n, -1)[0]": "the first number of the channel stands for its mean",
                "mean = -column_sum(x) / n": "the mean has the wrong sign",
                "mean = column_sum(x[0]) * len(x) / n": "the mean is that of the first image; it is that of the whole "
                "batch",
                "rows = x.reshape(x.shape[-1], -1); mean, x = rows.mean(1), x": "x is reshaped to (C, -1), which tears "
                "the channels apart: they are last, so reshape to (-1, C)",
                "mean = np.float32(x.mean(tuple(range(x.ndim - 1))))": "... float32's rounding",
            },
            CENTRED: {
                "xhat = x.copy()": "the mean is not subtracted: (x - mean) * rstd",
                "xhat = x + mean": "the mean is added; subtract it",
                "xhat = x; xhat -= mean": "... you modified x in place",
            },
            VARIANCE: {
                "var = column_sum(xhat * xhat) / (n - 1)": f"the variance {DIVIDED}: here it is the biased one; only "
                "the running average takes the other",
                "var = column_sum(xhat * xhat) * (n - 1) / n**2": "the variance is multiplied by (n - 1) / n; divide "
                "the sum of the squares by n, and do no more",
                "var = column_sum(xhat * xhat)": "the variance is a sum; it is the mean of the squares, divided by n",
                "var = column_sum(x * x) / n": "the mean is not subtracted before squaring: that is the mean of x^2, "
                "not the variance",
                "var = column_sum(x * x) / n - mean * mean": "... The mean of x^2 minus the square",
                "var = column_sum(x * x) / n - mean": "the mean itself is subtracted from the mean of the squares; the "
                "variance is the mean of (x - mean)^2",
                "var = (column_sum(np.abs(xhat)) / n) ** 2": "the spread is the mean of absolute values; the variance "
                "is the mean of squares",
                "var = np.sqrt(column_sum(xhat * xhat) / n)": "the root is taken twice: var is the variance, rstd one "
                "over its root",
                "var = column_sum((x[0] - mean) ** 2) * len(x) / n": "the variance is that of the first image; it is "
                "that of the whole batch",
                "var = x.reshape(len(x), -1, x.shape[-1]).mean(1).var(0)": "that is the variance of the images' means; "
                "all numbers of a channel vary",
                "var = x.reshape(x.shape[-1], -1).var(1)": "x is reshaped to (C, -1), which tears the channels apart: "
                "they are last, so reshape to (-1, C)",
                "var = np.ones_like(mean)": "the variance is always 1; it is the mean of the squares of x - mean",
                "var = column_sum(xhat * xhat) / x.shape[-1]": "the squares are divided by the channels; divide by the "
                "numbers of one channel",
            },
            "rstd = 1 / np.sqrt(var + eps)": {
                "rstd = 1 / np.sqrt(var)": "eps is not used: it is added to the variance, under the root",
                "rstd = 1 / (np.sqrt(var) + eps)": "eps is added to the standard deviation; it belongs under the root",
                "rstd = 1 / np.sqrt(var) + eps": "eps is added to one over the root; it belongs under the root",
                "rstd = 1 / np.sqrt(var + 1e-5)": "the argument eps is not used",
                "rstd = 1 / np.sqrt(var + 1e-6)": "eps is always 1e-6; it is the argument, 1e-5 if it is not given",
                "rstd = 1 / np.sqrt(var + 1e-3)": "eps is always 1e-3; it is the argument, 1e-5 if it is not given",
                "rstd = 1 / np.sqrt(var - eps)": "eps is subtracted; it is added to the variance",
                "rstd = 1 / np.sqrt(var + eps**2)": "eps is squared; it is added to the variance as it is",
                "rstd = 1 / np.sqrt(np.maximum(var, eps))": "the larger of variance and eps is taken; eps is added",
                "rstd = np.sqrt(var + eps)": "xhat is multiplied by the standard deviation; divide by it",
                "rstd = 1 / (var + eps)": "xhat is divided by the variance; it is its root, the standard deviation",
                "var = var + eps; rstd = 1 / np.sqrt(var)": "eps is in the variance that is kept; cache.var is the "
                "variance itself",
            },
            "times_row(xhat, rstd, out=xhat)": {
                "pass": "that is x less its mean; it is not yet divided by the standard deviation",
                "xhat = x * rstd": "the mean is not subtracted: (x - mean) * rstd",
                "xhat = (xhat - mean) * rstd": "the mean is subtracted twice; once is right",
                "xhat = x * rstd - mean": "the mean is subtracted after the division; subtract it before",
                "xhat *= rstd; x *= 1.5": "... you modified x in place",
            },
            "return y": {
                "return xhat": "that is xhat: gamma and beta are missing",
                "return xhat * gamma": "beta is missing: y = gamma xhat + beta",
                "return xhat + beta": "gamma is missing: y = gamma xhat + beta",
                "return xhat * beta + gamma": "gamma and beta have changed places",
                "return (xhat + beta) * gamma": "beta is multiplied by gamma, too; it is added last",
                "return xhat / gamma + beta": "xhat is divided by gamma; multiply",
                "return xhat * (1 + gamma) + beta": "gamma is one too large: y = gamma xhat + beta",
                "return xhat * gamma - beta": "beta is subtracted; add it",
                "return xhat * gamma * gamma + beta": "gamma is multiplied twice; once is right",
                "return (xhat * gamma + beta).reshape(n, -1)": "... y has shape",
                "return xhat * gamma.astype(np.float64) + beta": "... comes y in float64",
            },
            "BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var)": {
                "BatchNormCache(xhat=xhat, rstd=1 / rstd, gamma=gamma, mean=mean, var=var)": "that is the standard "
                "deviation; rstd is one over it",
                "BatchNormCache(xhat=xhat, rstd=rstd**2, gamma=gamma, mean=mean, var=var)": "that is one over the "
                "variance: the root is missing",
                "BatchNormCache(xhat=x, rstd=rstd, gamma=gamma, mean=mean, var=var)": "cache.xhat holds x; keep the "
                "normalised numbers",
                "BatchNormCache(xhat=x - mean, rstd=rstd, gamma=gamma, mean=mean, var=var)": "cache.xhat holds x less "
                "its mean; it is divided by the standard deviation, too",
                "BatchNormCache(xhat=xhat * gamma + beta, rstd=rstd, gamma=gamma, mean=mean, var=var)": "cache.xhat "
                "holds y; keep xhat, before gamma and beta",
                "BatchNormCache(xhat=xhat * gamma, rstd=rstd, gamma=gamma, mean=mean, var=var)": "cache.xhat is "
                "multiplied by gamma; keep xhat, before gamma and beta",
                "BatchNormCache(xhat=xhat, rstd=rstd[None], gamma=gamma, mean=mean[None], var=var[None])": "... the "
                "numbers are right, only the shape is not",
                "BatchNormCache(xhat=xhat, rstd=rstd, gamma=beta, mean=mean, var=var)": "that is beta; backward needs "
                "gamma",
                "BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var * n / (n - 1))": "cache.var "
                "holds the unbiased variance; here it is the biased one, and running_averages makes the other of it",
                "BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=np.sqrt(var))": "cache.var holds the "
                "standard deviation; keep the variance",
                "BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var + eps)": "eps is in the variance "
                "that is kept; cache.var is the variance itself",
                "BatchNormCache(xhat=xhat, rstd=rstd * gamma, gamma=gamma, mean=mean, var=var)": "cache.rstd is "
                "multiplied by gamma; it is one over the standard deviation alone",
                kept("xhat * gamma + beta"): "mean and variance of y are kept; keep those of x",
                kept("xhat"): "mean and variance of xhat are kept; keep those of x",
                "BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=var, var=mean)": "... cache.mean and cache.var "
                "are exchanged",
            },
            "if n < 2:": {
                "if n < 1:": "... with a single number for each channel",
                "if n == 0:": "... with a single number for each channel",
                "if len(x) < 1:": "... with a single number for each channel",
            },
            'check_range("batch_norm: eps", eps, at_least=0, below=inf)': {
                "pass": "... with eps=-0.5 it must raise a ValueError",
            },
        },
        axes={"y": "image row column channel", "cache.xhat": "image row column channel"},
    ),
    batch_norm(
        "batch_norm_backward",
        mistakes={
            "dx = plus_row(dy, -dbeta / n)": {
                "dx = dy.copy()": "the path through the mean is missing: subtract the mean of dy over the channel",
                "dx = dy - dbeta": "the sum of dy over the channel is subtracted; it is the mean, divided by n",
                "dx = dy - dbeta / (n - 1)": f"the sum of dy over the channel {DIVIDED}",
                "dx = dy + dbeta / n": "the path through the mean has the wrong sign: subtract the mean of dy",
                "dx = dy - gamma * dbeta / n": f"gamma stands in the mean of dy once more; {G}",
                "dx = dy - dy.mean(-1, keepdims=True)": "the mean of dy is taken over the channels of a place, as in "
                "layer norm; it is that of the channel over the whole batch",
                "dx = dy - dy.mean(0)": "the mean of dy is taken over the images alone; it is that of the whole "
                "channel, over all axes but the last",
                "dx = dy - dy.mean(tuple(range(1, dy.ndim - 1)), keepdims=True)": "the mean of dy is that of each "
                "image; it is that of the channel over the whole batch",
                "dx = dy - dy.mean()": "one mean of dy for all channels; each has its own",
                "dx = dy - dbeta / len(dy)": "the sum of dy is divided by the images alone; divide by n, all numbers "
                "of a channel",
                "dx = dy - dbeta / (n * gamma)": "from g = dy * gamma the mean of dy is subtracted; it is "
                "the mean of g",
                "dx = dy - dbeta / (n * rstd)": "rstd is missing in the path through the mean: x - mean is multiplied "
                "by it",
                "dx = dy - rstd * dbeta / n": "rstd stands in the mean of dy once more; it stands in front of all",
            },
            "dx -= times_row(xhat, dgamma / n)": {
                "pass": "the path through the variance is missing: subtract xhat times the mean of dy * xhat",
                "dx = dy.copy()": "only the direct path, as if mean and variance were constants (in inference "
                "they are): x also moves the mean and the variance of its channel",
                "dx += xhat * (dgamma / n)": "the term of the variance has the wrong sign: subtract it",
                "dx -= xhat * dgamma": "xhat is multiplied by the sum of dy * xhat; it is the mean, divided by n",
                "dx -= xhat * (dgamma / (n - 1))": f"the sum of dy * xhat over the channel {DIVIDED}",
                "dx -= xhat * (dbeta / n)": "xhat is multiplied by the mean of dy; it is the mean of dy * xhat",
                "dx -= dgamma / n": "the mean of dy * xhat is subtracted as it is; multiply it by xhat",
                "dx -= xhat * (gamma * dgamma / n)": f"gamma stands in the term of the variance once more; {G}",
                "dx -= xhat * (dgamma / (n * gamma))": "the term of the variance is made of dy; beside g = dy * gamma "
                "it needs the mean of g * xhat",
                "dx -= xhat * (dgamma / n) / rstd**2": VARIANCE_POWER,
                "dx -= xhat * (dgamma / n) / rstd": VARIANCE_POWER,
                "dx += xhat * (dgamma / n) / rstd**2": VARIANCE_POWER,
                "dx -= 2 * xhat * (dgamma / n)": "the term of the variance is twice too large: the 2 of the square "
                "cancels with the 1/2 of the root",
                "dx -= xhat * (dgamma / n) / 2": "the term of the variance is half of what it must be: the 2 of the "
                "square cancels with the 1/2 of the root",
                "dx -= xhat * rstd**2 * (dgamma / n)": "the term of the variance is multiplied by rstd ** 2 again: "
                "xhat is divided already, so rstd stands once, in front of all",
                "dx -= xhat * rstd * (dgamma / n)": "the term of the variance is multiplied by rstd again: xhat is "
                "divided already, so rstd stands once, in front of all",
                "dx -= xhat * (dy * xhat).mean(-1, keepdims=True)": "the mean of dy * xhat is taken over the channels, "
                "as in layer norm; it is that of the channel over the whole batch",
                "dx -= xhat * (dy * xhat).mean(0)": "the mean of dy * xhat is taken over the images alone; it is that "
                "of the whole channel, over all axes but the last",
                "dx -= xhat * (dy * xhat).mean(tuple(range(1, dy.ndim - 1)), keepdims=True)": "the mean of dy * xhat "
                "is that of each image; it is that of the channel over the whole batch",
                "dx -= xhat * (dy * xhat).mean()": "one mean of dy * xhat for all channels; each has its own",
                "dx -= xhat * (dgamma / len(dy))": "the sum of dy * xhat is divided by the images alone; divide by n, "
                "all numbers of a channel",
                "dx -= xhat * (column_sum(dy * xhat * xhat) / n)": "xhat is multiplied twice in the mean; it is the "
                "mean of dy * xhat",
                "x = xhat + rstd * cache.mean; dx -= x * (column_sum(dy * x) / n)": "the term of the variance is made "
                "of x; x - mean was squared",
                "dx -= xhat**2 * (dbeta / n)": "xhat is in the wrong place: xhat times the mean of dy * xhat, not "
                "xhat^2 times the mean of dy",
            },
            "n = prod(dy.shape[:-1])": {
                "n = 1": "both sums over the channel must be divided by n: means",
                "n = prod(dy.shape[:-1]) - 1": f"each sum over the channel {DIVIDED}",
                "n = len(dy)": "n is the number of images; it is that of all numbers of a channel",
                "n = dy.shape[-1]": "both sums are divided by the channels, as in layer norm; divide by the numbers of "
                "one channel",
                "n = dy.size": "both sums are divided by all numbers of dy; divide by those of one channel",
                "n = prod(dy.shape[:2])": "both sums are divided by the first two lengths of dy; divide by n, the "
                "product of all lengths but the last",
                "n = prod(dy.shape[1:-1])": "both sums are divided by the places of an image; divide by n, all numbers "
                "of a channel",
                "dy *= 2; n = prod(dy.shape[:-1])": "... you modified dy in place",
            },
            "times_row(dx, gamma * rstd, out=dx)": {
                "dx *= rstd": "gamma is missing in dx: the gradient of xhat is dy * gamma",
                "dx *= gamma": "rstd is missing in dx: x was multiplied by it",
                "pass": "both gamma and rstd are missing in front of the bracket",
                "dx *= gamma / rstd": "dx is divided by rstd; multiply",
                "dx *= gamma * rstd * rstd": "rstd is multiplied twice; once is right",
                "dx *= gamma * gamma * rstd": "gamma is multiplied twice; once is right",
                "dx *= rstd / gamma": "dx is divided by gamma; multiply",
                "dx *= gamma * rstd / n": "... the numbers of a channel: averaged over it instead of summed",
                "dx *= -gamma * rstd": "... dx has the wrong sign",
                both(
                    "-1"
                ): "both means are taken over the channels of a place, as in layer norm; they are those of the "
                "channel over the whole batch",
                both("0"): "both means are taken over the images alone; they are those of the whole channel, over all "
                "axes but the last",
                both("tuple(range(1, dy.ndim - 1))"): "both means are those of each image; they are those of the "
                "channel over the whole batch",
                both("None"): "one mean of g, and one of g * xhat, for all channels; each has its own",
                "dx = rstd * (dy * gamma - (dbeta + xhat * dgamma) / n)": "gamma stands at dy alone: both means are "
                "those of g = dy * gamma, or gamma stands in front of all",
                "dx = rstd * (dy - dbeta / n - gamma * xhat * dgamma / n)": "gamma stands in the term of the variance "
                f"alone; {G}",
                "dx = gamma * (rstd * dy - dbeta / n - xhat * dgamma / n)": "rstd stands before the first term alone: "
                "it is multiplied by all three (brackets)",
                "dx = gamma * rstd * dy - dbeta / n - xhat * dgamma / n": "gamma and rstd stand before the first term "
                "alone: they are multiplied by all three (brackets)",
                "dx = gamma * rstd * (dy - dbeta - xhat * dgamma) / n": "dy is divided by n, too; only the two sums "
                "are: gamma rstd / n (n dy - ...)",
                "dx = gamma * dy": "that is the gradient of xhat; on to x it goes by the three ways",
                "dx = rstd * (dy - dbeta / n)": "the path through the variance is missing, and gamma",
                "dx = rstd * dy": "only the direct path, and gamma is missing",
                "dx *= gamma * rstd; xhat *= 2": "... you modified cache.xhat in place",
                "dx *= gamma * (1 / np.sqrt(cache.var))": "rstd is made of the variance without eps; take cache.rstd",
                "dx *= gamma / np.sqrt(cache.var + 1e-5)": "eps is always 1e-5 here; cache.rstd has the right one",
            },
            "column_sum(dy * xhat)": {
                "column_sum(dy)": "that is dbeta; for dgamma multiply dy by xhat before the sum",
                "column_sum(dy * xhat) / n": "... the numbers of a channel: averaged over it instead of summed",
                "column_sum(dy * xhat * gamma)": "gamma stands in its own gradient: it is the sum of dy * xhat",
                "column_sum(dy * xhat * rstd)": "rstd stands in dgamma: xhat is divided already",
                "column_sum(dy) * column_sum(xhat)": "the sums of dy and of xhat are multiplied; sum their products",
                "column_sum(dy * (xhat / rstd + cache.mean))": "dy is multiplied by x; gamma was multiplied by xhat",
                "column_sum(dy * (xhat / rstd))": "dy is multiplied by x - mean; gamma was multiplied by xhat, which "
                "is divided by the standard deviation",
                "-column_sum(dy * xhat)": "dgamma has the wrong sign",
            },
            "dbeta = column_sum(dy)": {
                "dbeta = column_sum(dy * gamma)": "gamma stands in dbeta: beta is added after it, so it is the sum of "
                "dy alone",
            },
            "NormGrads(dx, dgamma, dbeta)": {
                "NormGrads(dx, dbeta, dgamma)": "... dgamma and dbeta are exchanged",
                "NormGrads(dx, (dy * xhat).sum(0), dbeta)": "... dgamma has shape",
                "NormGrads(dx, dy * xhat, dbeta)": "... dgamma has shape",
                "NormGrads(dx, dgamma, dy.sum(0))": "... dbeta has shape",
                "NormGrads(dx, dgamma, dbeta / n)": "... the numbers of a channel: averaged over it instead of summed",
                "NormGrads(dx, dgamma / len(dy), dbeta)": "... the batch: averaged over it instead of summed",
                "(dx, np.stack((dgamma, dbeta)))": "... the gradients must be",
                "NormGrads(dx.reshape(n, -1), dgamma, dbeta)": "... dx has shape",
            },
        },
        axes={"dx": "image row column channel", "dgamma": "channel", "dbeta": "channel"},
    ),
    Task(
        "running_averages",
        {"": averages, "with another momentum": with_options(averages, momentum=0.3)},
        (
            Property("nothing moves, or all the way", stays_where_it_is),
            Property("small batches have the right variance on average", goes_to_the_variance_of_all),
        ),
        {
            "unbiased = var * (count / (count - 1))": {
                "unbiased = var": f"the batch's variance is taken as it is; {UNBIASED}",
                "unbiased = var * ((count - 1) / count)": "multiplied by (n - 1) / n; it is the other way round, "
                "n / (n - 1), which makes the variance larger",
                "unbiased = var * (count / (count + 1))": "divided by n + 1; the unbiased variance is divided by n - 1",
                "unbiased = var * ((count + 1) / count)": f"multiplied by (n + 1) / n; {UNBIASED}",
                "unbiased = var / (count - 1)": "divided by n - 1 once more: var is a mean already, so multiply by "
                "n / (n - 1)",
                "unbiased = var * count": "that is the sum of the squares; divide by n - 1",
                "unbiased = var * (count * len(var) / (count * len(var) - 1))": "n is the numbers of one channel, the "
                "argument count, not how many numbers there are in all channels",
                "unbiased = var * count / count - 1": "brackets are missing in n / (n - 1): n / n - 1 divides first",
                "unbiased = var * (count / (count - 2))": "divided by n - 2; the unbiased variance is divided by n - 1",
                "unbiased = var * (len(var) / (len(var) - 1))": "n is the numbers of a channel, the argument count, "
                "not how many channels there are",
                "unbiased = var * np.sqrt(count / (count - 1))": "the root of n / (n - 1) is taken; that would be of a "
                "standard deviation",
                "unbiased = np.sqrt(var * (count / (count - 1)))": "the standard deviation of the batch goes into the "
                "average; it is the variance",
                "unbiased = var * (count / (count - 1)) + 1e-5": "eps does not go into the average; it is added when "
                "the variance is used",
                "unbiased = var * (count / (count - 1)) + (mean - running_mean) ** 2": "how far the batch's mean is "
                "off is added to its variance; only the batch's own variance goes in",
                "unbiased = var * (count / (count - 1)); mean = mean * (count / (count - 1))": "the mean is multiplied "
                "by n / (n - 1), too; only the variance is",
                "var *= count / (count - 1); unbiased = var": "... you modified var in place",
            },
            "(1 - momentum) * running_mean + momentum * mean": {
                "momentum * running_mean + (1 - momentum) * mean": "in the mean, momentum and 1 - momentum have "
                "changed places: as in PyTorch, momentum is the share of the new batch",
                "running_mean + momentum * mean": "the old mean is kept whole; it keeps 1 - momentum of itself",
                "(1 - momentum) * running_mean + mean": "the batch's mean is added whole; it is a share, momentum",
                "(1 - momentum) * running_mean + 0.1 * mean": "the batch's share is always 0.1 in the mean; it is the "
                "argument momentum",
                "0.9 * running_mean + 0.1 * mean": "momentum is always 0.1 in the mean; it is an argument",
                "(1 + momentum) * running_mean - momentum * mean": "the mean goes away from the batch's; towards it, "
                "momentum times (new - old) is added",
                "(1 - momentum) * running_mean - momentum * mean": "the batch's mean is subtracted; add it",
                "(1 - momentum) * running_mean + momentum * mean / count": "the batch's mean is divided by n once "
                "more; it is a mean already",
                "(1 - momentum) * running_mean + momentum * mean**2": "the batch's mean is squared",
                "(1 - momentum) * running_var + momentum * mean": "the running variance stands in the mean; it is the "
                "running mean that moves",
                "(1 - momentum) * running_mean + momentum * var": "the batch's variance goes into the mean; it is its "
                "mean",
                "1 - momentum * running_mean + momentum * mean": "brackets are missing in 1 - momentum: (1 - momentum) "
                "times the old one",
                "(1 - momentum) * (running_mean + momentum * mean)": "the bracket closes too late: only the old one is "
                "multiplied by 1 - momentum",
                "((1 - momentum) * running_mean + momentum * mean) / momentum": "divided by momentum, as if to correct "
                "for a start at zero; here nothing is corrected",
                "(1 - 1 / count) * running_mean + mean / count": "the share of the batch is 1 / n; it is momentum",
                "mean": "that is the batch's mean alone; the average moves a share, momentum, towards it",
                "running_mean": "the running mean stays what it was; it moves a share, momentum, towards the batch's",
                "(1 - momentum) * mean + momentum * running_mean": "in the mean, momentum and 1 - momentum have "
                "changed places: as in PyTorch, momentum is the share of the new batch",
                "(running_mean + mean) / 2": "that is half way between old and new; it moves a share, momentum",
                "(1 - momentum) * running_mean.astype(np.float64) + momentum * mean": "... comes mean in float64",
                "np.array([(1 - momentum) * a + momentum * b for a, b in zip(running_mean, mean)])": "... a loop over "
                "axis 0",
            },
            "(1 - momentum) * running_var + momentum * unbiased": {
                "momentum * running_var + (1 - momentum) * unbiased": "in the variance, momentum and 1 - momentum have "
                "changed places: as in PyTorch, momentum is the share of the new batch",
                "momentum * running_var + (1 - momentum) * var": "in the variance, momentum and 1 - momentum have "
                f"changed places; and {UNBIASED}",
                "(1 + momentum) * running_var - momentum * unbiased": "the variance goes away from the batch's; "
                "towards it, momentum times (new - old) is added",
                "(1 - momentum) * running_mean + momentum * unbiased": "the running mean stands in the variance; it is "
                "the running variance that moves",
                "(1 - momentum) * running_var + momentum * mean": "the batch's mean goes into the variance; it is its "
                "variance",
                "(1 - momentum) * running_var * ((count - 1) / count) + momentum * unbiased": "the old variance is "
                "multiplied by (n - 1) / n; it is an average of unbiased ones already, so leave it as it is",
                "1 - momentum * running_var + momentum * unbiased": "brackets are missing in 1 - momentum: (1 - "
                "momentum) times the old one",
                "(1 - momentum) * (running_var + momentum * unbiased)": "the bracket closes too late: only the old one "
                "is multiplied by 1 - momentum",
                "running_var + momentum * unbiased": "the old variance is kept whole; it keeps 1 - momentum of itself",
                "(1 - momentum) * running_var + unbiased": "the batch's variance is added whole; it is a share, "
                "momentum",
                "(1 - momentum) * running_var + 0.1 * unbiased": "the batch's share is always 0.1 in the variance; it "
                "is the argument momentum",
                "0.9 * running_var + 0.1 * unbiased": "momentum is always 0.1 in the variance; it is an argument",
                "unbiased": "that is the batch's variance alone; the average moves a share, momentum, towards it",
                "running_var": "the running variance stays what it was; it moves a share, momentum, towards the "
                "batch's",
                "(1 - momentum) ** 2 * running_var + momentum**2 * unbiased": "the shares are squared, as in the "
                "variance of a sum; here it is an average like that of the mean",
                "(1 - momentum) * running_var + momentum * unbiased + momentum * (1 - momentum) * (mean - "
                "running_mean) ** 2": "that is the variance of old and new together, with what their means differ; "
                "here it is an average like that of the mean",
                "((1 - momentum) * np.sqrt(running_var) + momentum * np.sqrt(unbiased)) ** 2": "the standard "
                "deviations are averaged; average the variances",
                "1 / ((1 - momentum) / running_var + momentum / unbiased)": "one over the variances is averaged; "
                "average the variances",
                "((1 - momentum) * running_var + momentum * var) * (count / (count - 1))": "the whole average is "
                "multiplied by n / (n - 1), so the old part grows with each batch; multiply the batch's variance alone",
            },
            "return RunningAverages(": {
                "running_mean += 1; return RunningAverages(": "... you modified running_mean in place",
            },
            "": {
                "return (1 - momentum) * running_mean + momentum * mean": "... the result must be",
                "return RunningAverages(running_mean + 0, running_var + 0)": "the averages stay what they were",
            },
            'check_range("running_averages: count", count, at_least=2)': {
                "pass": "... it must raise a ValueError",
            },
        },
        axes={"mean": "channel", "var": "channel"},
    ),
    Task(
        "fixed_scale_and_shift",
        {"": learned, "with another eps": with_options(learned, eps=0.3)},
        (Property("x * scale + shift is the normalised x", computes_what_is_normalised),),
        {
            "scale = gamma / np.sqrt(var + eps)": {
                "scale = gamma / np.sqrt(var)": "eps is not used: it is added to the variance, under the root",
                "scale = gamma / (np.sqrt(var) + eps)": "eps is added to the standard deviation; it belongs under the "
                "root",
                "scale = gamma / np.sqrt(var + 1e-5)": "the argument eps is not used",
                "scale = gamma / np.sqrt(var + 1e-6)": "eps is always 1e-6; it is the argument, 1e-5 without it",
                "scale = gamma / np.sqrt(var + 1e-3)": "eps is always 1e-3; it is the argument, 1e-5 without it",
                "scale = gamma * (var + eps)": "gamma is multiplied by the variance; divide by its root",
                "scale = gamma / np.sqrt(var * (len(var) / (len(var) - 1)) + eps)": "the variance is multiplied by n / "
                "(n - 1) here; the running one is unbiased already, and n is no number of channels",
                "scale = gamma / np.sqrt(var - eps)": "eps is subtracted; it is added to the variance",
                "scale = gamma / (var + eps)": "gamma is divided by the variance; it is its root, the standard "
                "deviation",
                "scale = gamma / np.sqrt(var**2 + eps)": "the variance is squared under the root; it is a square "
                "already",
                "scale = gamma / (var + eps) ** 2": "gamma is divided by the square of the variance; it is its root",
                "scale = gamma * np.sqrt(var + eps)": "gamma is multiplied by the standard deviation; divide",
                "scale = np.sqrt(gamma / (var + eps))": "... scale has nan",
                "scale = np.sqrt(var + eps) / gamma": "the standard deviation is divided by gamma; it is the other way "
                "round",
                "scale = 1 / np.sqrt(var + eps)": "gamma is missing in the scale",
                "scale = gamma": "the scale is gamma alone; divide it by the standard deviation",
                "scale = (gamma - mean) / np.sqrt(var + eps)": "the mean is subtracted from gamma; it belongs into the "
                "shift alone",
                "scale = beta / np.sqrt(var + eps)": "the scale is made of beta; it is made of gamma",
                "scale = (1 + gamma) / np.sqrt(var + eps)": "gamma is one too large in the scale",
                "scale = gamma / np.sqrt(np.abs(mean) + eps)": "the scale is made of the mean; it is made of the "
                "variance",
                "scale = gamma / np.sqrt(np.var(var) + eps)": "the variance of the variances is taken; var is the "
                "variance itself, channel by channel",
                "scale = gamma / np.sqrt(var.mean() + eps)": "all channels have one variance; each has its own",
                "gamma /= np.sqrt(var + eps); scale = gamma": "... you modified gamma in place",
                "scale = gamma.astype(np.float64) / np.sqrt(var + eps)": "... comes scale in float64",
            },
            "beta - mean * scale)": {
                "beta - mean)": "the mean is subtracted as it is; it is multiplied by the scale: x - mean is",
                "beta + mean * scale)": "the mean has the wrong sign in the shift: x - mean",
                "beta - mean * gamma)": "the mean is multiplied by gamma alone; by the scale, which is also divided "
                "by the standard deviation",
                "beta - mean / np.sqrt(var + eps))": "gamma is missing in the shift: the mean is multiplied by the "
                "scale",
                "-mean * scale)": "beta is missing in the shift",
                "beta)": "the shift is beta alone; the mean is missing: it is subtracted from x",
                "mean * scale - beta)": "the shift has the wrong sign",
                "(beta - mean) * scale)": "beta is multiplied by the scale, too; only the mean is",
                "(beta - mean) / np.sqrt(var + eps))": "beta - mean is divided by the standard deviation; the mean "
                "alone is scaled, by the whole scale: beta - mean * scale",
                "(beta - mean * gamma) / np.sqrt(var + eps))": "beta is divided by the standard deviation, too; only "
                "the mean is scaled",
                "beta * scale - mean)": "beta is multiplied by the scale instead of the mean",
                "beta - mean / scale)": "the mean is divided by the scale; multiply",
                "beta - scale)": "the mean is missing in the shift: beta - mean * scale",
                "gamma - mean * scale)": "the shift is made of gamma; it is made of beta",
                "beta - mean * scale**2)": "the scale is multiplied twice in the shift; once is right",
                "beta - (mean * scale).sum())": "the shift sums over the channels; each has its own",
                "beta - mean * var)": "the mean is multiplied by the variance; by the scale",
            },
            "return ScaleAndShift(scale, beta - mean * scale)": {
                "return ScaleAndShift(beta - mean * scale, scale)": "... scale and shift are exchanged",
                "return ScaleAndShift(scale, np.stack((beta, -mean * scale)))": "... shift has shape",
                "return scale": "... the result must be",
                "return ScaleAndShift(scale[::-1], (beta - mean * scale)[::-1])": "... reversed along the channel axis",
            },
            'check_range("fixed_scale_and_shift: eps", eps, at_least=0, below=inf)': {
                "pass": "... it must raise a ValueError",
            },
        },
        axes={"scale": "channel", "shift": "channel"},
    ),
)

BATCH_NORM = Exercise(
    "batch_norm",
    "batch normalisation: in training, and what is left of it afterwards",
    45,
    TASKS,
    offers=("prod",),
    lecture="11_training_better",
    section=2,
)
