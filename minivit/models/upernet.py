"""UPerNet on Swin: the maps of all stages, looked at from the coarsest to the finest, say what each pixel is.

Sources: Xiao et al. 2018, "Unified Perceptual Parsing for Scene Understanding"; on Swin, Liu et al. 2021, "Swin
Transformer", section 4.3.
"""

import re
from math import prod
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, check_act_layer
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.linear_decoder import LinearDecoder, LinearDecoderCache
from minivit.layers.patch_embed import NormedPatchEmbed, NormedPatchEmbedCache
from minivit.layers.sequence import (
    IdentityCache,
    run_beside,
    run_beside_backward,
    run_keeping,
    run_keeping_backward,
)
from minivit.layers.swin_stage import BACKBONE, NORM_EPS, SwinStage, SwinStageCache, stages
from minivit.layers.upernet_head import FCNHead, FCNHeadCache, UPerHead, UPerHeadCache
from minivit.layers.window_attention import check_relative_position
from minivit.models.model import Backbone, Model
from minivit.models.swin import Swin
from minivit.ops.dropout import DropoutCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.resize import ResizeCache, resize_backward, resize_forward
from minivit.types import Count, Depths, Factor, Float, Positive, Positives, Range, Rate, Size, pair


class Segmented(NamedTuple):
    """Logits of each pixel; those of the auxiliary head beside it are for training."""

    logits: Float[ndarray, "B Y X classes"]
    auxiliary: Float[ndarray, "B Y X classes"]


class UPerNetCache(NamedTuple):
    """Caches of the steps of :class:`UPerNet`, in order, and the sizes of the images and of the maps.

    ``layers[i].blocks[j].attn.attn.attention.weights``, (B, W, H, N, N), are the attention maps of W windows.
    """

    patch_embed: NormedPatchEmbedCache
    pos_drop: DropoutCache | IdentityCache
    layers: list[SwinStageCache]
    norms: list[LayerNormCache]
    decode_head: UPerHeadCache | LinearDecoderCache
    resize: ResizeCache
    auxiliary_head: FCNHeadCache | None
    auxiliary_resize: ResizeCache | None
    img_size: tuple[int, int]
    maps: list[tuple[int, ...]]


