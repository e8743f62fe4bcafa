"""Small pairs, as students write them, for the tests of the checker. Every one is right."""

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np

from minivit.ops import log_softmax_backward, log_softmax_forward

RNG = np.random.default_rng(0)


def grads(**named):
    """Gradients by name."""
    return namedtuple("Grads", named)(**named)


def normal(*shape):
    """Numbers that are drawn anew in each run of the tests, in the order of the tables."""
    return np.random.default_rng([*shape, 1]).standard_normal(shape)


def add_forward(x, b):
    return x + b, None


def add_backward(dy, cache):
    return grads(x=dy.copy(), b=dy.sum(0))


def identity_forward(x):
    return x.copy(), None


def identity_backward(dy, cache):
    return grads(x=dy)


def scale_forward(x, a):
    return x * a, (x, a)


def scale_backward(dy, cache):
    x, a = cache
    return grads(x=dy * a, a=(dy * x).sum())


def exp_forward(x):
    y = np.exp(x)
    return y, y


def exp_backward(dy, y):
    return grads(x=dy * y)


def divide_forward(a, b):
    return a / b, (a, b)


def divide_backward(dy, cache):
    a, b = cache
    return grads(a=dy / b, b=-dy * a / (b * b))


def matmul_forward(a, b):
    return a @ b, (a, b)


def matmul_backward(dy, cache):
    a, b = cache
    return grads(a=dy @ b.mT, b=a.mT @ dy)


def mean_forward(x):
    return x.mean(-1), x.shape


def mean_backward(dy, shape):
    return grads(x=np.repeat(dy[..., None], shape[-1], -1) / shape[-1])


def variance_forward(x):
    centred = x - x.mean(-1, keepdims=True)
    return (centred * centred).mean(-1), centred


def variance_backward(dy, centred):
    return grads(x=dy[..., None] * centred * 2 / centred.shape[-1])


def length_forward(x):
    y = np.sqrt((x * x).sum(-1, keepdims=True))
    return x / y, (x / y, y)


def length_backward(dy, cache):
    unit, length = cache
    return grads(x=(dy - unit * (dy * unit).sum(-1, keepdims=True)) / length)


def cumsum_forward(x):
    return np.cumsum(x, -1), None


def cumsum_backward(dy, cache):
    return grads(x=np.flip(np.cumsum(np.flip(dy, -1), -1), -1))


def take_forward(table, ids):
    return table[ids], (table.shape, ids)


def take_backward(dy, cache):
    shape, ids = cache
    dtable = np.zeros(shape, dy.dtype)
    np.add.at(dtable, ids, dy)
    return grads(table=dtable)


def largest_forward(x):
    return x.max(-1), (x.shape, x.argmax(-1))


def largest_backward(dy, cache):
    shape, place = cache
    dx = np.zeros(shape, dy.dtype)
    np.put_along_axis(dx, place[..., None], dy[..., None], -1)
    return grads(x=dx)


def concat_forward(*parts):
    return np.concatenate(parts, -1), [part.shape[-1] for part in parts]


def concat_backward(dy, widths):
    return grads(parts=tuple(part.copy() for part in np.split(dy, np.cumsum(widths)[:-1], -1)))


def dense_forward(x, params):
    y = x @ params["weight"]
    return y + params["bias"] if "bias" in params else y, (x, params)


def dense_backward(dy, cache):
    x, params = cache
    dparams = {"weight": x.T @ dy, "bias": dy.sum(0)}
    return grads(x=dy @ params["weight"].T, params={name: dparams[name] for name in params})


def masked_forward(x, mask):
    return np.where(mask, x, 0), mask


def masked_backward(dy, mask):
    return grads(x=dy * mask)


def batch_norm_forward(x, *, eps=1e-5):
    centred = x - x.mean(0)
    rstd = 1 / np.sqrt((centred * centred).mean(0) + eps)
    return centred * rstd, (centred * rstd, rstd)


def batch_norm_backward(dy, cache):
    xhat, rstd = cache
    return grads(x=(dy - dy.mean(0) - xhat * (dy * xhat).mean(0)) * rstd)


def spectrum_forward(x):
    bins = np.fft.rfft(x)
    return np.abs(bins) ** 2, (bins, x.shape[-1])


def spectrum_backward(dy, cache):
    bins, length = cache
    padded = np.zeros((*dy.shape[:-1], length), bins.dtype)
    padded[..., : dy.shape[-1]] = 2 * dy * bins
    return grads(x=np.fft.ifft(padded).real * length)


class Polar(NamedTuple):
    """Two outputs of one shape."""

    radius: Any
    angle: Any


def polar_forward(a, b):
    radius, angle = np.sqrt(a * a + b * b), np.arctan(b / a)
    return Polar(radius, angle), (a, b, radius)


def polar_backward(dy, cache):
    a, b, radius = cache
    dangle = dy.angle / (radius * radius)
    return grads(a=dy.radius * a / radius - dangle * b, b=dy.radius * b / radius + dangle * a)


class Moments(NamedTuple):
    """Two outputs of one shape, of one argument."""

    mean: Any
    variance: Any


def moments_forward(x):
    centred = x - x.mean(-1, keepdims=True)
    return Moments(x.mean(-1), (centred * centred).mean(-1)), centred


def moments_backward(dy, centred):
    dmean, dvariance = (d[..., None] / centred.shape[-1] for d in dy)
    return grads(x=dmean + 2 * dvariance * centred)


class Projections(NamedTuple):
    """Three outputs of one shape."""

    q: Any
    k: Any
    v: Any


def projections_forward(x, weight):
    return Projections(*np.split(x @ weight, 3, -1)), (x, weight)


def projections_backward(dy, cache):
    x, weight = cache
    dh = np.concatenate(dy, -1)
    return grads(x=dh @ weight.T, weight=x.T @ dh)


class Top(NamedTuple):
    """Numbers, and where they stood."""

    value: Any
    place: Any


def top_forward(x):
    place = x.argmax(-1)
    return Top(x.max(-1), place), (x.shape, place)


def top_backward(dy, cache):
    shape, place = cache
    dx = np.zeros(shape, dy.value.dtype)
    np.put_along_axis(dx, place[..., None], dy.value[..., None], -1)
    return grads(x=dx)


class Uneven(NamedTuple):
    """A large output beside a small one."""

    large: Any
    small: Any


def uneven_forward(x):
    return Uneven(1e9 * np.tanh(x), 1e-9 * np.exp(x)), x


def uneven_backward(dy, x):
    return grads(x=1e9 * dy.large / np.cosh(x) ** 2 + 1e-9 * dy.small * np.exp(x))


class Found(NamedTuple):
    """Outputs within outputs."""

    scores: Any
    box: Polar


def found_forward(x):
    scores, c_scores = log_softmax_forward(x)
    return Found(scores, Polar(x * x, {"sum": x.sum(-1)})), (c_scores, x)


def found_backward(dy, cache):
    c_scores, x = cache
    dx = log_softmax_backward(dy.scores, c_scores).x + 2 * dy.box.radius * x
    return grads(x=dx + dy.box.angle["sum"][..., None])
