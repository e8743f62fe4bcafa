"""Bugs of cosine attention, of its positions and of norms behind what is found (Swin V2), as they are made."""

import numpy as np

from minivit.layers import CosineWindowAttention, PatchMergingV2, ResPostNormBlock
from minivit.layers.initial import ones
from minivit.ops import (
    attention_backward,
    merge_patches_backward,
    relative_position_bias_backward,
    sigmoid_backward,
    unit_vectors_forward,
)
from minivit.ops.cosine_attention import LARGEST
from tests.check.planted_bugs import Bug, right
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def clamped(case):
    return (case.args[3] > LARGEST).any()


def not_clamped(case):
    return (case.args[3] < LARGEST).all()


def sharp(c):
    """The scale that forward took."""
    return np.exp(np.minimum(c.logit_scale, LARGEST))


def through_attention(dy, c):
    """Gradients of the scaled directions of queries, and of those of keys."""
    return attention_backward(dy, c.attention)[:2]


def of_the_scale(dy, c):
    """Gradient of the scale itself, each head alone, whatever the clamp."""
    products = through_attention(dy, c)[0] * c.q.y
    return products.sum((0, 2, 3))[:, None, None]


def without_its_length(vectors, duy):
    """As if the length were a constant."""
    return duy / vectors.length


def no_softmax_between(dy, c):
    """Scores whose weights had not been made to sum to one."""
    weights, v = c.attention.weights, c.attention.v
    return (weights * (dy @ v.mT)) @ c.k.y


def queries_of_other_keys(dy, c, g):
    """The part along the query, of which nothing is left, taken along the keys' mean."""
    dscaled = through_attention(dy, c)[0] * sharp(c)
    mean, _ = unit_vectors_forward(c.k.y.mean(-2, keepdims=True))
    return g._replace(q=(dscaled - mean * (dscaled * mean).sum(-1, keepdims=True)) / c.q.length)


def along_other_axis(dy, c, g):
    return g._replace(x=(dy - c.y * (dy * c.y).sum(-2, keepdims=True)) / c.length)


COSINE_BUGS = [
    Bug("unit_vectors", "the length taken for a constant", lambda dy, c, g: g._replace(x=dy / c.length)),
    Bug("unit_vectors", "never divided by the length", lambda dy, c, g: g._replace(x=g.x * c.length)),
    Bug("unit_vectors", "what points along the vector added, not taken",
        lambda dy, c, g: g._replace(x=(dy + c.y * (dy * c.y).sum(-1, keepdims=True)) / c.length)),
    Bug("unit_vectors", "projected on the vector itself, not its direction",
        lambda dy, c, g: g._replace(x=(dy - c.y * c.length * (dy * c.y).sum(-1, keepdims=True)) / c.length)),
    Bug("unit_vectors", "along the wrong axis", along_other_axis),
    Bug("unit_vectors", "divided by the squared length in forward", right,
        forward=lambda x: (x / (x * x).sum(-1, keepdims=True), unit_vectors_forward(x)[1])),
    Bug("cosine_attention", "a clamped scale goes on learning",
        lambda dy, c, g: g._replace(logit_scale=of_the_scale(dy, c) * sharp(c)),
        "gradient of logit_scale is wrong", clamped),
    Bug("cosine_attention", "the clamp forgotten on the way back",
        lambda dy, c, g: g._replace(q=g.q * np.exp(c.logit_scale) / sharp(c)), "gradient of q is wrong", clamped),
    Bug("cosine_attention", "the clamp on the wrong side",
        lambda dy, c, g: g._replace(logit_scale=g.logit_scale * 0), "gradient of logit_scale is wrong", not_clamped),
    Bug("cosine_attention", "the exponential without its slope",
        lambda dy, c, g: g._replace(logit_scale=g.logit_scale / sharp(c)), "gradient of logit_scale is wrong"),
    Bug("cosine_attention", "one scale for all heads",
        lambda dy, c, g: g._replace(logit_scale=np.full_like(g.logit_scale, g.logit_scale.mean())),
        "gradient of logit_scale is wrong"),
    Bug("cosine_attention", "the scale of a Transformer, too",
        lambda dy, c, g: g._replace(q=g.q / c.q.y.shape[-1] ** 0.5), "gradient of q is wrong"),
    Bug("cosine_attention", "the length of queries taken for a constant",
        lambda dy, c, g: g._replace(q=without_its_length(c.q, through_attention(dy, c)[0] * sharp(c))),
        "gradient of q is wrong"),
    Bug("cosine_attention", "the length of keys taken for a constant",
        lambda dy, c, g: g._replace(k=without_its_length(c.k, through_attention(dy, c)[1])),
        "gradient of k is wrong"),
    Bug("cosine_attention", "lengths of queries and keys exchanged",
        lambda dy, c, g: g._replace(k=g.k * c.k.length * c.q.length.mean(-2, keepdims=True)),
        "gradient of k is wrong"),
    Bug("cosine_attention", "projected on keys, not on the query", queries_of_other_keys, "gradient of q is wrong"),
    Bug("cosine_attention", "past the softmax",
        lambda dy, c, g: g._replace(q=without_its_length(c.q, no_softmax_between(dy, c) * sharp(c))),
        "gradient of q is wrong"),
]  # fmt: skip


def windows(**options):
    return lambda: CosineWindowAttention(6, 2, (4, 6), **{"window_size": (2, 3), "shift_size": 1, **options})


