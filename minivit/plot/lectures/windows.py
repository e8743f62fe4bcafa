"""Pictures of the lecture on windows: what they save, how they move, and what a token sees from block to block."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minivit.plot.figure import (
    GREY,
    RED,
    SMALL,
    STYLES,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    bare,
    labelled,
    new_figure,
    new_panel,
    set_title,
    show_image,
)
from minivit.plot.windows import EDGE, draw_edges
from minivit.types import Float, UInt8, ndarray

FAINTEST = 1e-4
"""Of the largest gradient of a map: what is fainter is drawn as faint."""


def weights_by_side(
    sides: ndarray, entries: Mapping[str, ndarray], measured: Mapping[str, tuple[ndarray, ndarray]]
) -> Axes:
    """Draw how many attention weights a head has over the side of the map, both axes logarithmic.

    Parameters
    ----------
    sides : (n,)
        Tokens in a row of the map.
    entries : {label: (n,)}
        Closed forms, drawn as lines.
    measured : {label: (sides, entries)}
        Under the same labels, drawn as rings.
    """
    ax = labelled(new_panel(4.2, WIDTH), "side of the map (tokens)", "attention weights of one head")
    for (name, values), (colour, _, dash) in zip(entries.items(), STYLES, strict=False):
        ax.plot(sides, values, color=colour, linestyle=dash, linewidth=2.2, label=name)
    ring = {"markerfacecolor": "none", "markeredgewidth": 1.8, "markersize": 9, "color": "black"}
    for i, (x, y) in enumerate(measured.values()):
        ax.plot(x, y, "o", label="" if i else "measured in caches", **ring)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sides, labels=[f"{side}" for side in sides])
    ax.minorticks_off()
    ax.legend(fontsize=TEXT, frameon=False, loc="upper left")
    ax.set_title("Twice the side: sixteen times the weights, or four", fontsize=TITLE, loc="left")
    return ax


def moved_windows(image: UInt8[ndarray, "Y X C"], window: int, shift: int, *, patch_size: int) -> Figure:
    """Draw windows moved by a shift on the image, and beside it the rolled image, on which they are plain ones.

    Sides of windows and the shift are counted in tokens of ``patch_size`` pixels. The seam, where the rolled image has
    been put together, is dashed.
    """
    (Y, X), (M, move) = image.shape[:2], (window * patch_size, shift * patch_size)
    figure = new_figure(4.3, 8.4)
    left, right = figure.subplots(1, 2)
    show_image(left, image)
    moved, plain = _edges((Y, X), M, move), _edges((Y, X), M, 0)
    draw_edges(left, *moved, (Y, X), (Y, X), color=EDGE, width=2.2)
    pieces = (len(moved[0]) + 1) * (len(moved[1]) + 1)
    left.set_title("the image" if shift == 0 else f"windows moved by {shift}: {pieces} pieces", fontsize=TEXT)
    show_image(right, np.roll(image, (-move, -move), (0, 1)))
    draw_edges(right, *plain, (Y, X), (Y, X), color=EDGE, width=2.2)
    if shift:
        for draw, side in ((right.axhline, Y), (right.axvline, X)):
            draw(side - move - 0.5, color="white", linestyle="--", linewidth=2)
    windows = (len(plain[0]) + 1) * (len(plain[1]) + 1)
    right.set_title(f"rolled up and to the left by {shift}: {windows} windows", fontsize=TEXT)
    return figure


def gradient_maps(
    rows: Mapping[str, Sequence[Float[ndarray, "Y X"]]],
    titles: Sequence[str],
    *,
    start: tuple[int, int],
    edges: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    title: str = "",
) -> Figure:
    """Draw how large the gradient of one output is at each place, a row of maps for each name.

    White is a gradient of exactly 0. Each map has its own largest gradient; the colours are logarithmic below it.

    Parameters
    ----------
    rows : {name: [(Y, X), ...]}
    titles : sequence of str
        Of the columns.
    start : (row, column)
        Where the output stands, marked with a cross.
    edges : {name: [(window, shift), ...]}, optional
        Windows to be drawn over the maps.
    """
    from matplotlib.colors import LogNorm

    height = len(rows) * 0.94 * WIDTH / (len(titles) + 0.6) + 1.0
    figure = new_figure(height)
    panels = figure.subplots(len(rows), len(titles), squeeze=False)
    drawn: Any = None
    for (name, maps), line in zip(rows.items(), panels, strict=True):
        for i, (it, panel) in enumerate(zip(maps, line, strict=True)):
            shown = np.ma.masked_equal(np.maximum(it / it.max(), np.where(it > 0, FAINTEST, 0)), 0)
            drawn = panel.imshow(shown, "YlGnBu", norm=LogNorm(FAINTEST / 10, 1))
            if edges:
                size = it.shape[0], it.shape[1]
                draw_edges(panel, *_edges(size, *edges[name][i]), size, size, color=GREY, width=1.2)
            panel.plot(start[1], start[0], "x", color=RED, markersize=8, markeredgewidth=2)
            bare(panel)
            panel.set_xlabel(f"{np.count_nonzero(it):,} of {it.size:,}", fontsize=SMALL)
        line[0].set_ylabel(name, fontsize=TEXT)
    for panel, words in zip(panels[0], titles, strict=True):
        panel.set_title(words, fontsize=TEXT)
    bar = figure.colorbar(drawn, ax=panels, location="right", aspect=25, pad=0.02, ticks=[1e-4, 1e-3, 1e-2, 0.1, 1])
    bar.ax.set_ylim(FAINTEST, 1)
    between = " " if height > 4 else "\n"  # a line of its own where one is too long for the picture
    bar.set_label(f"gradient, as part of the largest{between}(white: exactly 0)", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    set_title(figure, title)
    return figure


def seen_by_depth(tokens: Mapping[str, Sequence[int]], total: int) -> Axes:
    """Draw the receptive field of one token over the number of blocks, in percent of all tokens.

    Parameters
    ----------
    tokens : {name: (blocks,)}
        How many are seen after 1, 2, ... blocks.
    total : int
        How many there are.
    """
    ax = labelled(new_panel(4.0, WIDTH), "blocks, or convolutions", "tokens that are seen (%)")
    for (name, counts), (colour, marker, dash) in zip(tokens.items(), STYLES, strict=False):
        share = 100 * np.array(counts) / total
        ax.plot(
            np.arange(1, len(share) + 1), share, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name
        )
    ax.set_ylim(0, 106)
    ax.locator_params("x", integer=True)
    ax.figure.legend(loc="outside lower center", ncols=len(tokens), fontsize=SMALL, frameon=False)
    ax.set_title("What one token sees of the map, by depth", fontsize=TITLE, loc="left")
    return ax


def _edges(size: tuple[int, int], window: int, shift: int) -> tuple[ndarray, ndarray]:
    """The rows and the columns in which windows begin, but for the first."""
    first = shift or window
    return np.arange(first, size[0], window), np.arange(first, size[1], window)
