"""Boxes on images: where the objects are, and where a model says that they are."""

from collections.abc import Sequence

from minivit.plot.figure import RED, Axes, Figure, check_images, check_lengths, set_title, show_image
from minivit.plot.images import image_panels
from minivit.types import UInt8, ndarray

Boxes = Sequence[ndarray] | ndarray
WHITE = "white"


def boxes(images: UInt8[ndarray, "N Y X C"], truths: Boxes, guesses: Boxes, *, columns: int = 8) -> Figure:
    """Contact sheet: on each image the true boxes in white, and those of a model in orange.

    Parameters
    ----------
    images : uint8 (N, Y, X, C)
    truths, guesses : one array (boxes, 4) or (4,) for each image
        x0, y0, x1, y1 in pixels; x1 and y1 are exclusive.
    columns : int
    """
    check_images(images)
    check_lengths(len(images), truths=truths, guesses=guesses)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.08)
    for panel, image, true, guessed in zip(panels, images, truths, guesses, strict=True):
        show_image(panel, image)
        outline(panel, true, WHITE)
        outline(panel, guessed, RED)
    set_title(figure, "Where the objects are (white), and where the model says that they are (orange)")
    return figure


def outline(ax: Axes, found: ndarray, colour: str | tuple[float, float, float]) -> None:
    """Draw boxes, (4,) or (boxes, 4), over an image."""
    from matplotlib.patches import Rectangle

    for x0, y0, x1, y1 in found.reshape(-1, 4):  # the centre of the first pixel is at 0, its edge at -0.5
        ax.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=2))
