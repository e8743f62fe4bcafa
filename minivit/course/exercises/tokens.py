"""What turns patches into the sequence of a Vision Transformer, and its last token into an answer."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, different
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, batch_sizes, close, lengths


def with_token(rng: Generator) -> Case:
    B, N, D = lengths(rng, 3)
    while not different((B, N + 1, D)):
        B, N, D = lengths(rng, 3)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal((1, 1, D))), {})


def without_token(rng: Generator) -> Case:
    (x, _), options = with_token(rng)
    return Case((x, None), options)


def without_some_tokens(rng: Generator) -> Case:
    (x,), _ = arrays("B N D")(rng)
    return Case((x,), {"num_prefix_tokens": int(rng.integers(0, x.shape[1]))})


def reads_only_the_first(call: Call, rng: Generator) -> str | None:
    (x,), _ = arrays("B N D")(rng)
    other = np.concatenate((x[:, :1], rng.standard_normal(x[:, 1:].shape)), axis=1)
    return None if close(call(x)[0], call(other)[0]) else "the answer changes when the other tokens do"


def knows_no_order(call: Call, rng: Generator) -> str | None:
    (x,), _ = arrays("B N D")(rng)
    return None if close(call(x)[0], call(x[:, ::-1])[0]) else "tokens in another order must have the same mean"


LAST = "that is the last token; the class token is the first one, number 0"
BEHIND = "the token stands behind the sequence; put it in front, as number 0"

on_tokens = partial(Task, simpler=ONE_SAMPLE, sizes=batch_sizes)

TASKS = (
    on_tokens(
        "prepend_token_forward",
        {"": with_token, "without a token": without_token},
        mistakes={
            "np.concatenate((tokens, x), axis=1)": {
                "np.concatenate((x, tokens), axis=1)": BEHIND,
                "np.concatenate((tokens, x[:, 1:]), axis=1)": "... y has shape",
                "np.concatenate((tokens[:1], x[:1]), axis=1)": "... y has shape",
            },
            "np.broadcast_to(token,": {
                "np.broadcast_to(0 * token,": "the token is learned; zeros stand in its place",
                "np.broadcast_to(token[..., ::-1],": "... reversed along the channel axis",
            },
        },
        big=arrays("4000 3 8", "1 1 8"),
        axes={"y": "sample token channel"},
    ),
    on_tokens(
        "prepend_token_backward",
        {"": with_token, "without a token": without_token},
        mistakes={
            "dy[:, R:], sum_to": {
                "dy[:, :-R], sum_to": "x got the gradient of the first tokens; its own begins behind the class token",
                "dy, sum_to": "... dx has shape",
            },
            "sum_to(dy[:, :R], (1, R, dy.shape[2]))": {
                "sum_to(dy[:, -R:], (1, R, dy.shape[2]))": "that is the gradient of the last token; the class token "
                "is the first one",
                "sum_to(dy, (1, R, dy.shape[2]))": "all tokens are summed; only the first one is the class token",
                "dy[:1, :R]": "the same token stands in every sample: sum over the batch",
                "sum_to(dy[:, :R], (1, R, dy.shape[2])) / len(dy)": "... the batch: averaged over it instead of summed",
                "dy[:, :R]": "... dtoken has shape",
            },
        },
        big=arrays("4000 3 8", "1 1 8"),
        axes={"dx": "sample token channel", "dtoken": "sample token channel"},
    ),
    on_tokens(
        "add_positions_forward",
        {"": arrays("B N D", "N D"), "with a table (1, N, D)": arrays("B N D", "1 N D")},
        mistakes={
            "x + positions": {
                "x * x.shape[-1] ** 0.5 + positions": "x is multiplied by sqrt(D), as in the first Transformer; here "
                "it is x + positions",
                "x * positions": "the positions are multiplied; they are added",
                "x": "the positions are missing",
                "x + positions[..., ::-1, :]": "the table is read from its end",
                "np.add(x, positions, out=x)": "... you modified x in place",
            },
        },
        big=arrays("4000 3 8", "3 8"),
        axes={"y": "sample token channel"},
    ),
    on_tokens(
        "add_positions_backward",
        {"": arrays("B N D", "N D"), "with a table (1, N, D)": arrays("B N D", "1 N D")},
        mistakes={
            "sum_to(dy, cache.positions_shape)": {
                "np.broadcast_to(dy.sum((0, 1)), cache.positions_shape)": "the sum runs over the tokens, too; it runs "
                "over the samples alone: every position has its own row",
                "sum_to(dy[:1], cache.positions_shape)": "the same table was added to every sample: sum over the batch",
                "sum_to(dy, cache.positions_shape) / len(dy)": "... the batch: averaged over it instead of summed",
                "dy": "... dpositions has shape",
                "dy.sum(0)": "... dpositions has shape",
            },
            "(dy, sum_to": {"(0 * dy, sum_to": "... dx is zero everywhere", "(-dy, sum_to": "... the wrong sign"},
        },
        big=arrays("4000 3 8", "3 8"),
        axes={"dx": "sample token channel", "dpositions": "token channel"},
    ),
    on_tokens(
        "mean_pool_forward",
        {"": arrays("B N D"), "without the tokens in front": without_some_tokens},
        (Property("the order of tokens does not matter", knows_no_order),),
        {
            "token_sum(tokens) / tokens.shape[1]": {
                "token_sum(tokens) / x.shape[1]": "the tokens that are left out still count in the denominator",
                "token_sum(tokens)": "... the tokens: summed",
                "token_sum(tokens) / len(x)": "the sum is divided by the samples; divide by the tokens",
                "tokens.max(axis=1)": "that is the largest number, not the mean",
            },
            "x[:, num_prefix_tokens:]": {
                "x": "the tokens in front are not left out",
                "x[:, min(num_prefix_tokens, 1) :]": "only one token is left out in front; leave out num_prefix_tokens",
                "x[:, : x.shape[1] - num_prefix_tokens]": "tokens were left out at the end; leave them out in front",
            },
        },
        big=arrays("4000 3 8"),
        axes={"y": "sample channel"},
    ),
    on_tokens(
        "mean_pool_backward",
        {"": arrays("B N D"), "without the tokens in front": without_some_tokens},
        mistakes={
            "(dy / tokens.shape[1])": {
                "(dy / dx.shape[1])": "the tokens that were left out still count in the denominator",
                "dy": "... too large",
            },
            "dx[:, cache.num_prefix_tokens :]": {
                "dx": "the tokens in front were left out, so nothing comes back to them",
            },
        },
        big=arrays("4000 3 8"),
        axes={"dx": "sample token channel"},
    ),
    on_tokens(
        "first_token_forward",
        {"": arrays("B N D")},
        (Property("only the first token is read", reads_only_the_first),),
        {
            "x[:, 0].copy()": {
                "x[:, -1].copy()": LAST,
                "x[0].copy()": "... y has shape",
                "x.mean(axis=1)": "that is the mean of all tokens",
            },
        },
        axes={"y": "sample channel"},
    ),
    on_tokens(
        "first_token_backward",
        {"": arrays("B N D")},
        mistakes={
            "dx[:, 0] = dy": {
                "dx[:, -1] = dy": LAST,
                "dx += dy[:, None]": "every token got the gradient; only the first one was read",
                "pass": "... dx is zero everywhere",
            },
        },
        axes={"dx": "sample token channel"},
    ),
)

TOKENS = Exercise(
    "tokens",
    "class token, positions, and what the head reads",
    25,
    TASKS,
    offers=("sum_to", "token_sum"),
    lecture="04_vit",
    section=2,
)
