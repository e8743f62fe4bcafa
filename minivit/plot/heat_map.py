"""A table of shares as colours: which of several settings did best, at a glance."""

from collections.abc import Sequence

import numpy as np

from minivit.plot.figure import TEXT, WIDTH, Axes, bare, contrasting, new_panel
from minivit.types import Count, Float, ndarray


def heat_map(
    values: Float[ndarray, "rows columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    decimals: Count = 1,
    ax: Axes | None = None,
) -> Axes:
    """Draw shares from 0 to 1 as colours, dark where they are large, with percents written in.

    Parameters
    ----------
    values : (rows, columns)
        ``nan``, of what has not been measured, stays white.
    rows, columns : list of str
        Their names.
    decimals : int
        Of the percents.

    Raises
    ------
    ValueError
        If there are not as many names as rows or columns.

    References
    ----------
    Steiner et al. 2021, "How to train your ViT?", figure 4.
    """
    if values.shape != (len(rows), len(columns)):
        raise ValueError(f"values have shape {values.shape}; expected {(len(rows), len(columns))}, one for each name")
    ax = ax or new_panel(0.45 * len(rows) + 0.6, min(WIDTH, 1.1 * len(columns) + 1.5))
    drawn = ax.imshow(values, cmap="viridis_r", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = contrasting(drawn.to_rgba(np.array([value]))[0])
            ax.text(column, row, f"{100 * value:.{decimals}f}", ha="center", va="center", fontsize=TEXT, color=ink)
    bare(ax)
    ax.set_xticks(range(len(columns)), columns, fontsize=TEXT)
    ax.set_yticks(range(len(rows)), rows, fontsize=TEXT)
    ax.tick_params(length=0)
    return ax
