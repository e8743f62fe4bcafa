"""Bugs of what makes maps larger, of mirrors at their edges, and of SwinIR, as they are made."""

from typing import Any

import numpy as np

from minivit.layers import AnyWindowAttention, Conv2d, UpConv2d
from minivit.layers.rstb import RSTB, in_a_row
from minivit.layers.sequence import run_backward
from minivit.models import SwinIR
from minivit.ops import (
    pixel_shuffle_forward,
    reflect_pad_backward,
    upsample_nearest_backward,
)
from tests.check.planted_bugs import Bug, right
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def mirrored(case):
    """Something is, at each end of the rows."""
    (top, bottom), (left, right) = case.kwargs["padding"]
    return min(top, bottom, left, right) >= 1


def far(case):
    return max(case.kwargs["padding"][0]) >= 2 and max(case.kwargs["padding"][1]) >= 2


def cropped(dy, c, g):
    (_, Y, X, _), ((top, _), (left, _)) = c
    return g._replace(x=dy[:, top : top + Y, left : left + X].copy())


def edge_repeated(dy, c, g):
    """As if the edge itself were the first thing in the mirror."""
    (_, Y, _, _), ((top, bottom), (left, right)) = c
    dx = dy[:, top : top + Y].copy()
    dx[:, :top] += dy[:, :top][:, ::-1]
    dx[:, Y - bottom :] += dy[:, top + Y :][:, ::-1]
    return g._replace(x=reflect_pad_backward(dx, c._replace(padding=((0, 0), (left, right)))).x)


def not_turned(dy, c, g):
    (_, Y, _, _), ((top, bottom), (left, right)) = c
    dx = dy[:, top : top + Y].copy()
    dx[:, 1 : 1 + top] += dy[:, :top]
    dx[:, Y - 1 - bottom : Y - 1] += dy[:, top + Y :]
    return g._replace(x=reflect_pad_backward(dx, c._replace(padding=((0, 0), (left, right)))).x)


def rows_alone(dy, c, g):
    (_, _, X, _), ((top, bottom), (left, _)) = c
    inside = dy[:, :, left : left + X].copy()
    return g._replace(x=reflect_pad_backward(inside, c._replace(padding=((top, bottom), (0, 0)))).x)


