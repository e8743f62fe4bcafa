"""Bugs of attention inside of convolutional networks, as they are made."""

import numpy as np

from minivit.layers import run_backward
from minivit.layers.attention_conv import AttentionConv
from minivit.layers.attention_stem import AttentionStem
from minivit.layers.augmented_conv import AugmentedConv
from minivit.layers.initial import normal as normal_values
from minivit.layers.local_relation import LocalRelation
from minivit.layers.non_local import ConcatenationNonLocal, NonLocal, SAGANAttention
from minivit.ops import (
    attention_backward,
    linear_backward,
    local_attention_backward,
    merge_heads_forward,
    relative_logits_backward,
    split_heads_forward,
)
from minivit.ops.sliding import windows
from tests.check.planted_bugs import Bug
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def swapped_halves(dy, c, g):
    return g._replace(vector=np.concatenate(np.split(g.vector, 2)[::-1]))


def without_the_relu(dy, c, g):
    dscores = dy @ c.v.mT / c.k.shape[-2]
    return g._replace(q=dscores.sum(-1, keepdims=True) * c.vector[: c.q.shape[-1]])


def softmax_of_each_row_of_the_window(dy, c, g):
    """Gradient of the queries as if every row of the window had a softmax of its own."""
    met = np.moveaxis(
        windows(c.v.reshape(*c.v.shape[:3], -1), c.window).reshape(*c.q.shape[:3], *c.window.kernel, *c.v.shape[3:]),
        5,
        3,
    )  # (B, Yo, Xo, H, P, Q, V)
    dweights = np.einsum("bijhpqv,bijhv->bijhpq", met, dy)
    weights = c.weights.reshape(dweights.shape)
    dscores = weights * (dweights - (weights * dweights).sum(-1, keepdims=True))
    keys = np.moveaxis(
        windows(c.k.reshape(*c.k.shape[:3], -1), c.window).reshape(*c.q.shape[:3], *c.window.kernel, *c.k.shape[3:]),
        5,
        3,
    )
    dq = np.einsum("bijhpq,bijhpqk->bijhk", dscores, keys)
    if c.relative is not None:
        dq = dq + np.einsum("bijhs,hsk->bijhk", dscores.reshape(c.weights.shape), c.relative)
    return g._replace(q=dq)


def one_place_further(dy, c, g):
    return g._replace(k=np.roll(g.k, 1, 2))


