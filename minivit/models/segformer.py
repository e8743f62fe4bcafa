"""SegFormer: the stages of a pyramid of Transformers, and a decoder that hardly looks around.

Source: Xie et al. 2021, "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers".
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.linear_decoder import MlpDecoder, MlpDecoderCache
from minivit.layers.patch_embed import ConvPatchEmbedCache
from minivit.layers.pvt_v2_stage import PVTv2StageCache, pvt_v2_stages
from minivit.layers.sequence import run_keeping, run_keeping_backward
from minivit.models.model import Model
from minivit.types import Count, Depths, Eps, Factors, Float, Positive, Positives, Rate, Size


class SegFormerCache(NamedTuple):
    """Caches of the steps of :class:`SegFormer`, in order.

    ``stages[i].blocks[j].attn.attention.weights``, (B, H, N, S), are attention maps.
    """

    patch_embed: ConvPatchEmbedCache
    stages: list[PVTv2StageCache]
    decode_head: MlpDecoderCache


class SegFormer(Model):
    """Stages as those of PVT v2 ("Mix Transformer"), and linear maps of their maps: logits of each place of the first.

    Images may have any size from which each stage still makes a map. There are four times fewer rows and columns of
    logits than of pixels, with patches that begin 4 pixels apart: :class:`minivit.tasks.Segment` makes them larger.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for; others are taken, too.
    in_chans, num_classes : int
        Channels of the image; classes to tell apart, the background among them.
    embed_dims, depths, num_heads, sr_ratios, mlp_ratios, patch_size, patch_stride, qkv_bias, inner_norm_eps
        As in :class:`minivit.models.PVTv2`. Its b0 has wider MLPs, in the first two stages, than the encoder "b0" here;
        the layers are the same.
    channels : int
        Of the decoder.
    drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the last map of the decoder, after attention and inside MLPs; stochastic depth, growing linearly
        from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    norm_eps : float
        Of the norms of blocks and stages: 1e-6 in the official code, and 1e-5 in transformers, as all are there.
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If there are not as many of one as of the others of what goes by stages, heads do not divide the width of their
        stage, images of ``img_size`` make a map smaller than its ``sr_ratio``, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    head_names: ClassVar = ("decode_head",)
    usual_task: ClassVar[str] = "Segment"

    def __init__(
        self,
        *,
        img_size: Size = 512,
        in_chans: Positive = 3,
        num_classes: Positive = 150,
        embed_dims: Positives = (32, 64, 160, 256),
        depths: Depths = (2, 2, 2, 2),
        num_heads: Positives = (1, 2, 5, 8),
        sr_ratios: Positives = (8, 4, 2, 1),
        mlp_ratios: Factors = (4.0, 4.0, 4.0, 4.0),
        channels: Positive = 256,
        patch_size: Size = 7,
        patch_stride: Size = 4,
        qkv_bias: bool = True,
        drop_rate: Rate = 0.1,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.1,
        norm_eps: Eps = 1e-6,
        inner_norm_eps: Eps = 1e-5,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        self.in_chans = in_chans
        self.patch_embed, self.stages = pvt_v2_stages(
            img_size=img_size,
            in_chans=in_chans,
            embed_dims=embed_dims,
            depths=depths,
            num_heads=num_heads,
            sr_ratios=sr_ratios,
            mlp_ratios=mlp_ratios,
            linear=False,
            patch_size=patch_size,
            patch_stride=patch_stride,
            qkv_bias=qkv_bias,
            proj_drop=proj_drop_rate,
            drop_path_rate=drop_path_rate,
            norm_eps=norm_eps,
            inner_norm_eps=inner_norm_eps,
            grad_checkpointing=grad_checkpointing,
        )
        self.decode_head = MlpDecoder(embed_dims, num_classes, channels=channels, drop_rate=drop_rate)
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B y x classes"], SegFormerCache]:
        """Logits (B, Y / 4, X / 4, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model, or too small.
        """
        self.check_images(images, None, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, Y / 4, X / 4, D)
        maps, c_stages = run_keeping(self.stages, x, rng=rng)
        logits, c_decode_head = self.decode_head.forward(maps, rng=rng)
        return logits, SegFormerCache(c_patch_embed, c_stages, c_decode_head)

    def backward(self, dlogits: Float[ndarray, "B y x classes"], cache: SegFormerCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dmaps = self.decode_head.backward(dlogits, cache.decode_head)
        dx = run_keeping_backward(self.stages, dmaps, cache.stages)
        return self.patch_embed.backward(dx, cache.patch_embed)


def _preset(*depths: int, width: int = 64, channels: int = 768) -> dict[str, Any]:
    return {"depths": depths, "embed_dims": (width, 2 * width, 5 * width, 8 * width), "channels": channels}


SegFormer.add_presets(
    {
        "segformer_tiny_64": {  # scenes: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 64,
            "num_classes": 11,
            "embed_dims": (32, 64, 128),
            "depths": (2, 2, 2),
            "num_heads": (1, 2, 4),
            "sr_ratios": (2, 2, 1),
            "mlp_ratios": (2.0, 2.0, 2.0),
            "channels": 64,
            "drop_rate": 0.0,
            "drop_path_rate": 0.0,
        },
        "segformer_b0": _preset(2, 2, 2, 2, width=32, channels=256),  # ADE20K
        "segformer_b1": _preset(2, 2, 2, 2, channels=256),
        "segformer_b2": _preset(3, 4, 6, 3),
        "segformer_b3": _preset(3, 4, 18, 3),
        "segformer_b4": _preset(3, 8, 27, 3),
        "segformer_b5": _preset(3, 6, 40, 3),
    }
)
