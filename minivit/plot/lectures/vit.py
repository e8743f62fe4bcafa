"""Pictures of the second lecture, on the Vision Transformer: the wall of memory, patches, bytes."""

from collections.abc import Mapping

import numpy as np

from minivit.ops.patches import patchify_forward
from minivit.plot.embedding import mosaic
from minivit.plot.figure import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    RED,
    SMALL,
    STYLES,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    labelled,
    new_figure,
    new_panel,
    show_image,
)
from minivit.types import UInt8, ndarray, pair

GIB = 2**30


def attention_wall(
    curves: Mapping[str, tuple[ndarray, ndarray]],
    marks: Mapping[str, tuple[float, float]],
    measured: tuple[ndarray, ndarray] | None = None,
    *,
    title: str = "Twice the side is sixteen times the memory",
    ax: Axes | None = None,
) -> Axes:
    """Draw the bytes that attention weights take over the side of the image, both axes logarithmic.

    Parameters
    ----------
    curves : {label: (sides, bytes)}
    marks : {text: (side, bytes)}
        Points to name.
    measured : (sides, bytes), optional
        Drawn as rings.
    """
    ax = labelled(ax or new_panel(4.6, WIDTH), "image side R (pixels)", "attention weights kept for backward")
    for (name, (sides, values)), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(sides, values, color=colour, linestyle=dash, linewidth=2.2, label=name)
    if measured:
        ax.plot(
            *measured, "o", markersize=9, markerfacecolor="none", markeredgewidth=1.8, color="black", label="measured"
        )
    for text, (side, size) in marks.items():
        ax.plot(side, size, "X", color="black", markersize=9)
        ax.annotate(text, (side, size), (-10, 4), textcoords="offset points", fontsize=TEXT, ha="right")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    first = min(sides[0] for sides, _ in curves.values())
    last = max(sides[-1] for sides, _ in curves.values())
    ax.set_xticks(2 ** np.arange(np.log2(first), np.log2(last) + 1))
    ax.xaxis.set_major_formatter("{x:.0f}")
    names = ("1 KiB", "32 KiB", "1 MiB", "32 MiB", "1 GiB", "32 GiB", "1 TiB", "32 TiB")
    ax.set_yticks([2.0 ** (10 + 5 * i) for i in range(len(names))], labels=names)
    ax.set_ylim(2**9, 2**46)
    ax.minorticks_off()
    ax.axhline(16 * GIB, color=GREY, linewidth=1, linestyle=":")
    ax.text(first, 16 * GIB, "16 GiB, a laptop", va="bottom", color=GREY, fontsize=SMALL)
    ax.legend(fontsize=TEXT, frameon=False, loc="lower right")
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def cut_into_patches(image: UInt8[ndarray, "Y X C"], patch_size: int) -> Figure:
    """Draw an image, the same cut into patches, and the patches in a row as the sequence they become."""
    P, _ = pair(patch_size)
    Y, X, C = image.shape
    patches, _ = patchify_forward(image[None].astype(np.float32), patch_size=P)  # (1, N, P*P*C)
    tiles = patches.reshape(Y // P, X // P, P, P, C)
    figure = new_figure(4.3)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[3, 1]).flat
    left, right = top.subplots(1, 2)
    show_image(left, image)
    left.set_xlabel(f"{Y} × {X} pixels, {C} colours", fontsize=TEXT)
    gap = max(1, P // 4)
    show_image(right, mosaic(tiles, gap=gap, fill=255).astype(np.uint8))
    right.set_xlabel(f"{Y // P} × {X // P} = {patches.shape[1]} patches of {P} × {P}", fontsize=TEXT)
    row = bottom.subplots()
    N = patches.shape[1]
    shown = min(16, N)
    start = (N - shown) // 2  # the middle of the image says more than its corner
    part = tiles.reshape(1, N, P, P, C)[:, start : start + shown]
    show_image(row, mosaic(part, gap=gap, fill=255).astype(np.uint8), frame="white")
    words = "the sequence" if shown == N else f"patches {start + 1} to {start + shown} of the sequence"
    row.set_xlabel(f"{words}: each patch is a row of {P * P * C} numbers", fontsize=TEXT)
    for ax in (right, row):
        ax.spines[:].set_visible(False)
    return figure


def bytes_by_part(
    bars: Mapping[str, Mapping[str, int]],
    *,
    title: str = "",
    what: str = "kept for backward (KiB)",
    ax: Axes | None = None,
) -> Axes:
    """Stacked horizontal bars of bytes in KiB: one bar per name, one colour per part, numbers where they fit."""
    ax = labelled(ax or new_panel(0.34 * len(bars) + 1.3, WIDTH), what, "")
    parts = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    colours = (BLUE, RED, GREEN, PURPLE, "#F0E442", GREY)
    begin = np.zeros(len(bars))
    room = 0.05 * max(sum(bar.values()) for bar in bars.values()) / 1024  # that a number needs
    for part, colour in zip(parts, colours, strict=False):
        sizes = np.array([bar.get(part, 0) / 1024 for bar in bars.values()])
        ax.barh(list(bars), sizes, left=begin, color=colour, label=part, edgecolor="white", linewidth=0.5)
        ink = "black" if colour in (PURPLE, "#F0E442") else "white"
        for row in np.flatnonzero(sizes > room):
            middle = begin[row] + sizes[row] / 2
            ax.text(middle, float(row), f"{sizes[row]:,.0f}", ha="center", va="center", fontsize=SMALL, color=ink)
        begin += sizes
    for row, end in enumerate(begin):
        ax.text(end, row, f" {end:,.0f}", va="center", fontsize=SMALL)
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlim(0, 1.1 * begin.max())
    ax.grid(visible=False, axis="y")
    ax.figure.legend(loc="outside lower center", ncols=len(parts), fontsize=SMALL, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax
