"""Pictures of a Swin Transformer: its stages, attention inside windows, relative positions, who may look at whom."""

from typing import Any

import numpy as np

from minivit.layers.cosine_window_attention import CosineWindowAttention, CosineWindowAttentionCache
from minivit.models.swin import Swin
from minivit.ops.relative_position import relative_position_index
from minivit.ops.windows import WindowPartitionCache, window_regions, window_reverse_forward
from minivit.plot.figure import (
    GREY,
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
    signed_colours,
)
from minivit.types import Float, Size, UInt8, ndarray, pair

EDGE = "#00D0FF"
"""Of windows: seen on dark and bright places alike."""


def pyramid(image: UInt8[ndarray, "Y X C"], model: Swin) -> Figure:
    """The tokens of each stage as the parts of the image that they stand for, and the windows that they attend in."""
    check_images(image[None])
    stages = model.layers
    aspect = image.shape[0] / image.shape[1]
    figure = new_figure(0.95 * aspect * WIDTH / (len(stages) + 1) + 1.1)
    panels = figure.subplots(1, len(stages) + 1, squeeze=False)[0]
    show_image(panels[0], image)
    panels[0].set_xlabel(f"{image.shape[0]} × {image.shape[1]} pixels", fontsize=SMALL)
    panels[0].set_title("image", fontsize=TEXT)
    for i, (panel, stage) in enumerate(zip(panels[1:], stages, strict=True)):
        rows, columns = stage.map_size
        show_image(panel, image)
        draw_edges(
            panel, np.arange(1, rows), np.arange(1, columns), stage.map_size, image.shape[:2], color="white", width=0.4
        )
        words = f"{rows} × {columns} tokens"
        if stage.blocks:
            M, L = _attn(model, i, -1).cut["window_size"]
            edges = np.arange(M, rows, M), np.arange(L, columns, L)
            draw_edges(panel, *edges, stage.map_size, image.shape[:2], color=EDGE, width=1.6)
            words += f" of width {model.config['embed_dim'] * 2**i}\nin windows of {M} × {L}"
        panel.set_title(f"stage {i + 1}", fontsize=TEXT)
        panel.set_xlabel(words, fontsize=SMALL)
    set_title(figure, "Fewer and wider tokens from stage to stage")
    return figure


