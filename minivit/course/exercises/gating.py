"""What MLPs do in place of attention: tokens that gate one another, and channels that are shifted over the map."""

from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, first_sample, lengths, telling, with_options
from minivit.layers.gmlp_block import SpatialGatingUnit
from minivit.ops.conv import conv2d_forward
from minivit.ops.shift_channels import cycle_offsets, spatial_shifts


def unit(rng: Generator) -> Case:
    """Tokens whose channels have two halves, and the parameters of the layer."""
    while True:
        B, N, E = lengths(rng, 3)
        if different((B, N, E, 2 * E)):
            break
    options: dict[str, Any] = {"dim": 2 * E, "num_tokens": N}
    shapes = {name: param.shape for name, param in SpatialGatingUnit(**options).named_params().items()}
    params = {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, 2 * E)), params), options)


def quarters(rng: Generator, rows_first: bool = True) -> Case:
    """A map whose quarters of the channels look one place up, down, left and right."""
    B, Y, X, C = lengths(rng, 4)
    return Case((rng.standard_normal((B, Y, X, C)),), {"offsets": spatial_shifts(C, rows_first=rows_first)})


def in_turn(rng: Generator) -> Case:
    """A map as CycleMLP shifts it: channels in turn, and zeros around."""
    (x,), _ = quarters(rng)
    offsets = cycle_offsets(x.shape[-1], along=choose(rng, 0, 1))
    return Case((x,), {"offsets": offsets, "repeat": False})


def anywhere(*, repeat: bool, furthest: int = 3) -> Draw:
    """Draws a map and for each channel a way of its own, along rows and columns, as far as that."""

    def drawn(rng: Generator) -> Case:
        (x,), _ = quarters(rng)
        offsets = rng.integers(-furthest, furthest + 1, (x.shape[-1], 2))
        offsets[:2] = (-2, 1), (2, -3)  # there is always one in each direction that is longer than one place
        return Case((x,), {"offsets": offsets, "repeat": repeat})

    return drawn


def large(rng: Generator) -> Case:
    return Case((rng.standard_normal((16, 24, 32, 8)),), {"offsets": spatial_shifts(8)})


def gate_sizes(case: Case) -> dict[str, float]:
    u = case.args[0]
    found: dict[str, float] = {"the tokens": u.shape[-2], "the channels": u.shape[-1]}
    return telling({**found, "the batch": u.shape[0]} if u.ndim > 2 else found)


def map_sizes(case: Case) -> dict[str, float]:
    B, Y, X, C = case.args[0].shape
    return telling({"the batch": B, "the rows": Y, "the columns": X, "the channels": C})


def is_open(call: Call, rng: Generator) -> str | None:
    """As it is at first, but for the last digits."""
    (u, v, W, b), _ = gated[""](rng)
    y = call(u, v, 0 * W, 0 * b + 1)[0]
    return None if np.array_equal(y, u) else "with W = 0 and b = 1 the gate is open: y must be u, to the last digit"


def second_order(call: Call, rng: Generator) -> str | None:
    (u, v, W, b), _ = gated[""](rng)
    same = close(call(2 * u, 3 * v, W, 0 * b)[0], 6 * call(u, v, W, 0 * b)[0])
    says = "without a bias, u twice and v three times as large give y six times as large: nothing but products is taken"
    return None if same else says


def channels_are_alike(call: Call, rng: Generator) -> str | None:
    (u, v, W, b), _ = gated[""](rng)
    same = close(call(u[..., ::-1], v[..., ::-1], W, b)[0], call(u, v, W, b)[0][..., ::-1])
    return None if same else "channels in another order must give the same in that order: all share W and b"


