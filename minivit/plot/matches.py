"""Images and captions, and how alike they are to a model."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np

from minivit.plot.figure import (
    SMALL,
    TEXT,
    Figure,
    check_images,
    check_lengths,
    contrasting,
    new_figure,
    set_title,
    show_image,
)
from minivit.types import Float, UInt8, ndarray

WRAP = 26  # letters in a line of a caption


def matches(images: UInt8[ndarray, "N Y X C"], captions: Sequence[str], similarity: Float[ndarray, "N S"]) -> Figure:
    """The similarity matrix: a row for each image, a column for each caption, cosines as colours and as numbers.

    Where images and captions are as many, those of one place belong together: a model that knows them has the largest
    number of each row, and of each column, on the diagonal. The largest number of each row is printed bold.

    Parameters
    ----------
    images : uint8 (N, Y, X, C)
    captions : S texts
    similarity : (N, S)
    """
    check_images(images)
    check_lengths(len(images), similarity=similarity)
    check_lengths(len(captions), similarity=similarity.T)
    N, S = similarity.shape
    lines = [fill(caption, WRAP) for caption in captions]
    foot = 0.16 + 0.075 * max(max(map(len, line.split("\n"))) for line in lines)
    figure = new_figure(0.6 + 0.55 * N + foot)
    grid = figure.add_gridspec(N, 2, width_ratios=(1, max(S, 2)), wspace=0.03, hspace=0.06)
    for panel, image in zip((figure.add_subplot(grid[i, 0]) for i in range(N)), images, strict=True):
        show_image(panel, image)
    ax = figure.add_subplot(grid[:, 1])
    shown = ax.imshow(similarity, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
    best = similarity.argmax(1)
    for i, row in enumerate(similarity):
        for s, value in enumerate(row):
            weight, colour = "bold" if s == best[i] else "normal", contrasting(shown.to_rgba(value))
            ax.text(s, i, f"{value:.2f}", ha="center", va="center", fontsize=SMALL, weight=weight, color=colour)
    ax.set_yticks([])
    ax.set_xticks(np.arange(S), lines, rotation=90, fontsize=SMALL)
    bar = figure.colorbar(shown, ax=ax, shrink=0.9, pad=0.02)
    bar.set_label("cosine", fontsize=TEXT)
    bar.ax.tick_params(labelsize=SMALL)
    set_title(figure, "How alike images and captions are (bold: what fits an image best)")
    return figure
