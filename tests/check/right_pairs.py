"""Right pairs of unusual kinds: the checker must accept every one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from minivit.ops import (
    attention_backward,
    attention_forward,
    conv2d_backward,
    conv2d_forward,
    gelu_backward,
    gelu_forward,
    l1_backward,
    l1_forward,
    layer_norm_backward,
    layer_norm_forward,
    linear_backward,
    linear_forward,
    log_softmax_backward,
    log_softmax_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    mse_backward,
    mse_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    softmax_backward,
    softmax_forward,
)
from tests.check import small_pairs as p
from tests.check.small_pairs import grads, normal


class Right(NamedTuple):
    """``backward`` fits ``forward(*args, **kwargs)``."""

    what: str
    forward: Callable
    backward: Callable
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)


@dataclass(frozen=True)
class Kept:
    """A cache that is no tuple."""

    y: Any


class Output(NamedTuple):
    """What forward returns, by name."""

    y: Any
    cache: Any


class Scale:
    """A forward that is an object."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor, self.factor


def softmax_by(keep, get):
    """Softmax, with its output kept in some kind of cache."""

    def forward(x):
        y, _ = softmax_forward(x)
        return y, keep(y)

    def backward(dy, cache):
        y = get(cache)
        return grads(x=y * (dy - (dy * y).sum(-1, keepdims=True)))

    return forward, backward


def drop_forward(x, rate, rng):
    factor = (rng.random(x.shape) >= rate).astype(x.dtype) / (1 - rate)
    return x * factor, factor


def drop_backward(dy, factor):
    return grads(x=dy * factor)


def seeded_forward(x, seed):
    return drop_forward(x, 0.5, np.random.default_rng(seed))


def own_arrays_forward(x):
    y = x * 2
    y += 1
    np.tanh(y, out=y)
    return y, y


def own_arrays_backward(dy, y):
    dx = y * y
    dx -= 1
    dx *= -2
    dx *= dy
    return grads(x=dx)


def loss_forward(x):
    return float((x * x).sum()), x


def loss_backward(dy, x):
    return grads(x=2 * dy * x)


def logarithm_forward(x):
    if (x <= 0).any():
        raise ValueError("x must be positive")
    return np.log(x), x


def logarithm_backward(dy, x):
    return grads(x=dy / x)


def root_forward(x):
    y = np.sqrt(x)
    return y, y


def root_backward(dy, y):
    return grads(x=dy / (2 * y))


def weighted_forward(x, *, class_weights):
    return x * class_weights, class_weights


def weighted_backward(dy, class_weights):
    return grads(x=dy * class_weights)


def both_forward(x, *, weight):
    return x @ weight, (x, weight)


def both_backward(dy, cache):
    x, weight = cache
    return grads(x=dy @ weight.T, weight=x.T @ dy)


def each(nest):
    """Tanh and its double, in some kind of nest, whose cotangents are taken out of it again."""
    put, take = nest

    def forward(x):
        y = np.tanh(x)
        return put(y, 2 * y), y

    def backward(dy, y):
        one, other = take(dy)
        return grads(x=(one + 2 * other) * (1 - y * y))

    return forward, backward


def of(kind):
    """Backward takes cotangents of the type that forward made."""

    def take(dy):
        assert type(dy) is kind
        return dy.values() if kind is dict else dy

    return take


def kept_forward(x, rate, rng):
    kept = rng.random(x.shape) >= rate
    return p.Polar(x * kept, kept), kept


def kept_backward(dy, kept):
    return grads(x=dy.radius * kept)


def nothing_asked_forward(x, *, need_weights=False):
    y = np.exp(x)
    return p.Polar(y, 2 * y if need_weights else None), y


def nothing_asked_backward(dy, y):
    dexp = dy.radius if dy.angle is None else dy.radius + 2 * dy.angle
    return grads(x=dexp * y)


def loss_and_rows_forward(x):
    return p.Polar(float((x * x).sum()), x.sum(-1)), x


def loss_and_rows_backward(dy, x):
    assert type(dy.radius) is float
    return grads(x=2 * dy.radius * x + dy.angle[..., None])


def split_forward(x, sizes):
    return tuple(part.copy() for part in np.split(x, np.cumsum(sizes)[:-1], -1)), None


def split_backward(dy, cache):
    return grads(x=np.concatenate(dy, -1))


