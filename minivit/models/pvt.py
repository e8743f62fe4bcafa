"""Pyramid Vision Transformer: a pyramid of maps like a ResNet's, made by attention that looks at few keys.

Source: Wang et al. 2021, "Pyramid Vision Transformer: A Versatile Backbone for Dense Prediction without Convolutions".
"""

from reprlib import repr as in_short
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.pool import FirstToken
from minivit.layers.pvt_stage import PVTStage, PVTStageCache
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.layers.spatial_reduction import check_reduction
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import FirstTokenCache
from minivit.types import Count, Depths, Eps, Factors, Float, Positive, Positives, Rate, Size, pair


class PVTCache(NamedTuple):
    """Caches of the steps of :class:`PVT`, in order.

    ``stages[i].blocks[j].attn.attention.weights``, (B, H, N, S), are attention maps.
    """

    stages: list[PVTStageCache]
    norm: LayerNormCache
    pool: FirstTokenCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache


class PVT(Model):
    """Stages of Transformer blocks on maps that shrink; a class token, in the last stage alone, is read by the head.

    Parameters
    ----------
    img_size, patch_size : int or (rows, columns)
        ``patch_size`` is that of the first stage; those of all others are 2 x 2 places of the map before. Where patches
        do not divide a map, what is left over at its far ends is not seen.
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the class token is returned).
    embed_dims, depths, num_heads, sr_ratios : tuple of int
        Width, number of blocks, heads in each and R of :class:`minivit.layers.SpatialReductionAttention`, stage by
        stage. The last stage has R = 1: its class token stands on no map.
    mlp_ratios : tuple of float
        Width of the MLPs of each stage, as a multiple of that of a token.
    qkv_bias : bool
    drop_rate, pos_drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head, after positions, after attention and inside MLPs; stochastic depth, growing linearly
        from 0 in the first block to this rate in the last. Only active when ``forward`` gets ``rng``. (The official
        code's ``drop_rate`` is ``pos_drop_rate`` and ``proj_drop_rate`` here.)
    norm_eps, inner_norm_eps : float
        Of the norms of blocks and the last one; of those behind patches and behind spatial reduction. The official code
        has 1e-6 and 1e-5; transformers have 1e-6 for all, also for the authors' weights.
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If there are not as many of one as of the others of what goes by stages, heads do not divide the width of their
        stage, an image is too small for all stages, or a map for its ``sr_ratio``, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    timm has no such model. Names are those that it gives to the second version, :class:`minivit.models.PVTv2`, where
    both have the part; :func:`minivit.weights.load_timm` takes the official ones.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 4,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        embed_dims: Positives = (64, 128, 320, 512),
        depths: Depths = (3, 4, 6, 3),
        num_heads: Positives = (1, 2, 5, 8),
        sr_ratios: Positives = (8, 4, 2, 1),
        mlp_ratios: Factors = (8.0, 8.0, 4.0, 4.0),
        qkv_bias: bool = True,
        drop_rate: Rate = 0.0,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        norm_eps: Eps = 1e-6,
        inner_norm_eps: Eps = 1e-5,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(
            embed_dims=embed_dims, depths=depths, num_heads=num_heads, sr_ratios=sr_ratios, mlp_ratios=mlp_ratios
        )
        if sr_ratios[-1] > 1:
            raise ValueError(f"sr_ratios are {in_short(sr_ratios)}; the last is 1, for its class token is on no map")
        self.in_chans, self.img_size = in_chans, pair(img_size)
        self.stages = []
        map_size, chans = self.img_size, in_chans
        for i, (dim, rates) in enumerate(zip(embed_dims, stage_rates(drop_path_rate, depths), strict=True)):
            patch = patch_size if i == 0 else 2
            (Y, X), (P, Q) = map_size, pair(patch)
            map_size = Y // P, X // Q
            if min(map_size) == 0:
                raise ValueError(
                    f"img_size is {img_size}: too small, stage {i} gets {Y} x {X} for patches of {P} x {Q}"
                )
            check_reduction(map_size, sr_ratios[i], f"img_size is {img_size}, and in stage {i} ")
            self.stages.append(
                PVTStage(
                    chans,
                    dim,
                    num_heads[i],
                    map_size,
                    patch_size=patch,
                    sr_ratio=sr_ratios[i],
                    class_token=i == len(depths) - 1,
                    mlp_ratio=mlp_ratios[i],
                    qkv_bias=qkv_bias,
                    pos_drop=pos_drop_rate,
                    proj_drop=proj_drop_rate,
                    drop_path_rates=rates,
                    norm_eps=norm_eps,
                    inner_norm_eps=inner_norm_eps,
                    grad_checkpointing=grad_checkpointing,
                )
            )
            chans = dim
        self.norm = LayerNorm(chans, eps=norm_eps)
        self.pool = FirstToken()
        self.head_drop = dropout(drop_rate)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.head: Layer = Linear(chans, num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], PVTCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self.check_images(images, self.img_size, self.in_chans)
        x, c_stages = run(self.stages, images, rng=rng)  # (B, 1 + N, D)
        x, c_norm = self.norm.forward(x)
        x, c_pool = self.pool.forward(x)  # (B, D)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_head = self.head.forward(x)
        return logits, PVTCache(stages=c_stages, norm=c_norm, pool=c_pool, head_drop=c_head_drop, head=c_head)

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: PVTCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.pool.backward(dx, cache.pool)
        dx = self.norm.backward(dx, cache.norm)
        return run_backward(self.stages, dx, cache.stages)


def _preset(*depths: int, **options: Any) -> dict[str, Any]:
    return {"depths": depths, **options}


PVT.add_presets(
    {
        "pvt_tiny_patch2_32": {  # CIFAR: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 32,
            "patch_size": 2,
            "num_classes": 10,
            "embed_dims": (32, 64, 128),
            "depths": (2, 2, 2),
            "num_heads": (1, 2, 4),
            "sr_ratios": (4, 2, 1),
            "mlp_ratios": (4.0, 4.0, 2.0),
        },
        "pvt_tiny": _preset(2, 2, 2, 2),
        "pvt_small": _preset(3, 4, 6, 3),
        "pvt_medium": _preset(3, 4, 18, 3),
        "pvt_large": _preset(3, 8, 27, 3),
        "pvt_huge_v2": _preset(3, 10, 60, 3, embed_dims=(128, 256, 512, 768), num_heads=(2, 4, 8, 12)),
    }
)
