"""Bugs of a contrastive loss between images and texts, of its towers and of attention pooling, as they are made."""

import numpy as np

from minivit.layers.attention_pool import AttentionPool
from minivit.layers.blur_bottleneck import BlurBottleneck
from minivit.layers.sequence import run_backward
from minivit.layers.text_tower import TextTower
from minivit.models import CLIP
from minivit.models.clip import CLIPOutputs
from minivit.ops import (
    add_positions_backward,
    cross_entropy_backward,
    first_token_backward,
    pick_token_backward,
    prepend_mean_backward,
    relu_backward,
    scaled_similarities_forward,
    unit_vectors_backward,
)
from minivit.ops.image_text import SymmetricCrossEntropyCache
from tests.check.planted_bugs import Bug, right
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer

TOKENS = np.array([[5, 1, 6, 0], [5, 6, 6, 2], [5, 3, 1, 6]])


def logits_of(c):
    return c.scale * (c.image @ c.text.T)


def without_exponential(image, text, logit_scale):
    _, cache = scaled_similarities_forward(image, text, logit_scale)
    return logit_scale[:, None] * (image @ text.T), cache


def one_direction(dy, c, g):
    return g._replace(logits=cross_entropy_backward(dy, c.per_image).logits)


def not_transposed(dy, c, g):
    both = [cross_entropy_backward(dy / 2, part).logits for part in (c.per_image, c.per_text)]
    return g._replace(logits=sum(both))


def picked_from_the_end(dy, c, g):
    B, N, _ = c.x_shape
    dx = np.zeros(c.x_shape)
    dx[np.arange(B), N - 1 - c.places] = dy
    return g._replace(x=dx)


def same_place_for_all(dy, c, g):
    dx = np.zeros(c.x_shape)
    dx[:, c.places[0]] = dy
    return g._replace(x=dx)


def several_places(case):
    return len({*case.kwargs["places"].tolist()}) > 1


def off_the_middle(case):
    return (case.kwargs["places"] * 2 != case.args[0].shape[1] - 1).any()


CLIP_BUGS = [
    Bug("scaled_similarities", "the temperature without the exponential's slope",
        lambda dy, c, g: g._replace(logit_scale=g.logit_scale / c.scale[:, 0]), "gradient of logit_scale is wrong"),
    Bug("scaled_similarities", "the temperature's gradient forgotten",
        lambda dy, c, g: g._replace(logit_scale=0 * g.logit_scale), "gradient of logit_scale is wrong"),
    Bug("scaled_similarities", "the temperature of texts, not of images",
        lambda dy, c, g: g._replace(logit_scale=g.logit_scale[::-1].copy()), "gradient of logit_scale is wrong"),
    Bug("scaled_similarities", "a temperature that divides",
        lambda dy, c, g: g._replace(logit_scale=-g.logit_scale), "gradient of logit_scale is wrong"),
    Bug("scaled_similarities", "images without the scale",
        lambda dy, c, g: g._replace(image=dy @ c.text), "gradient of image is wrong"),
    Bug("scaled_similarities", "texts without the scale",
        lambda dy, c, g: g._replace(text=dy.T @ c.image), "gradient of text is wrong"),
    Bug("scaled_similarities", "the scale squared",
        lambda dy, c, g: g._replace(image=c.scale * g.image), "gradient of image is wrong"),
    Bug("scaled_similarities", "texts in the mean, not in the sum",
        lambda dy, c, g: g._replace(text=g.text / len(c.image)), "gradient of text is wrong"),
    Bug("scaled_similarities", "no exponential in forward", right, forward=without_exponential),
    Bug("symmetric_cross_entropy", "one direction only", one_direction, "gradient of logits is wrong"),
    Bug("symmetric_cross_entropy", "the other direction not turned back", not_transposed,
        "gradient of logits is wrong"),
    Bug("symmetric_cross_entropy", "the sum of both, not the mean",
        lambda dy, c, g: g._replace(logits=2 * g.logits), "gradient of logits is wrong"),
    Bug("symmetric_cross_entropy", "the diagonal taken off once",
        lambda dy, c, g: g._replace(logits=g.logits + dy * np.eye(len(g.logits)) / (2 * len(g.logits))),
        "gradient of logits is wrong"),
    Bug("symmetric_cross_entropy", "both caches those of the images",
        lambda dy, c, g: g._replace(
            logits=not_transposed(dy, SymmetricCrossEntropyCache(c.per_image, c.per_image), g).logits),
        "gradient of logits is wrong"),
    Bug("pick_token", "places counted from the end", picked_from_the_end, "gradient of x is wrong", off_the_middle),
    Bug("pick_token", "the place of the first text for all", same_place_for_all, "gradient of x is wrong",
        several_places),
    Bug("pick_token", "to all tokens", lambda dy, c, g: g._replace(x=np.broadcast_to(dy[:, None], c.x_shape).copy()),
        "gradient of x is wrong"),
    Bug("prepend_mean", "the mean's gradient forgotten", lambda dy, c, g: g._replace(x=dy[:, 1:].copy()),
        "gradient of x is wrong"),
    Bug("prepend_mean", "the whole gradient of the mean to each token",
        lambda dy, c, g: g._replace(x=dy[:, 1:] + dy[:, :1]), "gradient of x is wrong"),
    Bug("prepend_mean", "a mean of the mean, too",
        lambda dy, c, g: g._replace(x=dy[:, 1:] + dy[:, :1] / dy.shape[1]), "gradient of x is wrong"),
    Bug("prepend_mean", "the mean behind the tokens",
        lambda dy, c, g: g._replace(x=dy[:, :-1] + dy[:, -1:] / c.x_shape[1]), "gradient of x is wrong"),
]  # fmt: skip


