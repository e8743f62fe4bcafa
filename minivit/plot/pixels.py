"""Images that a model has drawn pixel by pixel, and halves of images that it has completed."""

from minivit.plot.figure import TEXT, Figure, check_images, check_lengths, set_title, show_image
from minivit.plot.images import image_panels
from minivit.types import UInt8, ndarray


def drawn(images: UInt8[ndarray, "N Y X C"], *, columns: int = 8, title: str = "Images that the model draws") -> Figure:
    """Contact sheet of images that belong to no class."""
    check_images(images)
    figure, panels = image_panels(len(images), columns, aspect=images.shape[1] / images.shape[2], text=0.05)
    for panel, image in zip(panels, images, strict=True):
        show_image(panel, image)
    set_title(figure, title)
    return figure


def completions(
    images: UInt8[ndarray, "N Y X C"], given: UInt8[ndarray, "N Y X C"], completed: UInt8[ndarray, "T N Y X C"]
) -> Figure:
    """Rows: what a model was given of each image, what it made of that in T trials, and the image."""
    check_images(images)
    check_lengths(len(images), given=given)
    rows = [("given", given), *((f"completed {i + 1}", row) for i, row in enumerate(completed)), ("true", images)]
    aspect = images.shape[1] / images.shape[2]
    figure, panels = image_panels(len(rows) * len(images), len(images), aspect=aspect, text=0.05)
    for i, (name, row) in enumerate(rows):
        check_lengths(len(images), **{name.replace(" ", "_"): row})
        here = panels[i * len(images) : (i + 1) * len(images)]
        for panel, image in zip(here, row, strict=True):
            show_image(panel, image)
        here[0].set_ylabel(name, fontsize=TEXT)
    set_title(figure, "What the model is given, what it draws below that, and what is there")
    return figure
