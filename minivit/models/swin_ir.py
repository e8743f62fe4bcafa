"""SwinIR: blocks of Swin at full resolution between convolutions, which make a spoiled image better.

Source: Liang et al. 2021, "SwinIR: Image Restoration Using Swin Transformer".
"""

from math import log2
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_shape, check_stages
from minivit.layers.basic import LayerNorm
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import zeros
from minivit.layers.layer import Layer
from minivit.layers.rstb import RSTB, RSTBCache, convolutions, in_a_row
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.layers.swin_stage import NORM_EPS
from minivit.layers.upsampling import LeakyRelu, PixelShuffle, UpConv2d, UpConvCache
from minivit.models.model import Model
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.reflect_pad import ReflectPadCache, reflect_pad_backward, reflect_pad_forward
from minivit.types import Count, Depths, Factor, Float, Positive, Positives, Rate, Size, pair

RGB_MEAN = (0.4488, 0.4371, 0.4040)
"""Of the images of DIV2K, as shares of white: what is taken off images of three channels, and added in the end."""

UPSAMPLERS = {
    "": (1,),
    "pixelshuffle": (1, 2, 3, 4, 8, 16, 32),
    "pixelshuffledirect": range(1, 33),
    "nearest+conv": (2, 4),
}
"""The four heads, and by how much each can enlarge an image."""


class SwinIRCache(NamedTuple):
    """Caches of the steps of :class:`SwinIR`, in order.

    ``layers[i].residual_group.blocks[j].attn.attn.attention.weights``, (B, W, H, N, N), are the attention maps of W
    windows.
    """

    padding: ReflectPadCache
    conv_first: Conv2dCache
    patch_embed: dict[str, LayerNormCache]
    pos_drop: DropoutCache | IdentityCache
    layers: list[RSTBCache]
    norm: LayerNormCache
    conv_after_body: Any
    conv_before_upsample: list[Any]
    upsample: list[Any]
    conv_up1: UpConvCache | IdentityCache
    conv_up2: UpConvCache | IdentityCache
    conv_hr: UpConvCache | IdentityCache
    conv_last: Conv2dCache | IdentityCache