def bias_with(change=lambda dbias: dbias, slope=sigmoid_backward, factor=16, offsets=1):
    """The backward of cosine window attention, one step from the bias to the net made otherwise."""

    def bias_backward(layer, dbias, cache):
        dbias = change(dbias)
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        (dtable,) = slope(factor * dtable, cache.sigmoid)
        first, relu, second = layer.cpb_mlp
        c_first, c_relu, c_second = cache.cpb_mlp
        dh = relu.backward(second.backward(dtable, c_second), c_relu)
        first.backward(dh, c_first._replace(x=offsets * c_first.x))

    def backward(layer, dy, cache):
        layer.bias_backward = lambda dbias, c_bias: bias_backward(layer, dbias, c_bias)
        dx = CosineWindowAttention.backward(layer, dy, cache)
        del layer.bias_backward
        return dx

    return backward


def summed(dbias):
    return dbias.sum((0, 1)) if dbias.ndim == 5 else dbias.sum(0)


def a_bias_of_keys(layer, dy, cache):
    """The middle third of what the linear map gives, added to the bias of values."""
    split = layer.v_bias
    dx = CosineWindowAttention.backward(layer, dy, cache)
    split.grad = split.grad[::-1].copy()
    return dx


def biases_exchanged(layer, dy, cache):
    layer.q_bias, layer.v_bias = layer.v_bias, layer.q_bias
    dx = CosineWindowAttention.backward(layer, dy, cache)
    layer.q_bias, layer.v_bias = layer.v_bias, layer.q_bias
    return dx


def shift_the_other_way(layer, dy, cache):
    """Rolled on where it should be rolled back."""
    dx = CosineWindowAttention.backward(layer, dy, cache)
    return np.roll(dx, (-2, -2), (1, 2))


def scaled_norms(layer):
    """Norms begin with scale 0, which hides the rest."""
    for norm in (layer.norm1, layer.norm2):
        norm.weight._initial = ones
    return layer


def norms_in_front(layer, dy, cache):
    """The order of a pre-norm block on the way back."""
    dh = layer.norm2.backward(layer.mlp.backward(dy, cache.mlp), cache.norm2)
    dx = dy + dh
    return dx + layer.norm1.backward(layer.attn.backward(dx, cache.attn), cache.norm1)


def norms_after_the_sum(layer, dy, cache):
    """The order of a post-norm block: the residual through the norm as well."""
    dh = layer.norm2.backward(dy, cache.norm2)
    dx = dh + layer.mlp.backward(dh, cache.mlp)
    dh = layer.norm1.backward(dx, cache.norm1)
    return dh + layer.attn.backward(dh, cache.attn)


def norms_exchanged(layer, dy, cache):
    return ResPostNormBlock.backward(layer, dy, cache._replace(norm1=cache.norm2, norm2=cache.norm1))


def past_the_norm(layer, dy, cache):
    layer.norm.backward(dy, cache.norm)
    return merge_patches_backward(layer.reduction.backward(dy, cache.reduction), cache.merge).x


def patches_in_another_order(layer, dy, cache):
    """Right neighbours for those below."""
    dh = layer.reduction.backward(layer.norm.backward(dy, cache.norm), cache.reduction)
    a, b, c, d = np.split(dh, 4, -1)
    return merge_patches_backward(np.concatenate((a, c, b, d), -1), cache.merge).x


MAPS = (normal(2, 4, 6, 6),)
TOKENS = (normal(2, 5, 6),)
WRONG_COSINE_LAYERS = [
    WrongLayer("16 forgotten on the way back", windows(), bias_with(summed, factor=1), ("cpb_mlp",), MAPS),
    WrongLayer("a sigmoid without its slope", windows(), bias_with(summed, slope=lambda dy, cache: (dy,)),
               ("cpb_mlp",), MAPS),
    WrongLayer("offsets of the other sign", windows(), bias_with(summed, offsets=-1), ("cpb_mlp.0.weight",), MAPS),
    WrongLayer("the bias of one window for all", windows(),
               bias_with(lambda dbias: dbias.reshape(-1, *dbias.shape[-3:])[0]), ("cpb_mlp",), MAPS),
    WrongLayer("from a key to a query", windows(), bias_with(lambda dbias: summed(dbias).mT), ("cpb_mlp.0.weight",),
               MAPS),
    WrongLayer("a bias of values from the last channel on", windows(), a_bias_of_keys, ("v_bias",), MAPS),
    WrongLayer("biases of queries and values exchanged", windows(), biases_exchanged, ("q_bias", "v_bias"), MAPS),
    WrongLayer("windows rolled on, not back", windows(), shift_the_other_way, ("input 0",), MAPS),
    WrongLayer("norms in front of what is found", lambda: scaled_norms(ResPostNormBlock(6, 2)), norms_in_front,
               (), TOKENS),
    WrongLayer("norms behind the sum", lambda: scaled_norms(ResPostNormBlock(6, 2)), norms_after_the_sum, (), TOKENS),
    WrongLayer("norms behind what is found exchanged", lambda: scaled_norms(ResPostNormBlock(6, 2)), norms_exchanged,
               (), TOKENS),
    WrongLayer("a residual lost between norms", lambda: scaled_norms(ResPostNormBlock(6, 2)),
               lambda layer, dy, cache: ResPostNormBlock.backward(layer, dy, cache) - dy, (), TOKENS),
    WrongLayer("past the norm behind merging", lambda: PatchMergingV2(6), past_the_norm, ("reduction",), MAPS),
    WrongLayer("merged patches in another order", lambda: PatchMergingV2(6), patches_in_another_order,
               ("input 0",), MAPS),
]  # fmt: skip
