"""Masks over images, and the clicks and boxes that asked for them."""

from collections.abc import Sequence

import numpy as np

from minivit.plot.boxes import outline
from minivit.plot.figure import TEXT, Axes, Figure, check_images, check_lengths, set_title, show_image
from minivit.plot.images import image_panels
from minivit.types import Bool, Float, Int, UInt8, ndarray

MASK = (0.15, 0.75, 1.0)  # red, green, blue
COLOURS = {1: "lime", 0: "red"}


def prompted_masks(
    images: UInt8[ndarray, "N Y X C"],
    masks: Bool[ndarray, "N Y X"],
    points: Float[ndarray, "N K 2"],
    labels: Int[ndarray, "N K"],
    boxes: Float[ndarray, "N 4"] | None = None,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 6,
) -> Figure:
    """Contact sheet: a mask over each image, and the prompt that it answers.

    Parameters
    ----------
    images : uint8 (N, Y, X, C)
    masks : bool (N, Y, X)
    points, labels : (N, K, 2) and (N, K)
        Clicks x, y in pixels: green on the object (label 1), red beside it (label 0). Others are not drawn.
    boxes : (N, 4), optional
        x0, y0, x1, y1 in pixels.
    titles : one for each image, optional
    columns : int
    """
    check_images(images)
    check_lengths(len(images), masks=masks, points=points, labels=labels)
    text = 0.25 if titles else 0.08
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=text)
    for i, panel in enumerate(panels):
        show_image(panel, images[i])
        _lay_over(panel, masks[i])
        if boxes is not None:
            outline(panel, boxes[i], "white")
        for (x, y), label in zip(points[i], labels[i], strict=True):
            if label in COLOURS:
                panel.plot(x, y, "*", color=COLOURS[int(label)], markersize=11, markeredgecolor="black")
        if titles:
            panel.set_xlabel(titles[i], fontsize=TEXT)
    beside = " and beside them (red)" if np.any(np.asarray(labels) == 0) else ""
    set_title(figure, f"What a click means: masks (blue), clicks on objects (green){beside}")
    return figure


def _lay_over(ax: Axes, mask: ndarray) -> None:
    """The mask, half transparent, and its outline."""
    colours = np.zeros((*mask.shape, 4))
    colours[mask] = (*MASK, 0.5)
    ax.imshow(colours, interpolation="nearest")
    if mask.any() and not mask.all():
        ax.contour(mask, levels=[0.5], colors=[MASK], linewidths=1.5)
