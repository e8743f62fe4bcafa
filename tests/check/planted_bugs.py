"""Wrong pairs, as people write them. The checker must catch every one.

A bug is a function ``(dy, cache, right) -> gradients``, where ``right`` are the correct gradients, or a forward whose
cache does not fit what it computed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minivit.check import Case
from minivit.ops import (
    attention_chunked_backward,
    attention_forward,
    gelu_forward,
    gelu_tanh_forward,
    group_norm_backward,
    layer_norm_forward,
    patchify_forward,
    softmax_backward,
)
from minivit.ops.softmax import SoftmaxCache


class Bug(NamedTuple):
    """``says`` is a part of the message that is expected; ``when`` picks cases in which the bug can show."""

    op: str
    what: str
    wrong: Callable[[Any, Any, Any], Any]
    says: str = "gradient of"
    when: Callable[[Case], bool] = lambda case: True
    forward: Callable | None = None


def right(dy, c, g):
    """For a bug in forward."""
    return g


def has_bias(case):
    return case.args[-1] is not None


def mask_matters(case):
    """Some query may look at some keys and not at others."""
    mask = case.kwargs["mask"]
    return mask is not None and mask.shape[-1] > 1 and (mask.any(-1) & ~mask.all(-1)).any()


def with_rng(case):
    return case.kwargs["rng"] is not None and case.kwargs["rate"] > 0


def cold(case):
    return case.kwargs["temperature"] < 1


def all_tokens(case):
    return case.kwargs["num_prefix_tokens"] == 0


def two_tokens(case):
    return case.args[0].shape[1] > case.kwargs["num_prefix_tokens"] + 1


def some_in_front(case):
    return case.kwargs["num_prefix_tokens"] > 0


def overlapping(case):
    return case.kwargs["stride"] == 1 and case.kwargs["padding"] == 0


def plain_conv(case):
    """Written as if there were no options, and no kernel of one pixel."""
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return case.kwargs == plain and len(case.args[1]) > 1


def sides_fit_exchanged(case):
    (Y, X), patch = case.kwargs["img_size"], case.kwargs["patch_size"]
    return isinstance(patch, tuple) and Y % patch[1] == 0 and X % patch[0] == 0


def scaled_attention(dy, c, g, factor):
    return g._replace(q=g.q * factor, k=g.k * factor)


def without_softmax_sum(dy, c, g):
    dscores = (dy @ c.v.mT) * c.weights
    return g._replace(q=dscores @ c.k * c.scale, k=dscores.mT @ c.q * c.scale)


def unscaled_bias_sum(dy, c, g):
    (dscores,) = softmax_backward(dy @ c.v.mT, SoftmaxCache(c.weights))
    return g._replace(bias=np.broadcast_to(dscores.mean(), c.bias_shape).astype(dy.dtype))


def layer_norm_dx(dy, c, mean=True, variance=True, gamma=True, rstd=True):
    g = dy * c.gamma if gamma else dy.copy()
    dx = g.copy()
    if mean:
        dx -= g.mean(-1, keepdims=True)
    if variance:
        dx -= c.xhat * (g * c.xhat).mean(-1, keepdims=True)
    return dx * c.rstd if rstd else dx


def sample_norm_per_token(dy, c, g):
    dxhat = dy * c.gamma
    dx = dxhat - dxhat.mean(-1, keepdims=True) - c.xhat * (dxhat * c.xhat).mean(-1, keepdims=True)
    return g._replace(x=dx * c.rstd[..., None])


def group_norm_of_one_group(dy, c, g):
    rstd = c.rstd.mean(axis=1, keepdims=True)
    return g._replace(x=group_norm_backward(dy, c._replace(rstd=rstd)).x)


def group_norm_scale_of_the_first(dy, c, g):
    num_groups = c.rstd.shape[1]
    first = np.repeat(c.gamma[:: len(c.gamma) // num_groups], len(c.gamma) // num_groups)
    return g._replace(x=group_norm_backward(dy, c._replace(gamma=first)).x)


def dy_cut_without_moving(dy, c, g):
    B, H, N, _ = c.q.shape
    return g._replace(v=c.weights.mT @ dy.reshape(B, H, N, -1))


def conv_overwriting(dy, c, g):
    P, Q = c.weight.shape[:2]
    dx = np.zeros_like(c.x)
    for p in range(P):
        for q in range(Q):
            dx[:, p : p + dy.shape[1], q : q + dy.shape[2]] = dy @ c.weight[p, q].T  # = where += is needed
    return g._replace(x=dx)


def conv_same_offset(dy, c, g):
    P, Q = c.weight.shape[:2]
    dx = np.zeros_like(c.x)
    for p in range(P):
        for q in range(Q):
            rows, columns = P - 1 - p, Q - 1 - q  # the kernel flipped once too often
            dx[:, rows : rows + dy.shape[1], columns : columns + dy.shape[2]] += dy @ c.weight[p, q].T
    return g._replace(x=dx)


def pooled_overwriting(dy, c, g):
    (P, Q), (sy, sx) = c.window.kernel, c.window.stride
    dx = np.zeros_like(g.x)
    for p in range(P):
        for q in range(Q):
            dx[:, p : p + sy * dy.shape[1] : sy, q : q + sx * dy.shape[2] : sx][:, : dy.shape[1]] = dy / (P * Q)
    return g._replace(x=dx)


def max_to_all(dy, c, g):
    (P, Q), (sy, sx) = c.window.kernel, c.window.stride
    dx = np.zeros_like(g.x)
    for p in range(P):
        for q in range(Q):
            dx[:, p : p + sy * dy.shape[1] : sy, q : q + sx * dy.shape[2] : sx] += dy
    return g._replace(x=dx)


def forgets_block(dy, c, g):
    dk, dv = g.k.copy(), g.v.copy()
    dk[..., -c.block_size :, :] = dv[..., -c.block_size :, :] = 0
    return g._replace(k=dk, v=dv)


def heads_last(dy, c, g):
    B, H, N, K = dy.shape
    return g._replace(x=dy.transpose(0, 2, 3, 1).reshape(B, N, K * H))


def heads_without_transpose(dy, c, g):
    return g._replace(x=dy.reshape(g.x.shape).copy())


def written(dy, c, g, array):
    array *= 2
    return g


def gelu_of_the_other_kind(x):
    y, _ = gelu_tanh_forward(x)
    return y, gelu_forward(x)[1]


def quick_gelu_without_factor(dy, c, g):
    share = 1 / (1 + np.exp(-1.702 * c.x))
    return g._replace(x=dy * (share + c.x * share * (1 - share)))


def rms_norm_with_mean(dy, c, g):
    return g._replace(x=g.x - g.x.mean(-1, keepdims=True))


def looks_ahead(dy, c, g):
    return attention_chunked_backward(dy, c._replace(causal=False))


def layer_norm_unbiased(x, gamma, beta, *, eps):
    xhat = (x - x.mean(-1, keepdims=True)) / x.std(-1, ddof=1, keepdims=True)
    return xhat * gamma + beta, layer_norm_forward(x, gamma, beta, eps=eps)[1]


def attention_mask_lost(q, k, v, bias, *, mask, scale):
    y, _ = attention_forward(q, k, v, bias, mask=mask, scale=scale)
    return y, attention_forward(q, k, v, bias, scale=scale)[1]


def another_mask(dy, c, g, rng=np.random.default_rng(0)):  # noqa: B008 (hidden state is the bug)
    return g._replace(x=g.x * (rng.random(g.x.shape) < 0.5))


def uses_up(dy, c, g, used=[]):  # noqa: B006 (hidden state is the bug)
    if any(cache is c for cache in used):
        raise IndexError("pop from empty list")
    used.append(c)
    return g


class TupleGrads(NamedTuple):
    """Names that no forward knows."""

    dx: Any
    dweight: Any
    dbias: Any


def rows_of(a):
    return a.size // a.shape[-1]


# One bug, one row.
# fmt: off
BUGS: list[Bug] = [
    Bug("linear", "weight transposed", lambda dy, c, g: g._replace(weight=g.weight.T), "transposed"),
    Bug("linear", "bias averaged over rows", lambda dy, c, g: g._replace(bias=dy.mean(tuple(range(dy.ndim - 1)))),
        "1 / the number of rows (averaged instead of summed?)", has_bias),
    Bug("linear", "bias of the first sample", lambda dy, c, g: g._replace(bias=dy.reshape(-1, dy.shape[-1])[0]),
        "gradient of bias is wrong", has_bias),
    Bug("linear", "bias forgotten", lambda dy, c, g: g._replace(bias=None), "bias is None", has_bias),
    Bug("linear", "bias not summed", lambda dy, c, g: g._replace(bias=dy), "has shape", has_bias),
    Bug("linear", "wrong sign", lambda dy, c, g: g._replace(weight=-g.weight), "wrong sign"),
    Bug("linear", "x from the first sample only", lambda dy, c, g: g._replace(x=np.repeat(g.x[:1], len(g.x), 0)),
        "right for the first sample"),
    Bug("linear", "writes into dy", lambda dy, c, g: written(dy, c, g, dy), "writes into"),
    Bug("linear", "writes into the cache", lambda dy, c, g: written(dy, c, g, c.weight), "writes into"),
    Bug("linear", "float64 from float32", lambda dy, c, g: g._replace(weight=g.weight.astype(np.float64)), "float64"),
    Bug("linear", "computed in half precision", lambda dy, c, g: g._replace(x=g.x.astype(np.float16).astype(dy.dtype)),
        "gradient of x"),
    Bug("linear", "works once", uses_up, "second backward"),
    Bug("linear", "plain tuple", lambda dy, c, g: tuple(g), "expected a NamedTuple"),
    Bug("linear", "other names", lambda dy, c, g: TupleGrads(*g), "'dx' is not an argument"),
    Bug("relu", "passes everything", lambda dy, c, g: g._replace(x=dy.copy()), "gradient of x is wrong"),
    Bug("relu", "passes the negative", lambda dy, c, g: g._replace(x=dy * ~c.positive)),
    Bug("relu", "adds instead of assigning", lambda dy, c, g: g._replace(x=g.x + 0.5), "constant 0.5 is added"),
    Bug("relu", "nan for what is dropped", lambda dy, c, g: g._replace(x=np.where(c.positive, dy, np.nan)), "nan"),
    Bug("gelu", "without dy", lambda dy, c, g: g._replace(x=g.x / dy)),
    Bug("gelu", "slope of one kind, value of the other", right, "gradient of x", forward=gelu_of_the_other_kind),
    Bug("gelu_tanh", "without the x term", lambda dy, c, g: g._replace(x=dy * gelu_tanh_forward(c.x)[0] / c.x)),
    Bug("gelu_tanh", "dy squared", lambda dy, c, g: g._replace(x=dy * g.x)),
    Bug("quick_gelu", "slope without the factor 1.702", quick_gelu_without_factor, "gradient of x"),
    Bug("sigmoid", "y instead of y (1 - y)", lambda dy, c, g: g._replace(x=dy * c.y)),
    Bug("softmax", "without the sum", lambda dy, c, g: g._replace(x=dy * c.y)),
    Bug("softmax", "sum over the wrong axis",
        lambda dy, c, g: g._replace(x=c.y * (dy - (dy * c.y).sum(-2, keepdims=True)))),
    Bug("softmax", "zero", lambda dy, c, g: g._replace(x=np.zeros_like(dy)), "all zeros"),
    Bug("log_softmax", "mean instead of sum",
        lambda dy, c, g: g._replace(x=dy - np.exp(c.y) * dy.mean(-1, keepdims=True))),
    Bug("log_softmax", "without exp", lambda dy, c, g: g._replace(x=dy - c.y * dy.sum(-1, keepdims=True))),
    Bug("layer_norm", "without the mean", lambda dy, c, g: g._replace(x=layer_norm_dx(dy, c, mean=False))),
    Bug("layer_norm", "without the variance", lambda dy, c, g: g._replace(x=layer_norm_dx(dy, c, variance=False))),
    Bug("layer_norm", "without gamma", lambda dy, c, g: g._replace(x=layer_norm_dx(dy, c, gamma=False))),
    Bug("layer_norm", "without 1 / std", lambda dy, c, g: g._replace(x=layer_norm_dx(dy, c, rstd=False)), "factor",
        lambda case: case.args[0].shape[-1] > 2),
    Bug("layer_norm", "gamma and beta exchanged", lambda dy, c, g: g._replace(gamma=g.beta, beta=g.gamma)),
    Bug("layer_norm", "one array for gamma and beta", lambda dy, c, g: g._replace(beta=g.beta, gamma=g.beta),
        "gradient of gamma"),
    Bug("layer_norm", "forward divides by D - 1", right, "gradient of x", forward=layer_norm_unbiased),
    Bug("rms_norm", "with the mean of layer norm", rms_norm_with_mean, "gradient of x"),
    Bug("rms_norm", "without the root mean square", lambda dy, c, g: g._replace(x=dy * c.gamma * c.rstd)),
    Bug("layer_norm_sample", "normalises each token", sample_norm_per_token, "gradient of x is wrong"),
    Bug("group_norm", "one group", group_norm_of_one_group, "gradient of x is wrong",
        lambda case: case.kwargs["num_groups"] > 1),
    Bug("group_norm", "scale of the group's first channel", group_norm_scale_of_the_first, "gradient of x is wrong"),
    Bug("attention", "without the scale", lambda dy, c, g: scaled_attention(dy, c, g, 1 / c.scale), "sqrt(the width)",
        lambda case: case.kwargs["scale"] is None),
    Bug("attention", "scaled twice", lambda dy, c, g: scaled_attention(dy, c, g, c.scale), "= scale",
        lambda case: case.kwargs["scale"] is not None),
    Bug("attention", "softmax without its sum", without_softmax_sum),
    Bug("attention", "k and v exchanged", lambda dy, c, g: g._replace(k=g.v, v=g.k), "has shape"),
    Bug("attention", "bias averaged", unscaled_bias_sum, "gradient of bias",
        lambda case: has_bias(case) and case.args[3].shape[-1] > 1),
    Bug("attention", "mask lost in the cache", right, "gradient of", mask_matters, forward=attention_mask_lost),
    Bug("attention", "keys reversed", lambda dy, c, g: g._replace(k=np.flip(g.k, -2)), "reversed along axis"),
    Bug("attention", "nothing for the class token",
        lambda dy, c, g: g._replace(q=np.concatenate((0 * g.q[..., :1, :], g.q[..., 1:, :]), -2)),
        "nothing reaches index 0"),
    Bug("multi_head_attention", "heads reversed", lambda dy, c, g: g._replace(v=np.flip(g.v, 1)),
        "reversed along axis 1"),
    Bug("multi_head_attention", "dy cut without moving axes", dy_cut_without_moving, "gradient of"),
    Bug("attention_chunked", "forgets the last block", forgets_block, "nothing reaches",
        lambda case: case.kwargs["block_size"] == 1),
    Bug("attention_chunked", "looks ahead in backward", looks_ahead, "gradient of",
        lambda case: case.kwargs["causal"] and case.args[0].shape[-2] > 1 and case.kwargs["mask"] is None),
    Bug("attention_chunked", "without the scale", lambda dy, c, g: scaled_attention(dy, c, g, 1 / c.scale),
        "gradient of q"),
    Bug("split_heads", "heads behind the width", heads_last, "permuted along axis 2"),
    Bug("split_heads", "reshape without transpose", heads_without_transpose, "right numbers in the wrong places"),
    Bug("merge_heads", "heads reversed", lambda dy, c, g: g._replace(x=np.flip(g.x, 1)), "reversed along axis 1"),
    Bug("merge_heads", "heads rolled", lambda dy, c, g: g._replace(x=np.roll(g.x, 1, 1)), "permuted along axis 1",
        lambda case: case.args[0].shape[1] > 2),
    Bug("dropout", "another mask", another_mask, "second backward", with_rng),
    Bug("dropout", "without the rescaling", lambda dy, c, g: g._replace(x=dy * (c.factor > 0)), "= 1 - rate", with_rng),
    Bug("drop_path", "without the rescaling", lambda dy, c, g: g._replace(x=dy * (c.factor > 0)), "= 1 - rate",
        with_rng),
    Bug("drop_path", "not dropped", lambda dy, c, g: g._replace(x=dy / (1 - 0.3)), "gradient of x is wrong", with_rng),
    Bug("conv2d", "kernel offsets flipped", conv_same_offset, "gradient of x is wrong",
        plain_conv),
    Bug("conv2d", "= instead of +=", conv_overwriting, "gradient of x is wrong",
        plain_conv),
    Bug("conv2d", "kernel's rows reversed", lambda dy, c, g: g._replace(weight=np.flip(g.weight, 0)),
        "reversed along axis 0", lambda case: len(case.args[1]) > 1),
    Bug("conv2d", "bias summed over the batch only", lambda dy, c, g: g._replace(bias=dy.sum(0)), "has shape",
        has_bias),
    Bug("patchify", "columns before rows", lambda dy, c, g: g._replace(x=np.roll(g.x, 1, 2)), "permuted along axis 2"),
    Bug("patchify", "no rearrangement", lambda dy, c, g: g._replace(x=dy.reshape(g.x.shape).copy()),
        "right numbers in the wrong places"),
    Bug("unpatchify", "patch sides exchanged",
        lambda dy, c, g: g._replace(x=patchify_forward(dy, patch_size=c.patch_size[::-1])[0].reshape(g.x.shape)),
        "right numbers in the wrong places",
        sides_fit_exchanged),
    Bug("mean_pool", "without 1 / N", lambda dy, c, g: g._replace(x=g.x * c.x_shape[1]),
        "the number of tokens (summed instead of averaged?)", all_tokens),
    Bug("mean_pool", "divides by the batch", lambda dy, c, g: g._replace(x=g.x * c.x_shape[1] / len(dy)), "factor"),
    Bug("mean_pool", "everything to the last token",
        lambda dy, c, g: g._replace(x=np.concatenate((0 * g.x[:, :-1], dy[:, None]), 1)), when=two_tokens),
    Bug("mean_pool", "to the tokens in front, too",
        lambda dy, c, g: g._replace(x=np.repeat(dy[:, None] / c.x_shape[1], c.x_shape[1], 1)), when=some_in_front),
    Bug("batch_norm", "mean and variance as constants", lambda dy, c, g: g._replace(x=dy * c.gamma * c.rstd)),
    Bug("batch_norm", "variance as a constant",
        lambda dy, c, g: g._replace(x=(dy - dy.mean(tuple(range(dy.ndim - 1)))) * c.gamma * c.rstd)),
    Bug("batch_norm", "gamma forgotten", lambda dy, c, g: g._replace(x=g.x / c.gamma)),
    Bug("unit_norm", "only divided", lambda dy, c, g: g._replace(x=dy / c.length)),
    Bug("unit_norm", "not divided", lambda dy, c, g: g._replace(x=g.x * c.length)),
    Bug("info_nce", "queries and keys exchanged", lambda dy, c, g: g._replace(query=g.key, key=g.query),
        "exchanged"),
    Bug("info_nce", "without the temperature",
        lambda dy, c, g: g._replace(query=g.query * c.temperature, key=g.key * c.temperature), when=cold),
    Bug("info_nce", "keys are constants", lambda dy, c, g: g._replace(key=0 * g.key)),
    Bug("first_token", "to every token", lambda dy, c, g: g._replace(x=np.repeat(dy[:, None], c.x_shape[1], 1))),
    Bug("first_token", "to the last token", lambda dy, c, g: g._replace(x=g.x[:, ::-1].copy())),
    Bug("avg_pool2d", "not divided", lambda dy, c, g: g._replace(x=g.x * np.prod(c.window.kernel)),
        "kernel_size"),
    Bug("avg_pool2d", "= instead of +=", pooled_overwriting, "gradient of x is wrong", overlapping),
    Bug("max_pool2d", "to all places of a window", max_to_all, "gradient of x is wrong", overlapping),
    Bug("max_pool2d", "divided as a mean", lambda dy, c, g: g._replace(x=g.x / np.prod(c.window.kernel)),
        "kernel_size"),
    Bug("resize", "not transposed, rows reversed", lambda dy, c, g: g._replace(x=np.flip(g.x, 1)),
        "reversed along axis 1"),
    Bug("resize", "forward's matrix", lambda dy, c, g: g._replace(x=dy), "has shape"),
    Bug("add_positions", "table not summed over the batch",
        lambda dy, c, g: g._replace(positions=dy[:1].reshape(g.positions.shape).copy()),
        "gradient of positions is wrong"),
    Bug("add_positions", "table averaged", lambda dy, c, g: g._replace(positions=g.positions / len(dy)),
        "1 / the batch size (averaged instead of summed?)"),
    Bug("prepend_token", "token from the last row",
        lambda dy, c, g: g._replace(token=dy[:, -c.num_tokens :].sum(0, keepdims=True)), "gradient of token is wrong"),
    Bug("prepend_token", "x from the wrong rows", lambda dy, c, g: g._replace(x=dy[:, : -c.num_tokens].copy())),
    Bug("cross_entropy", "without 1 / N", lambda dy, c, g: g._replace(logits=g.logits * rows_of(c.log_probs)),
        "the number of rows (summed instead of averaged?)"),
    Bug("cross_entropy", "smoothing forgotten",
        lambda dy, c, g: g._replace(logits=dy * (np.exp(c.log_probs) - (c.targets > 0.5)) / rows_of(c.log_probs)),
        "gradient of logits is wrong",
        lambda case: case.kwargs["label_smoothing"] > 0 and case.args[1].ndim < case.args[0].ndim),
    Bug("cross_entropy", "true minus said", lambda dy, c, g: g._replace(logits=-g.logits), "wrong sign"),
    Bug("cross_entropy", "ignores dy", lambda dy, c, g: g._replace(logits=g.logits / dy)),
    Bug("mse", "without the 2", lambda dy, c, g: g._replace(x=g.x / 2), "0.5"),
    Bug("mse", "divided by the batch only", lambda dy, c, g: g._replace(x=g.x * g.x.size / len(g.x)), "factor"),
    Bug("l1", "without the sign", lambda dy, c, g: g._replace(x=np.abs(g.x))),
    Bug("distillation", "without the temperature", lambda dy, c, g: g._replace(logits=g.logits / c.temperature),
        "1 / temperature", lambda case: case.kwargs["temperature"] > 1),
    Bug("distillation", "not linear in dy", lambda dy, c, g: g._replace(logits=g.logits * np.abs(dy))),
]
# fmt: on
