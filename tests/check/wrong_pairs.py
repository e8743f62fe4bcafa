"""More wrong backward passes: gradients left out, single places, state, formulas, one of several outputs.

The checker must catch every one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minivit.check import GradientError
from minivit.ops import (
    add_positions_backward,
    add_positions_forward,
    attention_backward,
    attention_forward,
    gelu_backward,
    gelu_forward,
    layer_norm_backward,
    layer_norm_forward,
    linear_backward,
    linear_forward,
    mse_backward,
    mse_forward,
    relu_forward,
    softmax_backward,
    softmax_forward,
)
from tests.check import small_pairs as p
from tests.check.small_pairs import grads, normal


class Wrong(NamedTuple):
    """``backward(dy, cache)`` does not fit ``forward(*args, **kwargs)``; ``says`` is a part of the message expected."""

    what: str
    forward: Callable
    backward: Callable
    args: tuple[Any, ...]
    says: str = "is wrong"
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    error: type[Exception] = GradientError


def without(backward, *names):
    """The gradients, some of them left out of the tuple."""

    def shorter(dy, cache):
        return grads(**{name: grad for name, grad in backward(dy, cache)._asdict().items() if name not in names})

    return shorter


def changed(backward, change, name="x"):
    """The gradients, one of them changed in place on a copy."""

    def other(dy, cache):
        right = backward(dy, cache)
        grad = getattr(right, name).copy()
        replaced = change(grad)
        return right._replace(**{name: grad if replaced is None else replaced})

    return other


def setting(place, value):
    def change(grad):
        grad[place] = value

    return change


def scaling(place, factor):
    def change(grad):
        grad[place] *= factor

    return change


def swap(grad):
    grad[3, 4], grad[5, 6] = grad[5, 6], grad[3, 4]


def upper_triangle(grad):
    return np.tril(grad)


def relative_noise(size):
    def change(grad):
        return grad * (1 + size * np.random.default_rng(0).standard_normal(grad.shape))

    return change


@dataclass(slots=True)
class Kept:
    """A cache that is no tuple, and has no __dict__ either."""

    y: Any


def softmax_dataclass_forward(x):
    y, _ = softmax_forward(x)
    return y, Kept(y)


def writes_into_dataclass(dy, cache):
    cache.y *= 1.0
    return grads(x=cache.y * (dy - (dy * cache.y).sum(-1, keepdims=True)))


def writes_into_a_view_of_dy(dy, cache):
    flat = dy.reshape(-1)
    flat *= 2
    return grads(x=dy)


def masked_writing_forward(x, mask):
    mask[0] = True
    return x * mask, mask


def counting(dy, cache, calls=[]):  # noqa: B006 (hidden state is the bug)
    calls.append(0)
    return grads(x=dy * len(calls))


def in_half(backward):
    def halved(dy, cache):
        right = backward(dy.astype(np.float16), cache)
        return right._replace(x=right.x.astype(dy.dtype))

    return halved


def bounded(limit):
    return lambda dy, cache: grads(x=np.clip(dy, -limit, limit))


def take_last_wins(dy, cache):
    shape, ids = cache
    dtable = np.zeros(shape, dy.dtype)
    dtable[ids] = dy
    return grads(table=dtable)


def only_float32_is_wrong(dy, cache):
    return grads(x=dy * (1.01 if dy.dtype == np.float32 else 1))


def with_dy(backward, **changes):
    """The backward, called with other cotangents: ``angle=lambda dy: 2 * dy.radius``."""

    def other(dy, cache):
        return backward(dy._replace(**{name: change(dy) for name, change in changes.items()}), cache)

    return other


def writes_into_one_cotangent(dy, cache):
    dy.angle[0] = 0
    return p.polar_backward(dy, cache)


def writes_into_one_of_a_dict(dy, cache):
    dy.box.angle["sum"] *= 1
    return p.found_backward(dy, cache)


def adds_a_product(dy, cache):
    right = p.polar_backward(dy, cache)
    return right._replace(a=right.a + dy.radius * dy.angle)


def hidden_in_one(dy, cache, calls=[]):  # noqa: B006 (hidden state is the bug)
    calls.append(0)
    return with_dy(p.polar_backward, angle=lambda dy: dy.angle * len(calls))(dy, cache)


def half_in_one(dy):
    return dy.angle.astype(np.float16).astype(dy.angle.dtype)


def polar_with(change):
    """A forward whose angle is something else."""

    def forward(a, b):
        y, cache = p.polar_forward(a, b)
        return y._replace(angle=change(y.angle)), cache

    return forward


X = normal(40, 40)
ROWS, WEIGHT, BIAS = normal(3, 5), normal(5, 4), normal(4)
Q, K, V = normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 6)
POSITIVE = 0.5 + np.abs(normal(4, 6))
IDS = np.array([2, 0, 2, 2])
MASK = np.arange(20).reshape(4, 5) % 3 > 0


def linear(change):
    return lambda dy, c: change(dy, c, linear_backward(dy, c))


# One mistake, one row.
# fmt: off
LEFT_OUT = [
    Wrong("bias", linear_forward, without(linear_backward, "bias"), (ROWS, WEIGHT, BIAS), "bias is left out"),
    Wrong("weight", linear_forward, without(linear_backward, "weight"), (ROWS, WEIGHT), "weight is left out"),
    Wrong("x and weight", linear_forward, without(linear_backward, "x", "weight"), (ROWS, WEIGHT), "x is left out"),
    Wrong("an array by keyword", linear_forward, without(linear_backward, "bias"), (ROWS, WEIGHT),
        "bias is left out", {"bias": BIAS}),
    Wrong("None for an array by keyword", linear_forward, linear(lambda dy, c, g: g._replace(bias=None)),
        (ROWS, WEIGHT), "bias is None", {"bias": BIAS}),
    Wrong("a table", add_positions_forward, without(add_positions_backward, "positions"), (Q, normal(3, 4)),
        "positions is left out"),
    Wrong("the values", attention_forward, without(attention_backward, "v", "bias"), (Q, K, V), "v is left out"),
    Wrong("gamma", layer_norm_forward, without(layer_norm_backward, "gamma"), (normal(3, 9), normal(9), normal(9)),
        "gamma is left out"),
    Wrong("a target that nobody declared", mse_forward, mse_backward, (ROWS, 2 * ROWS), "constants=('target',)"),
    Wrong("an array without axes", p.scale_forward, without(p.scale_backward, "a"), (ROWS, np.array(2.0)),
        "a is left out"),
    Wrong("one of several parts", p.concat_forward, lambda dy, c: grads(parts=(dy[:, :5], None)), (ROWS, ROWS),
        "parts[1] is None"),
    Wrong("the last part", p.concat_forward, lambda dy, c: grads(parts=(dy[:, :5],)), (ROWS, ROWS),
        "parts[1] is left out"),
    Wrong("one of a dict", p.dense_forward, lambda dy, c: grads(x=dy @ WEIGHT.T, params={"weight": ROWS.T @ dy}),
        (ROWS, {"weight": WEIGHT, "bias": BIAS}), "params['bias'] is left out"),
    Wrong("all of it", p.identity_forward, lambda dy, c: grads(), (ROWS,), "x is left out"),
]

FORMS = [
    Wrong("integers, and a gradient of zeros", relu_forward, lambda dy, c: grads(x=np.zeros(6)),
        (np.arange(6) - 3,), "no array of floating-point numbers (x is an array of int64", error=TypeError),
    Wrong("integers beside floats", p.add_forward, p.add_backward, (np.arange(6).reshape(2, 3), normal(3)),
        "x has dtype int64", error=TypeError),
    Wrong("a result of integers", lambda x: (np.round(x).astype(int), None), p.identity_backward, (ROWS,),
        "forward makes int64", error=TypeError),
    Wrong("a gradient of integers", p.identity_forward, lambda dy, c: grads(x=np.sign(dy).astype(int)), (ROWS,),
        "gradient of x is int64"),
    Wrong("a gradient of bools", relu_forward, lambda dy, c: grads(x=c.positive), (ROWS,), "gradient of x is bool"),
    Wrong("a gradient in float32", p.identity_forward, lambda dy, c: grads(x=dy.astype(np.float32)), (ROWS,),
        "gradient of x is float32"),
    Wrong("a list of gradients", p.identity_forward, lambda dy, c: grads(x=[*dy]), (ROWS,), "does not fit x"),
    Wrong("an array for a list", lambda parts: (np.stack(parts), None), lambda dy, c: grads(parts=dy),
        ([ROWS, ROWS],), "parts does not fit parts[0], parts[1]"),
    Wrong("a text", p.identity_forward, lambda dy, c: grads(x="dy"), (ROWS,), "gradient of x is a str"),
    Wrong("the array itself", p.identity_forward, lambda dy, c: dy, (ROWS,), "expected a NamedTuple of gradients"),
    Wrong("a dict", p.identity_forward, lambda dy, c: {"x": dy}, (ROWS,), "returned a dict; expected a NamedTuple"),
    Wrong("nothing", p.identity_forward, lambda dy, c: None, (ROWS,), "returned None"),
    Wrong("another name", p.identity_forward, lambda dy, c: grads(dx=dy), (ROWS,), "'dx' is not an argument"),
    Wrong("one axis too many", p.add_forward, lambda dy, c: grads(x=dy.copy(), b=dy.sum(0, keepdims=True)),
        (ROWS, normal(5)), "b has shape (1, 5), the argument (5,)"),
    Wrong("a number for an array", p.add_forward, lambda dy, c: grads(x=dy.copy(), b=dy.sum()), (ROWS, normal(5)),
        "b has shape ()"),
    Wrong("no cache", lambda x: x * 2, p.identity_backward, (ROWS,), "expected the pair (y, cache)"),
    Wrong("no cache, two rows", lambda x: x * 2, p.identity_backward, (ROWS[:2],), "expected the pair (y, cache)"),
    Wrong("no result", lambda x: None, p.identity_backward, (ROWS,), "forward returned None"),
    Wrong("float32 from float64", lambda x: (x.astype(np.float32), None), p.identity_backward, (ROWS,),
        "from float64 forward makes float32"),
]

PLACES = [
    Wrong(what, gelu_forward, changed(gelu_backward, change), (X,), says)
    for what, change, says in [
        ("the first number is zero", setting((0, 0), 0), "worst: index (0, 0)"),
        ("the last number is zero", setting((-1, -1), 0), "worst: index (39, 39)"),
        ("a number is doubled", scaling((17, 23), 2), "worst: index (17, 23)"),
        ("a number has the wrong sign", scaling((17, 23), -1), "there: off by the factor -1"),
        ("a number is off by one in a thousand", scaling((8, 9), 1.001), "worst: index (8, 9)"),
        ("a number is off by one in a hundred thousand", scaling((0, 8), 1.00001), "worst: index (0, 8)"),
        ("two numbers are exchanged", swap, "worst: index"),
        ("a number is nan", setting((8, 9), np.nan), "nan or infinity in 1 places, first at index (8, 9)"),
        ("a number is infinite", setting((8, 9), np.inf), "nan or infinity"),
        ("the last row is forgotten", setting(-1, 0), "nothing reaches index 39 of axis 0"),
        ("the last column is off by one in a thousand", scaling((slice(None), -1), 1.001), "index 39 of axis 1"),
        ("the first column is doubled", scaling((slice(None), 0), 2), "right except at index 0 of axis 1"),
        ("a block is off by one in ten thousand", scaling((slice(5, 10), slice(5, 10)), 1.0001), "5 to 9"),
        ("every second row is forgotten", setting(slice(None, None, 2), 0), "nothing reaches indices 0, 2, 4"),
        ("the diagonal is zero", scaling((np.arange(40), np.arange(40)), 0), "#......."),
        ("the upper triangle is zero", upper_triangle, "is wrong"),
        ("small numbers are dropped", lambda grad: grad * (np.abs(grad) > 0.01), "is wrong"),
        ("large numbers are cut off", lambda grad: np.clip(grad, -2, 2), "is wrong"),
        ("rounded to float32", lambda grad: grad.astype(np.float32).astype(grad.dtype), "is wrong"),
        ("noise of one in a million", relative_noise(1e-6), "is wrong"),
        ("right up to a millionth of a number", lambda grad: grad + 1e-6, "is wrong"),
    ]
]

STATE = [
    Wrong("writes into a dataclass", softmax_dataclass_forward, writes_into_dataclass, (ROWS,), "writes into"),
    Wrong("writes into dy by a view", p.identity_forward, writes_into_a_view_of_dy, (ROWS,), "writes into"),
    Wrong("forward writes into a mask", masked_writing_forward, p.masked_backward, (normal(4, 5), MASK.copy()),
        "forward: writes into"),
    Wrong("counts its calls", p.identity_forward, counting, (ROWS,), "second backward"),
    Wrong("draws random numbers", p.identity_forward,
        lambda dy, c: grads(x=dy + 1e-9 * np.random.default_rng().random(dy.shape)), (ROWS,), "second backward"),
    Wrong("cuts dy off at ten", p.identity_forward, bounded(10), (ROWS,), "not linear in dy"),
    Wrong("cuts dy off at a thousand", p.identity_forward, bounded(1000), (ROWS,), "not linear in dy"),
    Wrong("drops what is below 1e-3", p.identity_forward, lambda dy, c: grads(x=dy * (np.abs(dy) > 1e-3)), (ROWS,),
        "not linear in dy"),
    Wrong("normalises dy", p.identity_forward, lambda dy, c: grads(x=dy / np.abs(dy).max()), (ROWS,)),
    Wrong("one array for all parts", lambda *parts: (sum(parts), None), lambda dy, c: grads(parts=(dy, dy[:])),
        (ROWS, 2 * ROWS), "gradients of parts[0] and parts[1] share memory"),
    Wrong("one number stretched over all places", lambda x: (x.sum(), x.shape),
        lambda dy, shape: grads(x=np.broadcast_to(dy, shape)), (ROWS,), "cannot be changed"),
    Wrong("in half precision", gelu_forward, in_half(lambda dy, c: gelu_backward(dy.astype(np.float64), c)), (X,)),
    Wrong("right in float64 only", p.identity_forward, only_float32_is_wrong, (ROWS,), "in float32 is off by"),
]

FORMULAS = [
    Wrong("exp: by x", p.exp_forward, lambda dy, y: grads(x=dy * np.log(y)), (ROWS,)),
    Wrong("exp: without dy", p.exp_forward, lambda dy, y: grads(x=y.copy()), (ROWS,)),
    Wrong("divide: sign of b", p.divide_forward, lambda dy, c: p.divide_backward(dy, c)._replace(b=dy * c[0] / c[1]**2),
        (ROWS, 2 + ROWS * ROWS), "wrong sign"),
    Wrong("divide: b without its square", p.divide_forward,
        lambda dy, c: p.divide_backward(dy, c)._replace(b=-dy * c[0] / c[1]), (ROWS, 2 + ROWS * ROWS)),
    Wrong("matmul: square, not transposed", p.matmul_forward,
        lambda dy, c: grads(a=dy @ c[1], b=c[0].mT @ dy), (normal(4, 4), 2 * normal(4, 4))),
    Wrong("matmul: a and b exchanged", p.matmul_forward,
        lambda dy, c: grads(b=dy @ c[1].mT, a=c[0].mT @ dy), (normal(4, 4), 2 * normal(4, 4)), "in the place of a"),
    Wrong("mean: summed", p.mean_forward, lambda dy, s: grads(x=np.repeat(dy[..., None], s[-1], -1)), (ROWS,),
        "the width (summed instead of averaged?)"),
    Wrong("mean: by the batch", p.mean_forward, lambda dy, s: grads(x=np.repeat(dy[..., None], s[-1], -1) / s[0]),
        (ROWS,), "off by the constant factor"),
    Wrong("variance: by n - 1", p.variance_forward, lambda dy, c: grads(x=dy[..., None] * c * 2 / (c.shape[-1] - 1)),
        (ROWS,), "off by the constant factor 1.25"),
    Wrong("variance: without the 2", p.variance_forward, lambda dy, c: grads(x=dy[..., None] * c / c.shape[-1]),
        (ROWS,), "off by the constant factor 0.5"),
    Wrong("length: not divided", p.length_forward, lambda dy, c: grads(x=p.length_backward(dy, c).x * c[1]), (ROWS,),
        "a factor of its own for each"),
    Wrong("length: without the projection", p.length_forward, lambda dy, c: grads(x=dy / c[1]), (ROWS,)),
    Wrong("cumsum: forwards", p.cumsum_forward, lambda dy, c: grads(x=np.cumsum(dy, -1)), (ROWS,)),
    Wrong("take: the last one wins", p.take_forward, take_last_wins, (normal(3, 5), IDS), "index 2 of axis 0"),
    Wrong("largest: to the smallest", p.largest_forward,
        lambda dy, c: p.largest_backward(dy, (c[0], (c[1] + 1) % 5)), (ROWS,), "is wrong"),
    Wrong("largest: to all", p.largest_forward, lambda dy, c: grads(x=np.repeat(dy[:, None], 5, 1)), (ROWS,)),
    Wrong("concat: parts exchanged", p.concat_forward, lambda dy, c: grads(parts=(dy[:, 5:].copy(), dy[:, :5].copy())),
        (ROWS, 2 * ROWS), "in the place of parts[1]"),
    Wrong("dense: bias averaged", p.dense_forward,
        lambda dy, c: grads(x=dy @ WEIGHT.T, params={"weight": ROWS.T @ dy, "bias": dy.mean(0)}),
        (ROWS, {"weight": WEIGHT, "bias": BIAS}), "gradient of params['bias'] is wrong"),
    Wrong("masked: the other way round", p.masked_forward, lambda dy, mask: grads(x=dy * ~mask), (normal(4, 5), MASK)),
    Wrong("masked: not at all", p.masked_forward, lambda dy, mask: grads(x=dy.copy()), (normal(4, 5), MASK)),
    Wrong("batch norm: without the mean", p.batch_norm_forward,
        lambda dy, c: grads(x=(dy - c[0] * (dy * c[0]).mean(0)) * c[1]), (normal(7, 4),)),
    Wrong("batch norm: over the other axis", p.batch_norm_forward,
        lambda dy, c: grads(x=(dy - dy.mean(1, keepdims=True) - c[0] * (dy * c[0]).mean(0)) * c[1]), (normal(7, 4),)),
    Wrong("batch norm: another eps", lambda x: (p.batch_norm_forward(x)[0], p.batch_norm_forward(x, eps=2e-5)[1]),
        p.batch_norm_backward, (normal(7, 4),)),
    Wrong("spectrum: without the 2", p.spectrum_forward, lambda dy, c: grads(x=p.spectrum_backward(dy, c).x / 2),
        (normal(3, 8),), "off by the constant factor 0.5"),
    Wrong("softmax: over all numbers", softmax_forward, lambda dy, c: grads(x=c.y * (dy - (dy * c.y).sum())), (ROWS,)),
    Wrong("softmax: its own cotangent", softmax_forward, lambda dy, c: softmax_backward(c.y, c), (ROWS,)),
    Wrong("add: b from the first row", p.add_forward, lambda dy, c: grads(x=dy.copy(), b=dy[0].copy()),
        (ROWS, normal(5)), "right: x"),
    Wrong("scale: a averaged", p.scale_forward, lambda dy, c: p.scale_backward(dy, c)._replace(a=(dy * c[0]).mean()),
        (ROWS, np.array(2.0)), "1 / the number of elements (averaged instead of summed?)"),
    Wrong("scale: a float's gradient", p.scale_forward, lambda dy, c: grads(x=dy * c[1], a=dy.sum()), (ROWS, 2.0),
        "gradient of a is wrong"),
    Wrong("a huge output hides a small slope", lambda x: (1e6 + x, None), lambda dy, c: grads(x=dy * 1.0001), (ROWS,)),
    Wrong("almost saturated", softmax_forward, lambda dy, c: grads(x=softmax_backward(dy, c).x * 1.01),
        (8 * normal(3, 5),), "off by the constant factor 1.01"),
    Wrong("a step is no slope", lambda x: (np.floor(x), None), lambda dy, c: grads(x=dy.copy()), (ROWS,)),
]

POINTS = (POSITIVE, normal(4, 6))
SEVERAL = [
    Wrong(f"outputs: {what}", p.polar_forward, with_dy(p.polar_backward, **changes), POINTS, says)
    for what, says, changes in [
        ("one is ignored", "from dy.angle alone: the gradient of a is wrong", {"angle": lambda dy: 0 * dy.angle}),
        ("the first is ignored", "of the outputs: right for dy.angle; wrong for dy.radius",
            {"radius": lambda dy: 0 * dy.radius}),
        ("one is doubled", "of the outputs: right for dy.radius; wrong for dy.angle",
            {"angle": lambda dy: 2 * dy.angle}),
        ("one has the wrong sign", "off by the factor -1", {"radius": lambda dy: -dy.radius}),
        ("two are exchanged", "it would be right for dy.angle: are the two exchanged?",
            {"radius": lambda dy: dy.angle, "angle": lambda dy: dy.radius}),
        ("one is used twice", "what it would be for dy.angle is added: is a cotangent used twice?",
            {"angle": lambda dy: dy.radius + dy.angle}),
        ("one stands for all", "what it would be for dy.angle is added", {"angle": lambda dy: dy.radius}),
        ("one is nan", "the gradient of a is not finite", {"angle": lambda dy: dy.angle * np.nan}),
        ("one is cut off", "from dy.angle alone: the gradient of a is not linear in dy",
            {"angle": lambda dy: np.clip(dy.angle, -10, 10)}),
        ("one without small numbers", "from dy.angle alone: the gradient of a is not linear in dy",
            {"angle": lambda dy: dy.angle * (np.abs(dy.angle) > 1e-3)}),
        ("one in half precision", "from dy.angle alone: the gradient of a is wrong", {"angle": half_in_one}),
        ("one is right in float64 only", "from dy.angle alone: the gradient of a in float32 is off by",
            {"angle": lambda dy: dy.angle * (1.01 if dy.angle.dtype == np.float32 else 1)}),
        ("one has its last row forgotten", "nothing reaches index 3 of axis 0",
            {"angle": lambda dy: np.concatenate((dy.angle[:-1], 0 * dy.angle[-1:]))}),
        ("one counts only beside the other", "of the outputs: right for dy.radius; wrong for dy.angle",
            {"angle": lambda dy: dy.angle * dy.radius.any()}),
        ("one counts only without the other", "of the outputs: right for each alone, wrong for all together",
            {"angle": lambda dy: dy.angle * (not dy.radius.any())}),
    ]
] + [
    Wrong("outputs: writes into one of dy", p.polar_forward, writes_into_one_cotangent, POINTS,
        "writes into an input, the cache or dy"),
    Wrong("outputs: writes into one of a dict", p.found_forward, writes_into_one_of_a_dict, (ROWS,),
        "writes into an input, the cache or dy"),
    Wrong("outputs: their product", p.polar_forward, adds_a_product, POINTS,
        "right for each alone, wrong for all together"),
    Wrong("outputs: counts its calls for one", p.polar_forward, hidden_in_one, POINTS,
        "second backward"),
    Wrong("outputs: the small one is ignored", p.uneven_forward,
        with_dy(p.uneven_backward, small=lambda dy: 0 * dy.small), (ROWS,),
        "of the outputs: right for dy.large; wrong for dy.small"),
    Wrong("outputs: the small one is a percent off", p.uneven_forward,
        with_dy(p.uneven_backward, small=lambda dy: 1.01 * dy.small), (ROWS,), "off by the constant factor 1.01"),
    Wrong("outputs: queries for keys", p.projections_forward,
        with_dy(p.projections_backward, q=lambda dy: dy.k, k=lambda dy: dy.q), (ROWS, normal(5, 12)),
        "of the outputs: right for dy.v; wrong for dy.q, dy.k"),
    Wrong("outputs: no gradient for the values", p.projections_forward,
        with_dy(p.projections_backward, v=lambda dy: 0 * dy.v), (ROWS, normal(5, 12)),
        "of the outputs: right for dy.q, dy.k; wrong for dy.v"),
    Wrong("outputs: mean and variance exchanged", p.moments_forward,
        lambda dy, c: p.moments_backward(p.Moments(*dy[::-1]), c), (ROWS,), "it would be right for dy.variance"),
    Wrong("outputs: variance by n - 1", p.moments_forward,
        with_dy(p.moments_backward, variance=lambda dy: dy.variance * 5 / 4), (ROWS,),
        "off by the constant factor 1.25"),
    Wrong("outputs: numbers to another place", p.top_forward,
        lambda dy, c: p.top_backward(dy, (c[0], (c[1] + 1) % 5)), (ROWS,), "gradient of x is wrong"),
    Wrong("outputs: within outputs, one is ignored", p.found_forward,
        with_dy(p.found_backward, box=lambda dy: dy.box._replace(radius=0 * dy.box.radius)), (ROWS,),
        "of the outputs: right for dy.scores, dy.box.angle.sum; wrong for dy.box.radius"),
    Wrong("outputs: one of a list is ignored", lambda x: ([x * x, 3 * x], x),
        lambda dy, x: grads(x=2 * dy[0] * x), (ROWS,), "of the outputs: right for dy.0; wrong for dy.1"),
    Wrong("outputs: a number is ignored", lambda x: ({"loss": float((x * x).sum()), "y": x * 3}, x),
        lambda dy, x: grads(x=3 * dy["y"]), (ROWS,), "of the outputs: right for dy.y; wrong for dy.loss"),
    Wrong("outputs: one of dy for two arguments", lambda a, b: (p.Polar(a + b, a.sum()), None),
        lambda dy, c: grads(a=dy.radius, b=dy.radius), (ROWS, 2 * ROWS), "wrong for dy.angle"),
    Wrong("outputs: shared by two gradients", lambda a, b, c: (p.Polar(a + b, 1 * c), None),
        lambda dy, c: grads(a=dy.radius, b=dy.radius, c=dy.angle), (ROWS, 2 * ROWS, 3 * ROWS),
        "gradients of a and b share memory"),
    Wrong("outputs: float32 from float64", polar_with(lambda y: y.astype(np.float32)), p.polar_backward,
        POINTS, "from float64 forward makes float32 as y.angle"),
    Wrong("outputs: infinity in one", polar_with(lambda y: y + np.where(y == y.max(), np.inf, 0)), p.polar_backward,
        POINTS, "of y.angle; no gradient can be checked there"),
    Wrong("outputs: a text", polar_with(lambda y: "angle"), p.polar_backward, POINTS,
        "forward returned a str as y.angle; expected an array"),
    Wrong("outputs: texts", polar_with(lambda y: np.array(["angle"])), p.polar_backward, POINTS,
        "forward makes <U5 as y.angle, which has no gradient", error=TypeError),
    Wrong("outputs: none that has a gradient", lambda x: (p.Top(None, x.argmax(-1)), None), p.top_backward, (ROWS,),
        "nothing that has a gradient: y.value is None, y.place is an array of int64", error=TypeError),
    Wrong("outputs: another number for other numbers",
        lambda x: (p.Polar(x * 1, x * 2 if np.array_equal(x, ROWS) else None), None),
        lambda dy, c: grads(x=dy.radius + 2 * dy.angle), (ROWS,), "forward returns outputs of another number or shape"),
    Wrong("outputs: another shape for other numbers",
        lambda x: ([x[: 2 + np.array_equal(x, ROWS)].copy(), x * 2], None),
        lambda dy, c: grads(x=2 * dy[1] + dy[0].sum()), (ROWS,),
        "forward returns outputs of another number or shape"),
    Wrong("outputs: none at all", lambda x: ((), None), p.identity_backward, (ROWS,),
        "nothing that has a gradient: a tuple of 0", error=TypeError),
]
# fmt: on

WRONG = [*LEFT_OUT, *FORMS, *PLACES, *STATE, *FORMULAS, *SEVERAL]
