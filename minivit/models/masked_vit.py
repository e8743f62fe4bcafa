"""A Vision Transformer that learns without labels: what is on the patches that it is not shown?

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", section B.1.2; Devlin et al. 2019, "BERT", for words.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_type
from minivit.layers.initial import normal
from minivit.layers.param import Param
from minivit.layers.patch_embed import PatchEmbed, PatchEmbedCache
from minivit.layers.pool import PatchTokens
from minivit.models.vit import ViT, ViTCache
from minivit.ops.color_codes import MASK, patch_outputs
from minivit.ops.embedding import EmbeddingCache, embedding_backward, embedding_forward
from minivit.types import Count, Depth, Eps, Factor, Float, Int, Positive, Rate, Size, ndarray


class MaskedPatchEmbedCache(NamedTuple):
    """Caches of the steps of :class:`MaskedPatchEmbed`."""

    embed: PatchEmbedCache
    shown: EmbeddingCache

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.embed.grid_size


class MaskedPatchEmbed(PatchEmbed):
    """Tokens of patches, some of which are hidden: a learned token stands in their place, or another patch.

    What stands at a place is a row of a table, and the rows of that are the mask token, and then all patches.
    """

    def __init__(self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int) -> None:
        super().__init__(img_size, patch_size, in_chans, embed_dim)
        self.mask_token = Param((embed_dim,), "width", normal(0.02))

    def forward(  # type: ignore[override]
        self, x: ndarray, shown: Int[ndarray, "B N"], *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, MaskedPatchEmbedCache]:
        """(B, Y, X, C) and (B, N) -> (B, N, D); ``shown`` as for :class:`MaskedViT`."""
        h, c_embed = super().forward(x)
        B, N, D = h.shape
        check_type("shown", shown, ndarray)
        if shown.shape != (B, N):
            raise ValueError(f"shown has shape {shown.shape}; expected {(B, N)}, a number for each patch")
        check_numbers("shown: number", shown, N, "patches and the mask", lowest=MASK)
        table = np.concatenate((self.mask_token.value[None], h.reshape(B * N, D)))
        first = 1 + N * np.arange(B, like=shown)[:, None]  # row of each image's first patch
        y, c_shown = embedding_forward(np.where(shown == MASK, 0, shown + first), table)
        return y, MaskedPatchEmbedCache(c_embed, c_shown)

    def backward(self, dy: ndarray, cache: MaskedPatchEmbedCache) -> ndarray:  # type: ignore[override]
        (dtable,) = embedding_backward(dy, cache.shown)
        # forward: table = np.concatenate((self.mask_token.value[None], h.reshape(B * N, D)))
        self.mask_token.add_grad(dtable[0].copy())
        return super().backward(dtable[1:].reshape(dy.shape), cache.embed)


class MaskedViT(ViT):
    """A ViT that says, of every patch, what is on it, while some patches are hidden from it.

    Its parameters bear the names of a ViT's: what it has learned, a :class:`minivit.models.ViT` of the same shape can
    begin with. The head reads every patch, and ``patch_embed.mask_token`` is for hidden ones.

    Parameters
    ----------
    target : str
        What the head says of a patch: "mean", "rgb", "downsized" or "pixels"; see
        :func:`minivit.ops.color_codes.patch_outputs`.
    img_size, patch_size, in_chans, embed_dim, depth, num_heads, mlp_ratio, qkv_bias, class_token
        As of :class:`minivit.models.ViT`, and so are those below.
    pos_drop_rate, proj_drop_rate, mlp_drop_rate, drop_path_rate, act_layer, norm_eps, grad_checkpointing, seed, dtype
        See there.

    Raises
    ------
    ValueError
        As :func:`~minivit.ops.color_codes.patch_outputs` and :class:`minivit.models.ViT`.
    TypeError
        If an option is of another type.
    """

    usual_task: ClassVar[str] = "MaskedPrediction"

    def __init__(
        self,
        *,
        target: str = "mean",
        img_size: Size = 224,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        class_token: bool = True,
        pos_drop_rate: Rate = 0.0,
        proj_drop_rate: Rate = 0.0,
        mlp_drop_rate: Rate | None = None,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        norm_eps: Eps = 1e-6,
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        super().__init__(
            num_classes=patch_outputs(target, patch_size=patch_size, in_chans=in_chans),
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            embed_dim=embed_dim,
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            class_token=class_token,
            global_pool="avg",
            fc_norm=False,  # the norm comes before what stands in place of pooling
            pos_drop_rate=pos_drop_rate,
            proj_drop_rate=proj_drop_rate,
            mlp_drop_rate=mlp_drop_rate,
            drop_path_rate=drop_path_rate,
            act_layer=act_layer,
            norm_eps=norm_eps,
            grad_checkpointing=grad_checkpointing,
            seed=seed,
            dtype=dtype,
        )
        self.pool = PatchTokens(int(class_token))

    def make_patch_embed(self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int) -> MaskedPatchEmbed:
        """Tokens of patches, some of them hidden."""
        return MaskedPatchEmbed(img_size, patch_size, in_chans, embed_dim)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return *super().example(batch, length, new), new((batch, self.patch_embed.num_patches), np.intp)

    def task_options(self) -> dict[str, Any]:
        return {name: self.config[name] for name in ("patch_size", "target")}

    def forward(  # type: ignore[override]
        self,
        images: Float[ndarray, "B Y X C"],
        shown: Int[ndarray, "B N"] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[Float[ndarray, "B N outputs"], ViTCache]:
        """What the model says of each patch, (B, N, outputs), and the cache for :meth:`backward`.

        Parameters
        ----------
        images : (B, Y, X, C)
        shown : integers (B, N), optional
            For each place of the grid, row by row, the number of the patch of the same image that the model sees there,
            or -1 for the mask token. Without it every patch is seen at its place.

        Raises
        ------
        ValueError, TypeError
            If images or ``shown`` are of another shape or type, or a number is not that of a patch.
        """
        self.check_images(images, self.patch_embed.img_size, self.in_chans)
        if shown is None:
            shown = np.tile(np.arange(self.patch_embed.num_patches), (len(images), 1))
        x, c_patch_embed = self.patch_embed.forward(images, shown)  # type: ignore[call-arg]
        return self.from_patches(x, c_patch_embed, rng=rng)

    def backward(  # type: ignore[override]
        self, doutputs: Float[ndarray, "B N outputs"], cache: ViTCache
    ) -> tuple[Float[ndarray, "B Y X C"], None]:
        """Add to the gradient of every parameter; return the gradient of the images, and none of what is shown."""
        return super().backward(doutputs, cache), None


MaskedViT.add_presets(
    {
        "masked_vit_micro_patch8_32": {  # CIFAR, for a ViT of patches of 8: 16 tokens
            "img_size": 32,
            "patch_size": 8,
            "embed_dim": 96,
            "depth": 4,
            "num_heads": 4,
            "mlp_ratio": 2.0,
        }
    }
)
