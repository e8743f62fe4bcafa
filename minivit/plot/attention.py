"""What a Vision Transformer looks at: attention of single heads, and rollout through all blocks."""

from typing import Any

import numpy as np

from minivit.ops.pool import MeanPoolCache, PrefixTokensCache
from minivit.ops.resize import resize_forward
from minivit.plot.figure import (
    SMALL,
    TEXT,
    WIDTH,
    Axes,
    Figure,
    bare,
    check_images,
    check_lengths,
    new_figure,
    set_title,
    show_image,
)
from minivit.types import Float, UInt8, ndarray


def attention_weights(cache: Any) -> list[Float[ndarray, "B H N N"]]:
    """Attention maps of every block, from the cache of a ViT's ``forward``: row n says what token n looked at.

    Raises
    ------
    ValueError
        If there are no blocks, or they keep no attention, because the model was built with ``grad_checkpointing=True``.
    """
    if not cache.blocks:
        raise ValueError("there are no attention maps: the model has no blocks")
    if not all(hasattr(block, "attn") for block in cache.blocks):
        raise ValueError("the blocks keep no attention maps: build the model with grad_checkpointing=False")
    return [block.attn.attention.weights for block in cache.blocks]


def attention_rollout(cache: Any) -> Float[ndarray, "B N N"]:
    r"""How much of each input token reaches each output token, through all blocks.

    .. math:: R = \hat A_L \cdots \hat A_2 \hat A_1, \qquad \hat A_l = \tfrac12 (A_l + I)

    with :math:`A_l` the mean of the heads of block l. Half a token comes through the residual connection, half through
    attention; what the MLPs and the values do is left out. The rows of R sum to one.

    Source: Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3.
    """
    weights = attention_weights(cache)
    rollout = np.eye(weights[0].shape[-1], dtype=weights[0].dtype)
    for A in weights:
        A = A.mean(1)
        rollout = (A @ rollout + rollout) / 2
    return rollout


def read_by_head(weights: Float[ndarray, "B *H N N"], cache: Any) -> Float[ndarray, "B *H rows columns"]:
    """Of attention maps or a rollout, how much of each patch reaches what the classification head reads.

    That is the row of the class token, the mean row of class and distillation token, or, for ``global_pool="avg"``, the
    mean row of the patches. It sums to at most one: columns of tokens that are not patches are left out.
    """
    grid_size = cache.patch_embed.grid_size
    first = weights.shape[-1] - grid_size[0] * grid_size[1]  # the patches stand behind class token, registers, ...
    if isinstance(cache.pool, MeanPoolCache):
        read = slice(first, None)
    else:
        read = slice(cache.pool.num_prefix_tokens if isinstance(cache.pool, PrefixTokensCache) else 1)
    shares = weights[..., read, first:].mean(-2)
    return shares.reshape(*shares.shape[:-1], *grid_size)


