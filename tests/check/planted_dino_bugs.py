"""Bugs of LayerScale, registers and positions for patches alone, as they are made."""

import numpy as np

from minivit.layers import LayerScale, ScaledBlock
from minivit.layers.sequence import run_backward
from minivit.models import ViT
from minivit.ops import add_positions_backward, prepend_token_backward
from minivit.ops.rows import column_sum
from tests.check.planted_bugs import Bug
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def several(case):
    """With tokens, and with several registers."""
    return case.args[0].ndim > 1 and len(case.args[0]) > 1


DINO_BUGS = [
    Bug("layer_scale", "summed over one sample", lambda dy, c, g: g._replace(gamma=column_sum((dy * c.x)[:1])),
        "gradient of gamma is wrong", several),
    Bug("layer_scale", "averaged over the samples", lambda dy, c, g: g._replace(gamma=g.gamma / len(dy)),
        "gradient of gamma is", several),
    Bug("layer_scale", "gamma's gradient from y, not x",
        lambda dy, c, g: g._replace(gamma=column_sum(dy * c.x * c.gamma)), "gradient of gamma is wrong"),
    Bug("layer_scale", "gamma's gradient without x", lambda dy, c, g: g._replace(gamma=column_sum(dy)),
        "gradient of gamma is wrong"),
    Bug("layer_scale", "x as if nothing were scaled", lambda dy, c, g: g._replace(x=dy.copy()),
        "gradient of x is wrong"),
    Bug("layer_scale", "x divided", lambda dy, c, g: g._replace(x=dy / c.gamma), "gradient of x is wrong"),
    Bug("prepend_token", "one gradient for all registers",
        lambda dy, c, g: g._replace(token=np.repeat(g.token.mean(1, keepdims=True), c.num_tokens, axis=1)),
        "gradient of token is wrong", lambda case: case.args[1].shape[1] > 1),
    Bug("prepend_token", "registers in the other order", lambda dy, c, g: g._replace(token=g.token[:, ::-1].copy()),
        "gradient of token is", lambda case: case.args[1].shape[1] > 1),
]  # fmt: skip


def scale_before_attention(layer, dy, cache):
    """The scale that the branch ends in, undone at its beginning."""
    dh = layer.drop_path2.backward(dy, cache.drop_path2)
    dh = layer.ls2.backward(layer.mlp.backward(dh, cache.mlp), cache.ls2)
    dx = dy + layer.norm2.backward(dh, cache.norm2)
    dh = layer.attn.backward(layer.ls1.backward(dx, cache.ls1), cache.attn)
    return dx + layer.norm1.backward(dh, cache.norm1)


def scale_on_the_main_road(layer, dy, cache):
    return ScaledBlock.backward(layer, layer.ls2.backward(dy, cache.ls2), cache)


def scales_exchanged(layer, dy, cache):
    return ScaledBlock.backward(layer, dy, cache._replace(ls1=cache.ls2, ls2=cache.ls1))


def scale_forgotten(layer, dy, cache):
    dh = layer.mlp.backward(dy, cache.mlp)
    dx = dy + layer.norm2.backward(dh, cache.norm2)
    dh = layer.attn.backward(layer.ls1.backward(dx, cache.ls1), cache.attn)
    return dx + layer.norm1.backward(dh, cache.norm1)


def factors_for_tokens(layer, dy, cache):
    """Summed over the channels, which are as many as the tokens."""
    layer.gamma.add_grad((dy * cache.x).sum((0, 2)))
    return dy * cache.gamma


def front_of(model, dlogits, cache):
    """The gradient of what comes to the blocks."""
    dx = model.pool.backward(model.head.backward(dlogits, cache.head), cache.pool)
    return run_backward(model.blocks, model.norm.backward(dx, cache.norm), cache.blocks)


def registers_without_gradient(model, dlogits, cache):
    dx, dpositions = add_positions_backward(front_of(model, dlogits, cache), cache.pos_embed)
    model.pos_embed.add_grad(dpositions[:, model.without_position :])
    dx, dtoken = prepend_token_backward(dx, cache.cls_token)
    model.cls_token.add_grad(dtoken)
    dx, _ = prepend_token_backward(dx, cache.reg_token)
    return model.patch_embed.backward(dx, cache.patch_embed)


def positions_from_the_front(model, dlogits, cache):
    """Of tokens that have none, for those of the first patches."""
    dx, dpositions = add_positions_backward(front_of(model, dlogits, cache), cache.pos_embed)
    model.pos_embed.add_grad(dpositions[:, : model.pos_embed.shape[1]].copy())
    for token, c_token in ((model.cls_token, cache.cls_token), (model.reg_token, cache.reg_token)):
        dx, dtoken = prepend_token_backward(dx, c_token)
        token.add_grad(dtoken)
    return model.patch_embed.backward(dx, cache.patch_embed)


def tokens_in_the_other_order(model, dlogits, cache):
    dx, dpositions = add_positions_backward(front_of(model, dlogits, cache), cache.pos_embed)
    model.pos_embed.add_grad(dpositions[:, model.without_position :])
    for token, c_token in ((model.reg_token, cache.reg_token), (model.cls_token, cache.cls_token)):
        dx, dtoken = prepend_token_backward(dx, c_token)
        token.add_grad(dtoken)
    return model.patch_embed.backward(dx, cache.patch_embed)


def scaled_block():
    return ScaledBlock(6, 2, mlp_ratio=1.5, init_values=0.7)


def with_registers():
    options = {"embed_dim": 6, "depth": 1, "num_heads": 2, "mlp_ratio": 1.5, "reg_tokens": 2, "no_embed_class": True}
    return ViT(img_size=(4, 6), patch_size=2, num_classes=5, init_values=0.7, dtype="float64", **options)


SQUARE, IMAGES = (normal(2, 6, 6),), (normal(2, 4, 6, 3),)
WRONG_DINO_LAYERS = [
    WrongLayer("a scale undone before the branch", scaled_block, scale_before_attention, ()),
    WrongLayer("a scale on the main road", scaled_block, scale_on_the_main_road, ()),
    WrongLayer("the caches of two scales exchanged", scaled_block, scales_exchanged, ("gamma",)),
    WrongLayer("a scale that the gradient goes past", scaled_block, scale_forgotten, ("ls2.gamma",)),
    WrongLayer("factors summed over channels", lambda: LayerScale(6, 0.7), factors_for_tokens, ("gamma",), SQUARE),
    WrongLayer("registers are not trained", with_registers, registers_without_gradient, ("reg_token",), IMAGES),
    WrongLayer("positions of tokens in front", with_registers, positions_from_the_front, ("pos_embed",), IMAGES),
    WrongLayer("registers before the class token", with_registers, tokens_in_the_other_order, ("token",), IMAGES),
]
