"""Pictures of the lecture on training better: sheets of changed images, curves, and probabilities beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np

from minivit.plot.figure import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    RED,
    STYLES,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    check_images,
    labelled,
    new_panel,
    set_title,
    show_image,
)
from minivit.plot.images import image_panels
from minivit.types import Float, UInt8, ndarray


def sheet(rows: Mapping[str, UInt8[ndarray, "N Y X C"]], *, title: str = "") -> Figure:
    """Draw rows of images below each other, as many in each, with the name of the row in front."""
    for images in rows.values():
        check_images(images)
    first = next(iter(rows.values()))
    count = len(first)
    if any(images.shape != first.shape for images in rows.values()):
        raise ValueError(f"rows have shapes {[images.shape for images in rows.values()]}; expected one shape for all")
    figure, panels = image_panels(len(rows) * count, count, aspect=first.shape[1] / first.shape[2], text=0.05)
    for i, (name, images) in enumerate(rows.items()):
        here = panels[i * count : (i + 1) * count]
        for panel, image in zip(here, images, strict=True):
            show_image(panel, image)
        here[0].set_ylabel(name, fontsize=TEXT, rotation=0, ha="right", va="center")
    set_title(figure, title)
    return figure


def curves(
    x: Float[ndarray, "n"],
    named: Mapping[str, Float[ndarray, "n"]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    dots: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw curves over x; those whose names are in ``dots`` as grey dots behind the others: what an average is of."""
    ax = labelled(ax or new_panel(3.4, 0.8 * WIDTH), xlabel, ylabel)
    styles = iter(STYLES)
    for name, values in named.items():
        if name in dots:
            ax.plot(x, values, linestyle="none", marker=".", markersize=4, color=GREY, alpha=0.5, label=name)
        else:
            colour, _, dash = next(styles)
            ax.plot(x, values, color=colour, linestyle=dash, linewidth=2, label=name)
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def bars(
    groups: Sequence[str],
    named: Mapping[str, Float[ndarray, "groups"]],
    *,
    ylabel: str = "probability",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw for each group, such as a class, bars beside each other: one for each name, in its colour."""
    ax = labelled(ax or new_panel(3.2), "", ylabel)
    width = 0.8 / len(named)
    places = np.arange(len(groups))
    colours = (GREY, BLUE, RED, GREEN, PURPLE)
    for i, ((name, values), colour) in enumerate(zip(named.items(), colours, strict=False)):
        ax.bar(places + (i - (len(named) - 1) / 2) * width, values, width, color=colour, label=name)
    ax.set_xticks(places, labels=list(groups))
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax
