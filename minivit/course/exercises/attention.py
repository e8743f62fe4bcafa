"""Scaled dot-product attention: with loops, as the definition says it, with one loop, then for all heads at once."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import (
    LARGE_KEYS,
    LARGE_QUERIES,
    arrays,
    close,
    first_sample,
    overflown,
    with_options,
)

HEADS = ("B H N K", "B H S K", "B H S V")
heads, single_head = arrays(*HEADS, None), arrays("N K", "S K", "S V")


def with_mask(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    mask = rng.random((q.shape[2], k.shape[2])) < 0.6
    mask[0, 0] = True
    mask[-1] = False  # one query may look at nothing
    return Case((q, k, v, None), {"mask": mask})


def with_padding(rng: Generator) -> Case:
    """Keys that are only there to fill up: others in each sample, and one sample has no others."""
    (q, k, v, _), _ = heads(rng)
    mask = rng.random((len(q), 1, 1, k.shape[2])) < 0.6
    mask[0, ..., 0] = True
    mask[-1] = False
    return Case((q, k, v, None), {"mask": mask})


def with_nothing_allowed(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    return Case((q, k, v, None), {"mask": np.zeros((q.shape[2], k.shape[2]), bool)})


def with_bias_and_mask(rng: Generator) -> Case:
    (q, k, v, _), options = with_mask(rng)
    return Case((q, k, v, rng.standard_normal((q.shape[1], q.shape[2], k.shape[2]))), options)


def with_infinite_bias(rng: Generator) -> Case:
    """Minus infinity forbids a key; one query may look at nothing."""
    (q, k, v, _), _ = heads(rng)
    bias = np.where(rng.random((q.shape[2], k.shape[2])) < 0.6, rng.standard_normal((q.shape[2], k.shape[2])), -np.inf)
    bias[:, 0], bias[-1] = 0, -np.inf
    return Case((q, k, v, bias), {})


CASES = {
    "": heads,
    "without batch and heads": single_head,
    "with one leading axis": arrays("B N K", "B S K", "B S V", None),
    "with a scale of its own": with_options(heads, scale=0.3),
    "with a scale of 0": with_options(heads, scale=0.0),
    "with a bias": arrays(*HEADS, "H N S"),
    "with a bias of each sample": arrays(*HEADS, "B H N S"),
    "with a bias for each key": arrays(*HEADS, "B 1 1 S"),
    "with a bias for each query": arrays(*HEADS, "N 1"),
    "with a bias of minus infinity": with_infinite_bias,
    "with a mask": with_mask,
    "with a mask of each sample": with_padding,
    "with a mask that forbids everything": with_nothing_allowed,
    "with a bias and a mask": with_bias_and_mask,
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
    says = f"if all values are 1, their weighted mean is 1; yours goes from {y.min():.4g} to {y.max():.4g}"
    return None if close(y, 1) else says


def order_of_keys(call: Call, rng: Generator) -> str | None:
    (q, k, v, _), _ = heads(rng)
    says = "exchanging keys together with their values must change nothing: attention knows no order"
    return None if close(call(q, k[..., ::-1, :], v[..., ::-1, :])[0], call(q, k, v)[0]) else says


def survives_large_scores(call: Call, rng: Generator) -> str | None:
    return overflown(call(LARGE_QUERIES[:, None], LARGE_KEYS[:, None], np.eye(3), scale=1.0)[0])


KEYS = "divided by the root of the number of keys; it is the root of the head width"
SCORES = "s = q @ k.T / sqrt(q.shape[1])"
ONE_HEAD = {
    "/ sqrt(len(query))": {
        "": "the scores are not divided by sqrt(K), the root of the head width",
        "* sqrt(len(query))": "the scores are multiplied by sqrt(K); they are divided by it",
        "/ sqrt(v.shape[1])": "the scores are divided by the root of the width of the values; it is that of the keys",
        "/ sqrt(len(q))": "the scores are divided by the root of the number of queries; it is that of the head width",
        "/ len(query)": "the scores are divided by K; it is the root, sqrt(K)",
        "/ sqrt(len(k))": f"the scores are {KEYS}",
    },
    "return y": {
        f"{SCORES}; return np.exp(s) @ v": "the shares of a query must sum to one: divide each by the sum of all of "
        "them",
        f"{SCORES}; return s / s.sum(-1, keepdims=True) @ v": "the scores themselves are the shares: their "
        "exponentials must be",
        "return softmax_forward(q @ k.T)[0] @ v / sqrt(q.shape[1])": "the shares are divided by sqrt(K); it is the "
        "scores that are, before the softmax",
        f"{SCORES}; return softmax_forward(s.T)[0].T @ v": "the softmax runs over the queries; each query shares "
        "itself out over the keys",
        f"{SCORES}; return v[s.argmax(1)]": "that is the value of the best key alone; y is a mean of all values, by "
        "their shares",
        f"{SCORES}; return 1 / (1 + np.exp(-s)) @ v": "the shares are sigmoids of the scores; they are a softmax: "
        "exponentials, divided by their sum",
        f"{SCORES}; K = q.shape[1]; return softmax_forward(s)[0][:, :K] @ v[:K]": "the sum of the values ends at "
        "number K, the width; there are as many values as keys, len(k)",
        f"{SCORES}; return softmax_forward(s[:, : q.shape[1]])[0] @ v[: q.shape[1]]": "the loop over the keys ends at "
        "number K, the width; there are len(k) keys",
        f"{SCORES}; n = np.arange(len(q)); return softmax_forward(s)[0][n, n % len(k), None] * v.sum(0)": "every value "
        "is multiplied by the same share, number n; value s has share s",
        "return np.tile(v.mean(0), (len(q), 1))": "that is the plain mean of the values: the shares are missing",
    },
}
ONE_VALUE = {"y[n] = share": "each value takes the place of the one before, so the last is left; add: y[n] +="}
IN_SOFTMAX = "in the softmax's backward"
FINITE = (
    "forbidden scores are large negative numbers instead of -inf: a query that may look at nothing then gets a mean of "
    "the values; it must get zeros"
)

one_head = partial(Task, cases={"": single_head}, sizes=named_sizes, axes={"y": "query width"}, keep_loops=True)
all_heads = partial(
    Task,
    cases=CASES,
    big=arrays("64 8 6 4", "64 8 7 4", "64 8 7 4", None),
    sizes=named_sizes,
    simpler={"for one sample": one_sample, "for one head": first_head},
    axes={
        "y": "sample head query width",
        "cache.weights": "sample head query key",
        "dq": "sample head query width",
        "dk": "sample head key width",
        "dv": "sample head key width",
        "dbias": "head query key",
    },
)

TASKS = (
    one_head("attention_loops", mistakes={**ONE_HEAD, "y[n] += share": ONE_VALUE}),
    one_head(
        "attention_one_loop",
        mistakes={
            **ONE_HEAD,
            "y[n] = shares @ v": {
                "y[0] = shares @ v": "... y is wrong",
                "y[n] = shares[0] * v[0]": "... y is wrong",
                "y[n] = sum(share * value for share, value in zip(shares, v))": "... a loop over axis",
            },
            "k @ query": {
                "query @ k": "... ValueError: matmul",
                "np.array([key @ query for key in k])": "... a loop over axis",
            },
        },
        big=arrays("2 4", "10000 4", "10000 4"),
    ),
    all_heads(
        "attention_forward",
        properties=(
            Property("a mean of the values", is_a_mean),
            Property("the order of the keys does not matter", order_of_keys),
            Property("large scores do not overflow", survives_large_scores),
        ),
        mistakes={
            'np.multiply(k.mT, scale, order="C")': {
                "k.mT": "the scores are not multiplied by scale, 1 / sqrt(K) if not given",
            },
            "1 / sqrt(q.shape[-1])": {
                "1 / q.shape[-1]": "the scores are divided by K; it is sqrt(K), once",
                "1 / sqrt(k.shape[-2])": f"the scores are {KEYS}",
                "sqrt(q.shape[-1])": "the scores are multiplied by sqrt(K)",
                "1 / sqrt(q.shape[-1] * (q.shape[1] if q.ndim > 3 else 1))": "the scores are divided by sqrt(D), the "
                "root of the whole width; it is sqrt(K), the root of a head's",
                "1 / sqrt(v.shape[-1])": "the scores are divided by the root of the width of the values; it is that of "
                "the queries and keys",
                "1 / np.sqrt(q.shape[-1])": "... use math.sqrt",
                "np.float32(1 / sqrt(q.shape[-1]))": "... float32's rounding",
                "np.float64(1) / sqrt(q.shape[-1])": "... use math.sqrt",
            },
            "if scale is None else scale": {
                "": "the argument scale is not used",
                "if scale is None else 1 / scale": "the scores are divided by the scale that is given; they are "
                "multiplied by it",
            },
            "scores = q @": {"scores = scale * q @": "the scores are multiplied by scale twice; once is right"},
            "softmax_forward(scores)": {
                "softmax_forward(np.ascontiguousarray(scores.mT))[0].mT, None": "the softmax runs over the queries; "
                "each query shares itself out over the keys, the last axis",
                "(e := np.exp(scores)) / np.maximum(e.sum(-1, keepdims=True), 1e-300), None": "... exp(1000) overflows",
                "np.nan_to_num((e := np.exp(scores)) / e.sum(-1, keepdims=True)), None": "... give the shares 0, 0, 0",
                "(e := np.exp(scores - scores.max(-1, keepdims=True))) / e.sum(-1, keepdims=True), None": "... nan in",
                "softmax_forward(scores.astype(np.float32))[0].astype(q.dtype), None": "... float32's rounding",
                "(e := np.exp(scores)), None": "the shares of a query must sum to one: divide each by the sum of all",
            },
            "scores += bias": {
                "pass": "the bias is missing: it is added to the scores before the softmax",
                "scores -= bias": "the bias is subtracted; it is added to the scores",
                "scores *= bias": "the scores are multiplied by the bias; it is added to them",
                "scores += bias * scale": "the bias is multiplied by scale; it is added after the scores were scaled",
            },
            "if mask is not None:": {"if False:": "the mask is not used"},
            "~mask": {
                "mask": "the mask is the wrong way round: True is where a query may look",
                "~mask[..., :1, :]": "the mask of the first query is used for all; row n is that of query n",
                "~mask.reshape(-1, *mask.shape[-2:])[0]": "the mask of the first sample is used for all; each sample "
                "may have its own",
            },
            "scores[np.broadcast_to(~mask, scores.shape)] = -np.inf": {
                "scores += np.where(mask, 0, -1)": "forbidden scores must become minus infinity",
                "scores += np.where(mask, 0, -1e9)": FINITE,
            },
            "if mask is not None:\n        scores[np.broadcast_to(~mask, scores.shape)] = -np.inf\n    weights, _ = "
            "softmax_forward(scores)": {
                "weights = softmax_forward(scores)[0] * (1 if mask is None else mask)": "the mask comes after the "
                "softmax, and the shares that are left no longer sum to one; before it, forbidden scores become -inf",
            },
            "return weights @ v": {
                "weights = softmax_forward(scores - bias)[0] + bias if bias is not None else weights; return weights @ "
                "v": "the bias is added to the shares, after the softmax; it is added to the scores, before it",
                "v = v[..., ::-1, :]; return weights @ v": "the values are in another order than the keys",
                "return np.ascontiguousarray(weights.mT).mT @ (v - v.mean(-2, keepdims=True))": "... their weighted "
                "mean is 1",
                "q *= 1.5; return weights @ v": "... you modified q in place",
                "mask = None if mask is None else np.logical_not(mask, out=mask); return weights @ v": "... you "
                "modified mask in place",
            },
            "= -np.inf": {
                "= -1e9": FINITE,
                "= 0": "forbidden scores become 0, and exp(0) is 1; they must become -inf",
            },
            "Cache(q, k, v, weights": {
                "Cache(q, k, v, scores": "those are the scores; keep the shares, their softmax",
                "Cache(k, q, v, weights": "... cache.q and cache.k are exchanged",
            },
            "None if bias is None else bias.shape)": {
                "None)": "... cache.bias_shape is None; it must be the tuple (",
                "bias)": "... cache.bias_shape must be the tuple (",
            },
        },
    ),
    all_heads(
        "attention_backward",
        mistakes={
            "(dscores,) = softmax_backward(dweights, SoftmaxCache(weights))": {
                "dscores = dweights * weights": "the softmax's backward lacks its sum: weights * (dweights - "
                "sum(dweights * weights))",
                "dscores = dweights": "the backward of the softmax is left out: dweights is used as if it were dscores",
                "dscores = weights * (dweights - (dweights * weights).sum(-2, keepdims=True))": f"{IN_SOFTMAX} the sum "
                "runs over the queries; it runs over the keys, the last axis",
                "dscores = weights * (dweights + (dweights * weights).sum(-1, keepdims=True))": f"{IN_SOFTMAX} the sum "
                "is added; it is subtracted: weights * (dweights - sum)",
                "dscores = weights * (dweights - dweights.sum(-1, keepdims=True))": f"{IN_SOFTMAX} the sum runs over "
                "dweights alone; it must run over dweights * weights",
                "dscores = weights * (dweights - dweights.mean(-1, keepdims=True))": f"{IN_SOFTMAX} the plain mean of "
                "dweights is subtracted; it is the mean weighted by the shares, sum(dweights * weights)",
                "dscores = weights * (1 - weights) * dweights": f"{IN_SOFTMAX} only the diagonal of the Jacobian is "
                "there: a share depends on every score of its row",
                "dscores = dweights - (dweights * weights).sum(-1, keepdims=True)": f"{IN_SOFTMAX} the bracket is "
                "right, but it is not yet multiplied by weights",
            },
            "sum_to(dscores, bias_shape)": {
                "sum_to(dscores, bias_shape) * scale": "dbias is multiplied by scale; the bias is added after the "
                "scores were scaled",
                "sum_to(dscores, bias_shape) / len(dscores)": "... the batch: averaged over it instead of summed",
                "dscores.sum(0) if len(bias_shape) == 3 else sum_to(dscores, bias_shape)[..., :1]": "... dbias has "
                "shape",
                "dscores.sum(tuple(range(dscores.ndim - len(bias_shape))))": "... an axis that was stretched",
                "np.broadcast_to(dscores.sum() / dscores.size, bias_shape)": "... dbias is wrong",
                "dscores": "... dbias has shape",
                "sum_to(dweights, bias_shape)": "dbias is the sum of dweights; the bias is added to the scores, before "
                "the softmax: sum dscores",
            },
            "dq *= scale": {
                "pass": "... times too large = sqrt(",
                "dq *= scale * scale": "... you did it twice",
                "dq *= scale; dq[:, 2:3] *= dq.ndim != 4": "... nothing reaches the third head",
            },
            "dk *= scale": {
                "pass": "... the forward divides the scores by it",
                "dk *= -scale": "... dk has the wrong sign",
            },
            "dq = dscores @ k": {
                "dq = weights @ k": "dq is made of the weights; it is dscores @ k",
                "dq = dweights @ k": "dq is made of dweights; it is dscores @ k: go back through the softmax first",
                "dq = dscores @ np.roll(k, 1, -2)": "dscores meets the keys in another order",
            },
            "dk = dscores.mT @ q": {
                "dk = (dscores.mT @ q)[..., ::-1, :] * 1": "... reversed along the key axis",
                "dk = q.mT @ dscores": "... it equals the transpose of the expected (last two axes)",
            },
            "weights.mT @ dy": {
                "weights.mT @ dy * np.eye(1, len(dy)).reshape(-1, 1, 1, 1)": "... right for the first sample, wrong",
                "softmax_forward(weights)[0].mT @ dy": "the softmax is taken of the weights; they are the shares "
                "already",
                "np.ones_like(weights).mT @ dy": "the weights are missing: dv is their transpose times dy",
            },
            "Grads(dq, dk, dv,": {
                "Grads(dq, dv, dk,": "... dk and dv are exchanged",
                "Grads(dv, dk, dv,": "... it holds what belongs into dv",
                "Grads(2 * dv, dk, dv,": "... that is the shape of dv",
            },
        },
        reasons={
            "sqrt(the head width)": "the forward divides the scores by it",
            "1 / sqrt(the head width)": "the forward divides the scores by it once, and you did it twice",
            "1 / scale": "the forward multiplies the scores by scale",
            "scale": "the forward multiplies the scores by scale once, and you did it twice",
        },
    ),
)

ATTENTION = Exercise(
    "attention",
    "scaled dot-product attention",
    60,
    TASKS,
    offers=("sqrt", "sum_to", "softmax_forward", "softmax_backward", "SoftmaxCache"),
    closed=(
        "minivit.ops.attention_chunked:attention_chunked_forward",
        "minivit.ops.attention_chunked:attention_chunked_backward",
    ),
    lecture="02_attention",
    section=3,
)
