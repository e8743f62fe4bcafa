"""What counts for one place, block by block: the receptive field, and what in it weighs most."""

from collections.abc import Mapping

import numpy as np

from minivit.plot.figure import Figure
from minivit.plot.panels import ACROSS, panels
from minivit.types import Float, UInt8, ndarray


def influences(image: UInt8[ndarray, "Y X C"], maps: Mapping[str, Float[ndarray, "Y X"]]) -> Figure:
    """Draw an image, and beside it for each block how much each pixel counts for the vector in the middle.

    What has no say is white. Each map is as dark as its largest number, and tells how many of the pixels have a say. Of
    more blocks than there is room for, the first and the last are drawn, and those between after which most more have.

    Parameters
    ----------
    image : array (Y, X, C) of uint8
    maps : mapping of array (Y, X)
        By the name of the block: see :func:`minivit.look.influence`.
    """
    values = [*maps.values()]
    counts = [np.count_nonzero(share) for share in values]
    between = sorted(range(1, len(values) - 1), key=lambda i: counts[i - 1] - counts[i])[: ACROSS - 3]
    drawn = sorted({0, *between, len(values) - 1})
    seen = {f"{i + 1}: {counts[i] / values[i].size:.0%}": values[i] for i in drawn}
    return panels({"image": image, **seen})