def open_at_first(call: Call, rng: Generator) -> str | None:
    (x, params), options = unit(rng)
    begin = {**params, "proj.weight": 0 * params["proj.weight"], "proj.bias": 0 * params["proj.bias"] + 1}
    same = np.array_equal(call(x, begin, **options)[0], x[..., : x.shape[-1] // 2])
    return None if same else "where W is 0 and b is 1, as at first, y must be the first half of the channels, untouched"


def only_the_gate_is_normalised(call: Call, rng: Generator) -> str | None:
    (x, params), options = unit(rng)
    E = x.shape[-1] // 2
    doubled = np.concatenate((2 * x[..., :E], x[..., E:]), axis=-1)
    same = close(call(doubled, params, **options)[0], 2 * call(x, params, **options)[0])
    says = "with the first half of the channels twice as large y must be twice as large: it has no norm"
    return None if same else says


def tokens_meet_in_the_gate(call: Call, rng: Generator) -> str | None:
    """The first half of a token is its own affair."""
    (x, params), options = unit(rng)
    other = x.copy()
    other[:, 0, : x.shape[-1] // 2] += 1
    same = close(call(other, params, **options)[0][:, 1:], call(x, params, **options)[0][:, 1:])
    says = "another first half of the first token changes other tokens: it is let through in its place"
    return None if same else says


def edges_repeat(call: Call, rng: Generator) -> str | None:
    """On a map that is numbered, as the lecture has it."""
    numbers = np.arange(1.0, 13).reshape(1, 3, 4, 1)
    first = call(numbers, offsets=np.array([[-1, 0]]))[0][0, 0, :, 0].tolist()
    if first == [1, 2, 3, 4]:
        return None
    return (
        "rows of a map are 1 2 3 4, 5 6 7 8 and 9 10 11 12. What lies above the first is, with edges that repeat, the "
        f"first itself; yours is {' '.join(f'{n:g}' for n in first)}"
    )


def alike_stays_alike(call: Call, rng: Generator) -> str | None:
    (x,), options = anywhere(repeat=True, furthest=5)(rng)
    flat = np.broadcast_to(x[:, :1, :1], x.shape).copy()
    says = "a map whose places are all alike must stay as it is: beyond its edge there is more of it"
    return None if np.array_equal(call(flat, **options)[0], flat) else says


def is_a_convolution(call: Call, rng: Generator) -> str | None:
    """With a linear map of channels behind it: a kernel of 3 x 3, of which each channel has one place."""
    (x,), options = quarters(rng)
    W = rng.standard_normal((x.shape[-1], 2))
    kernel = np.zeros((3, 3, *W.shape))
    for channel, (down, right) in enumerate(options["offsets"]):
        kernel[1 + down, 1 + right, channel] = W[channel]
    edged = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    same = close(call(x, **options)[0] @ W, conv2d_forward(edged, kernel)[0])
    says = (
        "on a map whose edge is repeated once, a shift by one place and a matrix behind it are a convolution of 3 x 3, "
    )
    says += "in whose kernel the row of each channel stands where this channel looks; yours is another one"
    return None if same else says


GATE = "gate = weight.mT @ v"
BIAS = "gate += bias[:, None]"
RETURN = "return u * gate, SpatialGatingCache(u, v, weight, gate)"
KEPT = "SpatialGatingCache(u, v, weight, gate)"
AS_IT_IS = "here the gate is what the linear map gives, which may be negative, or larger than 1"
EACH_THE_OTHER = "y is a product, so each factor gets the other one"
TO_TOKENS = "W goes from tokens (rows) to tokens (columns)"
WITHOUT_U = "y = u * gate, so dy has to be multiplied by u before"
ALL_CHANNELS = "all channels of all samples have the same W and b, so both get the sum"
HALVES = "u, v = np.split(x, 2, axis=-1)"
NORM = "v, c_norm = self.norm.forward(v)"
PROJ = "y, c_proj = self.proj.forward(u, v)"
FIRST_HALF = "the first half is let through, the last one makes the gate"
NORM_OF = "v, c_norm = self.norm.forward(v); z = {}; v = z * self.norm.weight.value + self.norm.bias.value"
PROJ_BACK = "du, dv = self.proj.backward(dy, cache.proj)"
NORM_BACK = "dv = self.norm.backward(dv, cache.norm)"
JOINED = "return np.concatenate((du, dv), axis=-1)"
NO_AXIS = "a reshape moves no axis: exchange tokens and channels first (.mT), then each channel of each sample is a row"
MOVED = "moved = _looking(_looking(x[..., channels], down, 1, repeat), right, 2, repeat)"
SENT = "dx[..., channels] = _looking_back(dmoved, down, 1, cache.repeat)"
BACK = "dmoved = _looking_back(dy[..., channels], right, 2, cache.repeat)"
OTHER_EDGE = "beyond an edge comes what is at the other edge, which np.roll and negative indices do"
TO_OTHER_EDGE = "what belongs to an edge goes to the other one, which np.roll and negative indices do"
WRONG_WAY = "channels are moved the wrong way: with the offset (-1, 0) a place gets what lies above it, y[i] = x[i - 1]"
OFFSETS_EXCHANGED = "rows and columns are exchanged: the first number of an offset counts rows, the second columns"
READ_TWICE = "a pixel that several places have looked at gets the sum of what they send back"


def gathered(rows: str) -> str:
    """The shift along both axes with other places in it: of n places, ``at`` is where each of them looks."""
    return (
        "moved = x[..., channels]\n"
        "        for axis, step in ((1, down), (2, right)):\n"
        "            n = moved.shape[axis]; own = np.arange(n); at = own + step\n"
        f"            m = np.moveaxis(moved, axis, 0); moved = np.moveaxis({rows}, 0, axis)"
    )


def scattered(step: str) -> str:
    """The way back along both axes, in which what came for each of n places (``at``) is put otherwise into ``d``."""
    return (
        "sent = dy[..., channels]\n"
        "        for axis, step in ((1, down), (2, right)):\n"
        "            n = sent.shape[axis]; own = np.arange(n); at = own + step; edge = at.clip(0, n - 1)\n"
        "            is_in = (at >= 0) & (at < n); m = np.moveaxis(sent, axis, 0); d = np.zeros_like(m)\n"
        f"            {step}\n"
        "            sent = np.moveaxis(d, 0, axis)\n"
        "        dx[..., channels] = sent"
    )


INSIDE = "d[at[is_in]] = m[is_in]"

gated: dict[str, Draw] = {
    "": arrays("B N D", "B N D", "N N", "N"),
    "without a batch": arrays("N D", "N D", "N N", "N"),
    "with two leading axes": arrays("A B N D", "A B N D", "N N", "N"),
}
gating = partial(
    Task,
    cases=gated,
    big=arrays("512 7 6", "512 7 6", "7 7", "7"),
    sizes=gate_sizes,
    simpler={"for one sample": first_sample(2)},
    axes={
        "y": "sample token channel",
        "cache.gate": "sample token channel",
        "du": "sample token channel",
        "dv": "sample token channel",
        "dweight": "from to",
        "dbias": "token",
    },
)
of_halves = partial(
    Task,
    cases={"": unit, "with a generator": with_options(unit, rng=3)},
    sizes=lambda case: telling({"the batch": len(case.args[0]), "the tokens": case.args[0].shape[1]}),
    simpler=ONE_SAMPLE,
    axes={"y": "sample token channel", "dx": "sample token channel"},
)
shifting = partial(
    Task,
    cases={
        "": quarters,
        "left and right first": partial(quarters, rows_first=False),
        "with zeros beyond the edge": in_turn,
        "with any offsets": anywhere(repeat=True),
        "with any offsets and zeros": anywhere(repeat=False),
        "with offsets longer than the map": anywhere(repeat=True, furthest=12),
        "with offsets longer than the map and zeros": anywhere(repeat=False, furthest=12),
    },
    big=large,
    sizes=map_sizes,
    simpler=ONE_SAMPLE,
    axes={"y": "sample row column channel", "dx": "sample row column channel"},
    instead="where all channels that look the same way, or all at once by an index for each, are moved by one call",
)
TASKS = (
    gating(
        "spatial_gating_forward",
        properties=(
            Property("an open gate changes nothing", is_open),
            Property("of second order", second_order),
            Property("channels share W and b", channels_are_alike),
        ),
        mistakes={
            GATE: {
                "gate = weight @ v": f"the gate is W v; {TO_TOKENS}, so it is W^T v",
                "gate = weight.mT @ u": "the gate is made of u, the half that it lets through; v makes it",
                "gate = v.copy()": "W is missing: in the gate of a token all tokens have a say",
                "gate = np.diag(weight)[:, None] * v": "a token hears of itself alone: only the diagonal of W is used",
                "gate = np.triu(weight).mT @ v": "a token hears of itself and those before it alone; of all tokens",
                "gate = np.tril(weight).mT @ v": "a token hears of itself and those behind it alone; of all tokens",
                "gate = (np.exp(weight) / np.exp(weight).sum(0)).mT @ v": "a softmax is taken of W; its numbers are no "
                "shares, and are used as they are",
                "gate = (np.exp(weight) / np.exp(weight).sum(1, keepdims=True)).mT @ v": "a softmax is taken of the "
                "rows of W; its numbers are no shares, and are used as they are",
                "gate = weight.mT @ v / len(weight)": "the sum over the tokens is divided by their number; it is a sum",
                "gate = weight.mT @ v / len(weight) ** 0.5": "the sum over the tokens is divided by the root of their "
                "number; it is a sum",
                "gate = weight.mT @ ((v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-5))": (
                    "v is normalised; that is done before it comes, by the unit"
                ),
                "gate = weight.mT @ v[..., ::-1, :]": "the tokens of v, or the rows of W, are read from the last to "
                "the first",
                "gate = weight.mT @ np.broadcast_to(v.mean(-1, keepdims=True), v.shape)": "all channels have one gate, "
                "of the mean of v; each channel of u has that of its channel of v",
                "gate = v @ v.mT @ v": "tokens are compared, as in attention; here W is learned, whatever comes",
                "gate = weight.mT @ (u * v)": "u is multiplied with v before tokens meet; v alone makes the gate",
                "gate = np.abs(weight).mT @ v": "the signs of W are dropped",
            },
            BIAS: {
                "pass": "the bias is missing, and without it the gate would be closed at first",
                "gate -= bias[:, None]": "the bias is subtracted; it is added",
                "gate *= bias[:, None]": "the gate is multiplied by the bias; the bias is added",
                "gate += np.resize(bias, gate.shape[-1])": "the bias goes along the channels; it is one number for "
                "each token, bias[:, None]",
                "gate += bias[::-1, None]": "the bias is read from the last token to the first",
                "gate += bias.mean()": "all tokens get the mean of the bias; each has a number of its own",
                "gate += bias.sum()": "all tokens get the sum of the bias; each has a number of its own",
                "gate += 1": "1 is added in place of the bias: that is what it begins with, and then it is learned",
                "gate += bias[:, None] + 1": "1 is added beside the bias; the bias itself is 1 at first",
                "gate += 2 * bias[:, None]": "the bias is added twice",
                f"{BIAS}; gate = 1 / (1 + np.exp(-gate))": f"a sigmoid is taken of the gate; {AS_IT_IS}",
                f"{BIAS}; gate = np.tanh(gate)": f"tanh is taken of the gate; {AS_IT_IS}",
                f"{BIAS}; gate = np.maximum(gate, 0)": f"a ReLU is taken of the gate; {AS_IT_IS}",
                f"{BIAS}; gate = gate.clip(0, 1)": f"the gate is cut to what lies between 0 and 1; {AS_IT_IS}",
                f"{BIAS}; gate = np.exp(gate)": f"the exponential is taken of the gate; {AS_IT_IS}",
                f"{BIAS}; gate = np.exp(gate) / np.exp(gate).sum(-2, keepdims=True)": "a softmax over the tokens is "
                f"taken of the gate; {AS_IT_IS}",
                f"{BIAS}; gate = np.exp(gate) / np.exp(gate).sum(-1, keepdims=True)": "a softmax over the channels is "
                f"taken of the gate; {AS_IT_IS}",
            },
            f"{GATE}  # (..., N, D)\n    {BIAS}": {
                "gate = weight.mT @ (v + bias[:, None])": "the bias is added to v, before tokens meet; it is added to "
                "what comes of it",
            },
            RETURN: {
                f"return gate.copy(), {KEPT}": "that is the gate; u is to be multiplied by it",
                f"return u + gate, {KEPT}": "u and the gate are added; they are multiplied",
                f"return v * gate, {KEPT}": "v is multiplied by the gate that it has made; u is let through",
                f"return u * gate * v, {KEPT}": "v is multiplied in once more; y is u times the gate",
                f"return u * gate + u, {KEPT}": "u is added: the gate is open by its bias, not by a residual path",
                f"return u * gate + v, {KEPT}": "v is added; y is u times the gate, and nothing else",
                f"return u * (1 - gate), {KEPT}": "the gate is the wrong way round: where it is 1, all of u passes",
                f"return u * gate.mean(-2, keepdims=True), {KEPT}": "all tokens have the mean gate; each has its own",
                f"return u.sum(-1, keepdims=True) * gate, {KEPT}": "the channels of u are summed; each is multiplied "
                "by its own gate",
                f"return (u * gate).mT, {KEPT}": "... it equals the transpose",
                f"return np.concatenate((u * gate, v), -1), {KEPT}": "... y has shape",
                f"u *= gate; return u, {KEPT}": "... you modified u in place",
            },
            KEPT: {
                "SpatialGatingCache(v, u, weight, gate)": "... cache.u and cache.v are exchanged",
                "SpatialGatingCache(u, v, weight.mT, gate)": "cache.weight is W^T; keep W as it came",
                "SpatialGatingCache(u, v, weight, u * gate)": "cache.gate is y; keep what u was multiplied by",
                "SpatialGatingCache(u, v, weight, gate - bias[:, None])": "cache.gate is without the bias; keep what u "
                "was multiplied by",
            },
        },
    ),
    gating(
        "spatial_gating_backward",
        mistakes={
            "du = dy * gate": {
                "du = dy.copy()": "du is dy: the gate is missing. What it let through forward it lets through backward",
                "du = dy * u": f"du is dy * u; {EACH_THE_OTHER}: dy * gate",
                "du = dy * v": "du is dy * v; u was multiplied by the gate, not by v itself",
                "du = dy * (weight.mT @ v)": "in du the bias is missing; cache.gate has it",
                "du = u * gate": "du is y, what the forward gives; dy has to stand in place of u",
                "du = dy * gate + dy": "dy is added to du once more: nothing goes around the gate",
                "du = dy * (1 - gate)": "du has the gate the wrong way round",
                "du = dy * gate * u": "du is multiplied by u as well; it is dy * gate",
                "du = dy / gate": "du is divided by the gate; as a gradient it is multiplied by it",
                "du = dy * (weight @ v + (gate - weight.mT @ v))": "the gate in du is made with W in place of W^T; "
                "cache.gate has it as it was",
                "du = np.broadcast_to((dy * gate).sum(0), u.shape)": "du is summed over the samples; each has its own",
                "du = 0 * u": "... du is zero everywhere",
                "du = -dy * gate": "... du has the wrong sign",
            },
            "dgate = dy * u": {
                "dgate = dy * gate": f"the gradient of the gate is dy * gate; {EACH_THE_OTHER}: dy * u",
                "dgate = dy.copy()": f"dy goes into the gate as it is; {WITHOUT_U}",
                "dgate = dy * v": "the gradient of the gate is dy * v; the gate was multiplied by u",
                "dgate = dy * u * gate * (1 - gate)": "the gradient of the gate is that of a sigmoid; there is none",
                "dgate = dy * u * (1 - gate**2)": "the gradient of the gate is that of a tanh; there is none",
                "dgate = dy * u * (gate > 0)": "where the gate is below zero nothing goes back, as of a ReLU; there is "
                "none",
                "dgate = dy * u * gate": "the gradient of the gate is multiplied by the gate as well; it is dy * u",
                "dgate = dy * u + dy": "dy is added to the gradient of the gate; it is dy * u",
                "dgate = dy.sum(-1, keepdims=True) * u": "dy is summed over the channels; each channel has a gate of "
                "its own",
            },
            "dv = weight @ dgate": {
                "dv = weight.mT @ dgate": "dv goes through W^T, as v did; back it goes through W",
                "dv = dgate.copy()": "in dv W is missing: a token of v had a say in the gates of all",
                "dv = weight @ dy": f"dv is made of dy; {WITHOUT_U}",
                "dv = weight @ du": "dv is made of du; it is made of the gradient of the gate, dy * u",
                "dv = weight @ dgate + du": "du is added to dv; each half has a gradient of its own",
                "dv = np.diag(weight)[:, None] * dgate": "in dv only the diagonal of W is used; a token had a say in "
                "the gates of all",
                "dv = np.linalg.pinv(weight).mT @ dgate": "dv is made with the inverse of W, which would undo the "
                "numbers; a gradient goes back through the transpose of what came",
                "dv = weight @ dgate / len(weight)": "dv is the mean over the tokens; it is the sum",
                "dv = weight @ dgate[..., ::-1, :]": "in dv the tokens of the gate's gradient are in reversed order",
                "dv = weight @ (dgate * v)": "dv is multiplied by v inside; it is W times the gradient of the gate",
                "dv = 0 * v": "... dv is zero everywhere",
                "dv = -weight @ dgate": "... dv has the wrong sign",
            },
            "dweight = token_product(rows_v, rows_dgate)": {
                "dweight = token_product(rows_dgate, rows_v)": f"dweight is transposed: {TO_TOKENS}; row m is for "
                "token m of v",
                "dweight = v.reshape(-1, len(weight)).T @ dgate.reshape(-1, len(weight))": "v and the gate's gradient "
                f"are reshaped to rows of tokens as they are; {NO_AXIS}",
                "dweight = v.reshape(len(weight), -1) @ dgate.reshape(len(weight), -1).T": "v and the gate's gradient "
                f"are reshaped to one row for each token, samples and all; {NO_AXIS}",
                "dweight = token_product(_channels_as_rows(u), rows_dgate)": "dweight is made of u; W has met v",
                "dweight = token_product(rows_v, rows_v)": "dweight is made of v alone; v meets the gradient of the "
                "gate",
                "dweight = token_product(rows_v, _channels_as_rows(dy))": f"dweight is made of dy; {WITHOUT_U}",
                "dweight = token_product(rows_v, _channels_as_rows(du))": "dweight is made of du; it is made of the "
                "gradient of the gate, dy * u",
                "dweight = token_product(rows_v, _channels_as_rows(gate))": "dweight is made of the gate; it is made "
                "of its gradient",
                "dweight = token_product(rows_v, rows_dgate) / len(rows_v)": "dweight is a mean over samples and "
                f"channels; {ALL_CHANNELS}",
                "dweight = token_product(rows_v, rows_dgate) / v.shape[-1]": f"dweight is a mean over the channels; "
                f"{ALL_CHANNELS}",
                "dweight = token_product(rows_v, rows_dgate) / (len(v) if v.ndim > 2 else 1)": "... averaged over it "
                "instead of summed",
                "dweight = token_product(rows_v[: v.shape[-1]], rows_dgate[: v.shape[-1]])": "dweight is that of the "
                f"first sample; {ALL_CHANNELS}",
                "dweight = token_product(rows_v[:: v.shape[-1]], rows_dgate[:: v.shape[-1]])": "dweight is that of the "
                f"first channel; {ALL_CHANNELS}",
                "dweight = np.outer(column_sum(rows_v), column_sum(rows_dgate))": "the sum of v is multiplied by the "
                "sum of the gate's gradient; the products are summed",
                "dweight = np.diag(np.diag(token_product(rows_v, rows_dgate)))": "of dweight only the diagonal is "
                "there; every token of v has met every gate",
                "dweight = v @ dgate.mT": "... it is not summed yet",
                "dweight = -token_product(rows_v, rows_dgate)": "... dweight has the wrong sign",
                "dweight = 0 * weight": "... dweight is zero everywhere",
            },
            "dbias = column_sum(rows_dgate)": {
                "dbias = column_sum(_channels_as_rows(dy))": f"dbias is the sum of dy; {WITHOUT_U}",
                "dbias = column_sum(_channels_as_rows(du))": "dbias is the sum of du; it is that of the gradient of "
                "the gate, dy * u",
                "dbias = column_sum(_channels_as_rows(dv))": "dbias is the sum of dv; the bias was added behind W, so "
                "it does not go through it",
                "dbias = column_sum(rows_dgate) / len(rows_v)": f"dbias is a mean over samples and channels; "
                f"{ALL_CHANNELS}",
                "dbias = column_sum(rows_dgate) / v.shape[-1]": f"dbias is a mean over the channels; {ALL_CHANNELS}",
                "dbias = column_sum(rows_dgate[: v.shape[-1]])": f"dbias is that of the first sample; {ALL_CHANNELS}",
                "dbias = column_sum(rows_dgate[:: v.shape[-1]])": f"dbias is that of the first channel; {ALL_CHANNELS}",
                "dbias = dgate.sum(-1)": "... it is not summed yet",
                "dbias = column_sum(rows_dgate)[::-1]": "... reversed along the token axis",
                "dbias = np.full(weight.shape[0], rows_dgate.sum())": "all tokens have one sum in dbias; each token "
                "has a bias of its own",
                "dbias = -column_sum(rows_dgate)": "... dbias has the wrong sign",
            },
            "return SpatialGatingGrads(du, dv, dweight, dbias)": {
                "return SpatialGatingGrads(dv, du, dweight, dbias)": "... du and dv are exchanged",
                "return SpatialGatingGrads(du, dv, dweight, None)": "... dbias is None",
                "return SpatialGatingGrads(du, dv, dweight[None], dbias)": "... dweight has shape",
            },
        },
        reasons={"the tokens": "the sum over the tokens is no mean"},
    ),
    of_halves(
        "SpatialGatingUnit.forward",
        properties=(
            Property("the gate is open at first", open_at_first),
            Property("only what makes the gate is normalised", only_the_gate_is_normalised),
            Property("tokens meet in the gate alone", tokens_meet_in_the_gate),
        ),
        mistakes={
            HALVES: {
                "v, u = np.split(x, 2, axis=-1)": f"the halves are exchanged: {FIRST_HALF}",
                "u, v = x[..., ::2].copy(), x[..., 1::2].copy()": "every second channel is taken; the halves lie side "
                f"by side: {FIRST_HALF}",
                "v, u = x[..., ::2].copy(), x[..., 1::2].copy()": "every second channel is taken, and the two are "
                f"exchanged; the halves lie side by side: {FIRST_HALF}",
                "u, v = np.split(x[..., ::-1].copy(), 2, axis=-1)": "the channels are read from the last to the first",
                f"{HALVES}; v = u": f"the gate is made of the half that it lets through; {FIRST_HALF}",
                f"{HALVES}; u = v": f"what is let through is the half that makes the gate; {FIRST_HALF}",
                "x *= 1.5; u, v = np.split(x, 2, axis=-1)": "... you modified x in place",
            },
            NORM: {
                "_, c_norm = self.norm.forward(v)": "the norm is left out: v is normalised before it makes the gate",
                "_, c_norm = self.norm.forward(v); u = self.norm.forward(u)[0]": "u is normalised; v is, which makes "
                "the gate",
                f"{NORM}; u = self.norm.forward(u)[0]": "both halves are normalised; only v is, which makes the gate",
                f"{NORM}; v = self.norm.forward(v)[0]": "v is normalised twice",
                f"{NORM}; v = (v - self.norm.bias.value) / self.norm.weight.value": "scale and shift of the norm are "
                "missing: self.norm.forward(v) has them",
                f"{NORM}; v = v - self.norm.bias.value": "the shift of the norm is missing; self.norm.forward has it",
                NORM_OF.format(
                    "np.split((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5), 2, -1)[1]"
                ): "mean and variance are those of all channels; they are those of the half that makes the gate",
                NORM_OF.format(
                    "np.split((x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5), 2, -1)[1]"
                ): "the norm runs over the tokens; it normalises each token over its channels",
            },
            PROJ: {
                "y, c_proj = self.proj.forward(v, u)": "u and v are exchanged where they go into the gate: "
                "self.proj.forward(u, v)",
                f"{PROJ}; y = y + u": "u is added, or 1 to the gate: there is no residual path in the unit, and the "
                "bias is 1 at first",
                f"{PROJ}; y = y + v": "v is added; y is what the gate has let through",
                f"{PROJ}; y = c_proj.gate.copy()": "that is the gate; y is u times the gate",
                f"{PROJ}; y = u + c_proj.gate": "u and the gate are added; they are multiplied",
                f"{PROJ}; y = u * (c_proj.gate - self.proj.bias.value[:, None])": "the bias of the gate is missing",
                f"{PROJ}; y = u / (1 + np.exp(-c_proj.gate))": f"a sigmoid is taken of the gate; {AS_IT_IS}",
                f"{PROJ}; y = v * c_proj.gate": "v is multiplied by the gate that it has made; u is let through",
                f"{PROJ}; y = u * v": "u is multiplied by v itself; the gate is missing, in which tokens meet",
                f"{PROJ}; y = u * (self.proj.weight.value @ v + self.proj.bias.value[:, None])": f"the gate is W v; "
                f"{TO_TOKENS}, so it is W^T v",
                f"{PROJ}; y = np.concatenate((y, v), axis=-1)": "... y has shape",
            },
        },
        uses=("spatial_gating_forward",),
    ),
    of_halves(
        "SpatialGatingUnit.backward",
        mistakes={
            PROJ_BACK: {
                "dv, du = self.proj.backward(dy, cache.proj)": "the two gradients of self.proj are exchanged: it "
                "returns du, dv",
                f"{PROJ_BACK}; du = dy.copy()": "the first half gets dy as it is; it gets du, which has passed the "
                "gate",
                f"self.proj.backward(dy, cache.proj); {PROJ_BACK}": "the backward of self.proj is called twice, so "
                "what W and b have got grows twice",
                "c = cache.proj; du, dv = dy * c.gate, c.weight @ (dy * c.u)": "the backward of self.proj is not "
                "called: W and b get no gradient",
                f"self.proj.zero_grad(); {PROJ_BACK}": "... is assigned where a gradient is there already",
                "du, dv = self.proj.backward(dy / len(dy), cache.proj)": "... averaged over it instead of summed",
            },
            NORM_BACK: {
                "pass": "the backward of the norm is not called: its parameters get no gradient",
                "self.norm.backward(dv, cache.norm)": "dv itself goes into dx; what the norm's backward returns does",
                "du = self.norm.backward(du, cache.norm)": "du goes back through the norm; dv does, for v was "
                "normalised",
                "dv = dv + self.norm.backward(dv, cache.norm)": "dv is added once more: nothing goes around the norm",
                "dv = self.norm.backward(du, cache.norm)": "the norm gets du; v was normalised, so it gets dv",
                "dv = self.norm.backward(dy, cache.norm)": "the norm gets dy; it gets dv, which has passed the gate",
                f"self.norm.backward(dv, cache.norm); {NORM_BACK}": "the backward of the norm is called twice, so what "
                "its parameters have got grows twice",
                f"{NORM_BACK}; du = self.norm.backward(du, cache.norm)": "du goes back through the norm, too; only v "
                "was normalised",
            },
            JOINED: {
                "return np.concatenate((dv, du), axis=-1)": "the halves are exchanged: u was the first half of x",
                "return np.stack((du, dv), axis=-1).reshape(*du.shape[:-1], -1)": "the channels of the halves take "
                "turns; they lay side by side",
                "return np.concatenate((du, 0 * dv), axis=-1)": "nothing reaches the half that makes the gate",
                "return np.concatenate((0 * du, dv), axis=-1)": "nothing reaches the half that is let through",
                "return np.concatenate((du + dv, du + dv), axis=-1)": "both halves get the sum of both gradients; each "
                "was used once",
                "return np.concatenate((du, -dv), axis=-1)": "the half that makes the gate gets the wrong sign",
                "return np.concatenate((du + dy, dv), axis=-1)": "dy is added: there is no residual path in the unit",
                "return du + dv": "... dx has shape",
                "return -np.concatenate((du, dv), axis=-1)": "... dx has the wrong sign",
            },
        },
        uses=("spatial_gating_backward",),
    ),
    shifting(
        "shift_channels_forward",
        properties=(
            Property("edges repeat", edges_repeat),
            Property("what is alike stays alike", alike_stays_alike),
            Property("a convolution of 3 x 3", is_a_convolution),
        ),
        mistakes={
            MOVED: {
                "moved = np.roll(x[..., channels], (-down, -right), (1, 2))": OTHER_EDGE,
                "moved = np.roll(x[..., channels], (down, right), (1, 2))": f"{WRONG_WAY}. And {OTHER_EDGE}",
                "moved = _looking(_looking(x[..., channels], -down, 1, repeat), -right, 2, repeat)": WRONG_WAY,
                "moved = _looking(_looking(x[..., channels], -down, 1, repeat), right, 2, repeat)": "rows are moved "
                "the wrong way, columns rightly: with the offset (-1, 0) a place gets what lies above it",
                "moved = _looking(_looking(x[..., channels], down, 1, repeat), -right, 2, repeat)": "columns are moved "
                "the wrong way, rows rightly: with the offset (0, -1) a place gets what lies on its left",
                "moved = _looking(_looking(x[..., channels], right, 1, repeat), down, 2, repeat)": OFFSETS_EXCHANGED,
                "moved = _looking(x[..., channels], down, 1, repeat)": "nothing is moved along the rows: the second "
                "number of an offset counts columns",
                "moved = _looking(x[..., channels], right, 2, repeat)": "nothing is moved up or down: the first number "
                "of an offset counts rows",
                "moved = _looking(_looking(x[..., channels], down, 1, not repeat), right, 2, not repeat)": "repeat is "
                "used the wrong way round: where it is True, beyond the edge is the edge again, else zeros",
                "moved = _looking(_looking(x[..., channels], down, 1, False), right, 2, False)": "beyond the edge "
                "there are zeros always; where repeat is True, the pixels at the edge again",
                "moved = _looking(_looking(x[..., channels], down, 1, True), right, 2, True)": "beyond the edge are "
                "the pixels at the edge always; where repeat is False, there are zeros",
                "moved = _looking(_looking(x[..., channels], down, 1, repeat), right, 2, False)": "left and right of "
                "the map there are zeros always; where repeat is True, its first or last column again",
                "moved = _looking(_looking(x[..., channels], down, 1, False), right, 2, repeat)": "above and below the "
                "map there are zeros always; where repeat is True, its first or last row again",
                "moved = _looking(_looking(x[..., channels], np.sign(down), 1, repeat), np.sign(right), 2, repeat)": (
                    "only the signs of the offsets count; they may be longer than one place"
                ),
                "moved = _looking(_looking(x[..., channels], 2 * down, 1, repeat), 2 * right, 2, repeat)": "channels "
                "are moved twice as far",
                "moved = x[..., channels]": "nothing is moved: that is x",
                f"{MOVED} + x[..., channels]": "x is added; a place gets what it looks at, and nothing else",
                f"moved = (x[..., channels] + {MOVED.partition(' = ')[2]}) / 2": "a place gets the mean of itself and "
                "what it looks at; it gets the latter",
                gathered("m[np.minimum(at, n - 1)]"): "above and left of the map Python counts from the end: row -1 is "
                "the last one",
                gathered("m[np.where((at < 0) | (at >= n), own, at)]"): "a place that looks beyond the edge keeps what "
                "it has; it gets the pixel at the edge (or zero), which is another where it looks further than one "
                "place",
                gathered(
                    "m[np.abs(n - 1 - np.abs(n - 1 - at)) % n]"
                ): "beyond the edge is the mirror image of the map; it is the pixel at the edge, again and again",
                gathered(
                    "m[np.where(at < 0, -1 - at, np.where(at >= n, 2 * n - 1 - at, at)) % n]"
                ): "beyond the edge is "
                "the mirror image of the map, with its edge; it is the pixel at the edge, again and again",
                gathered("np.stack([m[0]] * n) if step < 0 else m[at.clip(0, n - 1)]"): "the first row or column runs "
                "over the whole map, which happens to who writes into the array that is read from: take a copy",
                gathered(
                    "m[at.clip(1 * (step < 0), n - 1 - (step > 0))] if repeat else _looking(m, step, 0, False)"
                ): "at the edge it is not the pixel at the edge that repeats, but one beside it",
            },
            "_groups(offsets)": {
                "_groups(np.broadcast_to(offsets[0], offsets.shape))": "all channels look where the first one does; "
                "each has an offset of its own",
                "_groups(offsets[::-1])": "the offsets go to the channels from the last to the first",
                "_groups(np.roll(offsets, 1, 0))": "the offsets go to the channels one further on",
                "_groups(np.abs(offsets))": "the signs of the offsets are dropped: less than 0 is above, or left",
            },
            "y = np.empty_like(x)": {
                "y = x": "... you modified x in place",
            },
            "return y, ShiftChannelsCache(x.shape, offsets.copy(), repeat)": {
                "return y[:, ::-1], ShiftChannelsCache(x.shape, offsets.copy(), repeat)": "... reversed along the row "
                "axis",
                "return y.swapaxes(1, 2), ShiftChannelsCache(x.shape, offsets.copy(), repeat)": "... y has shape",
                "return y / len(x), ShiftChannelsCache(x.shape, offsets.copy(), repeat)": "... the batch: averaged "
                "over it",
                "return y, ShiftChannelsCache(x.shape, -offsets, repeat)": "cache.offsets have the other sign; keep "
                "them as they came",
                "return y, ShiftChannelsCache(x.shape, offsets[:, ::-1].copy(), repeat)": "the two numbers of "
                "cache.offsets are exchanged; keep them as they came",
                "return y, ShiftChannelsCache(x.shape, offsets.copy(), True)": "... cache.repeat",
                "return y, ShiftChannelsCache(x.shape[1:], offsets.copy(), repeat)": "... cache.shape",
            },
        },
    ),
    shifting(
        "shift_channels_backward",
        mistakes={
            BACK: {
                "dmoved = dy[..., channels]": "nothing goes back along the rows: the second number of an offset counts "
                "columns",
                "dmoved = _looking_back(dy[..., channels], right, 2, False)": "what looked beyond the left or right "
                "edge sends nothing back; where repeat is True, it looked at the first or last column, which gets it",
                "dmoved = _looking_back(dy[..., channels], right, 2, True)": "what looked at zeros on the left or "
                "right of the map sends it to the edge; nobody gets it",
                "dmoved = _looking_back(dy[..., channels], -right, 2, cache.repeat)": "columns go back the wrong way; "
                "what came from the left goes back to the left",
            },
            SENT: {
                "dx[..., channels] = dmoved": "nothing goes back along the columns: the first number of an offset "
                "counts rows",
                "dx[..., channels] = _looking_back(dmoved, down, 1, False)": "what looked beyond the upper or lower "
                "edge sends nothing back; where repeat is True, it looked at the first or last row, which gets it",
                "dx[..., channels] = _looking_back(dmoved, down, 1, True)": "what looked at zeros above or below the "
                "map sends it to the edge; nobody gets it",
                "dx[..., channels] = _looking_back(dmoved, -down, 1, cache.repeat)": "rows go back the wrong way; what "
                "came from above goes back up",
                "dx[..., channels] = _looking(_looking(dy[..., channels], -down, 1, cache.repeat), -right, 2, "
                "cache.repeat)": "dx is a shift of dy by the opposite offsets, with edges repeated: so the gradient at "
                f"an edge goes to pixels that nobody has looked at; {READ_TWICE}, and others get none",
                "dx[..., channels] = _looking(_looking(dy[..., channels], down, 1, cache.repeat), right, 2, "
                "cache.repeat)": "dy is shifted the way that x was; a gradient goes back where the numbers came from",
                "dx[..., channels] = np.roll(dy[..., channels], (down, right), (1, 2))": TO_OTHER_EDGE,
                "dx[..., channels] = np.roll(dy[..., channels], (-down, -right), (1, 2))": "dy is rolled the way that "
                f"x was shifted; a gradient goes back where the numbers came from. And {TO_OTHER_EDGE}",
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], down, 2, cache.repeat), right, 1, "
                "cache.repeat)": OFFSETS_EXCHANGED,
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], -right, 2, cache.repeat), -down, "
                "1, cache.repeat)": "both go back the wrong way: as if the offsets had the other sign",
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], right, 2, not cache.repeat), down, "
                "1, not cache.repeat)": "repeat is used the wrong way round",
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], right, 2, False), down, 1, "
                "False)": "what looked beyond the edge sends nothing back; where repeat is True, it looked at the "
                "pixel at the edge, which gets it",
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], right, 2, True), down, 1, True)": (
                    "what looked at zeros beyond the edge sends it to the edge; nobody gets it"
                ),
                "dx[..., channels] = _looking_back(_looking_back(dy[..., channels], np.sign(right), 2, cache.repeat), "
                "np.sign(down), 1, cache.repeat)": "only the signs of the offsets count; they may be longer than one "
                "place",
                "dx[..., channels] = dy[..., channels]": "nothing goes back where it came from: dx is dy",
                f"{SENT} + dy[..., channels]": "dy is added; each place has looked at one pixel, and not at itself as "
                "well",
                "dx[..., channels] = -_looking_back(dmoved, down, 1, cache.repeat)": "... dx has the wrong sign",
                "dx[..., channels] = _looking_back(dmoved, down, 1, cache.repeat).mean(0)": "all samples get their "
                "mean; each has its own gradient",
                scattered(f"if cache.repeat: d[edge] = m\n            else: {INSIDE}"): "of the places that looked at "
                "an edge only the last is counted. (d[index] += m does that, too: where an index comes twice NumPy "
                f"adds once; np.add.at adds all.) {READ_TWICE.capitalize()}",
                scattered("d[edge] = m"): "what looked at zeros beyond the map sends it to the edge, and nobody should "
                "get it; and of the places that looked at an edge only the last is counted",
                scattered(
                    f"if cache.repeat: np.add.at(d, edge, m); d /= np.maximum(np.bincount(edge, minlength=n), "
                    f"1).reshape(-1, 1, 1, 1).astype(d.dtype)\n            else: {INSIDE}"
                ): "a pixel that several places have looked at gets the mean of what they send back; it gets the sum",
                scattered(
                    f"{INSIDE}\n            if cache.repeat and n: d[0] += m[at < 0].sum(0)"
                ): "the first row and column get what looked beyond them, the last ones not; all edges do",
                scattered(
                    f"{INSIDE}\n            if cache.repeat and n: d[-1] += m[at >= n].sum(0)"
                ): "the last row and column get what looked beyond them, the first ones not; all edges do",
                scattered(
                    f"{INSIDE}\n            if cache.repeat and n: d[0] = m[at < 0].sum(0); d[-1] = m[at >= n].sum(0)"
                ): "what looked beyond an edge takes the place of what looked at the edge itself; both are summed",
                scattered(
                    f"{INSIDE}\n            if cache.repeat and n: d[-1] += m[at < 0].sum(0); d[0] += m[at >= n].sum(0)"
                ): "what looked beyond an edge goes to the other edge",
                scattered(
                    "if cache.repeat: d[own[~is_in]] = m[~is_in]\n            d[at[is_in]] += m[is_in]"
                ): "what looked beyond an edge goes back to its own place; it looked at the pixel at the edge",
            },
            "_groups(cache.offsets)": {
                "_groups(np.broadcast_to(cache.offsets[0], cache.offsets.shape))": "all channels go back as the first "
                "one does; each has an offset of its own",
                "_groups(cache.offsets[::-1])": "the offsets go to the channels from the last to the first",
                "_groups(np.roll(cache.offsets, 1, 0))": "the offsets go to the channels one further on",
                "_groups(np.abs(cache.offsets))": "the signs of the offsets are dropped: less than 0 is above, or left",
            },
            "dx = np.empty_like(dy)": {"dx = dy": "... you modified dy in place"},
            "return InputGrad(dx)": {
                "return InputGrad(dx / len(dx))": "... the batch: averaged over it instead of summed",
                "return InputGrad(dx[:, ::-1])": "... reversed along the row axis",
                "return InputGrad(dx.swapaxes(1, 2))": "... dx has shape",
            },
        },
    ),
)

GATING = Exercise(
    "gating",
    "what MLPs do in place of attention: a gate over the tokens, and shifted channels",
    55,
    TASKS,
    offers=("np",),
    closed=(
        "minivit.ops.spatial_gating:spatial_gating_loops",
        *(f"minivit.ops.shift_channels:{name}" for name in ("shift_channels_loops", "_looking", "_looking_back")),
    ),
    lecture="13_after_swin",
    section=4,
)
