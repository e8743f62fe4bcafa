"""What all pictures share: size, colours, type sizes, and how an image or a panel is laid out."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minivit.files import replace_file
from minivit.terminal import one_line, shortened
from minivit.types import UInt8, ndarray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:  # matplotlib takes half a second to import, so only what draws imports it
    Axes = Figure = Any

WIDTH = 9.0
"""Inches. At 100 dots per inch this is the width of a notebook or a README, so sizes in points are what one sees."""

TITLE, TEXT, SMALL = 13, 11, 9.5
"""Type sizes in points."""

LONGEST_NAME = 40
"""Characters of the name of a class."""

AS_IT_IS: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Options of a text that somebody else has written: ``$5_$`` is no formula."""

BLUE, RED, GREY = "#0072B2", "#D55E00", "#595959"
"""Colours told apart with any kind of colour vision (Okabe and Ito 2008, "Color Universal Design"), and grey."""


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make an empty figure of this size in inches."""
    from minivit.plot.picture import Picture

    figure = Picture(figsize=(width, height), layout="constrained")
    layout: Any = figure.get_layout_engine()
    margin = 0.01
    layout.set(rect=(margin, margin, 1 - 2 * margin, 1 - 2 * margin))
    return figure


def new_panel(height: float, width: float = WIDTH) -> Axes:
    """Make a figure of this size in inches with a single panel in it, which a notebook shows as it shows a figure."""
    from minivit.plot.picture import Panel

    return new_figure(height, width).add_subplot(axes_class=Panel)


def set_title(figure: Figure, text: str) -> None:
    """Write a title over all panels, at the left like the titles of single panels."""
    figure.suptitle(text, fontsize=TITLE, x=0.014, horizontalalignment="left")


def class_name(class_names: Sequence[str], label: Any) -> str:
    """The name of a class on one line that is not too long; it may be anything that a folder can be called."""
    return shortened(one_line(class_names[int(label)]), LONGEST_NAME)


def text_size(texts: Iterable[str], columns: int) -> float:
    """Points in which the longest of the texts fits below one of so many columns; a letter is 0.6 of its size wide."""
    longest = max(1, *map(len, texts))
    return min(TEXT, 72 * 0.92 * WIDTH / columns / (0.6 * longest))


def image_panels(count: int, columns: int, *, aspect: float, text: float) -> tuple[Figure, list[Axes]]:
    """Make a figure with one panel per image, row by row.

    Parameters
    ----------
    count, columns : int
    aspect : float
        Rows of an image divided by its columns.
    text : float
        Inches that the words above and below an image need.
    """
    if columns < 1:
        raise ValueError(f"columns is {columns}; expected at least 1")
    rows = -(-count // columns)
    figure = new_figure(rows * (aspect * 0.92 * WIDTH / columns + text) + 0.4)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in panels[count:]:
        panel.axis("off")
    return figure, panels[:count]


def show_image(ax: Axes, image: UInt8[ndarray, "Y X C"], *, frame: str = GREY, width: float = 0.5) -> None:
    """Draw an image of one or three channels, in a frame of this colour and width in points."""
    grey = image.shape[2] == 1
    ax.imshow(image[:, :, 0] if grey else image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    bare(ax, frame, width)


def bare(ax: Axes, frame: str = GREY, width: float = 0.5) -> None:
    """Take the ticks away, for panels where the pixels' numbers say nothing."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=frame, linewidth=width)


def check_images(images: ndarray) -> None:
    """Say it in one sentence when these are not stored pixels: normalised images would be drawn wrong, in silence."""
    if images.dtype != np.uint8:
        raise TypeError(f"images have dtype {images.dtype}; expected uint8, the pixels before normalisation")
    if images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) == 0:
        raise ValueError(f"images have shape {images.shape}; expected (N, Y, X, 1 or 3) with at least one image")


def check_lengths(count: int, **arrays: Any) -> None:
    """Say it in one sentence when there is not one of each for every image."""
    for name, array in arrays.items():
        if len(array) != count:
            raise ValueError(f"there are {count} images and {len(array)} {name}; expected as many")


def save(picture: Axes | Figure, path: str | Path) -> None:
    """Write a picture to a file, as a whole or not at all; the suffix says how (png, svg, pdf; png without one)."""
    figure: Any = picture.figure  # of a Figure, this is the figure itself
    path, content = Path(path), BytesIO()
    figure.savefig(content, dpi=150, format=path.suffix[1:] or "png")
    replace_file(path if path.suffix else path.with_suffix(".png"), content.getvalue())
