"""What a detector says: boxes with classes over images, what each query usually finds, and where it looks."""

from collections.abc import Sequence

import numpy as np

from minivit.ops.average_precision import Found
from minivit.plot.boxes import outline
from minivit.plot.figure import (
    GREY,
    SMALL,
    TEXT,
    Axes,
    Figure,
    check_images,
    check_lengths,
    contrasting,
    set_title,
    show_image,
)
from minivit.plot.images import AS_IT_IS, class_name, image_panels
from minivit.plot.segments import colour
from minivit.types import Float, Share, UInt8, ndarray


def detections(
    images: UInt8[ndarray, "N Y X C"],
    found: Sequence[Found],
    class_names: Sequence[str],
    *,
    threshold: Share = 0.5,
    columns: int = 4,
) -> Figure:
    """Contact sheet: over each image the boxes that have a score of at least ``threshold``, and what they are.

    A class has the colour that it has on maps of classes, behind the background.

    Parameters
    ----------
    images : uint8 (N, Y, X, C)
    found : for each image
        Its boxes (n, 4), x0, y0, x1, y1 in pixels, with scores and class numbers.
    class_names : list of str
    threshold : float
    columns : int
    """
    check_images(images)
    check_lengths(len(images), found=found)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.2)
    for panel, image, its in zip(panels, images, found, strict=True):
        show_image(panel, image)
        sure = [i for i in np.argsort(-its.scores, kind="stable").tolist() if its.scores[i] >= threshold]
        for i in reversed(sure):  # the best lies above the others
            outline(panel, its.shapes[i], _colour(its, i))
            _name(panel, its, i, class_names)
        if not sure:
            panel.set_xlabel("nothing", fontsize=TEXT, color=GREY)
    set_title(figure, f"What is where: boxes that the model holds for right by {threshold:.0%} and more")
    return figure


def _colour(found: Found, i: int) -> tuple[float, float, float]:
    """That of its class, the first of which is the background."""
    return colour(int(found.labels[i]) + 1)


def _name(panel: Axes, found: Found, i: int, class_names: Sequence[str]) -> None:
    """What a box is, with its score, at its upper left corner."""
    x0, y0, *_ = found.shapes[i]
    text = f"{class_name(class_names, found.labels[i])} {found.scores[i]:.0%}"
    back = _colour(found, i)
    label = {"boxstyle": "square,pad=0.15", "facecolor": back, "edgecolor": "none"}
    ink = contrasting(back)
    panel.text(x0 - 0.5, y0 - 0.5, text, fontsize=SMALL, color=ink, va="bottom", bbox=label, clip_on=True, **AS_IT_IS)


def query_habits(boxes: Float[ndarray, "N Q 4"], *, most: int = 20) -> Figure:
    """For each query a square that stands for all images: a point where it puts the middle of its box on each of them.

    Tall boxes are blue, wide ones red, and others green; large ones have large points.

    Parameters
    ----------
    boxes : (N, Q, 4)
        cx, cy, w, h of each query on each image, as shares of its sides.
    most : int
        Of so many queries alone.

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", figure 7.
    """
    boxes = boxes[:, :most]
    figure, panels = image_panels(boxes.shape[1], 5, aspect=1.0, text=0.3)
    width, height = boxes[..., 2], boxes[..., 3]
    wide, tall = width > 1.15 * height, height > 1.15 * width
    colours = np.stack((wide, ~wide & ~tall, tall), axis=-1)  # red, green, blue
    for query, panel in enumerate(panels):
        panel.scatter(
            boxes[:, query, 0],
            boxes[:, query, 1],
            s=60 * np.sqrt(width[:, query] * height[:, query]),
            c=0.8 * colours[:, query].astype(float),
            alpha=0.5,
            linewidths=0,
        )
        panel.set_xlim(0, 1)
        panel.set_ylim(1, 0)  # rows count downwards
        panel.set_aspect("equal")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_xlabel(f"query {query}", fontsize=TEXT)
    set_title(figure, "What each query finds, image by image: tall boxes are blue, wide ones red, others green")
    return figure


def object_attention(
    image: UInt8[ndarray, "Y X C"],
    found: Found,
    weights: Float[ndarray, "n rows columns"],
    class_names: Sequence[str],
    *,
    title: str = "Where the decoder looks for each object",
) -> Figure:
    """An image with its boxes, and beside it for each of them where it was looked for it.

    Parameters
    ----------
    image : uint8 (Y, X, C)
    found : Found
        n boxes in pixels.
    weights : (n, rows, columns)
        Attention of each box's query to the map, a mean over heads.
    class_names : list of str

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", figure 6.
    """
    check_lengths(len(found.scores), weights=weights)
    figure, panels = _panels(len(weights), image)
    show_image(panels[0], image)
    panels[0].set_xlabel("boxes", fontsize=TEXT)
    for i, (panel, map_) in enumerate(zip(panels[1:], weights, strict=True)):
        its_colour = _colour(found, i)
        outline(panels[0], found.shapes[i], its_colour)
        _attention_over(panel, image, map_)
        outline(panel, found.shapes[i], its_colour)
        text = f"{class_name(class_names, found.labels[i])} {found.scores[i]:.0%}"
        panel.set_xlabel(text, fontsize=TEXT, color=its_colour, **AS_IT_IS)
    set_title(figure, title)
    return figure


def pixel_attention(
    image: UInt8[ndarray, "Y X C"],
    weights: Float[ndarray, "rows columns rows2 columns2"],
    places: Sequence[tuple[int, int]],
) -> Figure:
    """Where some places of the map look: for each (row, column) its attention over the image, and itself in red.

    Parameters
    ----------
    image : uint8 (Y, X, C)
    weights : (rows, columns, rows, columns)
        Of the encoder's self-attention, a mean over heads: from each place to each.
    places : (row, column) of the map

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", figure 3.
    """
    rows, columns = weights.shape[:2]
    Y, X, _ = image.shape
    figure, panels = _panels(len(places), image)
    show_image(panels[0], image)
    panels[0].set_xlabel("image", fontsize=TEXT)
    for panel, (row, column) in zip(panels[1:], places, strict=True):
        _attention_over(panel, image, weights[row, column])
        x, y = (column + 0.5) * X / columns - 0.5, (row + 0.5) * Y / rows - 0.5
        panel.plot(x, y, "o", color="red", markersize=7, markeredgecolor="white")
        panel.set_xlabel(f"row {row}, column {column}", fontsize=TEXT)
    set_title(figure, "Where the encoder looks from a place (red)")
    return figure


def _panels(count: int, image: ndarray) -> tuple[Figure, list[Axes]]:
    """One for the image, and so many beside it."""
    columns = max(2, min(5, count + 1))
    return image_panels(count + 1, columns, aspect=image.shape[0] / image.shape[1], text=0.3)


def _attention_over(panel: Axes, image: ndarray, weights: ndarray) -> None:
    """A map of attention, as large as the image, over a pale image."""
    Y, X, _ = image.shape
    show_image(panel, (255 - (255 - image.astype(np.int64)) // 3).astype(np.uint8))
    panel.imshow(weights, extent=(-0.5, X - 0.5, Y - 0.5, -0.5), cmap="magma", alpha=0.6, interpolation="bilinear")
