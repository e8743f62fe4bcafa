"""Maps of classes over images."""

from collections.abc import Sequence
from colorsys import hsv_to_rgb

import numpy as np

from minivit.plot.figure import TEXT, WIDTH, Figure, check_images, check_lengths, new_figure, set_title, show_image
from minivit.plot.images import AS_IT_IS, class_name
from minivit.types import Int, UInt8, ndarray

GOLDEN = 0.618  # of the circle of hues, from one class to the next: neighbours differ most
UNKNOWN = (0.5, 0.5, 0.5)
OPACITY = 0.85
PER_ROW = 2  # images, each with its maps beside it
LEGEND_COLUMNS = 6


def segments(
    images: UInt8[ndarray, "N Y X C"],
    said: Int[ndarray, "N Y X"],
    class_names: Sequence[str],
    *,
    truth: Int[ndarray, "N Y X"] | None = None,
) -> Figure:
    """Each image, beside it what a model says is at its pixels, and what is.

    Parameters
    ----------
    images : uint8 (N, Y, X, C)
    said, truth : integers (N, Y, X)
        Classes; class 0, the background, is left as it is, and grey is what belongs to none (255).
    class_names : sequence of str
    """
    check_images(images)
    check_lengths(len(images), said=said, **({} if truth is None else {"truth": truth}))
    maps = {"said": said} | ({} if truth is None else {"true": truth})
    across = (1 + len(maps)) * min(len(images), PER_ROW)
    down = -(-len(images) // PER_ROW)
    shown = np.unique(np.stack([*maps.values()]))
    names = {c: class_name(class_names, c) for c in shown.tolist() if 0 < c < len(class_names)}
    legend = 0.3 + 0.25 * -(-len(names) // LEGEND_COLUMNS)
    figure = new_figure(down * (images.shape[1] / images.shape[2] * 0.92 * WIDTH / across + 0.1) + 0.7 + legend)
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for panel in panels:
        panel.axis("off")
    for place, (panel, name) in enumerate(zip(panels, ("image", *maps) * PER_ROW, strict=False)):
        if place < across:
            panel.set_title(name, fontsize=TEXT)
    for i, image in enumerate(images):
        first, *others = panels[i * (1 + len(maps)) :]
        show_image(first, image)
        for panel, classes in zip(others, maps.values(), strict=False):
            show_image(panel, image.mean(-1, keepdims=True).astype(np.uint8))  # grey: colours are those of classes
            panel.imshow(coloured(classes[i], len(class_names)), interpolation="nearest")
    _add_legend(figure, names)
    set_title(figure, "What there is at each pixel")
    return figure


def coloured(classes: Int[ndarray, "Y X"], num_classes: int) -> ndarray:
    """Red, green, blue and opacity of each pixel, (Y, X, 4): nothing where the background is."""
    known = np.array([(*colour(c), OPACITY) for c in range(num_classes)])
    known[0] = 0
    return np.where((classes < num_classes)[..., None], known[classes.clip(0, num_classes - 1)], (*UNKNOWN, OPACITY))


def colour(label: int) -> tuple[float, float, float]:
    """Red, green and blue of a class."""
    return hsv_to_rgb(GOLDEN * (label - 1) % 1, 0.8, 0.95 if label % 2 else 0.7)


def _add_legend(figure: Figure, names: dict[int, str]) -> None:
    from matplotlib.patches import Patch

    if not names:
        return
    handles = [Patch(color=colour(c), label=name) for c, name in names.items()]
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS, fontsize=TEXT, frameon=False
    )
    for text in legend.get_texts():
        text.update(AS_IT_IS)