def pool():
    return AttentionPool((1, 3), 6, 2, 5)


def pool_with(tokens, first=lambda dx, cache: first_token_backward(dx, cache.query).x):
    """The backward of attention pooling, with another sum of what its tokens get."""

    def backward(layer, dy, cache):
        dquery, dkey, dvalue = layer.attn.backward(dy[:, None], cache.attn)
        dx, dpositions = add_positions_backward(tokens(dkey, dvalue, first(dquery[:, 0], cache)), cache.pos_embed)
        layer.pos_embed.add_grad(dpositions)
        return prepend_mean_backward(dx, cache.mean).x

    return backward


def texts():
    return TextTower(7, 4, 6, 1, 2)


def text_with(seen):
    """Gradients of a text tower whose mask is another on the way back."""

    def backward(layer, dy, cache):
        (dx,) = pick_token_backward(dy, cache.end._replace(places=seen(cache.end)))
        dx = layer.norm.backward(dx, cache.norm)
        dx = run_backward(layer.blocks, dx, cache.blocks)
        layer.embed.backward(layer.positions.backward(dx, cache.positions), cache.embed)

    return backward


def final_norm_forgotten(layer, dy, cache):
    (dx,) = pick_token_backward(dy, cache.end)
    dx = run_backward(layer.blocks, dx, cache.blocks)
    layer.embed.backward(layer.positions.backward(dx, cache.positions), cache.embed)


def positions_forgotten(layer, dy, cache):
    (dx,) = pick_token_backward(dy, cache.end)
    dx = layer.norm.backward(dx, cache.norm)
    layer.embed.backward(run_backward(layer.blocks, dx, cache.blocks), cache.embed)


def clip():
    towers = {"embed_dim": 6, "depth": 1, "num_heads": 2, "text_dim": 6, "text_depth": 1, "text_heads": 2}
    return CLIP(img_size=(2, 4), patch_size=2, joint_dim=5, vocab_size=7, max_length=4, **towers)


def scale_from_one_image(model, doutputs, cache):
    (first, *_) = doutputs.logit_scale
    dscale = np.zeros_like(doutputs.logit_scale)
    dscale[0] = first
    return CLIP.backward(model, CLIPOutputs(doutputs.image, doutputs.text, dscale), cache)


def lengths_for_constants(model, doutputs, cache):
    model.logit_scale.add_grad(np.asarray(doutputs.logit_scale.sum()))
    (dtext,) = unit_vectors_backward(doutputs.text, cache.caption)
    model.text.backward(model.text_proj.backward(dtext, cache.text_proj), cache.text)
    dimage = doutputs.image / cache.image.length
    return model.visual.backward(model.visual_proj.backward(dimage, cache.visual_proj), cache.visual), None


def texts_of_images(model, doutputs, cache):
    return CLIP.backward(model, CLIPOutputs(doutputs.text, doutputs.image, doutputs.logit_scale), cache)


def halved():
    return BlurBottleneck(6, 2, stride=2, zero_init_last=False)


def shortcut_past_its_pool(layer, dy, cache):
    """A stride in place of means on the way past the branch."""
    (dh,) = relu_backward(dy, cache.act)
    dx = run_backward(layer.branch, dh, cache[: len(layer.branch)])
    dsmall = run_backward(layer.downsample[1:], dh, cache.downsample[1:])
    dshortcut = np.zeros_like(dx)
    dshortcut[:, ::2, ::2] = dsmall
    return dx + dshortcut


IMAGES, PLACES = normal(3, 2, 4, 3), (normal(2, 3, 6),)


def last_place(dx, cache):
    return first_token_backward(dx, cache.query).x[:, ::-1]


WRONG_CLIP_LAYERS = [
    WrongLayer("values of attention pooling forgotten", pool, pool_with(lambda k, v, q: k + q), ("x",), PLACES),
    WrongLayer("keys of attention pooling forgotten", pool, pool_with(lambda k, v, q: v + q), ("x",), PLACES),
    WrongLayer("who asks has no gradient", pool, pool_with(lambda k, v, q: k + v), ("x",), PLACES),
    WrongLayer("who asks is the last place", pool, pool_with(lambda k, v, q: k + v + q, last_place), ("x",), PLACES),
    WrongLayer("the last token for the end of each text", texts, text_with(lambda end: 0 * end.places + 3),
               ("gradient",), (TOKENS,)),
    WrongLayer("the final norm forgotten", texts, final_norm_forgotten, ("gradient",), (TOKENS,)),
    WrongLayer("the positions of a text forgotten", texts, positions_forgotten, ("positions.table",), (TOKENS,)),
    WrongLayer("the scale of the first image alone", clip, scale_from_one_image, ("logit_scale",), (IMAGES, TOKENS)),
    WrongLayer("the length of image vectors a constant", clip, lengths_for_constants, ("gradient",), (IMAGES, TOKENS)),
    WrongLayer("images and texts exchanged", clip, texts_of_images, ("gradient",), (IMAGES, TOKENS)),
    WrongLayer("a stride past the means", halved, shortcut_past_its_pool, ("x",), (normal(2, 4, 6, 6),)),
]  # fmt: skip
