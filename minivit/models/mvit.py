"""Multiscale Vision Transformers: attention pools its queries where a stage begins, and keys and values everywhere.

Sources: Fan et al. 2021, "Multiscale Vision Transformers", and Li et al. 2022, "MViTv2: Improved Multiscale Vision
Transformers for Classification and Detection".
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_stages
from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.dropout import dropout
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.mvit_stage import MViTStageCache, Strides, doubled, mvit_stages, strides
from minivit.layers.param import Param
from minivit.layers.patch_embed import OverlappingPatchEmbed, OverlappingPatchEmbedCache
from minivit.layers.pool import FirstToken, MeanPool
from minivit.layers.sequence import Identity, run, run_backward
from minivit.models.model import Model
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.pool import FirstTokenCache, MeanPoolCache
from minivit.ops.positions import (
    AddPositionsCache,
    PrependTokenCache,
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
)
from minivit.types import Count, Depths, Eps, Factor, Float, Positive, Range, Rate, Shift, Size

Numbers = Annotated[int | tuple[int, ...], Range(at_least=1)]


class MViTCache(NamedTuple):
    """Caches of the steps of :class:`MViT`, in order.

    ``stages[i].blocks[j].attn.attention.weights``, (B, H, N, S), are attention maps, of N queries and S keys.
    """

    patch_embed: OverlappingPatchEmbedCache
    cls_token: PrependTokenCache
    pos_embed: AddPositionsCache | None
    stages: list[MViTStageCache]
    norm: LayerNormCache
    pool: MeanPoolCache | FirstTokenCache
    head: dict[str, Any]


class MViT(Model):
    """Overlapping patches, and stages of blocks with pooling attention; of the mean of all places, or a class token.

    Both versions are this one: the second (the defaults, which are timm's) has relative positions, adds the pooled
    queries to what attention found, pools them in every block and widens tokens in attention; the first
    (``mvit_base_16``) has tables of positions, pools queries only where maps shrink, and widens tokens in the last MLP
    of a stage. It is for images; the papers' models for video, with a third axis of time, are not.

    Parameters
    ----------
    img_size : int or (rows, columns)
    in_chans, num_classes : int
        Channels of the image; classes to tell apart (0: no head, what the head would read is returned).
    depths : tuple of int
        Number of blocks, stage by stage.
    embed_dim, num_heads : int or tuple of int
        Width of a token, and heads, stage by stage; one number is doubled from stage to stage.
    mlp_ratio : float
        Width of MLPs as a multiple of that of a token.
    expand_attn : bool
        Where the next stage is wider, whether the attention of its first block makes the new width, or the MLP of the
        last block before it (False).
    qkv_bias : bool
    use_cls_token : bool
        Whether a class token stands in front of the map. It is not pooled.
    use_abs_pos, sep_pos_embed : bool
        Whether a table of positions is added to the tokens, ``pos_embed``; and whether that of the class token is one
        of its own, ``pos_embed_class`` beside ``pos_embed_spatial``. (For video there is another, of times.)
    residual_pooling : bool
        Whether attention adds the pooled queries to what it found.
    mode : "conv", "max" or "avg"
        How queries, keys and values are pooled.
    kernel_qkv : int or (rows, columns)
        Sides of the windows that are pooled.
    pool_all_q : bool
        Whether queries are pooled in blocks where their stride is 1, too.
    stride_q : tuple of int or (rows, columns)
        Of the queries in the first block of each stage; in all others it is 1.
    stride_kv : tuple of int or (rows, columns), optional
        Of keys and values, in all blocks of each stage.
    stride_kv_adaptive : int or (rows, columns)
        If ``stride_kv`` is not given: that of a map as the patches make it, divided by the strides of queries up to its
        stage, so that all stages have as many keys.
    patch_kernel, patch_stride, patch_padding : int or (rows, columns)
    rel_pos_type : "spatial" or "none"
        Whether there are relative positions.
    norm_eps, inner_norm_eps : float
        Of the norms of blocks and of the last one; of those behind pooling. (PySlowFast has 1e-5 there in the first
        version, pytorchvideo, timm and the second version's code 1e-6.)
    global_pool : "avg" or "token", optional
        What the head reads; if not given, the class token where there is one.
    drop_rate, drop_path_rate : float
        Dropout before the head; stochastic depth, growing linearly from 0 in the first block to this rate in the last.
        Only active when ``forward`` gets ``rng``.
    grad_checkpointing : bool
        Keep only each block's input for backward and compute the rest again.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If there are not as many of one as of the others of what goes by stages, heads do not divide the width of their
        stage, the image is smaller than a patch, queries and their shortcut are pooled to maps of different sizes, or
        an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The README of MViTv2 says 42.1 G of its large model; the code itself counts 43.7, as this one does. timm and the
    official code take square images only, where there are relative positions; here rows and columns each have a table
    for their own ways, also where strides do not divide a map. (timm's are for ``img_size // patch_stride`` places,
    which a map of patches without padding does not have.)
    """

    def __init__(
        self,
        *,
        img_size: Size = 224,
        in_chans: Positive = 3,
        num_classes: Count = 1000,
        depths: Depths = (2, 3, 16, 3),
        embed_dim: Numbers = 96,
        num_heads: Numbers = 1,
        mlp_ratio: Factor = 4.0,
        expand_attn: bool = True,
        qkv_bias: bool = True,
        use_cls_token: bool = False,
        use_abs_pos: bool = False,
        sep_pos_embed: bool = False,
        residual_pooling: bool = True,
        mode: str = "conv",
        kernel_qkv: Size = 3,
        pool_all_q: bool = True,
        stride_q: Strides = (1, 2, 2, 2),
        stride_kv: Strides | None = None,
        stride_kv_adaptive: Size = 4,
        patch_kernel: Size = 7,
        patch_stride: Size = 4,
        patch_padding: Shift = 3,
        rel_pos_type: str = "spatial",
        norm_eps: Eps = 1e-6,
        inner_norm_eps: Eps = 1e-6,
        global_pool: str | None = None,
        drop_rate: Rate = 0.0,
        drop_path_rate: Rate = 0.0,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        dims, heads = (doubled(numbers, len(depths)) for numbers in (embed_dim, num_heads))
        strides_q, strides_kv = strides(stride_q, stride_kv, stride_kv_adaptive)
        check_stages(depths=depths, embed_dim=dims, num_heads=heads, stride_q=strides_q, stride_kv=strides_kv)
        if rel_pos_type not in ("spatial", "none"):
            raise ValueError(f'rel_pos_type is {rel_pos_type!r}; expected "spatial" or "none"')
        global_pool = global_pool or ("token" if use_cls_token else "avg")
        if global_pool not in ("token", "avg"):
            raise ValueError(f'global_pool is {global_pool!r}; expected "token" or "avg"')
        if global_pool == "token" and not use_cls_token:
            raise ValueError('global_pool="token" reads the class token, so it needs use_cls_token=True')
        if sep_pos_embed and not use_abs_pos:
            raise ValueError("sep_pos_embed=True is for tables of positions: it needs use_abs_pos=True")
        self.in_chans = in_chans

        self.patch_embed = OverlappingPatchEmbed(
            img_size, patch_kernel, patch_stride, in_chans, dims[0], padding=patch_padding
        )
        self.num_prefix_tokens = int(use_cls_token)
        self.cls_token = _table(1, dims[0], "token") if use_cls_token else None
        self._add_positions(dims[0], use_abs_pos, sep_pos_embed)
        self.stages = mvit_stages(
            depths,
            dims,
            heads,
            self.patch_embed.grid_size,
            mlp_ratio=mlp_ratio,
            expand_attn=expand_attn,
            mode=mode,
            kernel_qkv=kernel_qkv,
            pool_all_q=pool_all_q,
            stride_q=strides_q,
            stride_kv=strides_kv,
            num_prefix_tokens=self.num_prefix_tokens,
            rel_pos=rel_pos_type == "spatial",
            residual_pooling=residual_pooling,
            qkv_bias=qkv_bias,
            drop_path_rate=drop_path_rate,
            norm_eps=norm_eps,
            inner_norm_eps=inner_norm_eps,
            grad_checkpointing=grad_checkpointing,
        )
        width = self.stages[-1].out_dim
        self.norm = LayerNorm(width, eps=norm_eps)
        self.pool: Layer = FirstToken() if global_pool == "token" else MeanPool(self.num_prefix_tokens)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        fc = Linear(width, num_classes, initial=normal(0.02)) if num_classes else Identity()
        self.head: dict[str, Layer] = {"drop": dropout(drop_rate), "fc": fc}
        self.init(seed, dtype)

    def _add_positions(self, dim: int, use_abs_pos: bool, sep_pos_embed: bool) -> None:
        """One table, or one of the map and one of the class token."""
        grid, places = self.patch_embed.grid_size, self.patch_embed.num_patches
        joint, separate = use_abs_pos and not sep_pos_embed, use_abs_pos and sep_pos_embed
        self.pos_embed = _table(self.num_prefix_tokens + places, dim, "position", grid) if joint else None
        self.pos_embed_spatial = _table(places, dim, "position", grid) if separate else None
        self.pos_embed_class = _table(1, dim, "token") if separate and self.num_prefix_tokens else None

    def forward(
        self, images: Float[ndarray, "B Y X C"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B classes"], MViTCache]:
        """Logits (B, num_classes) of images (B, Y, X, C), and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the images are of another size, number of channels or dtype than the model.
        """
        self.check_images(images, self.patch_embed.img_size, self.in_chans)
        x, c_patch_embed = self.patch_embed.forward(images)  # (B, N, D)
        x, c_cls_token = prepend_token_forward(x, self.cls_token.value if self.cls_token else None)
        positions, c_pos_embed = self.positions(), None
        if positions is not None:
            x, c_pos_embed = add_positions_forward(x, positions)
        x, c_stages = run(self.stages, x, rng=rng)
        x, c_norm = self.norm.forward(x)
        x, c_pool = self.pool.forward(x)  # (B, D)
        logits, c_head = run(self.head, x, rng=rng)
        return logits, MViTCache(
            patch_embed=c_patch_embed,
            cls_token=c_cls_token,
            pos_embed=c_pos_embed,
            stages=c_stages,
            norm=c_norm,
            pool=c_pool,
            head=c_head,
        )

    def backward(self, dlogits: Float[ndarray, "B classes"], cache: MViTCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        dx = run_backward(self.head, dlogits, cache.head)
        dx = self.pool.backward(dx, cache.pool)
        dx = self.norm.backward(dx, cache.norm)
        dx = run_backward(self.stages, dx, cache.stages)
        if cache.pos_embed:
            dx, dpositions = add_positions_backward(dx, cache.pos_embed)
            self._add_position_grads(dpositions)
        dx, dtoken = prepend_token_backward(dx, cache.cls_token)
        if self.cls_token and dtoken is not None:
            self.cls_token.add_grad(dtoken)
        return self.patch_embed.backward(dx, cache.patch_embed)

    def positions(self) -> Float[ndarray, "1 N D"] | None:
        """What is added to each token; None where that is nothing."""
        tables = [table.value for table in self._position_tables()]
        return np.concatenate(tables, axis=1) if tables else None

    def _position_tables(self) -> list[Param]:
        return [table for table in (self.pos_embed, self.pos_embed_class, self.pos_embed_spatial) if table]

    def _add_position_grads(self, dpositions: Float[ndarray, "1 N D"]) -> None:
        tables = self._position_tables()
        ends = np.cumsum([table.shape[1] for table in tables])[:-1]
        for table, dtable in zip(tables, np.split(dpositions, ends, axis=1), strict=True):
            table.add_grad(dtable.copy())  # forward: np.concatenate(tables, axis=1)


def _table(rows: int, dim: int, kind: str, grid: tuple[int, int] | None = None) -> Param:
    return Param((1, rows, dim), f"batch {kind} width", normal(0.02), grid=grid)


def _preset(*depths: int, **options: Any) -> dict[str, Any]:
    return {"depths": depths, **options}


_OF_CIFAR: dict[str, Any] = {"img_size": 32, "num_classes": 10}  # maps of 16 x 16, 8 x 8 and 4 x 4
_OF_CIFAR |= {"embed_dim": 32, "stride_q": (1, 2, 2), "mlp_ratio": 2.0}
_OF_CIFAR |= {"patch_kernel": 3, "patch_stride": 2, "patch_padding": 1}
_FIRST: dict[str, Any] = {"expand_attn": False, "use_cls_token": True, "use_abs_pos": True, "sep_pos_embed": True}
_FIRST |= {"residual_pooling": False, "pool_all_q": False, "rel_pos_type": "none"}

MViT.add_presets(
    {
        "mvitv2_tiny_patch2_32": _preset(1, 2, 3, **_OF_CIFAR),
        "mvitv2_tiny": _preset(1, 2, 5, 2),
        "mvitv2_small": _preset(1, 2, 11, 2),
        "mvitv2_base": _preset(2, 3, 16, 3),
        "mvitv2_large": _preset(2, 6, 36, 4, embed_dim=144, num_heads=2, expand_attn=False),
        "mvitv2_small_cls": _preset(1, 2, 11, 2, use_cls_token=True),
        "mvitv2_base_cls": _preset(2, 3, 16, 3, use_cls_token=True),
        "mvitv2_large_cls": _preset(2, 6, 36, 4, embed_dim=144, num_heads=2, use_cls_token=True),
        "mvitv2_huge_cls": _preset(4, 8, 60, 8, embed_dim=192, num_heads=3, use_cls_token=True),
        "mvit_base_16": _preset(1, 2, 11, 2, **_FIRST),
    }
)