CNN_ATTENTION_BUGS = [
    Bug("local_attention", "a softmax over rows of the window only", softmax_of_each_row_of_the_window,
        "gradient of q is wrong", lambda case: min(np.broadcast_to(case.kwargs["kernel_size"], 2)) > 1),
    Bug("local_attention", "keys one place beside their window", one_place_further, "gradient of k is wrong"),
    Bug("local_attention", "the window turned by 180 degrees on the way back",
        lambda dy, c, g: g._replace(v=g.v[:, ::-1, ::-1].copy()), "gradient of v is wrong"),
    Bug("local_attention", "queries past the vectors of places",
        lambda dy, c, g: g._replace(relative=g.relative[:, ::-1].copy()), "gradient of relative is wrong",
        lambda case: case.args[3] is not None),
    Bug("local_attention", "the bias of a place from its weight",
        lambda dy, c, g: g._replace(bias=np.einsum("bijhs,bijhv->hs", c.weights, dy)), "gradient of bias is wrong",
        lambda case: case.args[4] is not None),
    Bug("local_attention", "the scale of a Transformer on the way back",
        lambda dy, c, g: g._replace(k=g.k / c.k.shape[-1] ** 0.5), "gradient of k is wrong"),
    Bug("stem_attention", "shares of maps forgotten on the way back",
        lambda dy, c, g: g._replace(v=np.stack([g.v.mean(0)] * len(g.v))), "gradient of v is wrong",
        lambda case: len(case.args[2]) > 1),
    Bug("stem_attention", "shares without the weights of attention",
        lambda dy, c, g: g._replace(shares=g.shares * c.weights.shape[-1]), "gradient of shares is wrong"),
    Bug("stem_attention", "places of the window in columns",
        lambda dy, c, g: g._replace(
            shares=g.shares.reshape(-1, *c.window.kernel).swapaxes(1, 2).reshape(g.shares.shape)),
        "gradient of shares is wrong", lambda case: min(np.broadcast_to(case.kwargs["kernel_size"], 2)) > 1),
    Bug("stem_attention", "keys one place beside their window", one_place_further, "gradient of k is wrong"),
    Bug("place_vectors", "a row's vector from its first column only",
        lambda dy, c, g: g._replace(rows=dy.reshape(c.rows[0], c.columns[0], -1)[:, 0, : c.rows[1]].copy()),
        "gradient of rows is wrong"),
    Bug("place_vectors", "columns from the channels of rows",
        lambda dy, c, g: g._replace(columns=np.resize(
            dy.reshape(c.rows[0], c.columns[0], -1)[..., : c.rows[1]].sum(0), g.columns.shape)),
        "gradient of columns is wrong"),
    Bug("dot_product_mean", "the division forgotten on the way back",
        lambda dy, c, g: g._replace(q=g.q * c.k.shape[-2], k=g.k * c.k.shape[-2]), "gradient of q is wrong"),
    Bug("dot_product_mean", "divided by the queries, not the keys",
        lambda dy, c, g: g._replace(k=g.k * c.k.shape[-2] / c.q.shape[-2]), "gradient of k is wrong"),
    Bug("dot_product_mean", "backwards as through a softmax",
        lambda dy, c, g: g._replace(q=(c.weights * (dy @ c.v.mT)) @ c.k), "gradient of q is wrong"),
    Bug("concatenation_mean", "the two halves of the vector exchanged", swapped_halves, "gradient of vector is wrong"),
    Bug("concatenation_mean", "the slope of the ReLU forgotten", without_the_relu, "gradient of q is wrong",
        lambda case: (case.args[0] @ np.split(case.args[3], 2)[0]).min() < -3),
    Bug("concatenation_mean", "the vector of the query for the keys",
        lambda dy, c, g: g._replace(k=g.k @ np.outer(c.vector[len(c.vector) // 2 :], c.vector[: len(c.vector) // 2])
                                    / (c.vector[len(c.vector) // 2 :] @ c.vector[len(c.vector) // 2 :])),
        "gradient of k is wrong"),
]  # fmt: skip


def places_exchanged(layer, dy, cache):
    dx = AttentionStem.backward(layer, dy, cache)
    layer.emb_a.grad, layer.emb_b.grad = layer.emb_b.grad, layer.emb_a.grad
    return dx


def no_mixture(layer, dy, cache):
    dx = AttentionStem.backward(layer, dy, cache)
    layer.emb_mix.zero_grad()
    return dx


def not_zero(layer):
    """The last layer begins with zeros, which hide the rest."""
    for name, param in layer.named_params().items():
        param._initial = normal_values(0.5) if ".W." in f".{name}" else param._initial
    return layer


def residual_lost(layer, dy, cache):
    return NonLocal.backward(layer, dy, cache) - dy


def keys_past_their_pooling(layer, dy, cache):
    """Each place of the pooled map as if it were the one at its upper left."""
    (B, Y, X, _), (v, u) = dy.shape, cache.map_size
    dh = run_backward(layer.W, dy, cache.W)
    dq, dk, dv = layer.attend_backward(dh.reshape(B, Y * X, -1), cache.attention)
    spread = np.zeros((B, Y, X, dk.shape[-1]))
    spread[:, : 2 * v : 2, : 2 * u : 2] = dk.reshape(B, v, u, -1)
    dx = dy + layer.g.backward(layer.g_pool.backward(dv.reshape(B, v, u, -1), cache.g_pool), cache.g)
    dx = dx + layer.phi.backward(spread, cache.phi)
    return dx + layer.theta.backward(dq.reshape(B, Y, X, -1), cache.theta)


def scaled_as_a_transformer(layer, dy, cache):
    scaled = cache._replace(attention=cache.attention._replace(scale=cache.attention.q.shape[-1] ** -0.5))
    return NonLocal.backward(layer, dy, scaled)


def queries_and_keys_exchanged(layer, dy, cache):
    layer.theta, layer.phi = layer.phi, layer.theta
    dx = NonLocal.backward(layer, dy, cache)
    layer.theta, layer.phi = layer.phi, layer.theta
    return dx


def vector_forgotten(layer, dy, cache):
    dx = NonLocal.backward(layer, dy, cache)
    layer.concat_project["weight"].zero_grad()
    return dx


def gamma_of_the_mean(layer, dy, cache):
    dx = NonLocal.backward(layer, dy, cache)
    layer.W[0].gamma.grad = layer.W[0].gamma.grad / dy[0].size
    return dx


def augmented(**options):
    return lambda: AugmentedConv(8, 9, **{"dk": 6, "dv": 4, "num_heads": 2, "map_size": (4, 6), **options})


def augmented_with(
    attention=lambda dh, cache: attention_backward(dh, cache.attention), relative=relative_logits_backward, join=None
):
    """The backward of an augmented convolution with one step made otherwise."""

    def backward(layer, dy, cache):
        B, Y, X, _ = dy.shape
        dconv, dh = np.split(dy, [5], -1)
        dh = layer.attn_out.backward(dh, cache.attn_out).reshape(B, Y * X, 4)
        dh = join(dh) if join else split_heads_forward(dh, num_heads=2)[0]
        dq, dk, dv, dlogits = attention(dh, cache)
        dq_relative, drows, dcolumns = relative(dlogits, cache.relative)
        layer.key_rel_h.add_grad(drows)
        layer.key_rel_w.add_grad(dcolumns)
        parts = [merge_heads_forward(part)[0] for part in ((dq + dq_relative) / 3**0.5, dk, dv)]
        dh = np.concatenate(parts, -1).reshape(B, Y, X, -1)
        return layer.conv_out.backward(dconv, cache.conv_out) + layer.qkv_conv.backward(dh, cache.qkv_conv)

    return backward


def rows_from_a_key_to_a_query(dlogits, cache):
    dq, drows, dcolumns = relative_logits_backward(dlogits, cache)
    return dq, drows[::-1].copy(), dcolumns


def logits_say_nothing_of_queries(dlogits, cache):
    dq, drows, dcolumns = relative_logits_backward(dlogits, cache)
    return 0 * dq, drows, dcolumns


def unscaled_queries(dh, cache):
    dq, *rest = attention_backward(dh, cache.attention)
    return (dq * 3**0.5, *rest)


def columns_summed_with_rows(dlogits, cache):
    dq, drows, dcolumns = relative_logits_backward(dlogits.swapaxes(-1, -2), cache)
    return dq, drows, dcolumns


def rows_and_columns_exchanged(layer, dy, cache):
    layer.rel_h, layer.rel_w = layer.rel_w, layer.rel_h
    dx = AttentionConv.backward(layer, dy, cache)
    layer.rel_h, layer.rel_w = layer.rel_w, layer.rel_h
    return dx


def pooled_before_the_heads(layer, dy, cache):
    """Each of the pooled places gets all of the gradient, not its share."""
    return AttentionConv.backward(layer, 4 * dy, cache)


def vectors_of_other_heads(layer, dy, cache):
    attention = cache.attention._replace(relative=cache.attention.relative[::-1].copy())
    return AttentionConv.backward(layer, dy, cache._replace(attention=attention))


def values_lost(layer, dy, cache):
    """The map as query and key alone: that it is the value, too, forgotten."""
    dh = layer.final1x1.backward(dy, cache.final1x1)
    dh = dh.reshape(*dh.shape[:3], -1, layer.num_heads).swapaxes(-2, -1)
    dq, dk, _, _, dprior = local_attention_backward(dh, cache.attention)
    layer.gp.backward(dprior.T, cache.gp)
    return layer.kmap.backward(dk[..., 0], cache.kmap) + layer.qmap.backward(dq[..., 0], cache.qmap)


def channels_in_blocks(layer, dy, cache):
    """Neighbouring channels for one head, where forward took every H-th."""
    dh = layer.final1x1.backward(dy, cache.final1x1)
    dh = dh.reshape(*dh.shape[:3], layer.num_heads, -1)
    dq, dk, dv, _, dprior = local_attention_backward(dh, cache.attention)
    layer.gp.backward(dprior.T, cache.gp)
    dx = dv.reshape(dy.shape) + layer.kmap.backward(dk[..., 0], cache.kmap)
    return dx + layer.qmap.backward(dq[..., 0], cache.qmap)


def prior_of_another_order(layer, dy, cache):
    """Rows of the window from below."""
    grad = layer.gp.backward
    layer.gp.backward = lambda dprior, c_gp: grad(dprior[::-1].copy(), c_gp)
    dx = LocalRelation.backward(layer, dy, cache)
    del layer.gp.backward
    return dx


def prior_without_its_relu(layer, dy, cache):
    positive = np.ones_like(cache.gp.act.positive)
    gp = cache.gp._replace(act=cache.gp.act._replace(positive=positive))
    return LocalRelation.backward(layer, dy, cache._replace(gp=gp))


def queries_past_the_stride(layer, dy, cache):
    """The gradient of a query at the upper left of the map, not where the window stood."""
    wrong = LocalRelation.backward(layer, dy, cache)
    dq = linear_backward(dq_of(layer, dy, cache), cache.qmap).x
    wrong[:, :: layer.stride, :: layer.stride] -= dq
    wrong[:, : dq.shape[1], : dq.shape[2]] += dq
    return wrong


def dq_of(layer, dy, cache):
    dh = linear_backward(dy, cache.final1x1).x
    dh = dh.reshape(*dh.shape[:3], -1, layer.num_heads).swapaxes(-2, -1)
    return local_attention_backward(dh, cache.attention).q[..., 0]


def relation(**options):
    return lambda: LocalRelation(8, 8, **{"kernel_size": 3, "channels_per_head": 2, **options})


MAPS = (normal(2, 4, 6, 8),)
WRONG_CNN_ATTENTION_LAYERS = [
    WrongLayer("a non-local block without its residual", lambda: not_zero(NonLocal(8)), residual_lost, ("x",), MAPS),
    WrongLayer("keys past their pooling", lambda: not_zero(NonLocal(8)), keys_past_their_pooling, (), MAPS),
    WrongLayer("a non-local block with the scale of a Transformer", lambda: not_zero(NonLocal(8)),
               scaled_as_a_transformer, (), MAPS),
    WrongLayer("theta and phi exchanged on the way back", lambda: not_zero(NonLocal(8, sub_sample=False)),
               queries_and_keys_exchanged, (), MAPS),
    WrongLayer("the vector of the concatenation forgotten", lambda: not_zero(ConcatenationNonLocal(8)),
               vector_forgotten, ("concat_project.weight",), MAPS),
    WrongLayer("the mean for SAGAN's gamma", lambda: not_zero(SAGANAttention(8)), gamma_of_the_mean, ("gamma",), MAPS),
    WrongLayer("relative rows counted the other way", augmented(), augmented_with(relative=rows_from_a_key_to_a_query),
               ("key_rel_h",), MAPS),
    WrongLayer("relative logits past the queries", augmented(), augmented_with(relative=logits_say_nothing_of_queries),
               (), MAPS),
    WrongLayer("relative logits of keys", augmented(), augmented_with(relative=columns_summed_with_rows),
               (), MAPS),
    WrongLayer("queries not scaled on the way back", augmented(), augmented_with(unscaled_queries), (), MAPS),
    WrongLayer("heads mixed with places, as unofficial code has it", augmented(),
               augmented_with(join=lambda dh: dh.reshape(2, 2, 24, 2)), (), MAPS),
    WrongLayer("heads read as interleaved", augmented(),
               augmented_with(join=lambda dh: dh.reshape(2, 24, 2, 2).transpose(0, 3, 1, 2)), (), MAPS),
    WrongLayer("vectors of rows and columns exchanged", lambda: AttentionConv(8, 6, kernel_size=3, num_heads=3),
               rows_and_columns_exchanged, ("rel_",), MAPS),
    WrongLayer("a mean of places as a sum", lambda: AttentionConv(8, 6, kernel_size=3, num_heads=3, stride=2),
               pooled_before_the_heads, (), MAPS),
    WrongLayer("vectors of another head", lambda: AttentionConv(8, 6, kernel_size=3, num_heads=2),
               vectors_of_other_heads, (), MAPS),
    WrongLayer("a stem whose rows and columns are exchanged", lambda: AttentionStem(8, 6, num_heads=2),
               places_exchanged, ("emb_",), MAPS),
    WrongLayer("a stem that learns no mixture", lambda: AttentionStem(8, 6, num_heads=2),
               no_mixture, ("emb_mix",), MAPS),
    WrongLayer("a local relation that forgets its values", relation(), values_lost, ("x",), MAPS),
    WrongLayer("a local relation with channels in blocks", relation(), channels_in_blocks, (), MAPS),
    WrongLayer("a geometry prior upside down", relation(), prior_of_another_order, ("gp.",), MAPS),
    WrongLayer("a geometry prior without its relu", relation(), prior_without_its_relu, ("gp.l1",), MAPS),
    WrongLayer("queries past the stride", relation(stride=2), queries_past_the_stride, ("x",), MAPS),
]  # fmt: skip
