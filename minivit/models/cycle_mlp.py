"""CycleMLP: linear maps of channels that look at neighbours, in four stages of maps that shrink.

Source: Chen et al. 2022, "CycleMLP: A MLP-like Architecture for Dense Prediction" (ICLR).
"""

from typing import Annotated, Any, NamedTuple

import numpy as np

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, Linear, check_act_layer
from minivit.layers.block import Block, BlockCache
from minivit.layers.conv2d import Conv2d
from minivit.layers.cycle_mlp import CycleMixing
from minivit.layers.dropout import dropout, stage_rates
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.pool import MeanPool
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MeanPoolCache
from minivit.ops.sliding import sliding
from minivit.types import Count, Depths, Factors, Float, Positive, Range, Rate, Size, ndarray, pair

NORM_EPS = 1e-5


class Projection(Layer):
    """A convolution under the name that it has in the code, ``proj``."""

    def __init__(self, in_chans: int, out_chans: int, kernel_size: int, *, stride: int, padding: int) -> None:
        self.proj = Conv2d(in_chans, out_chans, kernel_size, stride=stride, padding=padding)

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, "ProjectionCache"]:
        y, c_proj = self.proj.forward(x)
        return y, ProjectionCache(c_proj)

    def backward(self, dy: ndarray, cache: "ProjectionCache") -> ndarray:
        return self.proj.backward(dy, cache.proj)


class ProjectionCache(NamedTuple):
    """The cache of the convolution."""

    proj: Conv2dCache


class CycleMLPCache(NamedTuple):
    """Caches of the steps of :class:`CycleMLP`, in order, and the sides of the last map."""

    patch_embed: ProjectionCache
    network: list[list[BlockCache] | ProjectionCache]
    norm: LayerNormCache
    map_size: tuple[int, int]
    pool: MeanPoolCache
    head_drop: DropoutCache | IdentityCache
    head: LinearCache | IdentityCache


class CycleMLP(Model):
    """A pyramid of blocks in which :class:`minivit.layers.CycleMixing` stands where attention was.

    No part knows the size of the map, so images may have any size, unlike those of a Mixer. ``network`` alternates
    between the blocks of a stage and the convolution that makes the next map, of half the sides.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for; others are taken, too.
    in_chans, num_classes : int
    patch_size, patch_stride, patch_padding : int
        Of the convolution that embeds patches, which overlap.
    embed_dims, depths : tuple of int
        Channels, and number of blocks, stage by stage.
    mlp_ratios : tuple of float
    qkv_bias : bool
        Whether the map that looks at its own place has a bias. (The code's name.)
    drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head and behind what mixes; stochastic depth, growing linearly to this rate.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
    seed : int
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If there is not one of ``depths`` and ``mlp_ratios`` for each of ``embed_dims``, the first patch is larger than
        the image, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        patch_size: Positive = 7,
        patch_stride: Positive = 4,
        patch_padding: Count = 2,
        embed_dims: Annotated[tuple[int, ...], Range(at_least=4)] = (64, 128, 320, 512),
        depths: Depths = (2, 2, 4, 2),
        mlp_ratios: Factors = (4.0, 4.0, 4.0, 4.0),
        qkv_bias: bool = False,
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(embed_dims=embed_dims, depths=depths, mlp_ratios=mlp_ratios)
        check_act_layer(act_layer)
        # says what is wrong where the first patch does not fit
        sliding("img_size", pair(img_size), patch_size, stride=patch_stride, padding=patch_padding)
        self.in_chans = in_chans
        self.patch_embed = Projection(in_chans, embed_dims[0], patch_size, stride=patch_stride, padding=patch_padding)
        self.network: list[Any] = []
        stages = zip(embed_dims, mlp_ratios, stage_rates(drop_path_rate, depths), strict=True)
        for i, (dim, mlp_ratio, rates) in enumerate(stages):
            if i:
                self.network.append(Projection(embed_dims[i - 1], dim, 3, stride=2, padding=1))
            self.network.append(
                [
                    Block(
                        dim,
                        1,
                        attn=CycleMixing(dim, qkv_bias=qkv_bias, proj_drop=proj_drop_rate),
                        mlp_ratio=mlp_ratio,
                        drop_path_rate=rate,
                        act_layer=act_layer,
                        norm_eps=NORM_EPS,
                    )
                    for rate in rates
                ]
            )
        self.norm = LayerNorm(embed_dims[-1], eps=NORM_EPS)
        self.pool = MeanPool()
        self.head_drop = dropout(drop_rate)
        self.head: Layer = Linear(embed_dims[-1], num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], CycleMLPCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model.
        """
        self.check_images(images, None, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)
        c_network = []
        for part in self.network:
            x, c_part = run(part, x, rng=rng) if isinstance(part, list) else part.forward(x)
            c_network.append(c_part)
        x, c_norm = self.norm.forward(x)
        B, Y, X, C = x.shape
        x, c_pool = self.pool.forward(x.reshape(B, Y * X, C))  # (B, C)
        x, c_head_drop = self.head_drop.forward(x, rng=rng)
        logits, c_head = self.head.forward(x)
        return logits, CycleMLPCache(
            patch_embed=c_patch_embed,
            network=c_network,
            norm=c_norm,
            map_size=(Y, X),
            pool=c_pool,
            head_drop=c_head_drop,
            head=c_head,
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: CycleMLPCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        dx = self.head_drop.backward(dx, cache.head_drop)
        dx = self.pool.backward(dx, cache.pool)
        dx = dx.reshape(len(dx), *cache.map_size, dx.shape[-1])  # forward: x.reshape(B, Y * X, C)
        dx = self.norm.backward(dx, cache.norm)
        for part, c_part in zip(reversed(self.network), reversed(cache.network), strict=True):
            dx = run_backward(part, dx, c_part) if isinstance(part, list) else part.backward(dx, c_part)
        return self.patch_embed.backward(dx, cache.patch_embed)


def _preset(*depths: int, ratio: float = 4.0, embed_dims: tuple[int, ...] = (64, 128, 320, 512)) -> dict[str, Any]:
    return {"depths": depths, "embed_dims": embed_dims, "mlp_ratios": (ratio, ratio, 4.0, 4.0)}


CycleMLP.add_presets(
    {
        "cyclemlp_tiny_patch2_32": {  # CIFAR: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 32,
            "num_classes": 10,
            "patch_size": 3,
            "patch_stride": 2,
            "patch_padding": 1,
            "embed_dims": (32, 64, 96),
            "depths": (2, 2, 2),
            "mlp_ratios": (3.0, 3.0, 3.0),
        },
        "cyclemlp_b1": _preset(2, 2, 4, 2),
        "cyclemlp_b2": _preset(2, 3, 10, 3),
        "cyclemlp_b3": _preset(3, 4, 18, 3, ratio=8.0),
        "cyclemlp_b4": _preset(3, 8, 27, 3, ratio=8.0),
        "cyclemlp_b5": _preset(3, 4, 24, 3, embed_dims=(96, 192, 384, 768)),
    }
)
