"""Matrices as colours with their numbers written in: how the lectures show every step of a small example."""

from collections.abc import Mapping, Sequence

import numpy as np

from minivit.plot.figure import (
    GREY,
    SMALL,
    TEXT,
    WIDTH,
    Axes,
    Figure,
    contrasting,
    new_figure,
    set_title,
    signed_colours,
)
from minivit.types import ndarray

LARGEST_WRITTEN = 200  # numbers; a larger matrix is drawn without them
GAP = 0.8  # between matrices side by side, in cells


def matrices(
    named: Mapping[str, ndarray],
    *,
    digits: int = 2,
    columns: int = 6,
    title: str = "",
    tokens: str = "",
    numbered: bool = False,
    shared: bool = False,
) -> Figure:
    """Draw matrices side by side as colours with their numbers written in: blue positive, orange negative, white zero.

    Parameters
    ----------
    named : mapping of str to (rows, columns) or (length,) arrays
    digits : int
        Behind the decimal point; trailing zeros are not written.
    columns : int
        How many matrices stand side by side.
    tokens : str
        One letter per token, to be written beside the rows and below the columns of attention weights.
    numbered : bool
        Write 1, 2, 3, ... beside the rows and below the columns.
    shared : bool
        One scale of colours for all. Otherwise each matrix has its own, and below several of them it says so.
    """
    shown = {name: np.atleast_2d(array) for name, array in named.items()}
    across = min(columns, len(shown))
    lines = -(-len(shown) // across)
    heights = [max(len(array) for array in list(shown.values())[i : i + across]) for i in range(0, len(shown), across)]
    widths = [max(array.shape[1] for array in list(shown.values())[i::across]) + GAP for i in range(across)]
    cell = min(0.5, 0.97 * WIDTH / sum(widths))  # inches
    apart = len(shown) > 1 and not shared
    figure = new_figure(
        sum(heights) * cell + 0.4 * lines + 0.35 * bool(title) + 0.25 * apart, max(sum(widths) * cell + 0.2, WIDTH / 2)
    )
    panels = list(
        figure.subplots(
            lines, across, squeeze=False, gridspec_kw={"width_ratios": widths, "height_ratios": heights}
        ).flat
    )
    longest = max(_longest(array, digits) for array in shown.values())
    largest = {name: float(np.abs(array).max()) for name, array in shown.items()}
    for i, (panel, (name, array)) in enumerate(zip(panels, shown.items(), strict=False)):
        limit = max(largest.values()) if shared else largest[name]
        _draw_matrix(panel, array, limit, digits, min(SMALL, 72 * 0.74 * cell / (0.6 * longest)))
        middle, half = (array.shape[1] - 1) / 2, widths[i % across] / 2
        panel.set(xlim=(middle - half, middle + half), ylim=(heights[i // across] - 0.45, -0.55))
        panel.set_title(name, fontsize=TEXT)
        names = tokens or [str(n + 1) for n in range(max(array.shape))]
        if tokens or numbered:
            _draw_names(panel, names[: len(array)], names[: array.shape[1]])
    for panel in panels[len(shown) :]:
        panel.axis("off")
    if title:
        set_title(figure, title)
    if apart:
        figure.supxlabel("colours: each matrix by its own largest number", fontsize=SMALL, color=GREY)
    return figure


def _draw_matrix(ax: Axes, array: ndarray, limit: float, digits: int, size: float) -> None:
    from matplotlib.patches import Rectangle

    colours = signed_colours()
    limit = max(limit, 1e-12)
    ax.imshow(array, cmap=colours, vmin=-limit, vmax=limit)
    ax.add_patch(Rectangle((-0.5, -0.5), array.shape[1], array.shape[0], fill=False, edgecolor=GREY, linewidth=0.8))
    ax.axis("off")
    if array.size > LARGEST_WRITTEN:
        return
    for (row, column), value in np.ndenumerate(array):
        ink = contrasting(colours(0.5 + 0.5 * value / limit))
        ax.text(column, row, _number(value, digits), ha="center", va="center", fontsize=size, color=ink)


def _draw_names(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Beside the rows, and below the columns."""
    places = [(-0.75, row) for row in range(len(rows))] + [(column, len(rows) - 0.25) for column in range(len(columns))]
    for (x, y), name in zip(places, [*rows, *columns], strict=True):
        ax.text(x, y, name, ha="center", va="center", fontsize=SMALL, color=GREY)


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "−")


def _longest(array: ndarray, digits: int) -> int:
    return max(len(_number(value, digits)) for value in array.flat)
