"""Sheets of images: what is in a data set, and what a model says about it."""

from collections.abc import Iterable, Sequence
from typing import Any

from minivit.plot.figure import (
    GREY,
    RED,
    TEXT,
    WIDTH,
    Axes,
    Figure,
    check_images,
    check_lengths,
    new_figure,
    set_title,
    show_image,
)
from minivit.terminal import one_line, shortened
from minivit.types import Float, Int, UInt8, ndarray

LONGEST_NAME = 40
"""Characters of the name of a class."""

AS_IT_IS: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Options of a text that somebody else has written: ``$5_$`` is no formula."""


def samples(
    images: UInt8[ndarray, "N Y X C"],
    labels: Int[ndarray, "N"],
    class_names: Sequence[str],
    *,
    columns: int = 8,
    title: str = "Images and their classes",
) -> Figure:
    """Contact sheet: every image, or spectrogram, with the name of its class."""
    check_images(images)
    check_lengths(len(images), labels=labels)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.25)
    names = [class_name(class_names, label) for label in labels]
    size = text_size(names, columns)
    for panel, image, name in zip(panels, images, names, strict=True):
        show_image(panel, image)
        panel.set_xlabel(name, fontsize=size, **AS_IT_IS)
    set_title(figure, title)
    return figure


def predictions(
    images: UInt8[ndarray, "N Y X C"],
    labels: Int[ndarray, "N"],
    probabilities: Float[ndarray, "N classes"],
    class_names: Sequence[str],
    *,
    columns: int = 6,
) -> Figure:
    """Contact sheet of a model: the true class above each image; below it the most probable one, marked ✓ or ✗."""
    check_images(images)
    check_lengths(len(images), labels=labels, probabilities=probabilities)
    guesses, surety = probabilities.argmax(1), probabilities.max(1)
    right = guesses == labels
    truths = [class_name(class_names, label) for label in labels]
    answers = [
        f"{'✓' if ok else '✗'} {class_name(class_names, guess)} {probability:.0%}"
        for ok, guess, probability in zip(right, guesses, surety, strict=True)
    ]
    size = text_size(answers, columns)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.5)
    for panel, image, truth, answer, ok in zip(panels, images, truths, answers, right, strict=True):
        show_image(panel, image, frame=GREY if ok else RED, width=0.5 if ok else 3)
        panel.set_title(truth, fontsize=size, pad=5, **AS_IT_IS)
        panel.set_xlabel(answer, fontsize=size, color="black" if ok else RED, **AS_IT_IS)
    set_title(figure, f"{right.sum()} of {len(images)} right: the class above, the prediction below")
    return figure


def reconstructions(
    images: UInt8[ndarray, "N Y X C"], seen: UInt8[ndarray, "N Y X C"], guessed: UInt8[ndarray, "N Y X C"]
) -> Figure:
    """Three rows: what a model was shown of each image, what it makes of that, and the image."""
    check_images(images)
    check_lengths(len(images), seen=seen, guessed=guessed)
    rows = {"shown": seen, "guessed": guessed, "true": images}
    figure, panels = image_panels(3 * len(images), len(images), aspect=images.shape[1] / images.shape[2], text=0.05)
    for i, (name, row) in enumerate(rows.items()):
        here = panels[i * len(images) : (i + 1) * len(images)]
        for panel, image in zip(here, row, strict=True):
            show_image(panel, image)
        here[0].set_ylabel(name, fontsize=TEXT)
    set_title(figure, "What the model is shown, what it guesses, and what is there")
    return figure


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
