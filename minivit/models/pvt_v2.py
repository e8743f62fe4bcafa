"""PVT v2: a pyramid whose patches overlap and whose MLPs convolve, so that no table says where a place is.

Source: Wang et al. 2022, "PVT v2: Improved Baselines with Pyramid Vision Transformer".
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.basic import Linear
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.patch_embed import ConvPatchEmbedCache
from minivit.layers.pool import MeanPool
from minivit.layers.pvt_v2_stage import PVTv2StageCache, pvt_v2_stages
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache
from minivit.types import Count, Depths, Eps, Factors, Float, Positive, Positives, Rate, Size


class PVTv2Cache(NamedTuple):
    """Caches of the steps of :class:`PVTv2`, in order, and the sides of the last map.

    ``stages[i].blocks[j].attn.attention.weights``, (B, H, N, S), are attention maps.
    """

    patch_embed: ConvPatchEmbedCache
    stages: list[PVTv2StageCache]
    map_size: tuple[int, int]
    pool: MeanPoolCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache


class PVTv2(Model):
    """Stages of Transformer blocks on maps that shrink; the mean of the last map is read by one linear map.

    Images may have any size from which each stage still makes a map.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for; others are taken, too.
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the mean of the last map is returned).
    embed_dims, depths, num_heads, sr_ratios : tuple of int
        Width, number of blocks, heads in each and R of :class:`minivit.layers.SpatialReductionAttention`, stage by
        stage.
    mlp_ratios : tuple of float
        Width of the MLPs of each stage, as a multiple of that of a token.
    linear : bool
        Attention of linear cost (the models "b2_li"): keys and values are of 7 x 7 places, whatever ``sr_ratios`` say.
    patch_size, patch_stride : int or (rows, columns)
        Sides of the first patches, and how far apart they begin; zeros of half a patch stand around the image. (7 and 4
        in timm, which has no such options.)
    qkv_bias : bool
    drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after attention and inside MLPs; stochastic depth, growing linearly from 0 in the first
        block to this rate in the last. Only active when ``forward`` gets ``rng``.
    norm_eps, inner_norm_eps : float
        Of the norms of blocks and stages; of those behind patches and behind spatial reduction. timm and the official
        code have 1e-6 and 1e-5; transformers have 1e-6 for all, also for the authors' weights.
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

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        embed_dims: Positives = (64, 128, 256, 512),
        depths: Depths = (3, 4, 6, 3),
        num_heads: Positives = (1, 2, 4, 8),
        sr_ratios: Positives = (8, 4, 2, 1),
        mlp_ratios: Factors = (8.0, 8.0, 4.0, 4.0),
        linear: bool = False,
        patch_size: Size = 7,
        patch_stride: Size = 4,
        qkv_bias: bool = True,
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
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
            linear=linear,
            patch_size=patch_size,
            patch_stride=patch_stride,
            qkv_bias=qkv_bias,
            proj_drop=proj_drop_rate,
            drop_path_rate=drop_path_rate,
            norm_eps=norm_eps,
            inner_norm_eps=inner_norm_eps,
            grad_checkpointing=grad_checkpointing,
        )
        self.pool = MeanPool()
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.head: Layer = Linear(embed_dims[-1], num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], PVTv2Cache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model, or too small.
        """
        self.check_images(images, None, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, Y / 4, X / 4, D)
        x, c_stages = run(self.stages, x, rng=rng)
        B, Y, X, D = x.shape
        x, c_pool = self.pool.forward(x.reshape(B, Y * X, D))  # (B, D)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_head = self.head.forward(x)
        return logits, PVTv2Cache(
            patch_embed=c_patch_embed,
            stages=c_stages,
            map_size=(Y, X),
            pool=c_pool,
            head_drop=c_head_drop,
            head=c_head,
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: PVTv2Cache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.pool.backward(dx, cache.pool)
        dx = dx.reshape(len(dx), *cache.map_size, dx.shape[-1])  # forward: x.reshape(B, Y * X, D)
        dx = run_backward(self.stages, dx, cache.stages)
        return self.patch_embed.backward(dx, cache.patch_embed)


def _preset(*depths: int, width: int = 64, **options: Any) -> dict[str, Any]:
    widths = (width, 2 * width, 5 * width, 8 * width)
    return {"depths": depths, "embed_dims": widths, "num_heads": (1, 2, 5, 8), **options}


NARROW = (4.0, 4.0, 4.0, 4.0)
PVTv2.add_presets(
    {
        "pvt_v2_tiny_32": {  # CIFAR: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 32,
            "num_classes": 10,
            "embed_dims": (32, 64, 128),
            "depths": (2, 2, 2),
            "num_heads": (1, 2, 4),
            "sr_ratios": (4, 2, 1),
            "mlp_ratios": (4.0, 4.0, 2.0),
            "patch_size": 3,
            "patch_stride": 2,
        },
        "pvt_v2_b0": _preset(2, 2, 2, 2, width=32),
        "pvt_v2_b1": _preset(2, 2, 2, 2),
        "pvt_v2_b2": _preset(3, 4, 6, 3),
        "pvt_v2_b2_li": _preset(3, 4, 6, 3, linear=True),
        "pvt_v2_b3": _preset(3, 4, 18, 3),
        "pvt_v2_b4": _preset(3, 8, 27, 3),
        "pvt_v2_b5": _preset(3, 6, 40, 3, mlp_ratios=NARROW),
        "mit_b0": _preset(2, 2, 2, 2, width=32, mlp_ratios=NARROW),  # the encoders of SegFormer
        "mit_b1": _preset(2, 2, 2, 2, mlp_ratios=NARROW),
        "mit_b2": _preset(3, 4, 6, 3, mlp_ratios=NARROW),
        "mit_b3": _preset(3, 4, 18, 3, mlp_ratios=NARROW),
        "mit_b4": _preset(3, 8, 27, 3, mlp_ratios=NARROW),
        "mit_b5": _preset(3, 6, 40, 3, mlp_ratios=NARROW),
    }
)
