"""Multi-head self-attention: split the width into heads, attend, merge, and wire it into a layer with parameters."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import (
    ONE_SAMPLE,
    close,
    telling,
    with_no_token_allowed,
    with_options,
    with_token_mask,
)


def head_sizes(rng: Generator) -> tuple[int, int, int, int]:
    while True:  # until no two lengths are equal
        B, H, N, K = sizes(rng, 4)
        if different((B, N, H * K), (B, H, N, K)):
            return B, H, N, K


def wide(rng: Generator) -> Case:
    B, H, N, K = head_sizes(rng)
    return Case((rng.standard_normal((B, N, H * K)),), {"num_heads": H})


def split(rng: Generator) -> Case:
    return Case((rng.standard_normal(head_sizes(rng)),), {})


def heads(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    while not different((B, N, H * V)):
        B, H, N, S, K, V = sizes(rng, 6)
    return Case((*(rng.standard_normal((B, H, *shape)) for shape in ((N, K), (S, K), (S, V))), None), {})


def with_bias_and_mask(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    _, H, N, _ = q.shape
    mask = rng.random((N, k.shape[2])) < 0.6
    return Case((q, k, v, rng.standard_normal((H, N, k.shape[2]))), {"mask": mask})


def with_one_bias_for_all_heads(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    return Case((q, k, v, rng.standard_normal((1, q.shape[2], k.shape[2]))), {})


def with_nothing_allowed(rng: Generator) -> Case:
    args, _ = heads(rng)
    return Case(args, {"mask": np.zeros((args[0].shape[2], args[1].shape[2]), bool)})


ATTENDS = {
    "": heads,
    "with a bias and a mask": with_bias_and_mask,
    "with one bias for all heads": with_one_bias_for_all_heads,
    "with a mask that forbids everything": with_nothing_allowed,
}


def layer(rng: Generator, many: tuple[int, int, int, int] | None = None) -> Case:
    B, H, N, K = many or head_sizes(rng)
    D = H * K
    shapes = {"qkv.weight": (D, 3 * D), "qkv.bias": (3 * D,), "proj.weight": (D, D), "proj.bias": (D,)}
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, D)), params), {"dim": D, "num_heads": H})


def no_bias(rng: Generator) -> Case:
    (x, params), options = layer(rng)
    return Case((x, {n: p for n, p in params.items() if n != "qkv.bias"}), {**options, "qkv_bias": False})


def layer_with_bias(rng: Generator) -> Case:
    (x, params), options = layer(rng)
    shape = *choose(rng, (), (len(x),)), choose(rng, options["num_heads"], 1), x.shape[1], x.shape[1]
    return Case((x, params), {**options, "bias": rng.standard_normal(shape)})


def with_one_head(case: Case) -> Case | None:
    has_other = case.kwargs.get("num_heads", 1) > 1 and case.kwargs.get("bias") is None
    return Case(case.args, {**case.kwargs, "num_heads": 1}) if has_other else None


def named_sizes(case: Case) -> dict[str, float]:
    B, N, D = case.args[0].shape
    H = case.kwargs["num_heads"]
    found = {"the head width": D // H, "the heads": H, "the tokens": N, "the batch": B, "the width": D}
    return telling({**found, "the rows": B * N})


def heads_sizes(case: Case) -> dict[str, float]:
    B, H, N, K = case.args[0].shape
    return telling({"the head width": K, "the heads": H, "the tokens": N, "the batch": B})


def is_a_permutation(call: Call, rng: Generator) -> str | None:
    (x,), options = wide(rng)
    y = call(x, **options)[0]
    same = np.array_equal(np.sort(y, axis=None), np.sort(x, axis=None))
    return None if same else "splitting moves numbers and changes none; yours are others"


def head_owns_its_columns(call: Call, rng: Generator) -> str | None:
    (x,), options = wide(rng)
    width = x.shape[2] // options["num_heads"]
    for h, y in enumerate(call(x, **options)[0].swapaxes(0, 1)):
        if not np.array_equal(y, x[:, :, h * width : (h + 1) * width]):
            return f"head {h} must hold columns {h * width} to {(h + 1) * width - 1} of x, for every token"
    return None


def knows_no_order(call: Call, rng: Generator) -> str | None:
    (x, params), options = layer(rng)
    says = "self-attention of the tokens in another order must give the same tokens in that order"
    return None if close(call(x[:, ::-1], params, **options)[0], call(x, params, **options)[0][:, ::-1]) else says


def samples_are_apart(call: Call, rng: Generator) -> str | None:
    (x, params), options = layer(rng)
    says = "the first sample alone gives something else than in a batch: samples must not see each other"
    return None if close(call(x[:1], params, **options)[0], call(x, params, **options)[0][:1]) else says


MIXES = "one reshape cannot do it: it mixes tokens with heads. Reshape to (B, N, H, K), then move axes"
FIRST_MOVE = "one reshape cannot do it: first move the head axis behind the tokens"
INTERLEAVED = "the columns of the heads are interleaved: before the reshape the order is (B, N, H, K)"
ORDER = "have changed places: the columns of qkv are [q, k, v]"
JOIN = "have changed places: join them as [dq, dk, dv]"
MERGED_WRONGLY = "h = h.reshape(*h.shape[:2], self.num_heads, -1).swapaxes(1, 2).reshape(h.shape)"


def layer_with_padding(rng: Generator) -> Case:
    """Tokens that are only there to fill up, others in each sample."""
    (x, params), options = layer(rng)
    mask = rng.random((len(x), 1, 1, x.shape[1])) < 0.5
    mask[..., 0] = True
    return Case((x, params), {**options, "mask": mask})


layer_task = partial(
    Task,
    cases={
        "": layer,
        "without the bias of qkv": no_bias,
        "with a mask": with_token_mask(layer),
        "with a mask of each sample": layer_with_padding,
        "with a mask that forbids everything": with_no_token_allowed(layer),
        "with a bias": layer_with_bias,
        "with dropout": with_options(layer, proj_drop=0.4, rng=3),
        "with dropout, without a generator": with_options(layer, proj_drop=0.4),
    },
    big=partial(layer, many=(64, 16, 6, 4)),
    sizes=named_sizes,
    simpler={**ONE_SAMPLE, "with one head": with_one_head},
    axes={"y": "sample token channel", "dx": "sample token channel", "dqkv.weight": "row column"},
)

TASKS = (
    Task(
        "split_heads_forward",
        {"": wide},
        (
            Property("no number changes", is_a_permutation),
            Property("each head owns its columns", head_owns_its_columns),
        ),
        {
            "num_heads, D // num_heads).swapaxes(-3, -2)": {
                "num_heads, D // num_heads).reshape(*B, num_heads, N, -1)": MIXES,
                "D // num_heads, num_heads).transpose(0, 3, 1, 2)": "the width was cut into (K, H); a head owns "
                "neighbouring columns, so cut it into (H, K)",
                "num_heads, D // num_heads)": "... y has shape",
                "num_heads, D // num_heads).transpose(2, 0, 1, 3)": "... y has shape",
                "num_heads, D // num_heads).transpose(0, 2, 1, 3)[:, ::-1]": "... reversed along the head axis",
                "num_heads, D // num_heads).transpose(0, 2, 1, 3)[..., ::-1]": "... reversed along the width axis",
                "num_heads, D // num_heads).transpose(0, 2, 1, 3).squeeze()": "... y has shape",
                "num_heads, D // num_heads).transpose(0, 2, 1, 3) / np.sqrt(num_heads)": "... others",
            },
        },
        simpler={"with one head": with_one_head},
        axes={"y": "sample head token width"},
    ),
    Task(
        "merge_heads_forward",
        {"": split},
        mistakes={
            "x.swapaxes(-3, -2)": {
                "x": FIRST_MOVE,
                "x.transpose(0, 2, 3, 1)": INTERLEAVED,
                "x.transpose(0, 2, 1, 3)[:, ::-1]": "... reversed along the token axis",
                "x.sum(1, keepdims=True).transpose(0, 2, 1, 3)": "... cannot reshape array",
                "2 * x.transpose(0, 2, 1, 3)": "... y is 2 times too large",
                "x[:, ::-1].transpose(0, 2, 1, 3)": "... y: permuted along the channel axis",
            },
        },
        axes={"y": "sample token channel"},
    ),
    Task(
        "split_heads_backward",
        {"": wide},
        mistakes={
            "merge_heads_forward(dy)": {
                "dy.reshape(len(dy), dy.shape[2], -1), None": FIRST_MOVE,
                "dy.transpose(0, 2, 3, 1).reshape(len(dy), dy.shape[2], -1), None": INTERLEAVED,
                "np.tile(dy.sum(1), (1, 1, dy.shape[1])), None": "the heads are summed; each head gives the gradient "
                "of its own columns, side by side",
            },
        },
        axes={"dx": "sample token channel"},
        uses=("merge_heads_forward",),
    ),
    Task(
        "merge_heads_backward",
        {"": split},
        mistakes={
            "split_heads_forward(dy, num_heads=cache.num_heads)": {
                "dy.reshape(len(dy), cache.num_heads, dy.shape[1], -1), None": MIXES,
            },
        },
        axes={"dx": "sample head token width"},
        uses=("split_heads_forward",),
    ),
    Task(
        "multi_head_attention_forward",
        ATTENDS,
        mistakes={
            "merge_heads_forward(y)": {"y.reshape(len(y), y.shape[2], -1), None": FIRST_MOVE},
            "q, k, v, bias, mask=mask": {
                "q, k, v, mask=mask": "... cache.bias_shape is None",
                "q, k, v, bias": "the argument mask is not used",
                "q, k, v, bias, mask=None if mask is None or not mask.any() else mask": "the argument mask is not used",
                "q / q.shape[1] ** 0.5, k, v, bias, mask=mask": "the scores are divided by sqrt(D), the root of the "
                "whole width; it is that of a head, which attention_forward takes",
                "q / q.shape[-1] ** 0.5, k, v, bias, mask=mask": "the scores are divided by sqrt(K) twice: "
                "attention_forward does it already",
                "np.flip(q, 2), k, v, bias, mask=mask": "... cache.q",
                "q, k, v[..., ::-1, :], bias, mask=mask": "the values are in another order than the keys",
                "q, k, v, bias, mask=mask if mask is None else ~mask": "the mask is the wrong way round: True is where "
                "a query may look",
            },
            "return y, cache": {
                "return y, cache._replace(weights=cache.weights.mean(1, keepdims=True))": "... cache.weights has shape",
                "return y.astype(np.float64), cache": "... comes y in float64",
            },
        },
        axes={"y": "sample query channel"},
        uses=("merge_heads_forward",),
    ),
    Task(
        "multi_head_attention_backward",
        ATTENDS,
        mistakes={
            "split_heads_forward(dy, num_heads=H)": {
                "dy.reshape(*B, H, N, -1), None": MIXES,
                "dy.reshape(*B, N, -1, H).transpose(0, 3, 1, 2), None": INTERLEAVED,
                "dy.reshape(*B, N, H, -1).transpose(0, 2, 1, 3)[:, ::-1], None": "the heads are in reversed order",
            },
            "return attention_backward(dh, cache)": {
                "return attention_backward(dh / H, cache)": "... the heads: averaged over it instead of summed",
                "return attention_backward(dh, cache)._replace(bias=None)": "... dbias is None",
                "g = attention_backward(dh, cache); return g._replace(q=g.q / cache.scale)": "... times too large = "
                "sqrt(",
                "g = attention_backward(dh, cache); return g._replace(k=g.v, v=g.k)": "... dk",
            },
        },
        sizes=heads_sizes,
        reasons={"sqrt(the head width)": "the forward divides the scores by it"},
        axes={"dq": "sample head query width", "dk": "sample head key width", "dv": "sample head key width"},
        uses=("split_heads_forward",),
    ),
    layer_task(
        "SelfAttention.forward",
        properties=(
            Property("the order of tokens does not matter", knows_no_order),
            Property("samples do not see each other", samples_are_apart),
        ),
        mistakes={
            "q, k, v =": {
                "k, q, v =": f"q and k {ORDER}",
                "q, v, k =": f"k and v {ORDER}",
                "v, k, q =": f"q and v {ORDER}",
            },
            "return h, Self": {
                "return x + h, Self": "x is added: the residual path belongs to the block, not to attention",
            },
            "q, k, v, bias, mask=mask": {
                "q, k, v, bias": "the argument mask is not used",
                "q, k, v, mask=mask": "... cache.attention.bias_shape is None",
                "q, k, v, bias, mask=mask if mask is None or mask.any() else None": "the argument mask is not used",
                "q, k, v, bias, mask=None if mask is None else mask.T": "the mask is transposed: its rows are the "
                "queries",
                "q / np.sqrt(h.shape[-1] // 3), k, v, bias, mask=mask": "the scores are divided by sqrt(D) as well; "
                "attention divides them by sqrt(K) already",
                "q / np.sqrt(self.num_heads), k, v, bias, mask=mask": "the scores are divided by sqrt(H) as well, so "
                "by sqrt(D) in all; attention divides them by sqrt(K), and that is enough",
                "q, k, k, bias, mask=mask": "the keys stand for the values",
                "q, q, v, bias, mask=mask": "the queries stand for the keys",
            },
            "self.proj_drop.forward(h, rng=rng)": {
                "h, IdentityCache()": "the dropout is left out: h, c_proj_drop = self.proj_drop.forward(h, rng=rng)",
                "self.proj_drop.forward(h)": "the dropout is left out",
                "self.proj_drop.forward(h, rng=np.random.default_rng())": "... the same call gives another y",
                "self.proj_drop.forward(h, rng=rng and np.random.default_rng(0))": "dropout draws with a generator of "
                "its own, default_rng(0); it draws with rng",
                "self.proj_drop.forward(h, rng=np.random.default_rng(7))": "dropout draws without being given a "
                "generator",
            },
            "h, c_proj =": {
                "h, _ = self.proj_drop.forward(h, rng=rng); rng = None; h, c_proj =": "the dropout comes before proj; "
                "it is the last step",
                "h = h + x; h, c_proj =": "x is added: the residual path belongs to the block, not to attention",
                "x *= 1.5; h, c_proj =": "... you modified x in place",
                "h, _ = self.proj.forward(h); h, c_proj =": "proj is called twice",
                "_, c_proj =": "the last layer, proj, is missing",
                f"{MERGED_WRONGLY}; h, c_proj =": "... right with one head, wrong for several heads",
            },
        },
        uses=("split_heads_forward", "multi_head_attention_forward"),
    ),
    layer_task(
        "SelfAttention.backward",
        mistakes={
            "(dq, dk, dv)": {
                "(dk, dq, dv)": f"the gradients of q and k {JOIN}",
                "(dq, dv, dk)": f"the gradients of k and v {JOIN}",
                "(dv, dk, dq)": f"the gradients of q and v {JOIN}",
            },
            "self.proj_drop.backward(dy, cache.proj_drop)": {
                "dy": "the backward of the dropout is left out",
            },
            "dx = self.qkv": {
                "self.qkv.zero_grad(); dx = self.qkv": "... is assigned where a gradient is there already",
                "self.qkv.weight.grad *= 0; dx = self.qkv": "... dqkv.weight is assigned",
            },
            "dh = self.proj.backward": {
                "self.proj.bias.zero_grad(); dh = self.proj.backward": "... dproj.bias is assigned",
                "self.proj.backward(dh, cache.proj); dh = self.proj.backward": "... dproj.weight is 2 times too large",
            },
            "return dx if dbias is None else (dx, dbias)": {
                "return dx": "... return (dx, dbias)",
                "return (dx, dbias)": "... dx must be an array; it is a tuple of 2",
                "return dx if dbias is None else (dbias, dx)": "... dx",
                "return dx + dy if dbias is None else (dx + dy, dbias)": "dy is added: the residual path belongs to "
                "the block, not to attention",
                "return -dx if dbias is None else (-dx, dbias)": "... dx has the wrong sign",
            },
            "self.qkv.backward(dh, cache.qkv)": {"dh @ self.qkv.weight.value.T": "... dqkv.weight is zero everywhere"},
            "self.proj.backward(dh, cache.proj)": {
                "dh @ self.proj.weight.value.T": "... dproj.weight is zero everywhere"
            },
        },
        uses=("split_heads_backward", "multi_head_attention_backward"),
    ),
)

MULTI_HEAD = Exercise(
    "multi_head",
    "multi-head self-attention",
    50,
    TASKS,
    offers=(
        "np",
        *("attention_forward", "attention_backward", "split_heads_forward", "split_heads_backward"),
        *("merge_heads_forward", "merge_heads_backward"),
    ),
    closed=tuple(
        f"minivit.layers.attention:{name}" for name in ("Attention.forward", "Attention.backward", "join_heads")
    ),
    lecture="03_transformer",
    section=1,
)