class UPerNet(Model):
    """A Swin without its head, each of its maps normalised, and a decoder of them: logits of each pixel.

    Images may be of any size; zeros fill them up to whole patches, and the maps to whole windows.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for; others are taken, too.
    patch_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart, the background among them.
    embed_dim, depths, num_heads, window_size, mlp_ratio, qkv_bias, relative_position, shifted
        As in :class:`minivit.models.Swin`; but windows are never cut down to a map, and every second block moves them,
        as in MMSegmentation and transformers' ``SwinBackbone``: a map that is smaller is filled up.
    decode_head : "upernet", "linear" or "linear_last"
        What reads the maps. "linear": one linear map of all of them; "linear_last": of the coarsest alone, which are
        what the decoder is to be compared with.
    channels : int
        Of the decoder; 512 in MMSegmentation's models.
    pool_scales : tuple of int
        Into how many rows and columns the coarsest map is pooled, for each branch of the pyramid pooling; 64 at most.
    aux_channels : int
        Of the head that reads the last map but one in training (0: there is none; so with a single stage).
    drop_rate, drop_path_rate : float
        Dropout after the patches, after attention and inside MLPs; stochastic depth, growing linearly from 0 in the
        first block to this rate in the last. Only active when ``forward`` gets ``rng``.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the patch does not divide images of ``img_size``, heads do not divide the width of their stage, there are not
        as many ``num_heads`` as ``depths``, there is one stage and an auxiliary head, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The decoder is normalised by the batch, in training each shard by itself: see :class:`minivit.layers.BatchNorm`.
    MMSegmentation has dropout of 0.1 in front of both classifiers, whole channels at a time.
    """

    head_names: ClassVar = ("decode_head", "auxiliary_head")
    beside: ClassVar = (r"norms\.\d+",)
    usual_task: ClassVar[str] = "Segment"

    def __init__(
        self,
        *,
        img_size: Size = 512,
        patch_size: Size = 4,
        in_chans: Positive = 3,
        num_classes: Positive = 150,
        embed_dim: Positive = 96,
        depths: Depths = (2, 2, 6, 2),
        num_heads: Positives = (3, 6, 12, 24),
        window_size: Size = 7,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        relative_position: str = "bias",
        shifted: bool = True,
        decode_head: str = "upernet",
        channels: Positive = 512,
        pool_scales: Annotated[tuple[int, ...], Range(at_least=1, at_most=64)] = (1, 2, 3, 6),
        aux_channels: Count = 256,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.1,
        act_layer: str = "gelu",
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_stages(depths=depths, num_heads=num_heads)
        check_act_layer(act_layer)
        check_relative_position(relative_position)
        if aux_channels and len(depths) < 2:
            raise ValueError(f"aux_channels is {aux_channels}, but there is one stage, and no map before the last")
        self.in_chans, self.patch_size = in_chans, pair(patch_size)
        self.patch_embed = NormedPatchEmbed(img_size, patch_size, in_chans, embed_dim, norm_eps=NORM_EPS)
        self.pos_drop = dropout(drop_rate)
        attention = {"qkv_bias": qkv_bias, "relative_position": relative_position, "pad_first": True}
        self.layers = stages(
            SwinStage,
            [attention] * len(depths),
            grid_size=self.patch_embed.grid_size,
            embed_dim=embed_dim,
            depths=depths,
            num_heads=num_heads,
            drop_path_rate=drop_path_rate,
            window_size=window_size,
            windows_like=BACKBONE,
            shifted=shifted,
            mlp_ratio=mlp_ratio,
            proj_drop=drop_rate,
            act_layer=act_layer,
            grad_checkpointing=grad_checkpointing,
        )
        dims = [embed_dim * 2**i for i in range(len(depths))]
        self.norms = [LayerNorm(dim, eps=NORM_EPS) for dim in dims]
        self.reads = slice(-1, None) if decode_head == "linear_last" else slice(None)
        self.decode_head: Layer = decoder_of(
            decode_head, dims[self.reads], num_classes, channels=channels, pool_scales=pool_scales
        )
        self.auxiliary_head = FCNHead(dims[-2], num_classes, channels=aux_channels) if aux_channels else None
        self.init(seed, dtype)

    def backbone_in_it(self) -> Backbone:
        """A Swin, whose norm is that of the last map."""
        last = f"norms.{len(self.norms) - 1}."
        config = self.config | {"patch_norm": True, "ape": False}
        return Backbone(Swin, config, lambda name: re.sub(r"^norm\.", last, name))

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X classes"] | Segmented, UPerNetCache]:
        """Logits (B, Y, X, num_classes) of images (B, Y, X, C), :class:`Segmented` with an auxiliary head; the cache.

        Raises
        ------
        ValueError, TypeError
            If the images are of another number of channels or dtype than the model.
        """
        self.check_images(images, None, self.in_chans)
        _, Y, X, _ = images.shape
        P, Q = self.patch_size
        images = np.pad(images, ((0, 0), (0, -Y % P), (0, -X % Q), (0, 0)))
        x, c_patch_embed = self.patch_embed.forward(images)
        x, c_pos_drop = self.pos_drop.forward(x, rng=rng)
        x = x.reshape(len(x), *c_patch_embed.embed.grid_size, x.shape[-1])  # (B, Y, X, D)
        maps, c_layers = run_keeping(self.layers, x, rng=rng)  # (B, Y / 2^i, X / 2^i, 2^i D)
        maps, c_norms = run_beside(self.norms, maps)
        h, c_decode_head = self.decode_head.forward(maps[self.reads])
        logits, c_resize = resize_forward(h, size=(Y, X))
        auxiliary, c_auxiliary, c_auxiliary_resize = None, None, None
        if self.auxiliary_head:
            h, c_auxiliary = self.auxiliary_head.forward(maps[-2])
            auxiliary, c_auxiliary_resize = resize_forward(h, size=(Y, X))
        return logits if auxiliary is None else Segmented(logits, auxiliary), UPerNetCache(
            patch_embed=c_patch_embed,
            pos_drop=c_pos_drop,
            layers=c_layers,
            norms=c_norms,
            decode_head=c_decode_head,
            resize=c_resize,
            auxiliary_head=c_auxiliary,
            auxiliary_resize=c_auxiliary_resize,
            img_size=(Y, X),
            maps=[x.shape for x in maps],
        )

    def backward(
        self, dlogits: Float[ndarray, "B Y X classes"] | Segmented, cache: UPerNetCache
    ) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dlogits, dauxiliary = dlogits if isinstance(dlogits, tuple) else (dlogits, None)
        dmaps = [np.zeros_like(dlogits, shape=shape) for shape in cache.maps]
        (dh,) = resize_backward(dlogits, cache.resize)
        dmaps[self.reads] = self.decode_head.backward(dh, cache.decode_head)
        if self.auxiliary_head and cache.auxiliary_head and cache.auxiliary_resize and dauxiliary is not None:
            (dh,) = resize_backward(dauxiliary, cache.auxiliary_resize)
            dmaps[-2] = dmaps[-2] + self.auxiliary_head.backward(dh, cache.auxiliary_head)
        dmaps = run_beside_backward(self.norms, dmaps, cache.norms)
        dx = run_keeping_backward(self.layers, dmaps, cache.layers)
        # forward: x.reshape(len(x), *c_patch_embed.embed.grid_size, x.shape[-1])
        dx = dx.reshape(len(dx), prod(dx.shape[1:3]), dx.shape[-1])
        dx = self.pos_drop.backward(dx, cache.pos_drop)
        dimages = self.patch_embed.backward(dx, cache.patch_embed)
        Y, X = cache.img_size
        return dimages[:, :Y, :X]  # forward: np.pad(images, ((0, 0), (0, -Y % P), (0, -X % Q), (0, 0)))


def decoder_of(
    decode_head: str, dims: list[int], num_classes: int, *, channels: int, pool_scales: tuple[int, ...]
) -> Layer:
    """What reads maps of these widths. ValueError for a name of no decoder."""
    if decode_head == "upernet":
        return UPerHead(dims, num_classes, channels=channels, pool_scales=pool_scales)
    if decode_head not in ("linear", "linear_last"):
        raise ValueError(f'decode_head is {decode_head!r}; expected "upernet", "linear" or "linear_last"')
    return LinearDecoder(dims, num_classes)


def _preset(embed_dim: int, depth: int, heads: int, **options: Any) -> dict[str, Any]:
    num_heads = (heads, 2 * heads, 4 * heads, 8 * heads)
    return {"embed_dim": embed_dim, "depths": (2, 2, depth, 2), "num_heads": num_heads, **options}


UPerNet.add_presets(
    {
        "upernet_swin_tiny_patch4_64": {  # scenes: maps of 16 x 16, 8 x 8 and 4 x 4
            "img_size": 64,
            "num_classes": 11,
            "embed_dim": 32,
            "depths": (2, 2, 2),
            "num_heads": (1, 2, 4),
            "window_size": 4,
            "mlp_ratio": 2.0,
            "channels": 32,
            "aux_channels": 32,
            "drop_path_rate": 0.0,
        },
        "upernet_swin_tiny": _preset(96, 6, 3, drop_path_rate=0.3),  # ADE20K
        "upernet_swin_small": _preset(96, 18, 3, drop_path_rate=0.3),
        "upernet_swin_base": _preset(128, 18, 4, drop_path_rate=0.3),
    }
)
