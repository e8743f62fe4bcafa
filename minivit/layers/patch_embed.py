"""Images to tokens."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm, Linear
from minivit.layers.conv2d import Conv2d
from minivit.layers.initial import lecun_normal
from minivit.layers.layer import Layer
from minivit.ops.conv import Conv2dCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.patches import PatchifyCache, patchify_backward, patchify_forward
from minivit.ops.sliding import Padding, sliding
from minivit.types import Shift, Size, pair


class PatchEmbedCache(NamedTuple):
    """Caches of the steps of :class:`PatchEmbed`."""

    patches: PatchifyCache
    proj: LinearCache

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        (_, Y, X, _), (P, Q) = self.patches
        return Y // P, X // Q


class PatchEmbed(Layer):
    """Cut the image into patches and map each to a token by one matrix (P*P*C, D).

    This is a convolution with stride P, and ``proj.weight`` (P, P, C, D) is its kernel.

    Source: Dosovitskiy et al. 2021, section 3.1, equation 1.
    """

    def __init__(self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int, *, bias: bool = True) -> None:
        self.img_size, self.patch_size = pair(img_size), pair(patch_size)
        (Y, X), (P, Q) = self.img_size, self.patch_size
        if Y % P or X % Q:
            sizes = ((Y // P * P, X // Q * Q), (-(-Y // P) * P, -(-X // Q) * Q))
            near = " and ".join(f"{rows} x {columns}" for rows, columns in sizes if rows and columns)
            raise ValueError(f"image size {Y} x {X} is not divisible by the patch size {P} x {Q}; {near} would be")
        self.grid_size = Y // P, X // Q
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = Linear(in_chans, embed_dim, kernel_size=(P, Q), bias=bias, initial=lecun_normal)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PatchEmbedCache]:
        """(B, Y, X, C) -> (B, N, D): cut into patches, and map each."""
        h, c_patches = patchify_forward(x, patch_size=self.patch_size)  # (B, N, P*P*C)
        h, c_proj = self.proj.forward(h)  # (B, N, D)
        return h, PatchEmbedCache(c_patches, c_proj)

    def backward(self, dy: ndarray, cache: PatchEmbedCache) -> ndarray:
        """Add to the gradients of ``proj``; return that of the images."""
        dh = self.proj.backward(dy, cache.proj)
        (dx,) = patchify_backward(dh, cache.patches)
        return dx


class NormedPatchEmbedCache(NamedTuple):
    """Caches of the steps of :class:`NormedPatchEmbed`."""

    embed: PatchEmbedCache
    norm: LayerNormCache


class NormedPatchEmbed(PatchEmbed):
    """Tokens of patches, normalised, as hierarchical models have them.

    Source: Liu et al. 2021, "Swin Transformer": in its code, not in its text.
    """

    def __init__(
        self, img_size: Size, patch_size: Size, in_chans: int, embed_dim: int, *, norm_eps: float = 1e-5
    ) -> None:
        super().__init__(img_size, patch_size, in_chans, embed_dim)
        self.norm = LayerNorm(embed_dim, eps=norm_eps)

    def forward(  # type: ignore[override]
        self, x: ndarray, *, rng: Generator | None = None
    ) -> tuple[ndarray, NormedPatchEmbedCache]:
        """(B, Y, X, C) -> (B, N, D): cut into patches, map each, and normalise."""
        h, c_embed = super().forward(x)
        h, c_norm = self.norm.forward(h)
        return h, NormedPatchEmbedCache(c_embed, c_norm)

    def backward(self, dy: ndarray, cache: NormedPatchEmbedCache) -> ndarray:  # type: ignore[override]
        dh = self.norm.backward(dy, cache.norm)
        return super().backward(dh, cache.embed)


class OverlappingPatchEmbedCache(NamedTuple):
    """Caches of the steps of :class:`OverlappingPatchEmbed`."""

    proj: Conv2dCache

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.proj.window.out


class OverlappingPatchEmbed(Layer):
    """Patches that begin ``stride`` pixels apart, and share what lies in two of them, each mapped to a token.

    That is a convolution, and ``proj.weight`` (P, P, C, D) its kernel. What is left over at the far ends of the image,
    too little for one more patch, is not seen. ``padding`` are rows and columns of zeros around it.

    Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer", section 2.1.
    """

    def __init__(
        self, img_size: Size, patch_size: Size, stride: Size, in_chans: int, embed_dim: int, *, padding: Shift = 0
    ) -> None:
        self.img_size, self.patch_size, self.stride = pair(img_size), pair(patch_size), pair(stride)
        (Y, X), (P, Q), (rows, columns) = self.img_size, self.patch_size, pair(padding)
        if Y + 2 * rows < P or X + 2 * columns < Q:
            around = f" with {rows} x {columns} zeros on each side" if rows or columns else ""
            raise ValueError(f"image size {Y} x {X}{around} is smaller than the patch size {P} x {Q}")
        self.grid_size = sliding("patches", (Y, X), self.patch_size, stride=stride, padding=(rows, columns)).out
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = Conv2d(in_chans, embed_dim, self.patch_size, stride=self.stride, padding=(rows, columns))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, OverlappingPatchEmbedCache]:
        """(B, Y, X, C) -> (B, N, D): a token for each patch, row by row."""
        h, c_proj = self.proj.forward(x)  # (B, rows, columns, D)
        return h.reshape(len(h), self.num_patches, h.shape[-1]), OverlappingPatchEmbedCache(c_proj)

    def backward(self, dy: ndarray, cache: OverlappingPatchEmbedCache) -> ndarray:
        """Add to the gradients of ``proj``; return that of the images."""
        # forward: h.reshape(len(h), self.num_patches, h.shape[-1])
        dh = dy.reshape(len(dy), *self.grid_size, dy.shape[-1])
        return self.proj.backward(dh, cache.proj)


class ConvPatchEmbedCache(NamedTuple):
    """Caches of the steps of :class:`ConvPatchEmbed`."""

    proj: Conv2dCache
    norm: LayerNormCache


class ConvPatchEmbed(Layer):
    """A convolution with a stride, and a norm: the map of one stage to the smaller and wider one of the next.

    Patches as large as the stride cut the map up, and what is left over at its far ends is not seen; larger ones
    overlap. It takes maps of any size, and gives a map, not tokens.

    Source: Wang et al. 2021, "Pyramid Vision Transformer", section 3.2; overlapping, Wang et al. 2022, "PVT v2",
    section 3.2.
    """

    def __init__(
        self, in_chans: int, embed_dim: int, patch_size: Size, *, stride: Size, padding: Padding = 0, norm_eps: float
    ) -> None:
        self.proj = Conv2d(in_chans, embed_dim, patch_size, stride=stride, padding=padding)
        self.norm = LayerNorm(embed_dim, eps=norm_eps)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ConvPatchEmbedCache]:
        """(B, Y, X, C) -> (B, rows, columns, D)."""
        h, c_proj = self.proj.forward(x)
        y, c_norm = self.norm.forward(h)
        return y, ConvPatchEmbedCache(c_proj, c_norm)

    def backward(self, dy: ndarray, cache: ConvPatchEmbedCache) -> ndarray:
        dh = self.norm.backward(dy, cache.norm)
        return self.proj.backward(dh, cache.proj)
