"""What a Vision Transformer sees on photographs: its attention, its features as colours, patches that are alike."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import numpy as np

from minivit.plot.figure import SMALL, TEXT, WIDTH, Axes, Figure, bare, check_lengths, new_figure, set_title, show_image
from minivit.types import ndarray

GAP = 0.04  # between two photographs side by side, as a share of their width


def photographs(
    images: Sequence[ndarray],
    attention: Sequence[ndarray],
    colours: Sequence[ndarray],
    pairs: Sequence[ndarray] = (),
    *,
    reader: str = "class token",
) -> Figure:
    """A band for each photograph: itself, what each head looks at, its patches as colours; then pairs of patches.

    Each map of attention has a colour scale of its own, from 0 to its largest share, which is written below.

    Parameters
    ----------
    images : one uint8 (Y, X, C) for each photograph
    attention : one (H, rows, columns) for each
    colours : one (rows, columns, 3) for each
        From 0 to 1; see :func:`minivit.look.components`.
    pairs : one (pairs, 2, 2) for each photograph but the last
        (row, column) of a patch in it and in the next one; see :func:`minivit.look.nearest`.
    reader : str
        Whose attention it is.
    """
    check_lengths(len(images), attention=attention, colours=colours)
    if len(pairs) not in (0, len(images) - 1):
        raise ValueError(f"there are {len(images)} photographs and {len(pairs)} lists of pairs; expected one fewer")
    bands = [_band(len(maps), image.shape) for image, maps in zip(images, attention, strict=True)]
    joined = [beside(a, b) for (a, b), _ in zip(pairwise(images), pairs, strict=False)]
    heights = [height for _, _, height in bands] + [
        0.7 * WIDTH * canvas.shape[0] / canvas.shape[1] + 0.3 for canvas, _ in joined
    ]
    figure = new_figure(sum(heights) + 0.45)
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    grids = [maps.shape[1:] for maps in attention]
    for part, (rows, columns, _), image, maps, colour in zip(parts, bands, images, attention, colours, strict=False):
        _draw_band(part, rows, columns, image, maps, colour)
    for i, (part, (canvas, offset), its) in enumerate(zip(parts[len(images) :], joined, pairs, strict=True)):
        ax = part.subplots()
        show_image(ax, canvas)
        ax.set_title("patches that are each other's nearest", fontsize=TEXT)
        _draw_pairs(ax, its, images[i : i + 2], grids[i : i + 2], offset)
    set_title(figure, f"Where the {reader} looks, head by head, and patches by their features")
    return figure


def _band(heads: int, shape: tuple[int, ...]) -> tuple[int, int, float]:
    """Rows and columns of small maps, and the height of the band in inches, by the longer of its two parts."""
    rows = max(1, round(sqrt(heads / 1.5)))
    columns = ceil(heads / rows)
    unit = WIDTH / (2 * rows + columns)  # the photograph and its colours are as high as all rows
    return rows, columns, rows * (unit * shape[0] / shape[1] + 0.3) + 0.35


def _draw_band(part: Any, rows: int, columns: int, image: ndarray, maps: ndarray, colours: ndarray) -> None:
    grid = part.add_gridspec(rows, 2 + columns, width_ratios=[rows, *[1] * columns, rows])
    aspect = image.shape[0] / image.shape[1]
    first, last = part.add_subplot(grid[:, 0]), part.add_subplot(grid[:, -1])
    show_image(first, image)
    first.set_title("photograph", fontsize=TEXT)
    _draw_grid(last, colours, aspect)
    last.set_title("three components", fontsize=TEXT)
    for head, shares in enumerate(maps):
        ax = part.add_subplot(grid[head // columns, 1 + head % columns])
        _draw_grid(ax, shares, aspect, cmap="inferno", vmin=0)
        ax.set_title(f"head {head + 1}", fontsize=SMALL)
        ax.set_xlabel(f"{shares.max():.1%}", fontsize=SMALL)


def _draw_grid(ax: Axes, values: ndarray, aspect: float, **options: Any) -> None:
    """A number, or a colour, for each patch: a patch need not be square, the whole is as the photograph is."""
    rows, columns = values.shape[:2]
    ax.imshow(values, aspect=aspect * columns / rows, interpolation="nearest", **options)
    bare(ax)


def beside(a: ndarray, b: ndarray) -> tuple[ndarray, int]:
    """Two photographs on one white canvas, and the column where the second begins."""
    offset = a.shape[1] + round(GAP * (a.shape[1] + b.shape[1]))
    canvas = np.full((max(a.shape[0], b.shape[0]), offset + b.shape[1], a.shape[2]), 255, np.uint8)
    canvas[: a.shape[0], : a.shape[1]] = a
    canvas[: b.shape[0], offset:] = b
    return canvas, offset


def _draw_pairs(
    ax: Axes, pairs: ndarray, images: Sequence[ndarray], grids: Sequence[tuple[int, ...]], offset: int
) -> None:
    from matplotlib import colormaps

    colours = colormaps["hsv"](np.linspace(0, 0.9, max(1, len(pairs))))
    for pair, colour in zip(pairs, colours, strict=False):
        (y0, x0), (y1, x1) = (
            (place + 0.5) * image.shape[:2] / grid for place, image, grid in zip(pair, images, grids, strict=True)
        )
        ax.plot([x0, x1 + offset], [y0, y1], color=colour, linewidth=1.2, marker="o", markersize=3)
    ax.set_xlim(-0.5, offset + images[1].shape[1] - 0.5)
    ax.set_ylim(max(image.shape[0] for image in images) - 0.5, -0.5)
