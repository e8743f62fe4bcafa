"""Pictures of the lecture on the Vision Transformer: the wall of memory, patches, the model as it grows, pyramids."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minivit.ops.patches import patchify_forward
from minivit.ops.softmax import softmax_forward
from minivit.plot.embedding import mosaic
from minivit.plot.figure import (
    BLUE,
    GREY,
    RED,
    SMALL,
    STYLES,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    labelled,
    new_figure,
    new_panel,
    show_image,
    signed_colours,
)
from minivit.types import UInt8, ndarray, pair

GIB = 2**30


def attention_wall(
    curves: Mapping[str, tuple[ndarray, ndarray]],
    marks: Mapping[str, tuple[float, float]],
    measured: tuple[ndarray, ndarray] | None = None,
    *,
    title: str = "Twice the side is sixteen times the memory",
    ax: Axes | None = None,
) -> Axes:
    """Draw the bytes that attention weights take over the side of the image, both axes logarithmic.

    Parameters
    ----------
    curves : {label: (sides, bytes)}
    marks : {text: (side, bytes)}
        Points to name, the first above its curve, all others below.
    measured : (sides, bytes), optional
        Drawn as rings.
    """
    ax = labelled(ax or new_panel(4.6, WIDTH), "image side R (pixels)", "attention weights kept for backward")
    for (name, (sides, values)), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(sides, values, color=colour, linestyle=dash, linewidth=2.2, label=name)
    if measured:
        ax.plot(
            *measured, "o", markersize=9, markerfacecolor="none", markeredgewidth=1.8, color="black", label="measured"
        )
    for number, (text, (side, size)) in enumerate(marks.items()):
        ax.plot(side, size, "X", color="black", markersize=9)
        place, ha, va = ((-10, 4), "right", "baseline") if number == 0 else ((8, -6), "left", "top")
        ax.annotate(text, (side, size), place, textcoords="offset points", fontsize=TEXT, ha=ha, va=va)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    first = min(sides[0] for sides, _ in curves.values())
    last = max(sides[-1] for sides, _ in curves.values())
    ax.set_xticks(2 ** np.arange(np.log2(first), np.log2(last) + 1))
    ax.xaxis.set_major_formatter("{x:.0f}")
    names = ("1 KiB", "32 KiB", "1 MiB", "32 MiB", "1 GiB", "32 GiB", "1 TiB", "32 TiB")
    ax.set_yticks([2.0 ** (10 + 5 * i) for i in range(len(names))], labels=names)
    ax.set_ylim(2**9, 2**46)
    ax.minorticks_off()
    ax.axhline(16 * GIB, color=GREY, linewidth=1, linestyle=":")
    ax.text(first, 16 * GIB, "16 GiB, a laptop", va="bottom", color=GREY, fontsize=SMALL)
    ax.legend(fontsize=TEXT, frameon=False, loc="lower right")
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def cut_into_patches(image: UInt8[ndarray, "Y X C"], patch_size: int) -> Figure:
    """Draw an image, the same cut into patches, and the patches in a row as the sequence they become."""
    P, _ = pair(patch_size)
    Y, X, C = image.shape
    patches, _ = patchify_forward(image[None].astype(np.float32), patch_size=P)  # (1, N, P*P*C)
    tiles = patches.reshape(Y // P, X // P, P, P, C)
    figure = new_figure(4.3)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[3, 1]).flat
    left, right = top.subplots(1, 2)
    show_image(left, image)
    left.set_xlabel(f"{Y} × {X} pixels, {C} colours", fontsize=TEXT)
    gap = max(1, P // 4)
    show_image(right, mosaic(tiles, gap=gap, fill=255).astype(np.uint8))
    right.set_xlabel(f"{Y // P} × {X // P} = {patches.shape[1]} patches of {P} × {P}", fontsize=TEXT)
    row = bottom.subplots()
    N = patches.shape[1]
    shown = min(16, N)
    start = (N - shown) // 2  # the middle of the image says more than its corner
    part = tiles.reshape(1, N, P, P, C)[:, start : start + shown]
    show_image(row, mosaic(part, gap=gap, fill=255).astype(np.uint8), frame="white")
    words = "the sequence" if shown == N else f"patches {start + 1} to {start + shown} of the sequence"
    row.set_xlabel(f"{words}: each patch is a row of {P * P * C} numbers", fontsize=TEXT)
    for ax in (right, row):
        ax.spines[:].set_visible(False)
    return figure


class Stage(NamedTuple):
    """How one array on the way from an image to its class is drawn, and what is written beside it."""

    height: float  # inches
    title: str
    formula: str


STAGES = {
    "image": Stage(1.5, "the image", "$x$"),
    "patches": Stage(0.3, "cut into patches", "$N = HW / P^2$, numbered from 1"),
    "rows": Stage(0.96, "each flattened: a row", "$x_p$, $P^2 C$ numbers"),
    "tokens": Stage(0.55, "projected: tokens", "$x_p E$, one matrix for all"),
    "with_class": Stage(0.55, "a class token in front", "$[x_{class};\\; x_p E]$, number 0"),
    "positions": Stage(0.55, "a vector for each position", "$E_{pos}$"),
    "z0": Stage(0.55, "their sum", "$z_0 = [x_{class};\\; x_p E] + E_{pos}$"),
    "zL": Stage(0.55, "what the encoder gives", "$z_L$"),
    "logits": Stage(0.9, "the head reads token 0", "drawn: softmax of the logits"),
}
"""In their order. The arrays of :func:`vit_so_far` bear these names."""

COLUMNS = 5.9  # inches, of all tokens side by side
GAP = 0.34  # inches between two stages
ENCODER = 1.3  # inches, of the box above what the encoder gives


def vit_so_far(stages: Mapping[str, ndarray], *, depth: int = 0, class_names: Sequence[str] = ()) -> Axes:
    """Draw a Vision Transformer as far as it has been computed: every array below the one that it was made of.

    A token is a column, and keeps its place from picture to picture. Each array of numbers has a colour scale of its
    own, orange for its largest negative and blue for its largest positive number, and the picture says so.

    Parameters
    ----------
    stages : {name: array}
        The first of ``STAGES``, as many as there are: an image (Y, X, C) of pixels, its patches (N, P, P, C), then
        arrays with a row for each patch or token, and at last one number for each class.
    depth : int
        Number of blocks of the encoder.
    class_names : sequence of str
        Needed for the logits.
    """
    known = [*STAGES][: len(stages)]
    if not stages or [*stages] != known:
        raise ValueError(f"stages are {', '.join(stages) or 'none'}; expected them in the order {', '.join(STAGES)}")
    tops, height = {}, 0.1
    for name in stages:
        height += (ENCODER + GAP) * (name == "zL")
        tops[name] = height
        height += STAGES[name].height + GAP
    ax = new_panel(height + 0.1, WIDTH)
    figure: Any = ax.figure
    figure.set_layout_engine("none")
    ax.set(position=(0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height + 0.1, 0))  # an inch is an inch in every picture
    ax.axis("off")
    columns = len(stages["patches"]) + 1 if "patches" in stages else 1
    pitch = COLUMNS / columns
    centres = 0.05 + pitch * (np.arange(columns) + 0.5)  # of the tokens, the class token first
    for name, array in stages.items():
        top, bottom = tops[name], tops[name] + STAGES[name].height
        here = centres[columns - len(array) :]
        if name == "image":
            _image(ax, array, top, bottom)
        elif name == "patches":
            _fan(ax, array, stages["image"], here, (tops["image"], top))
            _strip(ax, array / 255, here, top, bottom)
        elif name == "logits":
            _bars(ax, array, class_names, centres[0], top, bottom)
        else:
            _strip(ax, _colours(array), here, top, bottom)
            if name == "zL":
                _encoder(ax, centres, top - GAP - ENCODER, depth)
            elif name == "positions":
                ax.text(centres[0], top - GAP / 2, "+", ha="center", va="center", fontsize=TITLE)
            else:
                _ways(ax, here if name == "z0" else centres[1:], top - GAP, top)
        _label(ax, name, array, top, is_new=name == known[-1])
    if len(stages) > 2:
        words = "each row of numbers has its own colours: orange negative, white zero, blue positive"
        ax.text(0.05, height, words, fontsize=SMALL, color=GREY, va="center")
    return ax


def _image(ax: Axes, image: ndarray, top: float, bottom: float) -> None:
    half = (bottom - top) / 2 * image.shape[1] / image.shape[0]
    ax.imshow(
        image,
        extent=(COLUMNS / 2 - half, COLUMNS / 2 + half, bottom, top),
        aspect="auto",
        interpolation="nearest",
        zorder=2,
    )


def _fan(ax: Axes, patches: ndarray, image: ndarray, centres: ndarray, tops: tuple[float, float]) -> None:
    """The cuts through the image, and a line from each patch to its place in the row."""
    _, P, Q, _ = patches.shape
    rows, columns = image.shape[0] // P, image.shape[1] // Q
    side = STAGES["image"].height / rows
    left = COLUMNS / 2 - side * columns / 2
    for row in range(1, rows):
        ax.plot([left, left + side * columns], [tops[0] + row * side] * 2, color="white", linewidth=1.2, zorder=3)
    for column in range(1, columns):
        ax.plot([left + column * side] * 2, [tops[0], tops[0] + rows * side], color="white", linewidth=1.2, zorder=3)
    shade = {"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 1.5}
    for n, centre in enumerate(centres):
        row, column = divmod(n, columns)
        start = left + (column + 0.5) * side, tops[0] + (row + 0.5) * side
        ax.plot([start[0], centre], [start[1], tops[1]], color=GREY, linewidth=0.7, zorder=1)
        ax.text(*start, str(n + 1), ha="center", va="center", color="white", fontsize=SMALL, bbox=shade, zorder=4)


def _strip(ax: Axes, tiles: ndarray, centres: ndarray, top: float, bottom: float) -> None:
    """Tiles of colours (n, height, width, 3) side by side, the middle of each at its place."""
    width = tiles.shape[2]
    gap = max(1, width // 8)
    half = (centres[-1] - centres[-2]) * width / (width + gap) / 2
    picture = mosaic(tiles[None], gap=gap, fill=1.0)
    ax.imshow(
        picture,
        extent=(centres[0] - half, centres[-1] + half, bottom, top),
        aspect="auto",
        interpolation="nearest",
        zorder=2,
    )
    ends = np.stack((centres - half, centres + half))
    ax.vlines(ends, top, bottom, color=GREY, linewidth=0.5, zorder=3)
    for y in (top, bottom):
        ax.hlines(np.full(len(centres), y), *ends, color=GREY, linewidth=0.5, zorder=3)


def _colours(array: ndarray) -> ndarray:
    """Rows of numbers (n, D) as tiles (n, D, 8, 3) of colours."""
    colours = signed_colours()
    tile = colours(0.5 + 0.5 * array / np.abs(array).max())[..., :3]  # (n, D, 3)
    return np.repeat(tile[:, :, None], 8, axis=2)


def _ways(ax: Axes, centres: ndarray, top: float, bottom: float) -> None:
    ax.vlines(centres, top + 0.04, bottom - 0.04, color=GREY, linewidth=0.8)


def _encoder(ax: Axes, centres: ndarray, top: float, depth: int) -> None:
    """A box for all blocks: attention leads from every token to every other, the MLP from each to itself."""
    from matplotlib.patches import FancyBboxPatch

    half = (centres[1] - centres[0]) / 2
    left, width, height = centres[0] - half, centres[-1] - centres[0] + 2 * half, ENCODER - 0.1
    for shift in (0.1, 0.05, 0):  # blocks behind blocks
        box = FancyBboxPatch(
            (left + shift, top + shift), width - 0.1, height - 0.1, boxstyle="round,pad=0,rounding_size=0.08"
        )
        box.set(facecolor="white", edgecolor=GREY, linewidth=1, zorder=1)
        ax.add_patch(box)
    _ways(ax, centres, top - GAP, top)
    _ways(ax, centres, top + height + 0.06, top + ENCODER + GAP)
    ends = np.stack(np.broadcast_arrays(centres[:, None], centres[None]), axis=-1).reshape(-1, 2)
    above, below = top + 0.08, top + 0.62
    for start, end in ends:
        ax.plot([start, end], [above, below], color=BLUE, linewidth=0.4, alpha=0.35, zorder=2)
    ax.vlines(centres, below, top + height - 0.17, color=BLUE, linewidth=2.4, zorder=2)
    x = COLUMNS + 0.2
    ax.text(x, top + 0.12, f"{depth} blocks", fontsize=TITLE, va="center")
    ax.text(x, top + 0.38, "attention: every token reads all", fontsize=SMALL, color=GREY, va="center")
    ax.text(x, top + 0.82, "MLP: each token by itself", fontsize=SMALL, color=GREY, va="center")


def _bars(ax: Axes, logits: ndarray, names: Sequence[str], x: float, top: float, bottom: float) -> None:
    """The head's answer: a bar for each class, with its name, and the way from token 0."""
    probabilities, _ = softmax_forward(logits.astype(float))
    places = np.linspace(0.35, COLUMNS - 0.3, len(logits))
    floor = bottom - 0.2
    ax.plot([x, x, places[-1]], [top - GAP + 0.04, top - 0.1, top - 0.1], color=GREY, linewidth=0.8)
    ax.vlines(places, top - 0.1, top, color=GREY, linewidth=0.8)
    ax.bar(places, -probabilities * (floor - top - 0.2), 0.3, bottom=floor, color=BLUE, zorder=2)
    ax.hlines(floor, places[0] - 0.25, places[-1] + 0.25, color=GREY, linewidth=0.8)
    for place, name, share in zip(places, names, probabilities, strict=True):
        ax.text(place, floor + 0.1, name, ha="center", va="center", fontsize=SMALL - 1)
        ax.text(place, floor - share * (floor - top - 0.2) - 0.03, f"{share:.0%}", ha="center", fontsize=SMALL - 1)


