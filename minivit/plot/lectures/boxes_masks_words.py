"""Pictures of the lecture on boxes, masks and words: who is given whom, a box that walks, and words as dots."""

from collections.abc import Mapping, Sequence

import numpy as np

from minivit.plot.boxes import outline
from minivit.plot.figure import (
    BLUE,
    GREY,
    RED,
    SMALL,
    STYLES,
    TEXT,
    WIDTH,
    Axes,
    Figure,
    bare,
    contrasting,
    labelled,
    new_figure,
    set_title,
    show_image,
    signed_colours,
)
from minivit.plot.segments import colour
from minivit.types import Float, Int, UInt8, ndarray


def matching(
    image: UInt8[ndarray, "Y X C"],
    guesses: Float[ndarray, "Q 4"],
    truths: Float[ndarray, "N 4"] | Int[ndarray, "N 4"],
    cost: Float[ndarray, "Q N"],
    pairs: tuple[Int[ndarray, "M"], Int[ndarray, "M"]],
    *,
    title: str = "Every object is given to one query",
) -> Figure:
    """An image with the boxes of objects in white and those of queries in colours; beside it what each pair costs.

    Parameters
    ----------
    image : uint8 (Y, X, C)
    guesses, truths : (Q, 4), (N, 4)
        x0, y0, x1, y1 in pixels.
    cost : (Q, N)
    pairs : (rows, columns)
        Who is given whom: framed in the matrix, and joined by a line in the image.
    """
    from matplotlib.patches import Rectangle

    figure = new_figure(4.6)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1.15, 1)})
    show_image(left, image)
    outline(left, truths, "white")
    for n, (x0, _, x1, y1) in enumerate(truths):
        _tag(left, (x0 + x1 - 1) / 2, y1 - 0.5, "ABCDEFGH"[n], "white", "top")
    for q, box in enumerate(guesses):
        outline(left, box, colour(int(q) + 1))
        _tag(left, box[0] - 0.5, box[1] - 0.5, str(q), colour(int(q) + 1), "bottom")
    for q, n in zip(*pairs, strict=True):
        ends = np.stack((_middle(guesses[q]), _middle(truths[n])), axis=1)
        left.plot(*ends, color=colour(int(q) + 1), marker=".", linewidth=2)
    left.set_xlabel("white: objects; colours: what queries say", fontsize=TEXT)
    limit = float(np.abs(cost).max())
    colours = signed_colours()
    right.imshow(cost, cmap=colours, vmin=-limit, vmax=limit, aspect="auto")
    for (q, n), value in np.ndenumerate(cost):
        ink = contrasting(colours(0.5 + 0.5 * value / limit))
        right.text(n, q, f"{value:.2f}".replace("-", "−"), ha="center", va="center", fontsize=TEXT, color=ink)
    for q, n in zip(*pairs, strict=True):
        right.add_patch(Rectangle((n - 0.47, q - 0.47), 0.94, 0.94, fill=False, edgecolor="black", linewidth=2.5))
    bare(right)
    right.set_xticks(range(len(truths)), list("ABCDEFGH"[: len(truths)]), fontsize=TEXT)
    right.set_yticks(range(len(guesses)), [f"query {q}" for q in range(len(guesses))], fontsize=TEXT)
    right.set_xlabel("what it costs to give an object to a query", fontsize=TEXT)
    set_title(figure, title)
    return figure


def _middle(box: ndarray) -> ndarray:
    return (box[:2] + box[2:] - 1) / 2


def _tag(ax: Axes, x: float, y: float, text: str, back: str | tuple[float, float, float], where: str) -> None:
    from matplotlib.colors import to_rgb

    label = {"boxstyle": "square,pad=0.12", "facecolor": back, "edgecolor": "none"}
    side = "left" if where == "bottom" else "center"
    ax.text(x, y, text, fontsize=SMALL, va=where, ha=side, bbox=label, color=contrasting(to_rgb(back)))


def overlaps(
    shifts: Float[ndarray, " n"], named: Mapping[str, tuple[Float[ndarray, " n"], Float[ndarray, " n"]]]
) -> Figure:
    """Two panels over how far a box has been moved: what each measure is, and its slope.

    Parameters
    ----------
    shifts : (n,)
    named : {name: (values (n,), slopes (n,))}
    """
    figure = new_figure(3.3)
    panels = figure.subplots(1, 2)
    for panel, place, words in zip(panels, (0, 1), ("value", "slope"), strict=True):
        labelled(panel, "how far to the left, in widths", words)
        for (name, both), (stroke, _, dash) in zip(named.items(), STYLES, strict=False):
            panel.plot(shifts, both[place], color=stroke, linestyle=dash, linewidth=2.2, label=name)
        panel.axhline(0, color=GREY, linewidth=0.8)
    panels[0].legend(fontsize=TEXT, frameon=False)
    set_title(figure, "A box that lies apart: IoU is flat, GIoU is not")
    return figure


def walk(
    paths: Mapping[str, Float[ndarray, "steps 4"]],
    target: Float[ndarray, "4"],
    *,
    shown: Sequence[int],
    title: str = "A box walks along its gradient",
) -> Figure:
    """A panel for each path of a box (x0, y0, x1, y1): some of its steps, from pale to dark, and where it shall be.

    Parameters
    ----------
    paths : {name: (steps, 4)}
    target : (4,)
    shown : sequence of int
        Which steps; their numbers stand at the upper left corners, that of the last one at the lower right one.
    """
    from matplotlib.patches import Rectangle

    figure = new_figure(0.72 * WIDTH / len(paths) + 0.8)
    everything = np.concatenate([target[None], *paths.values()])
    for panel, (name, boxes) in zip(figure.subplots(1, len(paths), squeeze=False)[0], paths.items(), strict=True):
        x, y = target[:2]
        width, height = target[2:] - target[:2]
        panel.add_patch(Rectangle((x, y), width, height, facecolor="#dddddd", edgecolor=GREY, linewidth=1.5))
        for place, step in enumerate(shown):
            x0, y0, x1, y1 = boxes[step]
            alpha = 0.25 + 0.75 * place / max(1, len(shown) - 1)
            is_last = place + 1 == len(shown)
            stroke = RED if is_last else BLUE
            edge = {"edgecolor": stroke, "alpha": alpha, "linewidth": 2}
            panel.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, **edge))
            corner = (x1, y1, "right", "top") if is_last else (x0, y0, "left", "bottom")  # many end at one place
            panel.text(*corner[:2], str(step), fontsize=SMALL, color=stroke, ha=corner[2], va=corner[3])
        panel.set_xlim(everything[:, 0].min() - 0.3, everything[:, 2].max() + 0.3)
        panel.set_ylim(everything[:, 3].max() + 0.5, everything[:, 1].min() - 0.5)  # rows count downwards
        panel.set_aspect("equal")
        bare(panel)
        panel.set_title(name, fontsize=TEXT)
    set_title(figure, title)
    return figure


def settling(losses: Float[ndarray, " n"], changed: Float[ndarray, " n"]) -> Figure:
    """Two panels over the steps of a training: the loss, and the share of objects that another query was given."""
    figure = new_figure(3.0)
    left, right = figure.subplots(1, 2)
    steps = np.arange(1, len(losses) + 1)
    labelled(left, "step", "loss").plot(steps, losses, color=BLUE, linewidth=2)
    left.set_ylim(0)
    labelled(right, "step", "objects with another query").bar(steps, changed, width=1, color=RED)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    set_title(figure, "First queries swap their objects, then they keep them")
    return figure
