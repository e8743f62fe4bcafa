"""Wrong layers, as people wire them. The checker must catch every one, and say where."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minivit.layers import Block, Layer, LayerNorm, Linear, MixerBlock, Mlp, Param, PostNormBlock, SelfAttention
from minivit.layers.attention import join_heads
from minivit.layers.initial import ones
from minivit.ops import linear_backward, multi_head_attention_backward, split_heads_backward
from tests.check.small_pairs import normal


class WrongLayer(NamedTuple):
    """``backward(layer, dy, cache)`` replaces that of the layer; ``says`` are parts of the message expected."""

    what: str
    layer: Callable[[], Layer]
    backward: Callable
    says: tuple[str, ...]
    inputs: tuple[Any, ...] = (normal(2, 3, 6),)


class Tied(Layer):
    """One weight, used twice."""

    def __init__(self):
        self.first, self.second = Linear(6, 6), Linear(6, 6, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x):
        h, c_first = self.first.forward(x)
        y, c_second = self.second.forward(h)
        return y, (c_first, c_second)

    def backward(self, dy, cache):
        return self.first.backward(self.second.backward(dy, cache[1]), cache[0])


class Residual(Layer):
    """x + mlp(norm(x)), with a scale at its end."""

    def __init__(self):
        self.norm, self.mlp, self.scale = LayerNorm(6), Mlp(6, 5), Param((6,), "out", ones)

    def forward(self, x):
        h, c_norm = self.norm.forward(x)
        h, c_mlp = self.mlp.forward(h)
        return x + h * self.scale.value, (c_norm, c_mlp, h)

    def backward(self, dy, cache):
        c_norm, c_mlp, h = cache
        self.scale.add_grad((dy * h).sum((0, 1)))
        return dy + self.norm.backward(self.mlp.backward(dy * self.scale.value, c_mlp), c_norm)


class Positions(Layer):
    """A table, added to every sample."""

    def __init__(self):
        self.table = Param((3, 6), "position width", ones)

    def forward(self, x):
        return x + self.table.value, None

    def backward(self, dy, cache):
        self.table.add_grad(dy.sum(0))
        return dy


class Fused(Layer):
    """Keys and values from one matrix."""

    def __init__(self):
        self.kv = Linear(6, 8)

    def forward(self, x):
        h, c_kv = self.kv.forward(x)
        k, v = np.split(h, 2, axis=-1)
        return np.exp(k) * v, (c_kv, k, v)

    def backward(self, dy, cache):
        c_kv, k, v = cache
        return self.kv.backward(np.concatenate((dy * v * np.exp(k), dy * np.exp(k)), axis=-1), c_kv)


class Two(Layer):
    """Two inputs of the same shape."""

    def __init__(self):
        self.left, self.right = Linear(6, 4), Linear(6, 4)

    def forward(self, a, b):
        y_left, c_left = self.left.forward(a)
        y_right, c_right = self.right.forward(b)
        return y_left * y_right, (c_left, c_right, y_left, y_right)

    def backward(self, dy, cache):
        c_left, c_right, y_left, y_right = cache
        return self.left.backward(dy * y_right, c_left), self.right.backward(dy * y_left, c_right)


class Detections(NamedTuple):
    """What is found in each token, and how sure that is."""

    boxes: Any
    scores: Any
    best: Any


class Detector(Layer):
    """A body with two heads of one shape, and the place of the best score, which has no gradient."""

    def __init__(self):
        self.body, self.boxes, self.scores = Mlp(6, 5), Linear(6, 4), Linear(6, 4)

    def forward(self, x):
        h, c_body = self.body.forward(x)
        boxes, c_boxes = self.boxes.forward(h)
        scores, c_scores = self.scores.forward(h)
        return Detections(boxes, scores, scores.argmax(-1)), (c_body, c_boxes, c_scores)

    def backward(self, dy, cache):
        assert dy.best is None
        c_body, c_boxes, c_scores = cache
        dh = self.boxes.backward(dy.boxes, c_boxes)
        return self.body.backward(dh + self.scores.backward(dy.scores, c_scores), c_body)


class Projections(NamedTuple):
    """Queries, keys and values."""

    q: Any
    k: Any
    v: Any


class Project(Layer):
    """One linear map with three outputs."""

    def __init__(self):
        self.qkv = Linear(6, 18)

    def forward(self, x):
        h, cache = self.qkv.forward(x)
        return Projections(*np.split(h, 3, -1)), cache

    def backward(self, dy, cache):
        return self.qkv.backward(np.concatenate(dy, -1), cache)


class Gated(Layer):
    """A layer of three outputs inside of one that has two, in a dict."""

    def __init__(self):
        self.project, self.mix = Project(), Linear(6, 6)

    def forward(self, x):
        h, c_project = self.project.forward(x)
        mixed, c_mix = self.mix.forward(h.q * h.k)
        return {"mixed": mixed, "carried": x + h.v}, (c_project, c_mix, h)

    def backward(self, dy, cache):
        c_project, c_mix, h = cache
        dproduct = self.mix.backward(dy["mixed"], c_mix)
        dh = Projections(dproduct * h.k, dproduct * h.q, dy["carried"])
        return dy["carried"] + self.project.backward(dh, c_project)


class Doubled(Layer):
    """One output, made of one of three that a layer inside has, and of the input."""

    def __init__(self):
        self.project = Project()

    def forward(self, x):
        h, c_project = self.project.forward(x)
        return 2 * (x + h.v), (c_project, h)

    def backward(self, dy, cache):
        c_project, h = cache
        dv = 2 * dy
        return dv + self.project.backward(Projections(0 * h.q, 0 * h.k, dv), c_project)


def detector_with(**changes):
    """The backward of Detector, called with other cotangents."""

    def backward(layer, dy, cache):
        return Detector.backward(layer, dy._replace(**{name: change(dy) for name, change in changes.items()}), cache)

    return backward


def detector_one_head_lost(layer, dy, cache):
    c_body, c_boxes, c_scores = cache
    layer.scores.backward(dy.scores, c_scores)
    return layer.body.backward(layer.boxes.backward(dy.boxes, c_boxes), c_body)


def detector_head_through_itself_alone(layer, dy, cache):
    c_body, c_boxes, c_scores = cache
    dh = layer.boxes.backward(dy.boxes, c_boxes) + linear_backward(dy.scores, c_scores).x
    return layer.body.backward(dh, c_body)


def gated_carried_lost(layer, dy, cache):
    return Gated.backward(layer, dy, cache) - dy["carried"]


def gated_keys_for_queries(layer, dy, cache):
    c_project, c_mix, h = cache
    dproduct = layer.mix.backward(dy["mixed"], c_mix)
    dh = Projections(dproduct * h.q, dproduct * h.k, dy["carried"])
    return dy["carried"] + layer.project.backward(dh, c_project)


def gated_residual_of_the_values(layer, dy, cache):
    c_project, c_mix, h = cache
    dproduct = layer.mix.backward(dy["mixed"], c_mix)
    dh = Projections(dproduct * h.k, dproduct * h.q, 2 * dy["carried"])
    return dy["carried"] + layer.project.backward(dh, c_project)


def gated_writes(layer, dy, cache):
    dy["carried"] += 1
    return Gated.backward(layer, dy, cache)


def attention_with(change):
    """The backward of SelfAttention, with other gradients of queries, keys and values."""

    def backward(layer, dy, cache):
        dh = layer.proj_drop.backward(dy, cache.proj_drop)
        dh = layer.proj.backward(dh, cache.proj)
        dq, dk, dv, _ = multi_head_attention_backward(dh, cache.attention)
        (dh,) = split_heads_backward(join_heads(*change(dq, dk, dv)), cache.split)
        return layer.qkv.backward(dh, cache.qkv)

    return backward


def keys_and_values_exchanged(layer, dy, cache):
    c_kv, k, v = cache
    return layer.kv.backward(np.concatenate((dy * np.exp(k), dy * v * np.exp(k)), axis=-1), c_kv)


def block_first_residual_lost(layer, dy, cache):
    dx = dy + layer.norm2.backward(layer.mlp.backward(dy, cache.mlp), cache.norm2)
    return layer.norm1.backward(layer.attn.backward(dx, cache.attn), cache.norm1)


def block_second_residual_lost(layer, dy, cache):
    dx = layer.norm2.backward(layer.mlp.backward(dy, cache.mlp), cache.norm2)
    return dx + layer.norm1.backward(layer.attn.backward(dx, cache.attn), cache.norm1)


def block_residual_of_the_end(layer, dy, cache):
    dx = dy + layer.norm2.backward(layer.mlp.backward(dy, cache.mlp), cache.norm2)
    return dy + layer.norm1.backward(layer.attn.backward(dx, cache.attn), cache.norm1)


def block_mlp_left_out(layer, dy, cache):
    return dy + layer.norm1.backward(layer.attn.backward(dy, cache.attn), cache.norm1)


def block_norms_exchanged(layer, dy, cache):
    dx = dy + layer.norm1.backward(layer.mlp.backward(dy, cache.mlp), cache.norm2)
    return dx + layer.norm2.backward(layer.attn.backward(dx, cache.attn), cache.norm1)


def post_norm_first_residual_lost(layer, dy, cache):
    dsum = layer.norm2.backward(dy, cache.norm2)
    dx = dsum + layer.mlp.backward(dsum, cache.mlp)
    return layer.attn.backward(layer.norm1.backward(dx, cache.norm1), cache.attn)


def post_norm_second_residual_lost(layer, dy, cache):
    dx = layer.mlp.backward(layer.norm2.backward(dy, cache.norm2), cache.mlp)
    dsum = layer.norm1.backward(dx, cache.norm1)
    return dsum + layer.attn.backward(dsum, cache.attn)


def mixer_with(before=lambda dh: dh.mT, behind=lambda dh: dh.mT, *, first=True, second=True):
    """The backward of a MixerBlock with other swaps around token mixing, or without one of its residual paths."""

    def backward(layer, dy, c):
        dx = layer.norm2.backward(layer.mlp_channels.backward(dy, c.mlp_channels), c.norm2)
        dx = dx + dy if second else dx
        dh = layer.mlp_tokens.backward(np.ascontiguousarray(before(dx)), c.mlp_tokens)
        dh = layer.norm1.backward(np.ascontiguousarray(behind(dh)), c.norm1)
        return dx + dh if first else dh

    return backward


def mixer_one_norm_twice(layer, dy, c):
    dx = dy + layer.norm1.backward(layer.mlp_channels.backward(dy, c.mlp_channels), c.norm2)
    return dx + layer.norm1.backward(layer.mlp_tokens.backward(dx.mT, c.mlp_tokens).mT, c.norm1)


def mixer_norm_left_out(layer, dy, c):
    dx = dy + layer.norm2.backward(layer.mlp_channels.backward(dy, c.mlp_channels), c.norm2)
    return dx + layer.mlp_tokens.backward(dx.mT, c.mlp_tokens).mT


def mixer_residual_of_the_end(layer, dy, c):
    dx = dy + layer.norm2.backward(layer.mlp_channels.backward(dy, c.mlp_channels), c.norm2)
    return dy + layer.norm1.backward(layer.mlp_tokens.backward(dx.mT, c.mlp_tokens).mT, c.norm1)


def mixer_token_mixing_left_out(layer, dy, c):
    return dy + layer.norm2.backward(layer.mlp_channels.backward(dy, c.mlp_channels), c.norm2)


def mlp_activation_left_out(layer, dy, cache):
    return layer.fc1.backward(layer.fc2.backward(dy, cache.fc2), cache.fc1)


def linear_with(change):
    """The backward of Linear, with other gradients added."""

    def backward(layer, dy, cache):
        dx, dweight, dbias = change(*linear_backward(dy, cache))
        layer.weight.add_grad(dweight)
        layer.bias.add_grad(dbias)
        return dx

    return backward


def bias_assigned(layer, dy, cache):
    dx, dweight, dbias = linear_backward(dy, cache)
    layer.weight.add_grad(dweight)
    layer.bias.grad = dbias
    return dx


def tied_doubled(layer, dy, cache):
    dh, d_second, _ = linear_backward(dy, cache[1])
    dx, d_first, dbias = linear_backward(dh, cache[0])
    layer.first.bias.add_grad(dbias)
    for linear in (layer.first, layer.second):
        linear.weight.add_grad(d_first + d_second)
    return dx


def tied_once_more(layer, dy, cache):
    dh = layer.second.backward(dy, cache[1])
    layer.second.backward(dy, cache[1])
    return layer.first.backward(dh, cache[0])


def tied_overwritten(layer, dy, cache):
    dh = layer.second.backward(dy, cache[1])
    before = layer.first.weight.grad.copy()
    dx = layer.first.backward(dh, cache[0])
    layer.first.weight.grad = layer.first.weight.grad - before
    return dx


def tied_cache_twice(layer, dy, cache):
    return layer.first.backward(layer.second.backward(dy, cache[0]), cache[0])


def residual_lost(layer, dy, cache):
    return Residual.backward(layer, dy, cache) - dy


def residual_twice(layer, dy, cache):
    return Residual.backward(layer, dy, cache) + dy


def scale_forgotten(layer, dy, cache):
    c_norm, c_mlp, _ = cache
    return dy + layer.norm.backward(layer.mlp.backward(dy * layer.scale.value, c_mlp), c_norm)


def scale_not_applied(layer, dy, cache):
    c_norm, c_mlp, h = cache
    layer.scale.add_grad((dy * h).sum((0, 1)))
    return dy + layer.norm.backward(layer.mlp.backward(dy, c_mlp), c_norm)


def table_averaged(layer, dy, cache):
    layer.table.add_grad(dy.mean(0))
    return dy


def table_of_the_first_sample(layer, dy, cache):
    layer.table.add_grad(dy[0].copy())
    return dy


def table_is_the_gradient(layer, dy, cache):
    layer.table.add_grad(dy[0])
    return dy


def weights_exchanged(layer, dy, cache):
    c_left, c_right, y_left, y_right = cache
    da, d_left, dbias_left = linear_backward(dy * y_right, c_left)
    db, d_right, dbias_right = linear_backward(dy * y_left, c_right)
    for linear, dweight, dbias in ((layer.left, d_right, dbias_left), (layer.right, d_left, dbias_right)):
        linear.weight.add_grad(dweight)
        linear.bias.add_grad(dbias)
    return da, db


def writes_into_a_parameter(layer, dy, cache):
    layer.table.value[0] = 0
    return Positions.backward(layer, dy, cache)


def mixer():
    return MixerBlock(6, 3, tokens_dim=5, channels_dim=7)


def square_mixer():
    return MixerBlock(6, 6, tokens_dim=5, channels_dim=7)


X = normal(2, 3, 6)

# One mistake, one row.
# fmt: off
LAYERS = [
    WrongLayer("q and k exchanged", lambda: SelfAttention(6, 3), attention_with(lambda q, k, v: (k, q, v)),
        ("in it q and k are exchanged", "right: proj.weight, proj.bias")),
    WrongLayer("k and v exchanged", lambda: SelfAttention(6, 3), attention_with(lambda q, k, v: (q, v, k)),
        ("in it k and v are exchanged",)),
    WrongLayer("q, k and v rolled", lambda: SelfAttention(6, 3), attention_with(lambda q, k, v: (v, q, k)),
        ("in it q and k and v are exchanged",)),
    WrongLayer("q and k exchanged in a block", lambda: Block(6, 3),
        lambda block, dy, c: swapped_block(block, dy, c), ("attn.qkv.bias", "in it q and k are exchanged", "right: ")),
    WrongLayer("keys forgotten", lambda: SelfAttention(6, 3), attention_with(lambda q, k, v: (q, 0 * k, v)),
        ("gradient of qkv.weight is wrong", "nothing reaches indices 6 to 11 of axis 1")),
    WrongLayer("heads in another order", lambda: SelfAttention(6, 3),
        attention_with(lambda q, k, v: (q[:, ::-1], k[:, ::-1], v[:, ::-1])), ("gradient of qkv.bias is wrong",)),
    WrongLayer("keys and values exchanged", Fused, keys_and_values_exchanged, ("in it k and v are exchanged",)),
    WrongLayer("first residual lost", lambda: Block(6, 3), block_first_residual_lost,
        ("gradient of input 0 is wrong", "what goes into attn.backward is missing: a residual lost",
        "right: norm1.weight, norm1.bias, attn")),
    WrongLayer("second residual lost", lambda: Block(6, 3), block_second_residual_lost,
        ("gradient of attn.proj.bias is wrong", "the sum of dy is missing: a residual lost",
        "right: norm2.weight, norm2.bias, mlp.fc1")),
    WrongLayer("the residual of another place", lambda: Block(6, 3), block_residual_of_the_end,
        ("what norm2.backward returns is missing", "right: norm1")),
    WrongLayer("the mlp left out", lambda: Block(6, 3), block_mlp_left_out,
        ("gradient of mlp.fc2.bias is wrong", "all zeros", "also wrong: ")),
    WrongLayer("norms exchanged", lambda: Block(6, 3), block_norms_exchanged,
        ("stand in the place of norm1.bias: are the two exchanged?", "also wrong: ")),
    WrongLayer("post-norm: first residual lost", lambda: PostNormBlock(6, 3), post_norm_first_residual_lost,
        ("gradient of input 0 is wrong", "what norm1.backward returns is missing: a residual lost")),
    WrongLayer("post-norm: second residual lost", lambda: PostNormBlock(6, 3), post_norm_second_residual_lost,
        ("gradient of norm1.bias is wrong", "the sum of what norm2.backward returns is missing")),
    WrongLayer("mixer: the gradient is reshaped, not swapped", mixer, mixer_with(lambda dh: dh.reshape(2, 6, 3)),
        ("gradient of mlp_tokens", "right: norm2.weight, norm2.bias, mlp_channels.fc1.weight")),
    WrongLayer("mixer: the gradient is reshaped, not swapped back", mixer,
        mixer_with(behind=lambda dh: dh.reshape(2, 3, 6)), ("gradient of", "norm1", "right: mlp_tokens.fc1.weight")),
    WrongLayer("mixer: tokens and channels exchanged", square_mixer, mixer_with(lambda dh: dh, lambda dh: dh),
        ("gradient of", "mlp_tokens.fc2.bias", "right: norm2.weight"), (normal(2, 6, 6),)),
    WrongLayer("mixer: first residual lost", mixer, mixer_with(first=False),
        ("gradient of input 0 is wrong", "right: norm1.weight, norm1.bias, mlp_tokens.fc1.weight")),
    WrongLayer("mixer: second residual lost", mixer, mixer_with(second=False),
        ("gradient of mlp_tokens.fc2.bias is wrong", "right: norm2.weight, norm2.bias, mlp_channels.fc1")),
    WrongLayer("mixer: the residual of another place", mixer, mixer_residual_of_the_end,
        ("gradient of input 0 is wrong", "what norm2.backward returns is missing", "right: norm1")),
    WrongLayer("mixer: one norm used twice", mixer, mixer_one_norm_twice, ("gradient of norm", "also wrong: ")),
    WrongLayer("mixer: norm left out", mixer, mixer_norm_left_out, ("gradient of norm1.bias is wrong", "all zeros")),
    WrongLayer("mixer: token mixing left out", mixer, mixer_token_mixing_left_out,
        ("gradient of mlp_tokens.fc2.bias is wrong", "all zeros")),
    WrongLayer("activation left out", lambda: Mlp(6, 5), mlp_activation_left_out,
        ("gradient of fc1.bias is wrong", "right: fc2.weight, fc2.bias")),
    WrongLayer("weight averaged", lambda: Linear(6, 4), linear_with(lambda x, w, b: (x, w / 2, b)),
        ("gradient of weight is wrong", "1 / the batch size (averaged instead of summed?)", "right: input 0, bias")),
    WrongLayer("weight's sign", lambda: Linear(6, 4), linear_with(lambda x, w, b: (x, -w, b)), ("the wrong sign",)),
    WrongLayer("weight transposed", lambda: Linear(6, 6), linear_with(lambda x, w, b: (x, w.T, b)), ("transposed",)),
    WrongLayer("rows of a weight", lambda: Linear(6, 4),
        linear_with(lambda x, w, b: (x, np.concatenate((w[:1], 2 * w[1:])), b)),
        ("right for index 0 of axis 0, wrong for all others",)),
    WrongLayer("no gradient for the bias", lambda: Linear(6, 4), linear_with(lambda x, w, b: (x, w, 0 * b)),
        ("gradient of bias is wrong", "all zeros", "right: input 0, weight")),
    WrongLayer("bias assigned", lambda: Linear(6, 4), bias_assigned, ("gradient of bias again (+=)",)),
    WrongLayer("nothing for the input", lambda: Linear(6, 4), linear_with(lambda x, w, b: (None, w, b)),
        ("returned 0 gradients; expected 1",)),
    WrongLayer("twice for the input", lambda: Linear(6, 4), linear_with(lambda x, w, b: ((x, x), w, b)),
        ("returned 2 gradients; expected 1",)),
    WrongLayer("the input's shape", lambda: Linear(6, 4), linear_with(lambda x, w, b: (x.sum(0), w, b)),
        ("gradient of input 0 has shape (3, 6), the argument (2, 3, 6)",)),
    WrongLayer("a shared weight doubled", Tied, tied_doubled, ("off by the constant factor 2",)),
    WrongLayer("a shared weight counted twice", Tied, tied_once_more,
        ("what second.backward adds to its weight is counted twice",)),
    WrongLayer("a shared weight overwritten", Tied, tied_overwritten,
        ("must add the same gradient of first.weight again (+=)",)),
    WrongLayer("a shared weight, one cache", Tied, tied_cache_twice, ("gradient of first.weight is wrong",)),
    WrongLayer("a residual lost", Residual, residual_lost, ("dy is missing: a residual lost",)),
    WrongLayer("a residual twice", Residual, residual_twice, ("dy is counted twice",)),
    WrongLayer("a scale forgotten", Residual, scale_forgotten, ("gradient of scale is wrong", "all zeros")),
    WrongLayer("a scale not applied", Residual, scale_not_applied,
        ("gradient of mlp.fc2.weight is wrong", "a factor of its own", "right: scale")),
    WrongLayer("a table averaged", Positions, table_averaged, ("perhaps 1 / the batch size",)),
    WrongLayer("a table of the first sample", Positions, table_of_the_first_sample, ("gradient of table is wrong",)),
    WrongLayer("a table that is dy", Positions, table_is_the_gradient, ("writes into an input, the cache or dy",)),
    WrongLayer("inputs exchanged", Two, lambda layer, dy, c: Two.backward(layer, dy, c)[::-1],
        ("stand in the place of input", "right: left.weight"), (X, normal(2, 3, 6) + 1)),
    WrongLayer("weights exchanged", Two, weights_exchanged, ("stand in the place of left.weight",),
        (X, normal(2, 3, 6) + 1)),
    WrongLayer("one of two inputs", Two, lambda layer, dy, c: Two.backward(layer, dy, c)[0],
        ("returned 1 gradients; expected 2",), (X, normal(2, 3, 6) + 1)),
    WrongLayer("outputs: one is ignored", Detector, detector_with(scores=lambda dy: 0 * dy.scores),
        ("Detector.backward, from dy.scores alone: the gradient of", "all zeros",
        "of the outputs: right for dy.boxes; wrong for dy.scores")),
    WrongLayer("outputs: exchanged", Detector,
        detector_with(boxes=lambda dy: dy.scores, scores=lambda dy: dy.boxes),
        ("from dy.boxes alone", "it would be right for dy.scores: are the two exchanged?",
        "of the outputs: wrong for dy.boxes, dy.scores")),
    WrongLayer("outputs: one is doubled", Detector, detector_with(boxes=lambda dy: 2 * dy.boxes),
        ("off by the constant factor 2", "of the outputs: right for dy.scores; wrong for dy.boxes")),
    WrongLayer("outputs: a head reaches the body no more", Detector, detector_one_head_lost,
        ("the gradient of body.fc2.bias is wrong", "all zeros: nothing reaches it",
        "right: boxes.weight, boxes.bias, scores.weight, scores.bias", "wrong for dy.scores")),
    WrongLayer("outputs: a head learns nothing", Detector, detector_head_through_itself_alone,
        ("the gradient of scores.bias is wrong", "all zeros", "right for dy.boxes; wrong for dy.scores")),
    WrongLayer("outputs: a residual lost", Gated, gated_carried_lost,
        ("dy.carried is missing: a residual lost", "right for dy.mixed; wrong for dy.carried")),
    WrongLayer("outputs: keys for queries", Gated, gated_keys_for_queries,
        ("in it q and k are exchanged", "right for dy.carried; wrong for dy.mixed")),
    WrongLayer("outputs: those of a layer inside", Gated, gated_residual_of_the_values,
        ("right for dy.mixed; wrong for dy.carried",)),
    WrongLayer("outputs: a residual beside one of a layer inside", Doubled,
        lambda layer, dy, c: Doubled.backward(layer, dy, c) - 2 * dy,
        ("what goes into project.backward as v is missing: a residual lost", "right: project.qkv.weight")),
    WrongLayer("outputs: writes into one of dy", Gated, gated_writes, ("writes into an input, the cache or dy",)),
    WrongLayer("writes into a parameter", Positions, writes_into_a_parameter, ("writes into",)),
]
# fmt: on


def swapped_block(block, dy, cache):
    """A right block around an attention whose queries and keys are exchanged."""
    dx = dy + block.norm2.backward(block.mlp.backward(dy, cache.mlp), cache.norm2)
    swapped = attention_with(lambda q, k, v: (k, q, v))
    return dx + block.norm1.backward(swapped(block.attn, dx, cache.attn), cache.norm1)