def _label(ax: Axes, name: str, array: ndarray, top: float, *, is_new: bool) -> None:
    """What a stage is, of which shape, and its formula."""
    _, title, formula = STAGES[name]
    shape = " × ".join(map(str, array.shape))
    x = COLUMNS + 0.2
    ax.text(x, top + 0.08, title, fontsize=TITLE, color=RED if is_new else "black", va="center")
    ax.text(x, top + 0.27, shape, fontsize=TEXT, va="center")
    ax.text(x, top + 0.44, formula, fontsize=SMALL, color=GREY, va="center")


PYRAMIDS = {
    "ViT-B/16": ((14, 768, 12),),
    "Swin-T": ((56, 96, 2), (28, 192, 2), (14, 384, 6), (7, 768, 2)),
    "ResNet-50": ((56, 256, 3), (28, 512, 4), (14, 1024, 6), (7, 2048, 3)),
}
"""Of each model, stage by stage: places along a side of its map, numbers at each place, blocks. Images of 224 x 224."""


def pyramids(models: Mapping[str, Sequence[tuple[int, int, int]]]) -> Figure:
    """Draw models from the side, block by block: as high as its map has rows, as blue as its tokens are wide.

    Parameters
    ----------
    models : {name: ((side, width, blocks), ...)}
        See ``PYRAMIDS``. All panels have the same scales.
    """
    from matplotlib.colors import LogNorm

    figure = new_figure(3.6)
    sizes = [stage for stages in models.values() for stage in stages]
    norm = LogNorm(min(width for _, width, _ in sizes) / 2, max(width for _, width, _ in sizes))
    longest = max(sum(blocks for _, _, blocks in stages) for stages in models.values())
    tallest = max(side for side, _, _ in sizes)
    for ax, (name, stages) in zip(figure.subplots(1, len(models), sharey=True), models.items(), strict=True):
        labelled(ax, "block", "places along a side" if name == next(iter(models)) else "")
        start = 1
        for side, width, blocks in stages:
            place = np.arange(start, start + blocks)
            ax.bar(place, side, 0.85, bottom=-side / 2, color=BLUE, alpha=float(norm(width)))
            text = f"{side}²\n× {width}"
            ax.text(start - 0.4, side / 2 + 1, text, va="bottom", fontsize=SMALL - 1.5)
            start += blocks
        ax.set(xlim=(-0.2, longest + 1.2), ylim=(-tallest / 2 - 2, tallest / 2 + 13), yticks=[])
        ax.locator_params("x", integer=True)
        ax.spines["left"].set_visible(False)
        ax.set_title(name, fontsize=TEXT, loc="left")
    return figure
