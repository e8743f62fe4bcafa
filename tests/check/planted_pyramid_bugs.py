"""Bugs of pyramids of maps and their attention to few keys, as they are made."""

from math import prod

import numpy as np

from minivit.layers import DepthwiseMlp, SpatialReductionAttention
from minivit.layers.attention import join_heads
from minivit.models.pvt import PVTStage
from minivit.ops import multi_head_attention_backward, split_heads_backward
from minivit.ops.adaptive_pool import cells
from tests.check.planted_bugs import Bug
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def shared_pixels_overwritten(dy, c, g):
    """A pixel in two cells gets the share of the last."""
    (_, Y, X, _), (rows, columns) = c
    dx = np.zeros_like(g.x)
    for i, (a, b) in enumerate(cells(Y, rows)):
        for j, (u, v) in enumerate(cells(X, columns)):
            dx[:, a:b, u:v] = dy[:, i : i + 1, j : j + 1] / ((b - a) * (v - u))
    return g._replace(x=dx)


def cells_of_one_size(dy, c, g):
    """As many pixels in each cell as the sides say, rounded up."""
    (_, Y, X, _), (rows, columns) = c
    return g._replace(x=g.x * (Y / rows) * (X / columns) / (-(-Y // rows) * -(-X // columns)))


def divides_no_side(case):
    """Whether a grid leaves cells that share places, or are of several sizes."""
    return all(side % n for side, n in zip(case.args[0].shape[1:3], case.kwargs["output_size"], strict=True))


PYRAMID_BUGS = [
    Bug("adaptive_avg_pool2d", "shared pixels get one share", shared_pixels_overwritten, "gradient of x is wrong",
        divides_no_side),
    Bug("adaptive_avg_pool2d", "all cells of one size", cells_of_one_size, "gradient of x is wrong",
        divides_no_side),
    Bug("adaptive_avg_pool2d", "the whole, not a share", lambda dy, c, g: g._replace(x=g.x * prod(c.x_shape[1:3]))),
]  # fmt: skip


def reduction(**options):
    return lambda: SpatialReductionAttention(6, 2, **{"sr_ratio": 2, **options})


def queries_forgotten(layer, dy, cache):
    tokens = dy.reshape(len(dy), -1, 6)
    dh = layer.proj.backward(tokens, cache.proj)
    dq, dk, dv, _ = multi_head_attention_backward(dh, cache.attention)
    (dkv,) = split_heads_backward(join_heads(dk, dv), cache.split)
    (dq,) = split_heads_backward(dq, cache.split)
    layer.q.backward(dq.reshape(dy.shape), cache.q)
    dh = layer.kv.backward(dkv.reshape(*cache.kv.x.shape[:-1], 12), cache.kv)
    return layer.sr.backward(layer.norm.backward(dh, cache.norm), cache.sr)


def keys_and_values_exchanged(layer, dy, cache):
    weights = cache.attention
    dh = layer.proj.backward(dy.reshape(len(dy), -1, 6), cache.proj)
    dq, dk, dv, _ = multi_head_attention_backward(dh, weights)
    (dkv,) = split_heads_backward(join_heads(dv, dk), cache.split)
    (dq,) = split_heads_backward(dq, cache.split)
    dh = layer.kv.backward(dkv.reshape(*cache.kv.x.shape[:-1], 12), cache.kv)
    dx = layer.sr.backward(layer.norm.backward(dh, cache.norm), cache.sr)
    return dx + layer.q.backward(dq.reshape(dy.shape), cache.q)


def without(part):
    """The right backward, past one part of the layer."""

    def backward(layer, dy, cache):
        twin = layer.replica()
        setattr(twin, part, Past())
        for name, param in twin.named_params().items():
            param.grad = layer.named_params()[name].grad  # the layer's own, so that they are filled
        return type(layer).__mro__[1].backward(twin, dy, cache)

    return backward


class Past:
    """Hands on what it is given."""

    def backward(self, dy, cache):
        return dy


def token_of_the_first_sample(layer, dy, cache):
    dx = PVTStage.backward(layer, dy, cache)
    layer.cls_token.grad = layer.cls_token.grad / len(dy)
    return dx


def last_stage():
    return PVTStage(
        3,
        6,
        2,
        (2, 3),
        patch_size=2,
        sr_ratio=1,
        class_token=True,
        qkv_bias=True,
        pos_drop=0.0,
        proj_drop=0.0,
        drop_path_rates=[0.0],
        inner_norm_eps=1e-5,
        grad_checkpointing=False,
    )


MAPS, IMAGES = (normal(2, 4, 5, 6),), (normal(2, 4, 7, 3),)
WRONG_PYRAMID_LAYERS = [
    WrongLayer("x made keys alone", reduction(), queries_forgotten, ("x",), MAPS),
    WrongLayer("gradients of keys and values exchanged", reduction(), keys_and_values_exchanged, (), MAPS),
    WrongLayer("past the norm of the smaller map", reduction(), without("norm"), (), MAPS),
    WrongLayer("past the activation of pooled keys", reduction(linear=True), without("act"), (), MAPS),
    WrongLayer("past the depthwise convolution", lambda: DepthwiseMlp(6, 7), without("dwconv"), (), MAPS),
    WrongLayer("past the ReLU in front of it", lambda: DepthwiseMlp(6, 7, extra_relu=True), without("relu"), (), MAPS),
    WrongLayer("a class token of one sample", last_stage, token_of_the_first_sample, ("cls_token",), IMAGES),
]
