"""Bugs of losses of masks, Fourier features, maps that grow, and of blocks of two ways (SAM), as they are made."""

from math import pi

import numpy as np

from minivit.layers import RelativeWindowAttention
from minivit.layers.mask_decoder import TwoWayTransformer
from minivit.layers.pooling_attention import PoolingAttention
from minivit.layers.two_way_block import TwoWay, TwoWayBlock
from minivit.ops import sigmoid_focal_loss_forward, window_partition_backward, window_reverse_backward
from tests.check.planted_bugs import Bug, has_bias, right
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def focused(case):
    return case.kwargs["gamma"] > 0


def both_kinds(case):
    return all(0 < row.sum() < row.size for row in case.args[1])


def signs(c):
    return np.where(c.truth, 1, -1)


def alphas(c):
    return np.where(c.truth, c.alpha, 1 - c.alpha)


def factor_held_constant(dy, c, g):
    """As if (1 - p)^gamma were a weight: "detached"."""
    return g._replace(logits=-signs(c) * alphas(c) * c.wrong ** (c.gamma + 1) * dy[:, None] / c.wrong.shape[1])


def dice_without_the_areas(dy, c, g):
    """As if what stands below the line were a constant."""
    dprobs = -dy[:, None] * 2 * c.truth / c.areas
    return g._replace(logits=dprobs * c.probs * (1 - c.probs))


def dice_of_probabilities(dy, c, g):
    """The sigmoid's slope forgotten."""
    return g._replace(logits=dy[:, None] * (c.common / c.areas - 2 * c.truth) / c.areas)


def patch_transposed(dy, c, g):
    """Rows of the patch for columns, as if it were square and symmetric."""
    dweight = np.einsum("byxc,bypxqo->pqco", c.x, in_patches(dy, c)[:, :, ::-1])
    return g._replace(weight=dweight)


def in_patches(dy, c):
    (B, Y, X, _), (P, Q, _, O) = c.x.shape, c.weight.shape
    return dy.reshape(B, Y, P, X, Q, O)


def bias_of_places(dy, c, g):
    """Summed over places, and a mean over the patch."""
    return g._replace(bias=g.bias / (c.weight.shape[0] * c.weight.shape[1]))


def sine_for_sine(dy, c, g):
    dsine, dcosine = np.split(dy, 2, -1)
    return g._replace(x=2 * pi * (dsine * c.cosine + dcosine * c.sine) @ c.frequencies.T)


def halves_alternate(dy, c, g):
    """As if sines and cosines stood side by side."""
    dangle = dy[..., ::2] * c.cosine - dy[..., 1::2] * c.sine
    return g._replace(x=2 * pi * dangle @ c.frequencies.T)


SAM_BUGS = [
    Bug("sigmoid_focal_loss", "the factor held constant", factor_held_constant, when=focused),
    Bug("sigmoid_focal_loss", "the sign beside the mask forgotten",
        lambda dy, c, g: g._replace(logits=g.logits * signs(c)), when=both_kinds),
    Bug("sigmoid_focal_loss", "alpha for all pixels",
        lambda dy, c, g: g._replace(logits=g.logits * c.alpha / alphas(c)), when=both_kinds),
    Bug("sigmoid_focal_loss", "the sum of pixels, not their mean",
        lambda dy, c, g: g._replace(logits=g.logits * c.wrong.shape[1])),
    Bug("sigmoid_focal_loss", "weights exchanged in forward", right, when=both_kinds,
        forward=lambda logits, truth, *, alpha, gamma: (
            sigmoid_focal_loss_forward(logits, truth, alpha=1 - alpha, gamma=gamma)[0],
            sigmoid_focal_loss_forward(logits, truth, alpha=alpha, gamma=gamma)[1])),
    Bug("dice_loss", "areas taken for constants", dice_without_the_areas),
    Bug("dice_loss", "no slope of the sigmoid", dice_of_probabilities),
    Bug("dice_loss", "all masks together, not each",
        lambda dy, c, g: g._replace(logits=g.logits / dy[:, None] * dy.mean())),
    Bug("dice_loss", "the common area counted once",
        lambda dy, c, g: g._replace(logits=g.logits + dy[:, None] * c.truth / c.areas * c.probs * (1 - c.probs)),
        when=lambda case: case.args[1].any()),
    Bug("conv_transpose2d", "a patch upside down", patch_transposed, "gradient of weight is wrong",
        when=lambda case: case.args[1].shape[0] > 1),
    Bug("conv_transpose2d", "the mean of the patch for the bias", bias_of_places, "gradient of bias is wrong",
        when=has_bias),
    Bug("conv_transpose2d", "one place of the patch hears alone",
        lambda dy, c, g: g._replace(x=in_patches(dy, c)[:, :, 0, :, 0] @ c.weight[0, 0].T), "gradient of x is wrong"),
    Bug("fourier_features", "the cosine's sign", sine_for_sine, "gradient of x is wrong"),
    Bug("fourier_features", "halves for pairs", halves_alternate, "gradient of x is wrong"),
    Bug("fourier_features", "two pi forgotten", lambda dy, c, g: g._replace(frequencies=g.frequencies / (2 * pi)),
        "gradient of frequencies is wrong"),
    Bug("map_products", "the sum over masks forgotten",
        lambda dy, c, g: g._replace(maps=dy[:, 0, :, :, None] * c.vectors[:, 0, None, None]),
        "gradient of maps is wrong"),
    Bug("map_products", "a mean over places",
        lambda dy, c, g: g._replace(vectors=g.vectors / dy[0, 0].size), "gradient of vectors is wrong"),
]  # fmt: skip