def attention_maps(images: UInt8[ndarray, "B Y X C"], cache: Any, *, block: int = -1, origin: str = "upper") -> Figure:
    """One row per image: the image, what each head of one block looks at, the rollout, the image seen through it.

    All maps have one logarithmic scale, from a tenth of an even share to everything, so that a head that looks at
    one patch can be compared with a head that looks at all of them. Below each map stands its largest share.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
        The pixels of which the model was given the normalised form, or of an AST :func:`spectrogram_images`.
    cache : ViTCache or ASTCache
        Of ``model.forward``.
    block : int
        Whose heads to draw; the last one by default.
    origin : "upper" or "lower"
        Where the first row of patches lies: that of the lowest frequencies of a spectrogram is the lowest.

    References
    ----------
    Dosovitskiy et al. 2021, figure 6 and appendix D.8 (attention rollout).
    """
    check_images(images)
    weights = attention_weights(cache)
    depth = len(weights)
    if not -depth <= block < depth:
        raise ValueError(f"block is {block}; expected {-depth} to {depth - 1}")
    heads = read_by_head(weights[block], cache)  # (B, H, rows, columns)
    rollout = read_by_head(attention_rollout(cache), cache)  # (B, rows, columns)
    if origin not in ("upper", "lower"):
        raise ValueError(f'origin is {origin!r}; expected "upper" or "lower"')
    if origin == "lower":
        heads, rollout = heads[..., ::-1, :], rollout[..., ::-1, :]
    check_lengths(len(images), maps=heads)

    names = ["image", *(f"head {h + 1}" for h in range(heads.shape[1])), "rollout", "× image"]
    lines = -(-len(names) // 8)  # of panels per image: more than eight side by side would be too small
    columns = -(-len(names) // lines)
    aspect = images.shape[1] / images.shape[2]
    figure = new_figure(len(images) * lines * (0.9 * aspect * WIDTH / columns + 0.25) + 0.3 * lines + 0.95)
    panels = figure.subplots(len(images) * lines, columns, squeeze=False).reshape(len(images), -1)
    for row, image, maps, flow in zip(panels, images, heads, rollout, strict=True):
        first, *middle, last = row[: len(names)]
        show_image(first, image)
        for panel, shares in zip(middle, [*maps, flow], strict=True):
            _draw_map(panel, shares, aspect)
        show_image(last, seen_through(image, flow))
        for panel in row[len(names) :]:
            panel.axis("off")
    for panel, name in zip(panels[0], names, strict=False):
        panel.set_title(name, fontsize=TEXT)
    several = "class and distillation token look" if isinstance(cache.pool, PrefixTokensCache) else "class token looks"
    reader = "patches look on average" if isinstance(cache.pool, MeanPoolCache) else several
    set_title(figure, f"Where the {reader}: heads of block {block % depth + 1} of {depth}, and rollout")
    _draw_scale(figure, panels, rollout[0].size)
    return figure


def seen_through(image: UInt8[ndarray, "Y X C"], shares: Float[ndarray, "rows columns"]) -> UInt8[ndarray, "Y X C"]:
    """Darken an image where little attention falls: its pixels times the shares, the largest share counting as one."""
    largest = max(shares.max(), np.finfo(shares.dtype).tiny)  # a class token may look at nothing but itself
    light, _ = resize_forward(shares[None, :, :, None] / largest, size=image.shape[:2])
    return (image * light[0].clip(0, 1)).astype(np.uint8)


def _scale(patches: int) -> Any:
    """From a tenth of the share that each patch would get if all got the same, to everything."""
    from matplotlib.colors import LogNorm

    return LogNorm(0.1 / patches, 1, clip=True)


def _draw_map(ax: Axes, shares: Float[ndarray, "rows columns"], aspect: float) -> None:
    """Draw the shares of the patches, with the largest written below."""
    rows, columns = shares.shape
    # a patch need not be square: its own aspect makes the map as large as the image beside it
    aspect *= columns / rows
    ax.imshow(shares, cmap="inferno", norm=_scale(shares.size), aspect=aspect, interpolation="nearest")
    ax.set_xlabel(f"{shares.max():.1%}", fontsize=SMALL)
    bare(ax)


def _draw_scale(figure: Figure, panels: ndarray, patches: int) -> None:
    """Draw the colour bar of all maps below them, as thin below one image as below many."""
    from matplotlib.cm import ScalarMappable

    height = 0.12  # inches
    bar = figure.colorbar(
        ScalarMappable(_scale(patches), "inferno"),
        ax=panels,
        location="bottom",
        extend="min",
        extendfrac=0.02,
        fraction=height / figure.get_figheight(),
        aspect=0.67 * WIDTH / height,
        pad=0.15 / figure.get_figheight(),
    )
    bar.ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    even = f"{100 / patches:.2g}% each if all {patches} got the same"
    bar.set_label(f"share of the attention that falls on a patch ({even}); below each map, its largest", fontsize=SMALL)
