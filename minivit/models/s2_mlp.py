"""S2-MLP: an MLP whose channels are shifted, so that what sees one place at a time sees its neighbours.

Sources: Yu et al. 2022, "S2-MLP: Spatial-Shift MLP Architecture for Vision" (WACV); Yu et al. 2021, "S2-MLPv2:
Improved Spatial-Shift MLP Architecture for Vision".
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_stages
from minivit.layers.basic import check_act_layer
from minivit.layers.block import Block, BlockCache
from minivit.layers.classifier_head import ClassifierHead, ClassifierHeadCache
from minivit.layers.dropout import stage_rates
from minivit.layers.layer import Layer
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.layers.sequence import run, run_backward
from minivit.layers.spatial_shift import SpatialShift, SplitShift
from minivit.models.model import Model
from minivit.types import Count, Depths, Factors, Float, Positive, Positives, Rate, Size, ndarray

MIXING = {"shift": SpatialShift, "split": SplitShift}
NORM_EPS = 1e-5


class S2StageCache(NamedTuple):
    """Caches of the steps of :class:`S2Stage`."""

    patch_embed: PatchEmbedCache
    blocks: list[BlockCache]


class S2Stage(Layer):
    """Patches of what comes in, and blocks on a map of them."""

    def __init__(self, map_size: Size, patch_size: int, in_chans: int, dim: int, blocks: list[Block]) -> None:
        self.patch_embed = PatchEmbed(map_size, patch_size, in_chans, dim)
        self.blocks = blocks

    def forward(
        self, x: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, S2StageCache]:
        x, c_patch_embed = self.patch_embed.forward(x)  # (B, N, D)
        x = x.reshape(len(x), *self.patch_embed.grid_size, x.shape[-1])
        x, c_blocks = run(self.blocks, x, rng=rng)
        return x, S2StageCache(c_patch_embed, c_blocks)

    def backward(self, dy: ndarray, cache: S2StageCache) -> ndarray:
        dx = run_backward(self.blocks, dy, cache.blocks)
        # forward: x.reshape(len(x), *self.patch_embed.grid_size, x.shape[-1])
        dx = dx.reshape(len(dx), prod(self.patch_embed.grid_size), dx.shape[-1])
        return self.patch_embed.backward(dx, cache.patch_embed)


class S2MLPCache(NamedTuple):
    """Caches of the steps of :class:`S2MLP`."""

    stages: list[S2StageCache]
    head: ClassifierHeadCache


class S2MLP(Model):
    """Patches become a map; blocks shift channels of it, and map channels to channels. There is no norm at the end.

    Parameters
    ----------
    img_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, the mean of the last map is returned).
    patch_sizes, embed_dims, depths : tuple of int
        Side of the patches, channels, and number of blocks, stage by stage. The paper's first version has one stage.
    mlp_ratios : tuple of float
        Hidden widths of the MLPs, as multiples of ``embed_dims``.
    mixing : "shift" or "split"
        How places are mixed: as in the first version (:class:`minivit.layers.SpatialShift`), or as in S2-MLPv2
        (:class:`minivit.layers.SplitShift`).
    drop_rate, proj_drop_rate, drop_path_rate : float
        Dropout before the head and inside MLPs; stochastic depth, growing linearly to this rate.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
        Of the MLPs.
    seed : int
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If patches do not divide their map, there is not one of everything for each stage, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    There is no official code. The well-known port (Jittor-MLP), whose names ``load_torch`` knows, has 72.2 and 53.9
    million parameters where the paper says 71 and 51; ours are the port's. Its shift writes into the array that it
    reads, so that on a CPU the first row may spread over the map; ours is the paper's. Of the second version the paper
    says 25 and 55 million parameters, and ours have 31.7 and 70.0. Without the second matrices of split attention, D x
    3D in each block, it would be as many as the paper says.
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        patch_sizes: Positives = (16,),
        embed_dims: Positives = (384,),
        depths: Depths = (36,),
        mlp_ratios: Factors = (4.0,),
        mixing: str = "shift",
        drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(embed_dims=embed_dims, depths=depths, patch_sizes=patch_sizes, mlp_ratios=mlp_ratios)
        if mixing not in MIXING:
            raise ValueError(f'mixing is {mixing!r}; expected "shift" or "split"')
        check_act_layer(act_layer)
        self.in_chans = in_chans
        self.stages: list[S2Stage] = []
        map_size, chans = img_size, in_chans
        rates = stage_rates(drop_path_rate, depths)
        for patch_size, dim, mlp_ratio, its in zip(patch_sizes, embed_dims, mlp_ratios, rates, strict=True):
            blocks = [
                Block(
                    dim,
                    1,
                    attn=MIXING[mixing](dim),
                    mlp_ratio=mlp_ratio,
                    mlp_drop=proj_drop_rate,
                    drop_path_rate=rate,
                    act_layer=act_layer,
                    norm_eps=NORM_EPS,
                )
                for rate in its
            ]
            self.stages.append(S2Stage(map_size, patch_size, chans, dim, blocks))
            map_size, chans = self.stages[-1].patch_embed.grid_size, dim
        self.img_size = self.stages[0].patch_embed.img_size
        self.head = ClassifierHead(embed_dims[-1], num_classes, drop_rate=drop_rate)
        self.init(seed, dtype)

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], S2MLPCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self.check_images(images, self.img_size, self.in_chans)
        x, c_stages = run(self.stages, images, rng=rng)
        logits, c_head = self.head.forward(x, rng=rng)
        return logits, S2MLPCache(c_stages, c_head)

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: S2MLPCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = self.head.backward(dlogits, cache.head)
        return run_backward(self.stages, dx, cache.stages)


def _v2(embed_dims: tuple[int, int], depths: tuple[int, int]) -> dict[str, Any]:
    shape = {"patch_sizes": (7, 2), "embed_dims": embed_dims, "depths": depths}
    return {**shape, "mlp_ratios": (3.0, 3.0), "mixing": "split"}


S2MLP.add_presets(
    {
        "s2mlp_tiny_patch4_32": {  # CIFAR
            "img_size": 32,
            "num_classes": 10,
            "patch_sizes": (4,),
            "embed_dims": (112,),
            "depths": (5,),
            "mlp_ratios": (3.0,),
        },
        "s2mlp_deep": {},
        "s2mlp_wide": {"embed_dims": (768,), "depths": (12,)},
        "s2mlpv2_small_7": _v2((192, 384), (4, 14)),
        "s2mlpv2_medium_7": _v2((256, 512), (7, 17)),
    }
)