class SwinIR(Model):
    """A convolution finds shallow features, Swin blocks deep ones; both are added, and a head makes an image of them.

    Every pixel is a token, and the map keeps its size: nothing of what an image shows may be lost. Images of any size
    are filled up to whole windows at the bottom and on the right, mirrored at their edges, and what is made of that is
    cut off again.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of images as they are in training. Others may be of any size. It decides, as in the official code, whether
        windows are shifted: not if its shorter side is one window, or smaller, and then windows are as small.
    in_chans : int
        3: their mean in DIV2K is taken off; any other number: nothing is.
    embed_dim : int
        Width of a token, a pixel.
    depths, num_heads : tuple of int
        Number of blocks, and of heads in each of them, for each RSTB.
    window_size : int
    mlp_ratio : float
    qkv_bias, patch_norm : bool
        Whether queries, keys and values have a bias; whether tokens are normalised before the first block.
    upscale : int
        How many times as many rows and columns come out.
    upsampler : "", "pixelshuffle", "pixelshuffledirect" or "nearest+conv"
        The head. "": what it finds is added to the image (denoising, JPEG artefacts; upscale 1). "pixelshuffle":
        convolutions and pixel shuffles, 2 x 2 each, or one of 3 x 3 (classical super-resolution). "pixelshuffledirect":
        one convolution and one pixel shuffle (lightweight). "nearest+conv": nearest upsampling and convolutions,
        against checkerboards (real photographs; 2 or 4).
    num_feat : int
        Channels inside the heads "pixelshuffle" and "nearest+conv"; 64 in the official code, no option there.
    resi_connection : "1conv" or "3conv"
        What ends an RSTB and the body: a convolution, or three with a quarter of the channels between.
    img_range : float
        What images (0 to 1) are multiplied by inside: 255 in the official models for JPEG.
    drop_rate, drop_path_rate : float
        Dropout in front of the blocks, after attention and inside MLPs; stochastic depth, growing linearly to this rate
        in the last block. Only active when ``forward`` gets ``rng``.
    grad_checkpointing : bool
    seed : int
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the head cannot enlarge so much, there are not as many ``num_heads`` as ``depths``, heads do not divide the
        width, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    Parameters are called as in the official code, whose files load by :func:`minivit.weights.load_torch`, which leaves
    masks and indices aside that can be computed. The official code has an option for absolute positions
    (``ape``), which none of its models has, and takes images of one size then. Here the last convolution begins with
    zeros: an untrained model gives back the image that came, or the mean colour; there it begins with random numbers.
    """

    head_names: ClassVar = ()
    usual_task: ClassVar[str] = "Denoise"

    def __init__(
        self,
        *,
        img_size: Size = 64,
        in_chans: Positive = 3,
        embed_dim: Positive = 96,
        depths: Depths = (6, 6, 6, 6),
        num_heads: Positives = (6, 6, 6, 6),
        window_size: Positive = 7,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        patch_norm: bool = True,
        upscale: Positive = 2,
        upsampler: str = "",
        num_feat: Positive = 64,
        resi_connection: str = "1conv",
        img_range: Factor = 1.0,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.1,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(depths=depths, num_heads=num_heads)
        check_upsampler(upsampler, upscale)
        self.in_chans, self.window_size, self.upscale, self.img_range = in_chans, window_size, upscale, img_range
        self.least_side = window_size // 2 + 1
        side = min(pair(img_size))
        if window_size % min(side, window_size):
            raise ValueError(
                f"img_size {side} is less than a window of {window_size}, and does not divide it; images are filled up "
                f"to whole windows: expected {window_size} or more"
            )
        self.mean = RGB_MEAN if in_chans == 3 else (0.0,)
        self.conv_first = Conv2d(in_chans, embed_dim, 3, padding=1)
        self.patch_embed = {"norm": LayerNorm(embed_dim, eps=NORM_EPS)} if patch_norm else {}
        self.pos_drop = dropout(drop_rate)
        self.layers = [
            RSTB(
                embed_dim,
                heads,
                pair(img_size),
                resi_connection=resi_connection,
                window_size=window_size,
                drop_path_rates=rates,
                attention={"qkv_bias": qkv_bias},
                mlp_ratio=mlp_ratio,
                proj_drop=drop_rate,
                grad_checkpointing=grad_checkpointing,
            )
            for heads, rates in zip(num_heads, stage_rates(drop_path_rate, depths), strict=True)
        ]
        self.norm = LayerNorm(embed_dim, eps=NORM_EPS)
        self.conv_after_body = convolutions(embed_dim, resi_connection)
        self._build_head(embed_dim, num_feat, upsampler)
        self.init(seed, dtype)

    def _build_head(self, embed_dim: int, num_feat: int, upsampler: str) -> None:
        """Of the steps that a head may have, in their order, those that this one has."""
        self.adds = upsampler == ""
        many = upsampler in ("pixelshuffle", "nearest+conv")
        direct, nearest = upsampler == "pixelshuffledirect", upsampler == "nearest+conv"
        before = [Conv2d(embed_dim, num_feat, 3, padding=1), LeakyRelu(0.01)]
        self.conv_before_upsample: list[Layer] = before if many else []
        self.upsample: list[Layer] = []
        if direct:
            self.upsample = _enlarged(embed_dim, self.in_chans, self.upscale, initial=zeros)
        elif upsampler == "pixelshuffle":
            factors = [3] if self.upscale == 3 else [2] * int(log2(self.upscale))
            self.upsample = [layer for r in factors for layer in _enlarged(num_feat, num_feat, r)]
        self.conv_up1: Layer = UpConv2d(num_feat, scale=2) if nearest else Identity()
        self.conv_up2: Layer = UpConv2d(num_feat, scale=2) if nearest and self.upscale == 4 else Identity()
        self.conv_hr: Layer = UpConv2d(num_feat, scale=1) if nearest else Identity()
        last = Conv2d(num_feat if many else embed_dim, self.in_chans, 3, padding=1, initial=zeros)
        self.conv_last: Layer = Identity() if direct else last

    def task_options(self) -> dict[str, Any]:
        return {"upscale": self.upscale}

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B Yo Xo C"], SwinIRCache]:
        """Better images (B, upscale * Y, upscale * X, C) of images (B, Y, X, C), 0 to 1, and the cache.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model, or too small to be mirrored: at the
            least, more than half a window.
        """
        self.check_images(images, None, self.in_chans)
        _, Y, X, _ = images.shape
        down, right = (-side % self.window_size for side in (Y, X))
        if down >= Y or right >= X:
            raise ValueError(
                f"images of {Y} x {X} pixels are too small to be mirrored up to windows of {self.window_size} x "
                f"{self.window_size}; expected at least {self.least_side} x {self.least_side}"
            )
        real = np.real(images).dtype
        mean, scale = np.array(self.mean, real), real.type(self.img_range)
        images, c_padding = reflect_pad_forward(images, padding=((0, down), (0, right)))
        shown = (images - mean) * scale
        x, c_conv_first = self.conv_first.forward(shown)  # (B, Y, X, D)
        h, c_patch_embed = run(self.patch_embed, x)
        h, c_pos_drop = self.pos_drop.forward(h, rng=rng)
        h, c_layers = run(self.layers, h, rng=rng)
        h, c_norm = self.norm.forward(h)
        h, c_after = run(in_a_row(self.conv_after_body), h)
        h = x + h
        h, c_before = run(self.conv_before_upsample, h)
        h, c_upsample = run(self.upsample, h)
        h, c_up1 = self.conv_up1.forward(h)
        h, c_up2 = self.conv_up2.forward(h)
        h, c_hr = self.conv_hr.forward(h)
        h, c_last = self.conv_last.forward(h)
        y = (shown + h if self.adds else h) / scale + mean
        return y[:, : self.upscale * Y, : self.upscale * X], SwinIRCache(
            padding=c_padding,
            conv_first=c_conv_first,
            patch_embed=c_patch_embed,
            pos_drop=c_pos_drop,
            layers=c_layers,
            norm=c_norm,
            conv_after_body=c_after,
            conv_before_upsample=c_before,
            upsample=c_upsample,
            conv_up1=c_up1,
            conv_up2=c_up2,
            conv_hr=c_hr,
            conv_last=c_last,
        )

    def backward(self, dy: Float[ndarray, "B Yo Xo C"], cache: SwinIRCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        r, ((B, Y, X, C), ((_, down), (_, right))) = self.upscale, cache.padding
        check_shape("SwinIR.backward: dy", dy, (B, r * Y, r * X, C))
        scale = dy.dtype.type(self.img_range)
        # forward: y[:, : self.upscale * Y, : self.upscale * X]
        dy = np.pad(dy, ((0, 0), (0, r * down), (0, r * right), (0, 0))) / scale
        dh = self.conv_last.backward(dy, cache.conv_last)
        dh = self.conv_hr.backward(dh, cache.conv_hr)
        dh = self.conv_up2.backward(dh, cache.conv_up2)
        dh = self.conv_up1.backward(dh, cache.conv_up1)
        dh = run_backward(self.upsample, dh, cache.upsample)
        dx = run_backward(self.conv_before_upsample, dh, cache.conv_before_upsample)
        dh = run_backward(in_a_row(self.conv_after_body), dx, cache.conv_after_body)
        dh = self.norm.backward(dh, cache.norm)
        dh = run_backward(self.layers, dh, cache.layers)
        dh = self.pos_drop.backward(dh, cache.pos_drop)
        dx = dx + run_backward(self.patch_embed, dh, cache.patch_embed)  # forward: h = x + h
        dshown = self.conv_first.backward(dx, cache.conv_first)
        if self.adds:
            dshown = dshown + dy  # formula: y = shown + h
        (dimages,) = reflect_pad_backward(dshown * scale, cache.padding)
        return dimages


def check_upsampler(upsampler: str, upscale: int) -> None:
    """ValueError for no head, or for a scale that it cannot do."""
    if upsampler not in UPSAMPLERS:
        raise ValueError(f"upsampler is {upsampler!r}; expected one of {', '.join(map(repr, UPSAMPLERS))}")
    if upscale not in (scales := UPSAMPLERS[upsampler]):
        known = f"1 to {scales[-1]}" if isinstance(scales, range) else ", ".join(map(str, scales))
        raise ValueError(f"upscale is {upscale}; with upsampler={upsampler!r} expected {known}")


def _enlarged(dim: int, out: int, upscale: int, **options: Any) -> list[Layer]:
    """As many channels as there will be pixels, by a convolution, and their shuffle."""
    return [Conv2d(dim, upscale * upscale * out, 3, padding=1, **options), PixelShuffle(upscale)]


def _preset(upsampler: str, upscale: int = 1, *, rstbs: int = 6, embed_dim: int = 180, heads: int = 6, **options: Any):
    shape = {"embed_dim": embed_dim, "depths": (6,) * rstbs, "num_heads": (heads,) * rstbs, "window_size": 8}
    return {"upsampler": upsampler, "upscale": upscale, "mlp_ratio": 2.0, **shape, **options}


TINY = {"embed_dim": 32, "depths": (2, 2), "num_heads": (2, 2), "window_size": 8, "mlp_ratio": 2.0}
LIGHT = {"rstbs": 4, "embed_dim": 60}
SwinIR.add_presets(
    {
        # CIFAR
        "swinir_tiny_dn": {**TINY, "img_size": 32, "upscale": 1, "drop_path_rate": 0.0},
        "swinir_tiny_x2": {**TINY, "img_size": 16, "upsampler": "pixelshuffledirect", "drop_path_rate": 0.0},
        **{f"swinir_classical_x{r}": _preset("pixelshuffle", r, img_size=48) for r in (2, 3, 4, 8)},
        **{f"swinir_lightweight_x{r}": _preset("pixelshuffledirect", r, img_size=64, **LIGHT) for r in (2, 3, 4)},
        **{f"swinir_real_x{r}": _preset("nearest+conv", r, img_size=64) for r in (2, 4)},
        "swinir_real_large_x4": _preset(
            "nearest+conv", 4, img_size=64, rstbs=9, embed_dim=240, heads=8, resi_connection="3conv"
        ),
        "swinir_gray_dn": _preset("", img_size=128, in_chans=1),
        "swinir_color_dn": _preset("", img_size=128),
        "swinir_jpeg_car": _preset("", img_size=126, in_chans=1, window_size=7, img_range=255.0),
        "swinir_color_jpeg_car": _preset("", img_size=126, window_size=7, img_range=255.0),
    }
)
