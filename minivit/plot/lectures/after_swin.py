"""Pictures of the lecture on what came after Swin: who is asked, what grows with depth, what a larger window knows."""

from collections.abc import Mapping, Sequence

import numpy as np

from minivit.plot.figure import (
    BLUE,
    GREEN,
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
)
from minivit.types import Bool, Float, Int, ndarray


def who_is_asked(regions: Mapping[str, Int[ndarray, "Y X"]], query: tuple[int, int]) -> Figure:
    """Draw which places of a map are keys for one query: those of one number are one key, those of 0 are none.

    Parameters
    ----------
    regions : {name: (Y, X)}
    query : (row, column)
        Marked with a cross.
    """
    figure = new_figure(0.98 * WIDTH / len(regions) + 0.85)
    panels = figure.subplots(1, len(regions), squeeze=False)[0]
    for panel, (name, numbers) in zip(panels, regions.items(), strict=True):
        panel.imshow(np.ma.masked_equal(np.where(numbers > 0, 0.35, 0), 0), "Blues", vmin=0, vmax=1)
        y, x = np.nonzero(np.diff(numbers, axis=0))
        panel.hlines(y + 0.5, x - 0.5, x + 0.5, color="white", linewidth=1.2)
        y, x = np.nonzero(np.diff(numbers, axis=1))
        panel.vlines(x + 0.5, y - 0.5, y + 0.5, color="white", linewidth=1.2)
        panel.plot(query[1], query[0], "x", color=RED, markersize=8, markeredgewidth=2)
        bare(panel)
        panel.set_title(name, fontsize=TEXT)
        panel.set_xlabel(f"{len(np.unique(numbers[numbers > 0]))} keys", fontsize=TEXT)
    set_title(figure, "Whom the token with the cross asks (white: not asked)")
    return figure


def told_apart(maps: Sequence[Bool[ndarray, "Y X"]], titles: Sequence[str], title: str) -> Figure:
    """Draw which places of a map differ from what they would be without an edge: blue ones do.

    Parameters
    ----------
    maps : [(Y, X), ...]
    titles : sequence of str
        One above each; below is written how many differ.
    """
    figure = new_figure(0.95 * WIDTH / len(maps) + 0.95)
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for panel, differs, words in zip(panels, maps, titles, strict=True):
        panel.imshow(np.ma.masked_equal(differs, False), "Blues", vmin=0, vmax=1.5)
        bare(panel)
        panel.set_title(words, fontsize=TEXT)
        panel.set_xlabel(f"{np.count_nonzero(differs)} of {differs.size}", fontsize=SMALL)
    set_title(figure, title)
    return figure


def growth(sizes: Mapping[str, Mapping[str, Float[ndarray, " L"]]]) -> Axes:
    """Draw how large the numbers on the residual path are after each block, on a logarithmic axis.

    Parameters
    ----------
    sizes : {weights: {block: (L,)}}
        Blocks have a colour each; the first weights are drawn thin, others thick.
    """
    from matplotlib.ticker import LogLocator

    ax = labelled(new_panel(4.3), "blocks", "root mean square of a token")
    for i, (weights, blocks) in enumerate(sizes.items()):
        for (name, values), (colour, _, dash) in zip(blocks.items(), STYLES, strict=False):
            depth = np.arange(1, len(values) + 1)
            ax.plot(depth, values, color=colour, linestyle=dash, linewidth=1.4 + 2 * i, label=f"{name}, {weights}")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.minorticks_off()
    ax.locator_params("x", integer=True)
    ax.figure.legend(loc="outside lower center", ncols=len(sizes), fontsize=SMALL, frameon=False, handlelength=4)
    ax.set_title("What grows with depth, untrained", fontsize=TITLE, loc="left")
    return ax


def clamped(t: Float[ndarray, " n"], scale: Float[ndarray, " n"], slope: Float[ndarray, " n"], edge: float) -> Figure:
    """Draw the scale of cosines over its logarithm t, and the gradient of t; ``edge`` is where t is clamped."""
    figure = new_figure(3.4)
    left, right = figure.subplots(1, 2)
    labelled(left, "t", "scale of the cosines").plot(t, scale, color=BLUE, linewidth=2.2)
    labelled(right, "t", "gradient of t").plot(t, slope, color=GREEN, linewidth=2.2)
    for panel in (left, right):
        panel.axvline(edge, color=GREY, linestyle=":", linewidth=1)
        panel.annotate("ln 100", (edge, 0.9), (4, 0), ("data", "axes fraction"), "offset points", fontsize=SMALL)
    set_title(figure, "A clamp: beyond it nothing changes, and nothing comes back")
    return figure


def grown_window(learned: tuple[ndarray, ndarray], grown: Mapping[str, tuple[ndarray, ndarray]]) -> Axes:
    """Draw the bias of the middle row of a window over the columns between query and key.

    Parameters
    ----------
    learned : (columns, bias)
        Of the window that was trained, drawn as rings.
    grown : {label: (columns, bias)}
        What is made of it in a larger window.
    """
    ax = labelled(new_panel(3.9, 0.85 * WIDTH), "columns from key to query", "bias of the score")
    for (name, (columns, bias)), (colour, marker, dash) in zip(grown.items(), STYLES, strict=False):
        ax.plot(columns, bias, color=colour, marker=marker, markersize=4, linestyle=dash, linewidth=2, label=name)
    ring = {"markerfacecolor": "none", "markeredgewidth": 1.8, "markersize": 11, "color": "black"}
    ax.plot(*learned, "o", label="learned in the small window", **ring)
    ax.locator_params("x", integer=True)
    ax.legend(fontsize=SMALL, frameon=False)
    ax.set_title("The same head in a window that has grown from 4 to 8", fontsize=TITLE, loc="left")
    return ax
