"""Sheets of images: what is in a data set, and what a model says about it."""

from collections.abc import Sequence

from minivit.plot.figure import (
    AS_IT_IS,
    GREY,
    RED,
    TEXT,
    Figure,
    check_images,
    check_lengths,
    class_name,
    image_panels,
    set_title,
    show_image,
    text_size,
)
from minivit.types import Float, Int, UInt8, ndarray


def samples(
    images: UInt8[ndarray, "N Y X C"], labels: Int[ndarray, "N"], class_names: Sequence[str], *, columns: int = 8
) -> Figure:
    """Contact sheet: every image with the name of its class."""
    check_images(images)
    check_lengths(len(images), labels=labels)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.25)
    names = [class_name(class_names, label) for label in labels]
    size = text_size(names, columns)
    for panel, image, name in zip(panels, images, names, strict=True):
        show_image(panel, image)
        panel.set_xlabel(name, fontsize=size, **AS_IT_IS)
    set_title(figure, "Images and their classes")
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