def attention_in_windows(images: UInt8[ndarray, "B Y X C"], cache: Any, *, stage: int = 0) -> Figure:
    """How much each place is looked at, in the first two blocks of a stage, with the edges of their windows.

    One row per image. The attention that falls on a token, summed over the tokens of its window, mean of the heads: 1
    if all get the same. One scale for all maps.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
        The pixels of which the model was given the normalised form.
    cache : SwinCache
        Of ``model.forward``.
    stage : int
        Whose blocks to draw, counted from 0.

    Raises
    ------
    ValueError
        If there is no such stage, it has no block, or its blocks keep no attention (``grad_checkpointing=True``).
    """
    check_images(images)
    blocks = cache.layers[stage].blocks[:2] if 0 <= stage < len(cache.layers) else []
    if not blocks:
        raise ValueError(f"stage is {stage}; expected 0 to {len(cache.layers) - 1}, and a stage with blocks")
    if not hasattr(blocks[0], "attn"):
        raise ValueError("the blocks keep no attention maps: build the model with grad_checkpointing=False")
    maps = [_looked_at(block.attn) for block in blocks]
    check_lengths(len(images), maps=maps[0])
    aspect = images.shape[1] / images.shape[2]
    across = 1 + len(maps)
    side = min(2.4, WIDTH / across)
    figure = new_figure(len(images) * aspect * side + 1.2, across * side + 0.3)
    panels = figure.subplots(len(images), across, squeeze=False)
    largest = max(float(it.max()) for it in maps)
    drawn: Any = None
    for i, row in enumerate(panels):
        show_image(row[0], images[i])
        for panel, looked, block in zip(row[1:], maps, blocks, strict=True):
            rows, columns = looked.shape[1:]
            drawn = panel.imshow(looked[i], "inferno", vmin=0, vmax=largest, aspect=aspect * columns / rows)
            bare(panel)
            cut = block.attn.partition
            (down, right), (M, L), (Y, X) = cut.shift_size, cut.window_size, cut.map_size
            if cut.pad_first:
                Y, X = -(-Y // M) * M, -(-X // L) * L
            edges = (np.arange(0, Y, M) + down) % Y, (np.arange(0, X, L) + right) % X  # where the roll has put them
            draw_edges(panel, *edges, cut.map_size, cut.map_size, color=EDGE, width=1.2)
    panels[0][0].set_title("image", fontsize=TEXT)
    for panel, block in zip(panels[0][1:], blocks, strict=True):
        panel.set_title("shifted windows" if any(block.attn.partition.shift_size) else "windows", fontsize=TEXT)
    set_title(figure, f"Attention inside the windows of stage {stage + 1}")
    bar = figure.colorbar(drawn, ax=panels, location="bottom", aspect=50, pad=0.02)
    bar.set_label("how much a token is looked at (1: all tokens alike)", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return figure


def relative_position_biases(model: Swin, *, stage: int = 0, block: int = 0) -> Figure:
    """What each head of a block adds to the score of a pair, by the way from the key to the query.

    In the middle of each map is the token itself; above it are the keys above. Blue is more, orange less.
    """
    depths = model.config["depths"]
    if not 0 <= stage < len(depths) or not 0 <= block < depths[stage]:
        raise ValueError(f"there is no block {block} in stage {stage}, both from 0 on: the depths are {depths}")
    attn = _attn(model, stage, block)
    M, L = attn.cut["window_size"]
    table = _bias_table(attn)
    heads = table.T.reshape(-1, 2 * M - 1, 2 * L - 1)[:, ::-1, ::-1]  # query minus key becomes key minus query
    limit = float(np.abs(heads).max()) or 1.0
    across = min(8, len(heads))
    lines = -(-len(heads) // across)
    side = min(2.0, WIDTH / across)
    figure = new_figure(lines * (side * (2 * M - 1) / (2 * L - 1) + 0.3) + 1.0, max(across * side, 5.5))
    panels = figure.subplots(lines, across, squeeze=False)
    drawn: Any = None
    for h, panel in enumerate(panels.flat):
        if h >= len(heads):
            panel.axis("off")
            continue
        drawn = panel.imshow(heads[h], signed_colours(), vmin=-limit, vmax=limit)
        panel.plot(L - 1, M - 1, "+", color="black", markersize=7)
        panel.set_title(f"head {h + 1}", fontsize=TEXT)
        bare(panel)
    set_title(figure, f"Relative position bias: stage {stage + 1}, block {block + 1}")
    bar = figure.colorbar(drawn, ax=panels, location="right", aspect=20, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    words = f"keys around the token (+), up to {M - 1} rows and {L - 1} columns away"
    figure.supxlabel(words, fontsize=SMALL, color=GREY)
    return figure


def shifted_regions(map_size: Size, window_size: Size, shift_size: Size) -> Figure:
    """The regions of the rolled map, and for each kind of window who may look at whom.

    Source: Liu et al. 2021, "Swin Transformer", figure 4.
    """
    (Y, X), (M, L), shift = pair(map_size), pair(window_size), pair(shift_size)
    regions = window_regions(map_size, window_size, shift_size)
    mask = regions[:, :, None] == regions[:, None, :]
    rows, columns = -(-Y // M), -(-X // L)
    right, bottom = columns - 1, (rows - 1) * columns
    kinds = {"inside": 0, "at the right": right, "at the bottom": bottom, "corner": bottom + right}
    figure = new_figure(3.3)
    panels = figure.subplots(1, 5, gridspec_kw={"width_ratios": (1.5, 1, 1, 1, 1)})
    size = rows * M, columns * L
    numbers, _ = window_reverse_forward(regions[None, :, :, None].astype(float), map_size=size, window_size=(M, L))
    panels[0].imshow(numbers[0, :, :, 0], "Pastel1", vmin=0, vmax=8)
    for (y, x), region in np.ndenumerate(numbers[0, :, :, 0].astype(int)):
        panels[0].text(x, y, str(region + 1), ha="center", va="center", fontsize=SMALL)
    edges = np.arange(M, size[0], M), np.arange(L, size[1], L)
    draw_edges(panels[0], *edges, size, size, color="black", width=1.8)
    bare(panels[0])
    panels[0].set_title("regions after the roll", fontsize=TEXT)
    for panel, (name, window) in zip(panels[1:], kinds.items(), strict=True):
        panel.imshow(np.where(mask[window], 1.0, 0.0), "Blues", vmin=0, vmax=1.6)
        bare(panel)
        panel.set_title(name, fontsize=TEXT)
    panels[1].set_ylabel("query", fontsize=SMALL)
    panels[1].set_xlabel("key", fontsize=SMALL)
    set_title(figure, f"Windows of {M} × {L}, moved by {shift[0]} and {shift[1]}: who may look at whom (blue)")
    return figure


def _looked_at(cache: Any) -> Float[ndarray, "B Y X"]:
    """Of the cache of attention in windows, of Swin or of V2: what falls on each token, on its place."""
    cut: WindowPartitionCache = cache.partition
    kept = cache.attention if isinstance(cache, CosineWindowAttentionCache) else cache.attn
    falls = kept.attention.weights.mean(2).sum(-2)  # (B, W, N): the mean of the heads, the sum of the queries
    places, _ = window_reverse_forward(falls[..., None], **cut._asdict())
    return places[..., 0]


def _bias_table(attn: Any) -> Float[ndarray, "P H"]:
    """What each way from key to query adds; where a net makes it, as in Swin V2, it is read off the pairs."""
    if isinstance(attn, CosineWindowAttention):
        bias, _ = attn.bias_forward()  # (H, N, N)
        M, L = attn.cut["window_size"]
        table = np.empty_like(bias, shape=((2 * M - 1) * (2 * L - 1), len(bias)))
        table[relative_position_index(M, L)] = np.moveaxis(bias, 0, -1)  # all pairs of one way have the same
        return table
    if attn.relative_position_bias_table is None:
        raise ValueError('this model has no relative position bias: it was built with relative_position="none"')
    return attn.relative_position_bias_table.value


def _attn(model: Swin, stage: int, block: int) -> Any:
    found: Any = model.layers[stage].blocks[block]
    return getattr(found, "layer", found).attn  # a checkpointed block is inside its Checkpoint


def draw_edges(
    ax: Axes,
    rows: ndarray,
    columns: ndarray,
    map_size: tuple[int, int],
    size: tuple[int, int],
    *,
    color: str,
    width: float,
) -> None:
    """Lines in front of these rows and columns of a map, drawn over a picture of ``size`` pixels."""
    (Y, X), (height, across) = map_size, size
    for row in rows:
        ax.axhline(row * height / Y - 0.5, color=color, linewidth=width)
    for column in columns:
        ax.axvline(column * across / X - 0.5, color=color, linewidth=width)