def depth_to_space(dy, c, g):
    """Channels in TensorFlow's order."""
    (B, Y, X, channels), r = c
    parts = dy.reshape(B, Y, r, X, r, channels // r**2).transpose(0, 1, 3, 2, 4, 5)
    return g._replace(x=parts.reshape(B, Y, X, channels).copy())


def columns_first(dy, c, g):
    parts = g.x.reshape(*g.x.shape[:3], -1, c.upscale, c.upscale)
    return g._replace(x=parts.swapaxes(4, 5).reshape(g.x.shape).copy())


RESTORATION_BUGS = [
    Bug("pixel_shuffle", "channels of a pixel side by side", depth_to_space),
    Bug("pixel_shuffle", "columns before rows", columns_first),
    Bug("pixel_shuffle", "columns before rows in forward", right,
        forward=lambda x, upscale: (pixel_shuffle_forward(x.swapaxes(1, 2).copy(), upscale=upscale)[0].swapaxes(1, 2),
                                    pixel_shuffle_forward(x, upscale=upscale)[1])),
    Bug("upsample_nearest", "the mean of a block", lambda dy, c, g: g._replace(x=g.x / np.prod(c.scale))),
    Bug("upsample_nearest", "one pixel of a block",
        lambda dy, c, g: g._replace(x=dy[:, :: c.scale[0], :: c.scale[1]].copy())),
    Bug("reflect_pad", "what is in the mirror forgotten", cropped, when=mirrored),
    Bug("reflect_pad", "the edge in the mirror, too", edge_repeated, when=mirrored),
    Bug("reflect_pad", "the mirror not turned", not_turned, when=far),
    Bug("reflect_pad", "columns forgotten", rows_alone, when=mirrored),
    Bug("leaky_relu", "nothing leaks", lambda dy, c, g: g._replace(x=np.where(c.positive, dy, 0))),
    Bug("leaky_relu", "it leaks on the wrong side",
        lambda dy, c, g: g._replace(x=np.where(c.positive, dy * c.negative_slope, dy))),
    Bug("leaky_relu", "the other slope",
        lambda dy, c, g: g._replace(x=np.where(c.positive, dy, dy * (0.21 - c.negative_slope)))),
    Bug("charbonnier", "the sign, as of L1", lambda dy, c, g: g._replace(x=np.sign(c.difference) * dy / c.root.size)),
    Bug("charbonnier", "never divided by the root", lambda dy, c, g: g._replace(x=c.difference * dy / c.root.size)),
    Bug("charbonnier", "twice, as of a square", lambda dy, c, g: g._replace(x=2 * g.x)),
    Bug("charbonnier", "a sum, not a mean", lambda dy, c, g: g._replace(x=g.x * c.root.size)),
]  # fmt: skip


def swin_ir(**options: Any):
    """With weights that are no zeros in its last convolution."""
    shape: dict[str, Any] = {"img_size": 6, "in_chans": 2, "embed_dim": 4, "depths": (2,), "num_heads": (2,)}

    def build():
        model = SwinIR(**{**shape, "window_size": 3, "upscale": 1, "num_feat": 2, **options})
        for param in model.named_params().values():
            param._initial = lambda rng, its: rng.standard_normal(its.shape)
        return model.init(0, "float64")

    return build


def without_the_image(model, dy, cache):
    """The residual of denoising lost on the way back."""
    model.adds = False
    dx = SwinIR.backward(model, dy, cache)
    model.adds = True
    return dx


def range_once(model, dy, cache):
    model.img_range, before = 1.0, model.img_range
    dx = SwinIR.backward(model, dy, cache)
    model.img_range = before
    return dx * before


def no_long_residual(model, dy, cache):
    """Shallow features past the blocks: their gradient is forgotten."""
    rows, columns = cache.shown
    padded = np.pad(dy, ((0, 0), (0, rows - dy.shape[1]), (0, columns - dy.shape[2]), (0, 0)))
    past = model.replica().conv_last.backward(padded, cache.conv_last)
    first = model.conv_first.backward
    model.conv_first.backward = lambda dx, c_first: first(dx - past, c_first)
    dx = SwinIR.backward(model, dy, cache)
    del model.conv_first.backward
    return dx


def rstb_without_its_residual(layer, dy, cache):
    return RSTB.backward(layer, dy, cache) - dy


def past_the_convolution(layer, dy, cache):
    run_backward(in_a_row(layer.conv), dy, cache.conv)
    return dy + layer.residual_group.backward(dy, cache.residual_group)


def act_before_conv(layer, dy, cache):
    (dh,) = upsample_nearest_backward(Conv2d.backward(layer, dy, cache.conv), cache.upsample)
    return dh


def other_slope(layer, dy, cache):
    return UpConv2d.backward(layer, dy, cache._replace(act=cache.act._replace(negative_slope=0.01)))


def shift_of_another_map(layer, dy, cache):
    """Rolled back by one more."""
    return np.roll(AnyWindowAttention.backward(layer, dy, cache), 1, 1)


RSTB_OPTIONS: dict[str, Any] = {"window_size": 3, "drop_path_rates": [0.0, 0.0], "attention": {}, "mlp_ratio": 1.5,
                                "proj_drop": 0.0, "grad_checkpointing": False}  # fmt: skip
MAPS = (normal(2, 3, 6, 4),)
IMAGES = (normal(1, 2, 3, 2),)
WRONG_RESTORATION_LAYERS = [
    WrongLayer("denoising without its image", swin_ir(), without_the_image, ("input 0",), IMAGES),
    WrongLayer("a range in front and none behind", swin_ir(img_range=3.0), range_once, (), IMAGES),
    WrongLayer("the longest residual forgotten", swin_ir(), no_long_residual, ("conv_first",), IMAGES),
    WrongLayer("a residual block without its residual",
               lambda: RSTB(4, 2, (3, 6), resi_connection="1conv", **RSTB_OPTIONS), rstb_without_its_residual,
               ("input 0",), MAPS),
    WrongLayer("past the convolution of a residual block",
               lambda: RSTB(4, 2, (3, 6), resi_connection="3conv", **RSTB_OPTIONS), past_the_convolution,
               ("residual_group",), MAPS),
    WrongLayer("no slope behind the convolution", lambda: UpConv2d(4, scale=2), act_before_conv, (), MAPS),
    WrongLayer("the slope of another leak", lambda: UpConv2d(4, scale=1), other_slope, (), MAPS),
    WrongLayer("a map of another size rolled too far",
               lambda: AnyWindowAttention(4, 2, 9, window_size=3, shift_size=1), shift_of_another_map, ("input 0",),
               MAPS),
]  # fmt: skip
