"""Pictures of the lecture on attention for sequences: weighted means, accuracies, alignments, costs that grow.

Plain functions of arrays, like all of :mod:`minivit.plot`: a slider in a notebook calls them as well as a script does.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

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
    labelled,
    new_figure,
    new_panel,
    set_title,
)
from minivit.types import Float, ndarray


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
        away = np.sign(point[1] - mean[1]) or 1  # above what lies above the mean, below what lies below
        offset = away * (10 + 0.5 * np.sqrt(40 + 2500 * weight))
        ax.annotate(
            text, tuple(point), (0, offset), textcoords="offset points", fontsize=TEXT, ha="center", va="center"
        )
    ax.plot(*mean, "X", color=RED, markersize=12, zorder=4)
    ax.annotate("z", tuple(mean), (12, -4), textcoords="offset points", color=RED, fontsize=TITLE, weight="bold")
    ax.margins(0.28)
    ax.set_title("The weighted mean lies among the vectors", fontsize=TITLE, loc="left")
    return ax


def accuracy_by_distance(
    distances: ndarray,
    accuracies: Mapping[str, ndarray],
    chance: float,
    *,
    title: str = "Who can look how far back?",
    ax: Axes | None = None,
) -> Axes:
    """Draw, for each model, the share of right answers over how far back the answer stands."""
    ax = labelled(
        ax or new_panel(3.9, WIDTH), "steps between the marked symbol and the end", "answers that are right (%)"
    )
    for (name, values), (colour, marker, dash) in zip(accuracies.items(), STYLES, strict=False):
        ax.plot(distances, 100 * values, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.axhline(100 * chance, color=GREY, linewidth=1, linestyle=":")
    ax.text(distances[0], 100 * chance - 2, "guessing", va="top", color=GREY, fontsize=SMALL)
    ax.set_ylim(0, 106)
    ax.legend(fontsize=TEXT, frameon=False, loc="center right", bbox_to_anchor=(1, 0.58))
    ax.set_title(title, fontsize=TITLE, loc="left")
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
