"""Pictures of the lecture on training a Vision Transformer: runs with their spread, positions, patches, bytes."""

from collections.abc import Mapping

import numpy as np

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
    set_title,
    show_image,
)
from minivit.types import Float, UInt8, ndarray


def runs(
    x: ndarray, scores: Mapping[str, Float[ndarray, "seeds n"]], *, xlabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw, for each name, the mean score of several runs over x, in percent, and from the lowest to the highest.

    Parameters
    ----------
    x : (n,)
    scores : {name: (seeds, n)}
        A row for each run.
    """
    ax = labelled(ax or new_panel(3.9, 0.75 * WIDTH), xlabel, "accuracy on held-out images (%)")
    for (name, values), (colour, marker, dash) in zip(scores.items(), STYLES, strict=False):
        ax.plot(x, 100 * values.mean(0), color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
        ax.fill_between(x, 100 * values.min(0), 100 * values.max(0), color=colour, alpha=0.2, linewidth=0)
    ax.set_ylim(0, 103)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def data_curve(images: ndarray, scores: Mapping[str, Float[ndarray, "seeds n"]]) -> Axes:
    """Draw :func:`runs` over the number of training images, which is drawn logarithmically."""
    ax = runs(images, scores, xlabel="training images", title="What is not built in takes images")
    ax.set_xscale("log")
    ax.set_xticks(images, labels=[f"{n:,}" for n in images])
    ax.minorticks_off()
    ax.legend(fontsize=TEXT, frameon=False, loc="lower right")
    return ax


def fine_tuning(
    steps: ndarray, panels: Mapping[str, Mapping[str, Float[ndarray, "seeds n"]]], *, title: str = ""
) -> Figure:
    """Draw :func:`runs` over the steps of fine-tuning, a panel for each question; all panels have one scale."""
    figure = new_figure(4.2)
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (question, scores) in zip(axes, panels.items(), strict=True):
        runs(steps, scores, xlabel="steps of fine-tuning", ax=ax)
        ax.set_title(question, fontsize=TEXT, loc="left")
        if ax is not axes[0]:
            ax.set_ylabel("")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=SMALL, frameon=False)
    set_title(figure, title)
    return figure


def position_components(
    grids: Mapping[str, Float[ndarray, "rows columns D"]], *, count: int = 5, title: str = ""
) -> Figure:
    """Draw grids of position embeddings, one below the other, along the directions in which the first varies most.

    All panels have one colour scale.
    """
    first = next(iter(grids.values()))
    D = first.shape[-1]
    mean = first.reshape(-1, D).mean(0)
    _, _, directions = np.linalg.svd(first.reshape(-1, D) - mean, full_matrices=False)
    maps = {name: (grid - mean) @ directions[:count].T for name, grid in grids.items()}
    limit = max(float(np.abs(values).max()) for values in maps.values())
    figure = new_figure(len(grids) * 1.75 + 0.5)
    panels = figure.subplots(len(grids), count, squeeze=False)
    for row, (name, values) in zip(panels, maps.items(), strict=True):
        for i, ax in enumerate(row):
            ax.imshow(values[..., i], cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{name}\n{values.shape[0]} × {values.shape[1]}", fontsize=TEXT)
    for i, ax in enumerate(panels[0]):
        ax.set_title(f"direction {i + 1}", fontsize=TEXT)
    bar = figure.colorbar(panels[0, 0].images[0], ax=panels, fraction=0.02, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL)
    set_title(figure, title)
    return figure


def strongest_patches(
    patches: UInt8[ndarray, "N P Q C"], responses: Mapping[str, Float[ndarray, "N"]], *, count: int = 12
) -> Figure:
    """One row for each direction: the patches with the most negative responses, and those with the most positive.

    Only patches of different images should be given: neighbours are too much alike. The tiles are pixels as they are.
    """
    figure = new_figure(0.45 * len(responses) + 0.35)
    rows = figure.subplots(len(responses), 2, squeeze=False)
    for row, (name, response) in zip(rows, responses.items(), strict=True):
        order = response.argsort()
        for ax, chosen in zip(row, (order[:count], order[: -count - 1 : -1]), strict=True):
            tiles = mosaic(patches[chosen][None].astype(np.float32), gap=1, fill=255).astype(np.uint8)
            show_image(ax, tiles, frame="white")
        row[0].set_ylabel(name, fontsize=TEXT, rotation=0, ha="right", va="center")
    for ax, words in zip(rows[0], ("most negative along each direction", "most positive"), strict=True):
        ax.set_title(words, fontsize=TEXT, loc="left")
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
