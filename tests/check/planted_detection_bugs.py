"""Bugs of boxes, of matched and weighted losses, and of DETR's blocks, as they are made."""

import numpy as np

from minivit.layers.attention import Attention
from minivit.layers.detr_block import DetrDecoderBlock, DetrEncoderBlock, PostNormDetrDecoderBlock
from minivit.layers.detr_transformer import DetrTransformer
from minivit.ops import box_iou_backward, giou_forward
from minivit.ops.boxes import BoxPairGrads, _overlap_backward
from tests.check.planted_bugs import Bug
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def without_the_hull(dy, c, g):
    """As if the enclosing box were a constant."""
    return _overlap_backward(dy, dy / c.hull.prod(-1), c.overlap)


def sides_exchanged(dy, c, g):
    """The slope of the width times the width, not the height."""
    return g._replace(a=g.a[..., [1, 0, 3, 2]])


def union_is_the_sum(dy, c, g):
    """The common area is not taken off the union."""
    return _overlap_backward(dy, dy * c.iou / c.union, c)


def half_forgotten(dy, c, g):
    """Both corners move by the whole size."""
    return g._replace(x=np.concatenate((g.x[..., :2], 2 * g.x[..., 2:]), -1))


def size_upside_down(dy, c, g):
    return g._replace(x=np.concatenate((g.x[..., :2], -g.x[..., 2:]), -1))


def overlapping(case):
    return (giou_forward(*case.args)[1].overlap.gap > 0).all(-1).any()


def pairs(case):
    return len(case.args[2]) > 0


def several_pairs(case):
    return len(case.args[2]) > 1


def unequal(case):
    weights = case.args[2]
    return weights.size > 1 and np.ptp(weights) > 0.1


def all_queries(dy, c, g):
    """A mean over all queries, matched or not."""
    return g._replace(x=g.x * len(c.rows) / (c.x_shape[0] + 1))


def classes_pulled_up(dy, c, g):
    """What is true, and not what was said."""
    return g._replace(logits=-c.labels * c.shares[..., None] * dy)


DETECTION_BUGS = [
    Bug("giou", "the enclosing box a constant", without_the_hull),
    Bug("giou", "IoU's gradient", lambda dy, c, g: box_iou_backward(dy, c.overlap)),
    Bug("giou", "one box alone", lambda dy, c, g: BoxPairGrads(g.a, 0 * g.b), "gradient of b is wrong"),
    Bug("giou", "the gradient of the loss", lambda dy, c, g: BoxPairGrads(-g.a, -g.b)),
    Bug("box_iou", "the union as the sum of both", union_is_the_sum, when=overlapping),
    Bug("box_iou", "width for height", sides_exchanged, "gradient of a is wrong", when=overlapping),
    Bug("box_iou", "the boxes exchanged", lambda dy, c, g: BoxPairGrads(-g.a, -g.b), when=overlapping),
    Bug("box_corners", "the half forgotten", half_forgotten, "gradient of x is wrong"),
    Bug("box_corners", "the size upside down", size_upside_down, "gradient of x is wrong"),
    Bug("matched_boxes", "a mean over queries", all_queries, "gradient of x is wrong", when=pairs),
    Bug("matched_boxes", "a sum over pairs", lambda dy, c, g: g._replace(x=g.x * len(c.rows)), when=several_pairs),
    Bug("matched_boxes", "the next query", lambda dy, c, g: g._replace(x=np.roll(g.x, 1, 0)), when=pairs),
    Bug("matched_boxes", "GIoU for its loss", lambda dy, c, g: g._replace(x=-g.x), when=pairs),
    Bug("weighted_cross_entropy", "a mean over rows",
        lambda dy, c, g: g._replace(logits=g.logits / c.shares[..., None] / c.shares.size), when=unequal),
    Bug("weighted_cross_entropy", "weights twice",
        lambda dy, c, g: g._replace(logits=g.logits * c.shares[..., None] * c.shares.size), when=unequal),
    Bug("weighted_cross_entropy", "what was said forgotten", classes_pulled_up),
]  # fmt: skip


