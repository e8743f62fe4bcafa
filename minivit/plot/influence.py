"""What counts for one place, block by block: the receptive field, and what in it weighs most."""

from collections.abc import Mapping

import numpy as np

from minivit.plot.figure import SMALL, WIDTH, Figure, bare, new_figure, show_image
from minivit.types import Float, UInt8, ndarray

PANELS = 8


def influences(image: UInt8[ndarray, "Y X C"], maps: Mapping[str, Float[ndarray, "Y X"]]) -> Figure:
    """Draw an image, and beside it for each block how much each pixel counts for the vector in the middle.

    What has no say is white. Each map is as dark as its largest number, and tells how many of the pixels have a say. Of
    more blocks than there is room for, the first and the last are drawn, and some between.

    Parameters
    ----------
    image : array (Y, X, C) of uint8
    maps : mapping of array (Y, X)
        By the name of the block: see :func:`minivit.look.influence`.
    """
    names = [*maps]
    drawn = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(PANELS, len(names))).round().astype(int))]
    figure = new_figure(WIDTH / (PANELS + 1) + 0.35)
    panels = figure.subplots(1, PANELS + 1, squeeze=False)[0]
    show_image(panels[0], image)
    panels[0].set_title("image", fontsize=SMALL)
    for ax in panels[1 + len(drawn) :]:
        ax.axis("off")
    for ax, name in zip(panels[1:], drawn, strict=False):
        values = maps[name]
        ax.imshow(np.ma.masked_equal(values, 0), cmap="viridis_r", vmin=0, vmax=values.max() or 1)
        bare(ax)
        ax.set_title(f"{names.index(name) + 1}: {np.count_nonzero(values) / values.size:.0%}", fontsize=SMALL)
    return figure