def normed_forward(x):
    """An output without axes beside the array."""
    norm = np.sqrt((x * x).sum())
    return p.Polar(np.asarray(norm), x / norm), (x / norm, norm)


def normed_backward(dy, cache):
    unit, norm = cache
    return grads(x=dy.radius * unit + (dy.angle - unit * (dy.angle * unit).sum()) / norm)


def views_forward(x):
    y = np.exp(x)
    return [y, y.T, y[:1]], y


def views_backward(dy, y):
    dexp = dy[0] + dy[1].T
    dexp[:1] += dy[2]
    return grads(x=dexp * y)


def masked_forward(x):
    logs, cache = log_softmax_forward(x)
    return p.Polar(logs, np.exp(logs)), (cache, np.exp(logs))


def masked_backward(dy, cache):
    c_logs, y = cache
    return grads(x=log_softmax_backward(dy.radius + dy.angle * y, c_logs).x)


def average_forward(x, ids):
    return x[ids].mean(0), (len(x), ids)


def average_backward(dy, cache):
    length, ids = cache
    dx = np.zeros((length, *dy.shape), dy.dtype)
    np.add.at(dx, ids, dy / len(ids))
    return grads(x=dx, ids=None)


X, ROWS, WEIGHT, BIAS = normal(4, 5), normal(3, 5), normal(5, 4), normal(4)
FORBIDDEN = np.where(np.arange(15).reshape(3, 5) % 4 == 1, -np.inf, 0.0)
POSITIVE = 0.5 + np.abs(normal(4, 5))
IDS = np.array([2, 0, 2, 2])
WITH_ZEROS = np.maximum(np.round(2 * X), 0)
TIED = np.array([[1.0, 3, 3, 2], [0, 0, 0, 0], [5, 1, 5, 5]])
ATTENTION = (normal(3, 4), normal(5, 4), normal(5, 6))