def encoder():
    return DetrEncoderBlock(6, 2, 5)


def decoder():
    return DetrDecoderBlock(6, 2, 5)


def values_have_positions(layer, dy, cache):
    """The positions' gradient with that of the values, which have none."""
    dx, _ = DetrEncoderBlock.backward(layer, dy, cache)
    return dx, dx - dy


def positions_of_keys(layer, dy, cache):
    """The queries' positions forgotten."""
    dx, dpos = DetrEncoderBlock.backward(layer, dy, cache)
    layer = layer.replica()
    (dh,) = layer.step_backward(
        dy, layer.norm2, layer.mlp, layer.drop_path2, (cache.norm2, cache.mlp, cache.drop_path2)
    )
    dquery, *_ = Attention.backward(layer.attn, dh, cache.attn)
    return dx, dpos - dquery


def positions_once(layer, dy, cache):
    """Queries are told their positions in two attentions; one of them is forgotten."""
    dx, dquery_pos, dmemory, dpos = DetrDecoderBlock.backward(layer, dy, cache)
    return dx, dquery_pos / 2, dmemory, dpos


def memory_of_values(layer, dy, cache):
    """What the memory is as keys is forgotten."""
    dx, dquery_pos, dmemory, dpos = DetrDecoderBlock.backward(layer, dy, cache)
    return dx, dquery_pos, dmemory - dpos, dpos


def no_way_around(layer, dy, cache):
    """The residual path of the post-norm block forgotten."""
    dx, *others = DetrDecoderBlock.backward(layer, dy, cache)
    return dx - dy, *others


def last_block_alone(layer, dy, cache):
    """Auxiliary answers have no gradient."""
    queries = dy.queries.copy()
    queries[:, :-1] = 0
    return DetrTransformer.backward(layer, dy._replace(queries=queries), cache)


def memory_once(layer, dy, cache):
    """Each block of the decoder reads the memory; only one is known to."""
    dx, dquery_embed, dpos = DetrTransformer.backward(layer, dy, cache)
    return dx / 2, dquery_embed, dpos


def queries_of_one_image(layer, dy, cache):
    """Positions of queries are those of all images: the sum over the batch."""
    dx, dquery_embed, dpos = DetrTransformer.backward(layer, dy, cache)
    return dx, dquery_embed / len(dx), dpos


ENCODED = normal(2, 5, 6), normal(2, 5, 6)
DECODED = normal(2, 3, 6), normal(2, 3, 6), normal(2, 5, 6), normal(2, 5, 6)
WHOLE = normal(2, 5, 6), normal(3, 6), normal(1, 5, 6)


def transformer():
    return DetrTransformer(6, 2, 5, encoder_depth=1, decoder_depth=2)


def wrong(what, layer, backward, says, inputs):
    return WrongLayer(what, layer, backward, (says,), inputs)


WRONG_DETECTION_LAYERS = [
    wrong("values with positions", encoder, values_have_positions, "gradient of input 1 is wrong", ENCODED),
    wrong("positions of keys alone", encoder, positions_of_keys, "gradient of input 1 is wrong", ENCODED),
    wrong("positions of queries once", decoder, positions_once, "gradient of input 1 is wrong", DECODED),
    wrong("the memory as values alone", decoder, memory_of_values, "gradient of input 2 is wrong", DECODED),
    wrong("no way around", lambda: PostNormDetrDecoderBlock(6, 2, 5), no_way_around, "input 0", DECODED),
    wrong("the last block alone", transformer, last_block_alone, "wrong", WHOLE),
    wrong("the memory read once", transformer, memory_once, "gradient of input 0 is wrong", WHOLE),
    wrong("queries of one image", transformer, queries_of_one_image, "gradient of input 1 is wrong", WHOLE),
]
