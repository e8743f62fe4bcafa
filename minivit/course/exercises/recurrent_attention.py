"""The recurrent decoder's two parts: attention by a small network, and a gated unit that hands its state on."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import arrays, batch_sizes, close, first_sample

SHAPES = ("B N K", "B S K", "B S V", "K")
many = arrays(*SHAPES)


def with_mask(rng: Generator) -> Case:
    (q, k, v, vector), _ = many(rng)
    mask = rng.random((q.shape[1], k.shape[1])) < 0.6
    mask[0] = False  # one query may look at nothing
    mask[1, 0] = True
    return Case((q, k, v, vector), {"mask": mask})


def with_padding(rng: Generator) -> Case:
    """Keys that are only there to fill up, others in each sample."""
    (q, k, v, vector), _ = many(rng)
    mask = rng.random((len(q), 1, k.shape[1])) < 0.6
    mask[..., 0] = True
    return Case((q, k, v, vector), {"mask": mask})


def states(rng: Generator) -> Case:
    (h, gates_x, gates_h), _ = arrays("B D", "B D 3", "B D 3")(rng)
    return Case((gates_x.reshape(len(h), -1), gates_h.reshape(len(h), -1), h), {})


def with_two_axes(rng: Generator) -> Case:
    (h, gates_x, gates_h), _ = arrays("B N D", "B N D 3", "B N D 3")(rng)
    return Case((gates_x.reshape(*h.shape[:2], -1), gates_h.reshape(*h.shape[:2], -1), h), {})


def many_states(rng: Generator) -> Case:
    gates_x, gates_h = rng.standard_normal((2, 4000, 12))
    return Case((gates_x, gates_h, rng.standard_normal((4000, 4))), {})


def is_a_mean(call: Call, rng: Generator) -> str | None:
    (q, k, v, vector), _ = many(rng)
    y = call(q, k, np.ones_like(v), vector)[0]
    says = f"if all values are 1, their weighted mean is 1; yours goes from {y.min():.4g} to {y.max():.4g}"
    return None if close(y, 1) else says


def handed_on(call: Call, rng: Generator) -> str | None:
    """With z = 1 the state stays as it is."""
    (gates_x, gates_h, h), _ = states(rng)
    D = h.shape[1]
    gates_x[:, D : 2 * D] = 50
    says = "where the update gate is 1 the state is handed on as it is: h' = h"
    return None if close(call(gates_x, gates_h, h)[0], h) else says


IN_MEAN = "that is a plain mean of the values; each counts as much as its weight"
NO_TANH = "the tanh is missing: q + k goes through it before the product with the vector"
TWO_GATES = "have changed places: the columns are those of r, z and n"

TASKS = (
    Task(
        "additive_attention_loops",
        {"": arrays("N K", "S K", "S V", "K")},
        mistakes={
            "vector @ np.tanh(query + key)": {
                "vector @ (query + key)": NO_TANH,
                "query @ key": "that is the dot product of query and key; here a small network gives the score",
                "vector @ np.tanh(query * key)": "query and key are added, not multiplied",
                "np.tanh(vector @ (query + key))": "the tanh belongs inside: it is taken of the K sums, before the "
                "product with the vector",
            },
            "y[n] += share * value": {"y[n] += value / len(v)": IN_MEAN},
        },
        axes={"y": "query width"},
        keep_loops=True,
    ),
    Task(
        "additive_attention_forward",
        {
            "": many,
            "without a batch": arrays("N K", "S K", "S V", "K"),
            "with a mask": with_mask,
            "with a mask of each sample": with_padding,
        },
        (Property("a weighted mean", is_a_mean),),
        {
            "np.tanh(q[..., :, None, :] + k[..., None, :, :])": {
                "q[..., :, None, :] + k[..., None, :, :]": NO_TANH,
                "np.tanh(q[..., :, None, :] * k[..., None, :, :])": "query and key are added, not multiplied",
            },
            "scores = hidden @ vector": {
                "scores = hidden.sum(-1)": "the vector is missing: a score is vector times hidden, not their sum",
                "scores = hidden @ vector / np.sqrt(len(vector))": "the scores are divided by sqrt(K); that is done to "
                "dot products, here it is not",
            },
            "if mask is not None": {
                "if mask is not None and False": "the mask has no effect",
                "mask = None if mask is None else ~mask; if_not = None\n    if mask is not None": "the mask is the "
                "wrong way round: True is where a query may look",
            },
            "return weights @ v": {
                "return np.broadcast_to(v.mean(-2, keepdims=True), (*q.shape[:-1], v.shape[-1])).copy()": IN_MEAN,
            },
        },
        big=arrays("500 2 3", "500 4 3", "500 4 5", "3"),
        sizes=batch_sizes,
        simpler={"for one sample": first_sample(3)},
        axes={"y": "sample query width"},
    ),
    Task(
        "additive_attention_backward",
        {"": many, "without a batch": arrays("N K", "S K", "S V", "K"), "with a mask": with_mask},
        mistakes={
            "dv = weights.mT @ dy": {
                "dv = weights.mT @ dy[..., ::-1, :]": "dv: each gradient meets the weights of another query",
            },
            "softmax_backward(dweights, SoftmaxCache(weights))": {
                "(dweights,)": "the softmax is left out on the way back",
                "(dweights * weights,)": "of the softmax's backward the sum is missing: weights * (dweights - sum of "
                "dweights * weights)",
            },
            "dsum *= 1 - hidden * hidden": {
                "pass": "the slope of the tanh is missing: 1 - tanh(u)^2",
                "dsum *= 1 - hidden": "the slope of the tanh is 1 - tanh(u)^2; the square is missing",
                "dsum *= hidden * hidden": "the slope of the tanh is 1 - tanh(u)^2, not tanh(u)^2",
                "dsum *= 1 - np.tanh(hidden) ** 2": "hidden is the tanh already: its slope is 1 - hidden^2",
            },
            "dsum = dscores[..., None] * vector": {
                "dsum = dscores[..., None] * np.ones_like(vector)": "the vector is missing on the way from the scores "
                "to the hidden layer",
            },
            "dvector = column_sum(dscores[..., None] * hidden)": {
                "dvector = column_sum(hidden)": "... dvector",
            },
        },
        big=arrays("500 2 3", "500 4 3", "500 4 5", "3"),
        sizes=batch_sizes,
        axes={"dq": "sample query width", "dk": "sample key width", "dv": "sample key width"},
    ),
    Task(
        "gru_forward",
        {"": states, "with two leading axes": with_two_axes},
        (Property("z = 1 hands the state on", handed_on),),
        {
            "y = (1 - update) * new + update * h": {
                "y = update * new + (1 - update) * h": "z and 1 - z have changed places: z is how much of the state is "
                "kept",
                "y = new + update * h": "n counts as much as 1 - z",
                "y = (1 - update) * new": "the state itself is not handed on: + z * h",
            },
            "np.tanh(a_new + reset * b_new)": {
                "np.tanh(a_new + b_new)": "the reset gate is missing: it multiplies what the state says to n",
                "np.tanh(reset * (a_new + b_new))": "the reset gate multiplies what the state says to n, not what the "
                "input says",
                "a_new + reset * b_new": "the tanh around n is missing",
            },
            "a_reset, a_update, a_new = np.split(gates_x, 3, axis=-1)": {
                "a_update, a_reset, a_new = np.split(gates_x, 3, axis=-1)": f"r and z {TWO_GATES}",
            },
        },
        big=many_states,
        sizes=batch_sizes,
        axes={"y": "sample number"},
    ),
    Task(
        "gru_backward",
        {"": states, "with two leading axes": with_two_axes},
        mistakes={
            "dh = dy * update": {
                "dh = dy * (1 - update)": "the state is handed on by z, not by 1 - z",
                "dh = dy": "the state is handed on as far as z says: times z",
            },
            "dy * (1 - update) * (1 - new * new)": {
                "dy * (1 - update)": "the slope of the tanh is missing: 1 - n^2",
                "dy * (1 - new * new)": "n counts as much as 1 - z; that factor is missing",
            },
            "dy * (h - new), SigmoidCache(update)": {
                "dy * h, SigmoidCache(update)": "z also takes away from n: the factor is h - n",
                "dy * (new - h), SigmoidCache(update)": "the factor of z is h - n; yours is n - h",
            },
            "(da_update,) = sigmoid_backward(dy * (h - new), SigmoidCache(update))": {
                "da_update = dy * (h - new)": "the slope of the sigmoid of z is missing: z (1 - z)",
            },
            "(da_reset,) = sigmoid_backward(da_new * from_h, SigmoidCache(reset))": {
                "da_reset = da_new * from_h": "the slope of the sigmoid of r is missing: r (1 - r)",
            },
            "dgates_x =": {
                "da_reset, da_update = da_new * from_h, dy * (h - new); dgates_x =": "the slopes of both sigmoids are "
                "missing: s (1 - s)",
                "da_update, da_reset = da_reset, da_update; dgates_x =": f"r and z {TWO_GATES}",
            },
            "da_new * reset), axis=-1)": {
                "da_new), axis=-1)": "what the state says to n is multiplied by r: so is its gradient",
            },
            "da_new * from_h, SigmoidCache(reset)": {
                "da_new, SigmoidCache(reset)": "r multiplies what the state says to n; that factor is missing",
            },
        },
        big=many_states,
        sizes=batch_sizes,
        axes={"dgates_x": "sample number", "dgates_h": "sample number", "dh": "sample number"},
    ),
)

RECURRENT_ATTENTION = Exercise(
    "recurrent_attention",
    "a recurrent decoder that looks back",
    45,
    TASKS,
    offers=(
        *("np", "softmax_forward", "softmax_backward", "SoftmaxCache"),
        *("sigmoid_forward", "sigmoid_backward", "SigmoidCache"),
    ),
    lecture="01_sequences",
    section=3,
)
