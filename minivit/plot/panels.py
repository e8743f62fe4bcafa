"""Small maps side by side, all of one size."""

from collections.abc import Mapping

import numpy as np

from minivit.plot.figure import SMALL, WIDTH, Figure, bare, new_figure, show_image, signed_colours
from minivit.types import ndarray

FEWEST, ACROSS = 6, 9
"""Of so many each is as large as can be; and how many there is room for."""


def panels(maps: Mapping[str, ndarray], *, signed: bool = False) -> Figure:
    """Draw images and maps of numbers in one row, each under its title; six to nine fill it.

    Parameters
    ----------
    maps : {title: uint8 (Y, X, C) or numbers (Y, X)}
        A map is as dark as its largest number. What is 0 is white.
    signed : bool
        Whether numbers may be negative: blue is more than 0 then, and orange less, as far as the farthest of the map.

    Raises
    ------
    ValueError
        If there are none, or more than nine.
    """
    if not 1 <= len(maps) <= ACROSS:
        raise ValueError(f"there are {len(maps)} maps; expected 1 to {ACROSS}")
    across = max(len(maps), FEWEST)
    tallest = max(values.shape[0] / values.shape[1] for values in maps.values())
    figure = new_figure(WIDTH / across * tallest + 0.35)
    row = figure.subplots(1, across, squeeze=False)[0]
    for ax, (title, values) in zip(row, maps.items(), strict=False):
        if values.ndim == 3:
            show_image(ax, values)
        elif signed:
            limit = np.abs(values).max() or 1
            ax.imshow(values, cmap=signed_colours(), vmin=-limit, vmax=limit)
        else:
            ax.imshow(np.ma.masked_equal(values, 0), cmap="viridis_r", vmin=0, vmax=values.max() or 1)
        if values.ndim == 2:
            bare(ax)
        ax.set_title(title, fontsize=SMALL)
    for ax in row[len(maps) :]:
        ax.axis("off")
    return figure
