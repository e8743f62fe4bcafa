"""Pictures of the lecture on attention for sequences: weighted means, accuracies, alignments, costs that grow.

Plain functions of arrays, like all of :mod:`minivit.plot`: a slider in a notebook calls them as well as a script does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minivit.plot.attention import seen_through
from minivit.plot.figure import (
    BLUE,
    GREY,
    RED,
    SMALL,
    STYLES,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    check_images,
    check_lengths,
    labelled,
    new_figure,
    new_panel,
    set_title,
    show_image,
)
from minivit.types import Float, UInt8, ndarray


def weighted_mean(points: Float[ndarray, "N 2"], weights: Float[ndarray, "N"], *, ax: Axes | None = None) -> Axes:
    """Draw vectors as points, their weights as the areas of discs, and the weighted mean as a cross."""
    ax = labelled(ax or new_panel(4.2, 0.62 * WIDTH), "first component", "second component")
    mean = weights @ points
    for point in points:
        ax.plot(*zip(point, mean, strict=True), color=GREY, linewidth=0.8, zorder=1)
    ax.scatter(*points.T, s=40 + 2500 * weights, color=BLUE, alpha=0.55, zorder=2, linewidths=0)
    ax.scatter(*points.T, s=12, color=BLUE, zorder=3)
    for i, (point, weight) in enumerate(zip(points, weights, strict=True)):
        text = f"$h_{{{i + 1}}}$, $\\alpha_{{{i + 1}}}$ = {weight:.2f}"
        away = np.sign(point[1] - points[:, 1].mean()) or 1  # outwards, where no line to the mean goes
        offset = away * (10 + 0.5 * np.sqrt(40 + 2500 * weight))
        ax.annotate(
            text, tuple(point), (0, offset), textcoords="offset points", fontsize=TEXT, ha="center", va="center"
        )
    ax.plot(*mean, "X", color=RED, markersize=12, zorder=4)
    ax.annotate("z", tuple(mean), (12, -4), textcoords="offset points", color=RED, fontsize=TITLE, weight="bold")
    ax.margins(0.28)
    ax.set_title("The weighted mean lies among the vectors", fontsize=TITLE, loc="left")
    return ax


def accuracy_by(
    places: ndarray,
    accuracies: Mapping[str, ndarray],
    *,
    xlabel: str,
    title: str,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw, for each model, the share of right answers over a distance or a length; ``chance`` is that of guessing."""
    ax = labelled(ax or new_panel(3.9, WIDTH), xlabel, "answers that are right (%)")
    for (name, values), (colour, marker, dash) in zip(accuracies.items(), STYLES, strict=False):
        ax.plot(places, 100 * values, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    if chance is not None:
        ax.axhline(100 * chance, color=GREY, linewidth=1, linestyle=":")
        ax.text(places[0], 100 * chance - 2, "guessing", va="top", color=GREY, fontsize=SMALL)
    ax.set_ylim(-2, 106)
    ax.legend(fontsize=TEXT, frameon=False, loc="center right", bbox_to_anchor=(1, 0.58))
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def alignment(
    weights: Float[ndarray, "T S"], written: Sequence[str], source: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Draw what a decoder looked at: a row for each token that it wrote, a column for each of the source."""
    ax = ax or new_panel(0.34 * len(written) + 1.1, 0.36 * len(source) + 2.4)
    shown = ax.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(source)), labels=source, fontsize=TEXT)
    ax.set_yticks(range(len(written)), labels=written, fontsize=TEXT)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("read", fontsize=TEXT)
    ax.set_ylabel("written", fontsize=TEXT)
    ax.tick_params(length=0)
    bar = ax.figure.colorbar(shown, ax=ax)
    bar.set_label("weight", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return ax


def looked_at(
    images: UInt8[ndarray, "B Y X C"],
    captions: Sequence[Sequence[str]],
    maps: Sequence[ndarray],
    *,
    title: str = "Where it looked before it wrote each word",
) -> Figure:
    """One row per picture: the picture, and for each word of its caption the picture, dark where nothing was looked at.

    Maps are (words, rows, columns). In each panel the cell that was looked at most is as bright as in the picture, and
    its share is written below; a quarter of the light is left where nothing was looked at.
    """
    check_images(images)
    check_lengths(len(images), captions=captions, maps=maps)
    columns = 1 + max(map(len, captions))
    side = min(1.3, WIDTH / columns)  # inches
    figure = new_figure(len(images) * (side + 0.5) + 0.7, columns * side)
    panels = figure.subplots(len(images), columns, squeeze=False)
    for row, image, words, looks in zip(panels, images, captions, maps, strict=True):
        show_image(row[0], image)
        for panel, word, look in zip(row[1:], words, looks, strict=False):
            show_image(panel, image // 4 + 3 * (seen_through(image, look) // 4))
            panel.set_title(word, fontsize=TEXT)
            panel.set_xlabel(f"{look.max():.0%}", fontsize=SMALL)
        for panel in row[1 + len(words) :]:
            panel.axis("off")
    set_title(figure, title)
    figure.supxlabel("below each: the share of the cell that was looked at most", fontsize=SMALL, color=GREY)
    return figure


def bytes_by_length(lengths: ndarray, sizes: Mapping[str, ndarray], *, ax: Axes | None = None) -> Axes:
    """Draw, for each layer, the bytes that wait for backward over the length of the sequence, both axes logarithmic."""
    ax = labelled(ax or new_panel(3.6, 0.7 * WIDTH), "tokens N", "kept for backward (MiB)")
    for (name, values), (colour, marker, dash) in zip(sizes.items(), STYLES, strict=False):
        ax.plot(lengths, values / 2**20, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(lengths, labels=[str(length) for length in lengths])
    ax.yaxis.set_major_formatter(lambda size, _: f"{size:g}")
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title("What waits in memory", fontsize=TITLE, loc="left")
    return ax


def gradient_by_distance(distances: ndarray, sizes: Mapping[str, ndarray], *, ax: Axes | None = None) -> Axes:
    """Draw, for each model, how large a gradient arrives how far back; what is exactly zero is not drawn.

    Sizes are relative to that at distance 0. The axis ends at 100,000 and at a hundred thousandth.
    """
    ax = labelled(ax or new_panel(4.2, WIDTH), "steps back from the end", "gradient, relative to distance 0")
    for (name, values), (colour, marker, dash) in zip(sizes.items(), STYLES, strict=False):
        shown = np.where(values > 0, values, np.nan)
        every = max(1, len(values) // 20)
        style = {"color": colour, "marker": marker, "linestyle": dash, "markevery": every}
        ax.semilogy(distances, shown, linewidth=2, label=name, **style)
    ax.set_ylim(1e-5, 1e5)
    ax.legend(fontsize=TEXT, frameon=False, loc="center right", bbox_to_anchor=(1, 0.73))
    ax.set_title("How much of the gradient arrives?", fontsize=TITLE, loc="left")
    return ax


def growth(
    lengths: ndarray, panels: Mapping[str, Mapping[str, ndarray]], measured: Mapping[str, tuple[int, Any]] | None = None
) -> Figure:
    """One panel per cost, one curve per layer type, over the length of the sequence, both axes logarithmic.

    Parameters
    ----------
    panels : {title: {layer: values}}
        The legend names the curves of the first panel; the others may leave some out.
    measured : {title: (length, {layer: value})}, optional
        Counted values, drawn as large rings upon the curves.
    """
    figure = new_figure(3.9)
    axes = figure.subplots(1, len(panels))
    for ax, (title, curves) in zip(axes, panels.items(), strict=True):
        labelled(ax, "tokens N", title)
        for (name, values), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
            ax.loglog(lengths, values, color=colour, linestyle=dash, linewidth=2.2, label=name)
            if measured and title in measured:
                length, counted = measured[title]
                ax.plot(length, counted[name], "o", markersize=9, markerfacecolor="none", color=colour)
        ax.set_ylim(0.7)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=TEXT, frameon=False)
    set_title(figure, "What one layer costs")
    return figure