def block(**options):
    return lambda: TwoWayBlock(6, 2, 5, inner_dim=4, **options)


def of_the_last_attention(layer, dy, cache):
    """Gradients of its queries, which are places, and of its keys, which are tokens."""
    layer = layer.replica()  # whose parameters have other gradients
    dh = layer.norm4.backward(dy.image, cache.norm4)
    return layer.cross_attn_image_to_token.backward(dh, cache.cross_attn_image_to_token)[:2]


def positions_once(layer, dy, cache):
    """Of three uses of the tokens' positions only the last one counts."""
    dtokens, dimage, _, dimage_pos = TwoWayBlock.backward(layer, dy, cache)
    _, dtokens_pos = of_the_last_attention(layer, dy, cache)
    return dtokens, dimage, dtokens_pos, dimage_pos


def places_once(layer, dy, cache):
    """The keys of one attention only are known to have had positions."""
    dtokens, dimage, dtokens_pos, _ = TwoWayBlock.backward(layer, dy, cache)
    dimage_pos, _ = of_the_last_attention(layer, dy, cache)
    return dtokens, dimage, dtokens_pos, dimage_pos


def a_way_around_in_the_first(layer, dy, cache):
    """A residual in the first block, which has none."""
    dtokens, *others = TwoWayBlock.backward(layer, dy, cache)
    return dtokens + dy.tokens, *others


def image_hears_no_tokens(layer, dy, cache):
    """What the image got from tokens does not go back to them."""
    return TwoWayBlock.backward(layer, TwoWay(dy.tokens, 0 * dy.image), cache)


def tokens_are_no_positions(layer, dy, cache):
    """What comes in is tokens and positions at once: one of the two gradients forgotten."""
    dtokens, dimage, dimage_pos = TwoWayTransformer.backward(layer, dy, cache)
    twin = layer.replica()
    tokens = twin.norm_final_attn.backward(dy.tokens, cache.norm_final_attn)
    dq, *_ = twin.final_attn_token_to_image.backward(tokens, cache.final_attn_token_to_image)
    return dtokens - dq, dimage, dimage_pos


def filled_up_places_hear(layer, dy, cache):
    """Windows put back without what was cut off: the map's edge from the windows' other side."""
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows = PoolingAttention.backward(layer, dh, cache.attn)
    (dx,) = window_partition_backward(dwindows[:, ::-1].copy(), cache.partition)
    return dx


def no_relative_positions(layer, dy, cache):
    """Scores of relative positions taken for constants of the query."""
    layer.relative_logits_backward = lambda dq, dbias, c: dq
    dx = RelativeWindowAttention.backward(layer, dy, cache)
    del layer.relative_logits_backward
    return dx


TOKENS = normal(2, 3, 6), normal(2, 5, 6), normal(2, 3, 6), normal(2, 5, 6)
WRONG_SAM_LAYERS = [
    WrongLayer("positions of tokens counted once", block(), positions_once, ("gradient of input 2 is wrong",), TOKENS),
    WrongLayer("positions of places counted once", block(), places_once, ("gradient of input 3 is wrong",), TOKENS),
    WrongLayer(
        "a way around the first attention",
        block(first=True),
        a_way_around_in_the_first,
        ("gradient of input 0 is wrong",),
        TOKENS,
    ),
    WrongLayer("tokens deaf to the image", block(), image_hears_no_tokens, ("norm4",), TOKENS),
    WrongLayer(
        "tokens that are no positions",
        lambda: TwoWayTransformer(6, 2, 2, 5, inner_dim=4),
        tokens_are_no_positions,
        ("gradient of input 0 is wrong",),
        TOKENS[:2] + TOKENS[3:],
    ),
    WrongLayer(
        "windows in the other order",
        lambda: RelativeWindowAttention(6, 2, (3, 4), window_size=2),
        filled_up_places_hear,
        ("gradient of input 0 is wrong",),
        (normal(2, 3, 4, 6),),
    ),
    WrongLayer(
        "relative positions without a gradient",
        lambda: RelativeWindowAttention(6, 2, (3, 4), window_size=(2, 3)),
        no_relative_positions,
        ("rel_pos_h",),
        (normal(2, 3, 4, 6),),
    ),
]
