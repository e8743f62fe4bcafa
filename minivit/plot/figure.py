"""What all pictures share: size, colours, type sizes, and how an image or a panel is laid out."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minivit.files import replace_file, with_ending
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

BLUE, RED, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#595959"
"""Colours told apart with any kind of colour vision (Okabe and Ito 2008, "Color Universal Design"), and grey."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""How bright red, green and blue are (ITU-R BT.709)."""

STYLES = ((BLUE, "o", "-"), (RED, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"))
"""Colour, marker and dash of the first to the fourth curve: told apart without colour too."""


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


def labelled(ax: Axes, xlabel: str, ylabel: str) -> Axes:
    """The panel of a diagram, with the names of its axes and without what nobody looks at."""
    ax.set_xlabel(xlabel, fontsize=TEXT)
    ax.set_ylabel(ylabel, fontsize=TEXT)
    ax.tick_params(labelsize=SMALL)
    ax.grid(axis="y", color=GREY, alpha=0.2, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def signed_colours() -> Any:
    """A colour map with orange for numbers below zero, white for zero, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("orange-white-blue", [RED, "white", BLUE])


def contrasting(background: Sequence[float] | ndarray) -> str:
    """White or black, whichever can be read better on this colour."""
    return "white" if np.array(background[:3]) ** 2.2 @ LUMINANCE < 0.18 else "black"


def set_title(figure: Figure, text: str) -> None:
    """Write a title over all panels, at the left like the titles of single panels."""
    figure.suptitle(text, fontsize=TITLE, x=0.014, horizontalalignment="left")


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
    """Write a picture to a file, as a whole or not at all; the suffix says how (png, svg, pdf; png without one).

    Raises
    ------
    ValueError
        If pictures of this suffix cannot be written.
    OSError
        If the file cannot be written.
    """
    figure: Any = picture.figure  # of a Figure, this is the figure itself
    path, content = picture_path(path), BytesIO()
    figure.savefig(content, dpi=150, format=path.suffix[1:])
    replace_file(path, content.getvalue())


def picture_path(path: str | Path) -> Path:
    """Where :func:`save` writes to (errors are the same)."""
    from matplotlib.backend_bases import FigureCanvasBase

    path = with_ending(path, ".png")
    known = [
        kind for kind in FigureCanvasBase.get_supported_filetypes() if kind != "pgf"
    ]  # LaTeX would have to draw it
    if path.suffix[1:].lower() not in known:
        raise ValueError(f"{path} is no name for a picture: it ends in {path.suffix}; expected {', '.join(known)}")
    return path
