"""Bugs of pyramids of maps and their attention to few keys, as they are made."""

from math import prod

import numpy as np

from minivit.layers import DepthwiseMlp, MViTBlock, PoolingAttention, SpatialReductionAttention
from minivit.layers.attention import join_heads
from minivit.layers.pvt_stage import PVTStage
from minivit.ops import multi_head_attention_backward, relative_logits_backward, split_heads_backward
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


def rows_for_columns(dy, c, g):
    """The scores of ways down summed over the rows of the keys, as those to the right."""
    (*B, Y, X, _), U, V = c.q.shape, c.rows.shape[1], c.columns.shape[1]
    turned = dy.reshape(*B, Y * X, U, V).swapaxes(-1, -2).reshape(dy.shape)
    return relative_logits_backward(turned, c)


def square_tables(case):
    """Whether keys are not of one row: then both sums are the same numbers."""
    return case.kwargs["row_index"].shape[1] > 1


def first_pair_alone(dy, c, g):
    """What stands for several pairs gets the gradient of one: an assignment for a sum."""
    rows, q = np.zeros_like(g.rows), c.q.reshape(-1, *c.q.shape[-3:])
    dlogits = dy.reshape(*q.shape[:-1], c.rows.shape[1], c.columns.shape[1])
    rows[c.c_rows.tokens] = np.einsum("byxuv,byxk->yuk", dlogits, q)
    return g._replace(rows=rows)


def index_turned_round(dy, c, g):
    """A vector gets what is meant for the way of the same length in the other direction."""
    return g._replace(rows=g.rows[::-1].copy())


def rows_alone(dy, c, g):
    """Queries from the vectors of rows, as if columns had not asked them."""
    U, V = c.rows.shape[1], c.columns.shape[1]
    dof_rows = dy.reshape(*c.q.shape[:-1], U, V).sum(-1)
    return g._replace(q=(dof_rows @ c.rows).reshape(g.q.shape))


def each_column_by_its_row(dy, c, g):
    """The scores of columns met with the queries of another column: the map turned, the scores not."""
    (*_, Y, X, K), U, V = c.q.shape, c.rows.shape[1], c.columns.shape[1]
    dof_columns = dy.reshape(-1, Y, X, U, V).sum(-2)
    dc = np.einsum("byxv,byxk->xvk", dof_columns, c.q.reshape(-1, Y, X, K)[:, :, ::-1])
    columns = np.zeros_like(g.columns)
    np.add.at(columns, c.c_columns.tokens, dc)
    return g._replace(columns=columns)


def divides_no_side(case):
    """Whether a grid leaves cells that share places, or are of several sizes."""
    return all(side % n for side, n in zip(case.args[0].shape[1:3], case.kwargs["output_size"], strict=True))