# One pair, one row.
# fmt: off
RIGHT = [
    Right("cache: dataclass", *softmax_by(Kept, lambda c: c.y), (X,)),
    Right("cache: object with attributes", *softmax_by(lambda y: SimpleNamespace(y=y), lambda c: c.y), (X,)),
    Right("cache: dict", *softmax_by(lambda y: {"y": y}, lambda c: c["y"]), (X,)),
    Right("cache: list", *softmax_by(lambda y: [None, [y]], lambda c: c[1][0]), (X,)),
    Right("cache: function", *softmax_by(lambda y: lambda: y, lambda c: c()), (X,)),
    Right("cache: none", p.identity_forward, p.identity_backward, (X,)),
    Right("forward returns a list", lambda x: [x * 2, None], lambda dy, c: grads(x=2 * dy), (X,)),
    Right("forward returns a named pair", lambda x: Output(x * 2, None), lambda dy, c: grads(x=2 * dy), (X,)),
    Right("forward is an object", Scale(3.0), lambda dy, c: grads(x=c * dy), (X,)),
    Right("y is a Python float", loss_forward, loss_backward, (X,)),
    Right("y is an array without axes", lambda x: (np.asarray((x * x).sum()), x), loss_backward, (X,)),
    Right("several parts", p.concat_forward, p.concat_backward, (X, normal(4, 3), normal(4, 2))),
    Right("a list of arrays", lambda parts: p.concat_forward(*parts), p.concat_backward, ([X, normal(4, 3)],)),
    Right("a dict of parameters", p.dense_forward, p.dense_backward, (ROWS, {"weight": WEIGHT, "bias": BIAS})),
    Right("an array by keyword", linear_forward, linear_backward, (ROWS,), {"bias": BIAS, "weight": WEIGHT}),
    Right("all by keyword", linear_forward, linear_backward, (), {"weight": WEIGHT, "x": ROWS}),
    Right("a keyword-only array without gradient", weighted_forward, weighted_backward, (X,),
        {"class_weights": normal(5)}),
    Right("a keyword-only array with gradient", both_forward, both_backward, (ROWS,), {"weight": WEIGHT}),
    Right("a declared constant", linear_forward, lambda dy, c: grads(x=dy @ c.weight.T), (ROWS, WEIGHT),
        {"constants": ("weight",)}),
    Right("an option by partial", partial(seeded_forward, seed=3), drop_backward, (X,)),
    Right("a float with a gradient", p.scale_forward, p.scale_backward, (X, 2.0)),
    Right("a float without a gradient", p.scale_forward, lambda dy, c: grads(x=dy * c[1]), (X, 2.0)),
    Right("a number of NumPy's", p.scale_forward, lambda dy, c: grads(x=dy * c[1]), (X, np.float64(2.0))),
    Right("an array without axes", p.scale_forward, p.scale_backward, (X, np.array(2.0))),
    Right("everything without axes", p.exp_forward, p.exp_backward, (np.array(0.5),)),
    Right("integers", p.take_forward, p.take_backward, (normal(3, 5), IDS)),
    Right("integers with a gradient of None", average_forward, average_backward, (normal(3, 5), IDS)),
    Right("a mask by position", p.masked_forward, p.masked_backward, (X, X > 0)),
    Right("a generator by position", drop_forward, drop_backward, (X, 0.5, np.random.default_rng(0))),
    Right("a list as an option", lambda x, axes: (x.transpose(axes), axes),
        lambda dy, axes: grads(x=dy.transpose(np.argsort(axes))), (normal(2, 3, 4), [2, 0, 1])),
    Right("no rows", linear_forward, linear_backward, (np.zeros((0, 5)), WEIGHT, BIAS)),
    Right("no rows in the middle", softmax_forward, softmax_backward, (np.zeros((2, 0, 3)),)),
    Right("one number", softmax_forward, softmax_backward, (np.ones((1, 1)),)),
    Right("five leading axes", layer_norm_forward, layer_norm_backward,
        (normal(2, 1, 3, 2, 2, 9), normal(9), normal(9))),
    Right("float32", gelu_forward, gelu_backward, (X.astype(np.float32),)),
    Right("the other byte order", gelu_forward, gelu_backward, (X.astype(">f8"),)),
    Right("columns first in memory", linear_forward, linear_backward, (np.asfortranarray(ROWS), WEIGHT[::-1], BIAS)),
    Right("minus infinity in a softmax", softmax_forward, softmax_backward, (normal(3, 5) + FORBIDDEN,)),
    Right("minus infinity in its logarithm", log_softmax_forward, log_softmax_backward, (normal(3, 5) + FORBIDDEN,)),
    Right("minus infinity in a bias", attention_forward, attention_backward, (*ATTENTION, FORBIDDEN)),
    Right("dy itself", p.identity_forward, p.identity_backward, (X,)),
    Right("a view of dy", lambda x: (x.T.copy(), None), lambda dy, c: grads(x=dy.T), (X,)),
    Right("in place on its own arrays", own_arrays_forward, own_arrays_backward, (X,)),
    Right("a step", lambda x: (np.floor(x), None), lambda dy, c: grads(x=0 * dy), (X,)),
    Right("a Fourier transform", p.spectrum_forward, p.spectrum_backward, (normal(3, 9),)),
    Right("statistics of the batch", p.batch_norm_forward, p.batch_norm_backward, (normal(7, 4),)),
    Right("kinks: relu at zero", relu_forward, relu_backward, (WITH_ZEROS,)),
    Right("kinks: relu close to zero", relu_forward, relu_backward, (np.array([1e-7, -1e-6, 1e-5, 1, -2, 0.5]),)),
    Right("kinks: ties of a maximum", p.largest_forward, p.largest_backward, (TIED,)),
    Right("kinks: ties of a pooled maximum", max_pool2d_forward, max_pool2d_backward,
        (np.tile(TIED, (3, 1))[None, :6, :, None],), {"kernel_size": 2}),
    Right("kinks: an absolute value at zero", l1_forward, l1_backward, (WITH_ZEROS, np.zeros((4, 5))),
        {"constants": ("target",)}),
    Right("the end of the domain", logarithm_forward, logarithm_backward, (np.array([1e-7, 1e-3, 2.0]),)),
    Right("a root of almost nothing", root_forward, root_backward, (np.array([1e-8, 1e-3, 2.0]),)),
    Right("a huge output, a small slope", lambda x: (1e8 + x, None), p.identity_backward, (X,)),
    Right("a huge factor", lambda x: (1e30 * x, None), lambda dy, c: grads(x=1e30 * dy), (X,)),
    Right("a tiny factor", lambda x: (1e-30 * x, None), lambda dy, c: grads(x=1e-30 * dy), (X,)),
    Right("flat: a cube at zero", lambda x: (x * x * x, x), lambda dy, x: grads(x=3 * dy * x * x), (np.zeros((3, 4)),)),
    Right("flat: saturated", sigmoid_forward, sigmoid_backward, (1000 * X,)),
    Right("flat: a softmax that has decided", softmax_forward, softmax_backward, (1000 * X,)),
    Right("pixels from 0 to 255", mse_forward, mse_backward, (np.round(100 + 50 * X), np.round(90 + 60 * X[::-1])),
        {"constants": ("target",)}),
    Right("a small spread", layer_norm_forward, layer_norm_backward, (1 + 0.01 * normal(3, 9), normal(9), normal(9))),
    Right("a small spread far out", layer_norm_forward, layer_norm_backward,
        (1e6 + normal(3, 9), normal(9), normal(9))),
    Right("rows of all scales", layer_norm_forward, layer_norm_backward,
        (normal(4, 9) * np.array([[1e-3], [1], [30], [1e3]]), normal(9), normal(9))),
    Right("large numbers", linear_forward, linear_backward, (1e4 * ROWS, 1e4 * WEIGHT, 1e4 * BIAS)),
    Right("outputs: a NamedTuple", p.polar_forward, p.polar_backward, (POSITIVE, X)),
    Right("outputs: a tuple", *each((lambda *y: y, of(tuple))), (X,)),
    Right("outputs: a list", *each((lambda *y: [*y], of(list))), (X,)),
    Right("outputs: a dict", *each((lambda one, other: {"one": one, "other": other}, of(dict))), (X,)),
    Right("outputs: within outputs", p.found_forward, p.found_backward, (X,)),
    Right("outputs: a NamedTuple of one", lambda x: (grads(y=2 * x), None), lambda dy, c: grads(x=2 * dy.y), (X,)),
    Right("outputs: three of one shape", p.projections_forward, p.projections_backward, (ROWS, normal(5, 6))),
    Right("outputs: numbers and their places", p.top_forward, p.top_backward, (X,)),
    Right("outputs: a mask, by a generator", kept_forward, kept_backward, (X, 0.5, np.random.default_rng(0))),
    Right("outputs: None", nothing_asked_forward, nothing_asked_backward, (X,)),
    Right("outputs: not None", nothing_asked_forward, nothing_asked_backward, (X,), {"need_weights": True}),
    Right("outputs: a bool and an integer of Python's", lambda x: ((x * 2, True, 3, np.int64(4)), None),
        lambda dy, c: grads(x=2 * dy[0]) if dy[1:] == (None, None, None) else None, (X,)),
    Right("outputs: a Python float", loss_and_rows_forward, loss_and_rows_backward, (X,)),
    Right("outputs: an array without axes", normed_forward, normed_backward, (X,)),
    Right("outputs: an empty one", split_forward, split_backward, (X, [2, 0, 3])),
    Right("outputs: all empty", split_forward, split_backward, (X[:0], [2, 3])),
    Right("outputs: the input itself", lambda x: ((x, x.T), None), lambda dy, c: grads(x=dy[0] + dy[1].T), (X,)),
    Right("outputs: one memory", views_forward, views_backward, (X,)),
    Right("outputs: one of dy as a gradient", lambda a, b: (p.Polar(a + 0, b + 0), None),
        lambda dy, c: grads(a=dy.radius, b=dy.angle), (X, POSITIVE)),
    Right("outputs: minus infinity in one", masked_forward, masked_backward, (normal(3, 5) + FORBIDDEN,)),
    Right("outputs: a large and a small one", p.uneven_forward, p.uneven_backward, (X,)),
    Right("outputs: one is a step", lambda x: (p.Polar(np.floor(x), x * x), x),
        lambda dy, x: grads(x=2 * dy.angle * x), (X,)),
    Right("outputs: one without an argument", lambda x, a: (p.Polar(np.exp(x), np.ones(3, x.dtype)), np.exp(x)),
        lambda dy, y: grads(x=dy.radius * y, a=np.zeros(4, y.dtype)), (X, BIAS)),
    Right("outputs: float32", p.polar_forward, p.polar_backward,
        (POSITIVE.astype(np.float32), X.astype(np.float32))),
    Right("large next to small ones", conv2d_forward, conv2d_backward,
        (1e4 * normal(2, 5, 6, 3), 1e-4 * normal(2, 2, 3, 4))),
]
# fmt: on
