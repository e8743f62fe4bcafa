"""Scaled dot-product attention: with loops, as the definition says it, with one loop, then for all heads at once."""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import first_sample, with_options
from minivit.ops.attention import attention_forward
from minivit.ops.softmax import softmax_forward


def heads(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    shapes = ((B, H, N, K), (B, H, S, K), (B, H, S, V))
    return Case((*(rng.standard_normal(shape) for shape in shapes), None), {})


def one_head(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    return Case((q[0, 0], k[0, 0], v[0, 0]), {})


def with_bias(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    return Case((q, k, v, rng.standard_normal((q.shape[1], q.shape[2], k.shape[2]))), {})


def with_mask(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    mask = rng.random((q.shape[2], k.shape[2])) < 0.6
    mask[0] = False  # one query may look at nothing
    mask[1, 0] = True
    return Case((q, k, v, None), {"mask": mask})


def many_heads(rng: Generator) -> Case:
    q, k, v = (rng.standard_normal((64, 8, tokens, 4)) for tokens in (6, 7, 7))
    return Case((q, k, v, None), {})


def many_keys(rng: Generator) -> Case:
    return Case(tuple(rng.standard_normal((tokens, 4)) for tokens in (2, 10_000, 10_000)), {})


CASES = {
    "": heads,
    "without batch and heads": one_head,
    "with a scale of its own": with_options(heads, scale=0.3),
    "with a bias": with_bias,
    "with a mask": with_mask,
}


def named_sizes(case: Case) -> dict[str, float]:
    q, k = case.args[:2]
    found: dict[str, float] = {"the head width": q.shape[-1], "the queries": q.shape[-2], "the keys": k.shape[-2]}
    if q.ndim == 4:
        found |= {"the batch": q.shape[0], "the heads": q.shape[1]}
    if case.kwargs.get("scale"):
        found["scale"] = case.kwargs["scale"]
    return found


def one_sample(case: Case) -> Case | None:
    if case.args[0].ndim < 4 or case.kwargs.get("mask") is not None:
        return None
    return first_sample(3)(case)


def first_head(case: Case) -> Case | None:
    if case.args[0].ndim < 4 or case.args[-1] is not None or case.kwargs.get("mask") is not None:
        return None
    return Case((*(arg[:, :1] for arg in case.args[:3]), None), case.kwargs)


def is_a_mean(call: Call, rng: Generator) -> str | None:
    (q, k, v, _), _ = heads(rng)
    y = call(q, k, np.ones_like(v))[0]
    if np.allclose(y, 1, rtol=0, atol=1e-9):
        return None
    return f"if all values are 1, their weighted mean is 1; yours goes from {y.min():.4g} to {y.max():.4g}"


def order_of_keys(call: Call, rng: Generator) -> str | None:
    (q, k, v, _), _ = heads(rng)
    if np.allclose(call(q, k[..., ::-1, :], v[..., ::-1, :])[0], call(q, k, v)[0], rtol=0, atol=1e-9):
        return None
    return "exchanging keys together with their values must change nothing: attention knows no order"


def survives_large_scores(call: Call, rng: Generator) -> str | None:
    q, k = np.array([[1000.0], [-1000.0]]), np.array([[1.0], [0.999], [0.99]])
    y = call(q, k, np.eye(3), scale=1.0)[0]
    expected = np.exp([[0.0, -1.0, -10.0], [-10.0, -9.0, 0.0]])
    expected /= expected.sum(-1, keepdims=True)
    if np.allclose(y, expected, rtol=0, atol=1e-9):
        return None
    row = int(np.abs(y - expected).sum(-1).argmax()) if np.isfinite(y).all() else 0
    scores, yours, right = (", ".join(f"{x:.4g}" for x in line[row]) for line in (q * k.T, y, expected))
    return (
        f"scores of {scores} give the shares {yours}; they should be {right}. exp(1000) overflows and exp(-1000) is 0: "
        "subtract the largest score of each row first, or call softmax_forward"
    )


def scaled_by(factor):
    """What the forward gives with another scale."""
    return lambda t: attention_forward(*t.args, **{**t.kwargs, "scale": factor(t)})[0]


def softmax_over_queries(t: Trial) -> np.ndarray:
    q, k, v = t.args[:3]
    scale = t.kwargs.get("scale") or 1 / sqrt(q.shape[-1])
    weights = softmax_forward(np.ascontiguousarray((q * scale @ k.mT).mT))[0].mT
    return weights @ v


def scores(t: Trial) -> np.ndarray:
    """Of one head."""
    q, k, _ = t.args
    return q @ k.T / sqrt(q.shape[1])


def from_scores(output: str, softmax_backward: Callable[[Trial, np.ndarray], np.ndarray]):
    """The gradient of q or k with another way back through the softmax."""

    def gradient(t: Trial) -> np.ndarray:
        q, k, v, _, scale, _ = t.cache
        dscores = softmax_backward(t, t.dy @ v.mT)
        return scale * (dscores @ k if output == "dq" else dscores.mT @ q)

    return gradient


def no_sum(t: Trial, dweights: np.ndarray) -> np.ndarray:
    return dweights * t.cache.weights


def left_out(t: Trial, dweights: np.ndarray) -> np.ndarray:
    return dweights


def sum_over_queries(t: Trial, dweights: np.ndarray) -> np.ndarray:
    return t.cache.weights * (dweights - (dweights * t.cache.weights).sum(-2, keepdims=True))


def sum_added(t: Trial, dweights: np.ndarray) -> np.ndarray:
    return t.cache.weights * (dweights + (dweights * t.cache.weights).sum(-1, keepdims=True))


def sum_of_dweights(t: Trial, dweights: np.ndarray) -> np.ndarray:
    return t.cache.weights * (dweights - dweights.sum(-1, keepdims=True))


def all_scores(t: Trial) -> np.ndarray:
    """Of all heads, before the mask."""
    q, k, _, *bias = t.args
    scores = q @ k.mT * t.expected[1].scale
    return scores + bias[0] if bias and bias[0] is not None else scores


def masked_by(number: float):
    """Output where a finite number stands for minus infinity."""

    def y(t: Trial) -> np.ndarray:
        return softmax_forward(np.where(t.kwargs["mask"], all_scores(t), number))[0] @ t.args[2]

    return y


def masked_by_adding(t: Trial) -> np.ndarray:
    return attention_forward(*t.args[:3], bias=np.where(t.kwargs["mask"], 0.0, -1e9))[0]


ONE_HEAD_MISTAKES = (
    Mistake("y", scaled_by(lambda t: 1.0), "the scores are not divided by sqrt(K), the root of the head width"),
    Mistake("y", scaled_by(lambda t: 1 / t.args[0].shape[-1]), "the scores are divided by K; it is the root, sqrt(K)"),
    Mistake(
        "y",
        scaled_by(lambda t: 1 / sqrt(len(t.args[1]))),
        "the scores are divided by the root of the number of keys; it is the root of the head width",
    ),
    Mistake(
        "y",
        lambda t: np.exp(scores(t)) @ t.args[2],
        "the shares of a query must sum to one: divide each by the sum of all of them",
    ),
    Mistake(
        "y",
        lambda t: scores(t) / scores(t).sum(-1, keepdims=True) @ t.args[2],
        "the scores themselves are the shares: their exponentials must be",
    ),
    Mistake(
        "y",
        lambda t: np.tile(t.args[2].mean(0), (len(t.args[0]), 1)),
        "that is the plain mean of the values: the shares are missing",
    ),
)

BACKWARD_OF_SOFTMAX = {
    no_sum: "the softmax's backward lacks its sum: weights * (dweights - sum(dweights * weights))",
    left_out: "the backward of the softmax is left out: dweights is used as if it were dscores",
    sum_over_queries: "in the softmax's backward the sum runs over the queries; it runs over the keys, the last axis",
    sum_added: "in the softmax's backward the sum is added; it is subtracted: weights * (dweights - sum)",
    sum_of_dweights: "in the softmax's backward the sum runs over dweights alone; it must run over dweights * weights",
}
FINITE_MASK = (
    "forbidden scores are large negative numbers instead of -inf: a query that may look at nothing then gets a mean of "
    "the values; it must get zeros"
)

ATTENTION = Exercise(
    "attention",
    "scaled dot-product attention",
    60,
    (
        Task(
            "attention_loops",
            "minivit.ops.attention",
            "plain",
            {"": one_head},
            mistakes=ONE_HEAD_MISTAKES,
            sizes=named_sizes,
            axes={"y": "query width"},
            keep_loops=True,
        ),
        Task(
            "attention_one_loop",
            "minivit.ops.attention",
            "plain",
            {"": one_head},
            mistakes=ONE_HEAD_MISTAKES,
            big=many_keys,
            sizes=named_sizes,
            axes={"y": "query width"},
            keep_loops=True,
        ),
        Task(
            "attention_forward",
            "minivit.ops.attention",
            "forward",
            CASES,
            (
                Property("a mean of the values", is_a_mean),
                Property("the order of the keys does not matter", order_of_keys),
                Property("large scores do not overflow", survives_large_scores),
            ),
            (
                Mistake(
                    "y", scaled_by(lambda t: 1.0), "the scores are not multiplied by scale, 1 / sqrt(K) if not given"
                ),
                Mistake(
                    "y", scaled_by(lambda t: 1 / t.args[0].shape[-1]), "the scores are divided by K; it is sqrt(K)"
                ),
                Mistake(
                    "y",
                    scaled_by(lambda t: 1 / sqrt(t.args[1].shape[-2])),
                    "the scores are divided by the root of the number of keys; it is the root of the head width",
                ),
                Mistake("y", scaled_by(lambda t: sqrt(t.args[0].shape[-1])), "the scores are multiplied by sqrt(K)"),
                Mistake("y", scaled_by(lambda t: 1 / sqrt(t.args[0].shape[-1])), "the argument scale is not used"),
                Mistake(
                    "y",
                    softmax_over_queries,
                    "the softmax runs over the queries; each query shares itself out over the keys, the last axis",
                ),
                Mistake(
                    "y",
                    lambda t: attention_forward(*t.args[:3], mask=t.kwargs.get("mask"))[0],
                    "the bias is missing: it is added to the scores before the softmax",
                ),
                Mistake("y", lambda t: attention_forward(*t.args)[0], "the mask is not used"),
                Mistake(
                    "y",
                    lambda t: attention_forward(*t.args, mask=~t.kwargs["mask"])[0],
                    "the mask is the wrong way round: True is where a query may look",
                ),
                Mistake(
                    "y",
                    lambda t: attention_forward(*t.args[:3], bias=np.where(t.kwargs["mask"], 0.0, -1.0))[0],
                    "forbidden scores must become minus infinity",
                ),
                Mistake("y", masked_by(-1e9), FINITE_MASK),
                Mistake("y", masked_by_adding, FINITE_MASK),
                Mistake("y", masked_by(0.0), "forbidden scores become 0, and exp(0) is 1; they must become -inf"),
                Mistake("cache.weights", all_scores, "those are the scores; keep the shares, their softmax"),
            ),
            big=many_heads,
            sizes=named_sizes,
            simpler={"for one sample": one_sample, "for one head": first_head},
            axes={"y": "sample head query width", "cache.weights": "sample head query key"},
        ),
        Task(
            "attention_backward",
            "minivit.ops.attention",
            "backward",
            CASES,
            mistakes=(
                *(
                    Mistake(output, from_scores(output, way), says)
                    for way, says in BACKWARD_OF_SOFTMAX.items()
                    for output in ("dq", "dk")
                ),
                Mistake(
                    "dbias",
                    lambda t: t.expected.bias * t.cache.scale,
                    "dbias is multiplied by scale; the bias is added after the scores were scaled",
                ),
            ),
            big=many_heads,
            sizes=named_sizes,
            reasons={
                "sqrt(the head width)": "the forward divides the scores by it",
                "1 / sqrt(the head width)": "the forward divides the scores by it once, and you did it twice",
                "1 / scale": "the forward multiplies the scores by scale",
                "scale": "the forward multiplies the scores by scale once, and you did it twice",
            },
            simpler={"for one sample": one_sample, "for one head": first_head},
            axes={
                "dq": "sample head query width",
                "dk": "sample head key width",
                "dv": "sample head key width",
                "dbias": "head query key",
            },
        ),
    ),
    offers=("sqrt", "sum_to", "softmax_forward", "softmax_backward", "SoftmaxCache"),
    closed=(
        "minivit.ops.attention_chunked:attention_chunked_forward",
        "minivit.ops.attention_chunked:attention_chunked_backward",
    ),
)