PYRAMID_BUGS = [
    Bug("adaptive_avg_pool2d", "shared pixels get one share", shared_pixels_overwritten, "gradient of x is wrong",
        divides_no_side),
    Bug("adaptive_avg_pool2d", "all cells of one size", cells_of_one_size, "gradient of x is wrong",
        divides_no_side),
    Bug("adaptive_avg_pool2d", "the whole, not a share", lambda dy, c, g: g._replace(x=g.x * prod(c.x_shape[1:3]))),
    Bug("relative_logits", "rows and columns exchanged", rows_for_columns, "gradient of", square_tables),
    Bug("relative_logits", "one query for each vector", first_pair_alone, "gradient of rows is wrong",
        lambda case: np.unique(case.kwargs["row_index"]).size < case.kwargs["row_index"].size),
    Bug("relative_logits", "the index of rows turned round", index_turned_round, "gradient of rows is wrong"),
    Bug("relative_logits", "queries that rows alone have asked", rows_alone, "gradient of q is wrong"),
    Bug("relative_logits", "columns of other queries", each_column_by_its_row, "gradient of columns is wrong"),
    Bug("relative_logits", "the mean of the keys' rows, not their sum",
        lambda dy, c, g: g._replace(columns=g.columns / c.rows.shape[1]), "gradient of columns is wrong",
        lambda case: case.kwargs["row_index"].shape[1] > 1),
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


def pooled(**options):
    return lambda: PoolingAttention(6, 8, 2, (4, 5), num_prefix_tokens=1, **{"stride_q": 2, "stride_kv": 2, **options})


def residual_forgotten(layer, dy, cache):
    """The pooled queries were added to what attention found, and get nothing of it."""
    layer.residual_pooling = False
    dx = PoolingAttention.backward(layer, dy, cache)
    layer.residual_pooling = True
    return dx


def queries_without_their_positions(layer, dy, cache):
    """The scores of relative positions move the tables, but not the queries that made them."""
    tables = PoolingAttention.relative_logits_backward
    layer.relative_logits_backward = lambda dq, dbias, c: (tables(layer, dq, dbias, c), dq)[1]
    dx = PoolingAttention.backward(layer, dy, cache)
    del layer.relative_logits_backward
    return dx


def positions_of_the_class_token(layer, dy, cache):
    """Scores of the first places, the class token among them, where those of the map are meant."""
    tables = PoolingAttention.relative_logits_backward
    P = layer.num_prefix_tokens
    layer.relative_logits_backward = lambda dq, dbias, c: tables(layer, dq, np.roll(dbias, P, (-2, -1)), c)
    dx = PoolingAttention.backward(layer, dy, cache)
    del layer.relative_logits_backward
    return dx


def pooled_with_keys_for_values(layer, dy, cache):
    return PoolingAttention.backward(layer, dy, cache._replace(norm_k=cache.norm_v, norm_v=cache.norm_k))


def pooling_of_the_class_token_too(layer, dy, cache):
    """The class token's gradient is left behind where the map is pooled."""
    dx = PoolingAttention.backward(layer, dy, cache)
    dx[:, 0] = 0
    return dx


def block(**options):
    sizes = {"mlp_ratio": 1.5, "stride_q": 2, "drop_path_rate": 0.0, "norm_eps": 1e-6, "inner_norm_eps": 1e-6}
    return lambda: MViTBlock(6, 8, 2, (4, 5), num_prefix_tokens=1, stride_kv=2, **sizes, **options)


def shortcut_of_the_input(layer, dy, cache):
    """As if the shortcut began in front of the norm, which it does only where it has no linear map."""
    layer.projects = lambda step: False
    dx = MViTBlock.backward(layer, dy, cache)
    del layer.projects
    return dx


def shortcut_pooling_past(layer, dy, cache):
    """The largest of each window got its share spread over all."""
    right = cache.shortcut_pool_attn
    return MViTBlock.backward(layer, dy, cache._replace(shortcut_pool_attn=right._replace(winner=right.winner * 0)))


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


TOKENS = (normal(2, 21, 6),)
MAPS, IMAGES = (normal(2, 4, 5, 6),), (normal(2, 4, 7, 3),)
WRONG_PYRAMID_LAYERS = [
    WrongLayer("x made keys alone", reduction(), queries_forgotten, ("x",), MAPS),
    WrongLayer("gradients of keys and values exchanged", reduction(), keys_and_values_exchanged, (), MAPS),
    WrongLayer("past the norm of the smaller map", reduction(), without("norm"), (), MAPS),
    WrongLayer("past the activation of pooled keys", reduction(linear=True), without("act"), (), MAPS),
    WrongLayer("past the depthwise convolution", lambda: DepthwiseMlp(6, 7), without("dwconv"), (), MAPS),
    WrongLayer("past the ReLU in front of it", lambda: DepthwiseMlp(6, 7, extra_relu=True), without("relu"), (), MAPS),
    WrongLayer("a class token of one sample", last_stage, token_of_the_first_sample, ("cls_token",), IMAGES),
    WrongLayer("residual pooling forgotten", pooled(), residual_forgotten, ("x",), TOKENS),
    WrongLayer("queries without their positions", pooled(), queries_without_their_positions, ("x",), TOKENS),
    WrongLayer("relative positions of the class token", pooled(), positions_of_the_class_token, ("rel_pos",), TOKENS),
    WrongLayer("norms of keys and values exchanged", pooled(), pooled_with_keys_for_values, (), TOKENS),
    WrongLayer("past the norm of pooled queries", pooled(), without("norm_q"), (), TOKENS),
    WrongLayer("a class token lost in pooling", pooled(mode="max"), pooling_of_the_class_token_too, ("x",), TOKENS),
    WrongLayer("a shortcut before the norm", block(expand_attn=True), shortcut_of_the_input, ("x",), TOKENS),
    WrongLayer("a shortcut before the second norm", block(expand_attn=False), shortcut_of_the_input, ("x",), TOKENS),
    WrongLayer("a shortcut past its maximum", block(expand_attn=True), shortcut_pooling_past, (), TOKENS),
]
