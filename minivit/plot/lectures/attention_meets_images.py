"""Pictures of the lecture on attention in images: where it stands, what weighs a window, which pixels are known."""

from collections.abc import Mapping, Sequence
from typing import Any

from minivit.plot.figure import (
    BLUE,
    GREY,
    PURPLE,
    RED,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    bare,
    labelled,
    new_figure,
    new_panel,
    set_title,
    show_image,
)
from minivit.plot.windows import EDGE
from minivit.types import Bool, Float, UInt8, ndarray

KINDS = {"convolution": BLUE, "both": PURPLE, "attention": RED, "place by place": GREY}
"""Of layers, by what brings places of a map together in them, each with its colour."""

Shapes = Mapping[str, Sequence[int]]


def looking_around(rows: Mapping[str, Sequence[str]]) -> Axes:
    """Draw networks as rows of boxes: a box for each layer in which places of a map meet, in the colour of its kind.

    Parameters
    ----------
    rows : {name: kinds}
        From the image to the head; see ``KINDS``.
    """
    from matplotlib.patches import Rectangle

    ax = new_panel(0.44 * len(rows) + 1.0, WIDTH)
    longest = max(map(len, rows.values()))
    for y, (name, kinds) in enumerate(rows.items()):
        ax.text(-0.6, y, name, ha="right", va="center", fontsize=TEXT)
        for x, kind in enumerate(kinds):
            ax.add_patch(Rectangle((x - 0.4, y - 0.34), 0.8, 0.68, facecolor=KINDS[kind], linewidth=0))
    used = [kind for kind in KINDS if any(kind in kinds for kinds in rows.values())]
    for kind in used:
        ax.plot([], [], "s", color=KINDS[kind], markersize=9, label=kind)
    ax.figure.legend(loc="outside lower center", ncols=len(used), fontsize=TEXT, frameon=False)
    ax.set(xlim=(-0.3 * longest, longest), ylim=(len(rows) - 0.5, -0.5))
    ax.axis("off")
    ax.set_title("Layers in which places of a map meet", fontsize=TITLE, loc="left")
    return ax


def blocks(named: Mapping[str, Sequence[tuple[str, str]]], *, title: str = "") -> Axes:
    """Draw residual blocks side by side, from the bottom up, each with the path that goes round it.

    Parameters
    ----------
    named : {name: [(words, kind), ...]}
        Steps from the first on; see ``KINDS``. Words "+" are the sum, in which the path round ends; what stands behind
        it is drawn with a path of its own.
    """
    tallest = max(map(len, named.values()))
    ax = new_panel(0.52 * tallest + 1.35, WIDTH)
    ax.set(xlim=(0, 4.0 * len(named)), ylim=(-0.75, tallest + 0.15))
    ax.axis("off")
    for i, (name, steps) in enumerate(named.items()):
        x = 4.0 * i + 2.1
        ax.text(x, -0.7, name, ha="center", va="bottom", fontsize=TEXT)
        _arrow(ax, (x, -0.32), (x, 0.12))
        start = -0.12
        for step, (words, kind) in enumerate(steps):
            y = step + 0.4
            if words == "+":
                corner = [start, start, y, y]
                ax.plot([x, x - 1.75, x - 1.75, x - 0.2], corner, color="black", linewidth=1.1)
                _arrow(ax, (x - 0.5, y), (x - 0.17, y))
                _plus(ax, x, y)
                start = y + 0.33
            else:
                _box(ax, (x, y), words, KINDS[kind], (3.0, 0.56))
            if step + 1 < len(steps):
                _arrow(ax, (x, y + 0.3), (x, y + 0.72))
        _arrow(ax, (x, len(steps) - 0.3), (x, len(steps) + 0.12))
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def non_local_steps(shapes: Shapes) -> Axes:
    """Draw a non-local block from left to right, with the shape of each array.

    Parameters
    ----------
    shapes : {name: shape}
        Of "x", "theta", "phi", "g", "weights", "y" and "W", without the batch.
    """
    ax = _flow(10.9, 4.7)
    at = {"x": (0.8, 2.1), "theta": (3.0, 3.6), "phi": (3.0, 2.1), "g": (3.0, 0.6), "weights": (5.5, 2.85)}
    at |= {"y": (7.2, 1.35), "W": (9.4, 1.35)}
    words = {"x": "map x", "theta": "$\\theta$: queries", "phi": "$\\phi$: keys", "g": "g: values"}
    words |= {"weights": "f: who looks where", "y": "weighted sums", "W": "W"}
    for name, place in at.items():
        kind = "attention" if name in ("weights", "y") else "place by place"
        _box(ax, place, f"{words[name]}\n{_shape(shapes[name])}", KINDS[kind], (1.7, 0.78))
    for name in ("theta", "phi", "g"):
        _arrow(ax, (1.65, 2.1), (2.15, at[name][1]))
    _arrow(ax, (3.85, 3.6), (4.65, 3.0))
    _arrow(ax, (3.85, 2.1), (4.65, 2.7))
    _arrow(ax, (5.5, 2.46), (6.6, 1.74))
    _arrow(ax, (3.85, 0.6), (6.45, 1.2))
    _arrow(ax, (8.1, 1.35), (8.5, 1.35))
    _arrow(ax, (9.4, 1.74), (9.4, 4.13))
    ax.plot([0.8, 0.8, 9.2], [2.5, 4.3, 4.3], color="black", linewidth=1.1)
    _arrow(ax, (8.9, 4.3), (9.23, 4.3))
    _plus(ax, 9.4, 4.3)
    _arrow(ax, (9.57, 4.3), (10.1, 4.3))
    ax.text(10.15, 4.3, "x + W(y)", va="center", fontsize=TEXT)
    ax.set_title("A non-local block", fontsize=TITLE, loc="left")
    return ax


def augmented_steps(shapes: Shapes) -> Axes:
    """Draw an attention-augmented convolution from left to right, with the shape of each array.

    Parameters
    ----------
    shapes : {name: shape}
        Of "x", "conv", "qkv", "weights", "heads", "attention" and "y", without the batch.
    """
    ax = _flow(10.6, 3.3)
    at = {"x": (1.0, 1.6), "conv": (5.35, 2.7), "qkv": (3.0, 0.6), "weights": (5.35, 0.6), "heads": (7.7, 0.6)}
    at |= {"y": (9.7, 1.7)}
    words = {"x": "map x", "conv": "convolution 3 × 3", "qkv": "queries, keys, values", "weights": "who looks where"}
    words |= {"heads": "heads, mixed by $W^O$", "y": "channels\nside by side"}
    kinds = {"conv": "convolution", "weights": "attention", "heads": "attention"}
    for name, place in at.items():
        kind = kinds.get(name, "place by place")
        _box(ax, place, f"{words[name]}\n{_shape(shapes[name])}", KINDS[kind], (2.05, 0.78 + 0.3 * (name == "y")))
    _arrow(ax, (2.03, 1.8), (4.3, 2.65))
    _arrow(ax, (1.5, 1.2), (1.97, 0.75))
    _arrow(ax, (4.03, 0.6), (4.32, 0.6))
    _arrow(ax, (6.38, 0.6), (6.67, 0.6))
    _arrow(ax, (6.4, 2.65), (8.65, 1.95))
    _arrow(ax, (8.73, 0.8), (9.1, 1.14))
    ax.set_title("Convolution and attention side by side", fontsize=TITLE, loc="left")
    return ax


def weighed_windows(
    image: UInt8[ndarray, "Y X C"],
    places: Sequence[tuple[int, int]],
    rows: Mapping[str, Sequence[Float[ndarray, "P Q"]]],
    *,
    title: str = "",
) -> Figure:
    """Draw an image with some windows in it, and for each of them what its places are worth, a row for each way.

    Parameters
    ----------
    places : [(row, column), ...]
        The middles of the windows.
    rows : {name: [(P, Q), ...]}
        The weights of each window. All panels of a row have one scale.
    """
    from matplotlib.patches import Rectangle

    figure = new_figure(1.85 * len(rows) + 0.9)
    grid: Any = figure.add_gridspec(len(rows), len(places) + 2)
    left = figure.add_subplot(grid[:, :2])
    show_image(left, image)
    for number, (y, x) in enumerate(places, 1):
        P, Q = next(iter(rows.values()))[0].shape
        left.add_patch(Rectangle((x - Q / 2, y - P / 2), Q, P, fill=False, edgecolor=EDGE, linewidth=2))
        shade = {"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 1.5}
        corner = x - Q / 2, y - P / 2
        left.text(*corner, str(number), ha="center", va="center", color="white", fontsize=TEXT, bbox=shade)
    for row, (name, windows) in enumerate(rows.items()):
        top = max(float(window.max()) for window in windows)
        for column, window in enumerate(windows):
            panel = figure.add_subplot(grid[row, column + 2])
            panel.imshow(window, "YlGnBu", vmin=0, vmax=top)
            bare(panel)
            if row == 0:
                panel.set_title(f"window {column + 1}", fontsize=TEXT)
            if column == 0:
                panel.set_ylabel(name, fontsize=TEXT)
    set_title(figure, title)
    return figure


def priors(named: Mapping[str, Float[ndarray, "H P Q"]], *, title: str = "") -> Figure:
    """Draw what places of a window are worth whatever is there: a row of heads for each name, each on its own scale."""
    heads = max(len(each) for each in named.values())
    figure = new_figure(0.98 * WIDTH / (heads + 0.6) * len(named) + 0.8)
    panels = figure.subplots(len(named), heads, squeeze=False)
    for (name, each), line in zip(named.items(), panels, strict=True):
        for head, (panel, weights) in enumerate(zip(line, each, strict=True), 1):
            panel.imshow(weights, "YlGnBu", vmin=0)
            bare(panel)
            panel.set_xlabel(f"{weights.min():.3f} to {weights.max():.3f}", fontsize=SMALL - 1.5)
            if panel in panels[0]:
                panel.set_title(f"head {head}", fontsize=TEXT)
        line[0].set_ylabel(name, fontsize=TEXT)
    set_title(figure, title)
    return figure


def next_pixel(image: UInt8[ndarray, "Y X C"], place: int, mask: Bool[ndarray, "N N"]) -> Figure:
    """Draw what is known of an image when the pixel of this number is to be foretold, and who may look at whom.

    Pixels are counted from 0, row by row; those to come are left white.
    """
    from matplotlib.patches import Rectangle

    Y, X, C = image.shape
    shown = image.reshape(Y * X, C).copy()
    shown[place:] = 255
    figure = new_figure(4.1)
    left, right = figure.subplots(1, 2)
    show_image(left, shown.reshape(Y, X, C))
    row, column = divmod(place, X)
    left.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="none", edgecolor=RED, linewidth=2.5))
    left.set_xlabel(f"{place} of {Y * X} pixels are known", fontsize=TEXT)
    left.set_title("which colour comes in the frame?", fontsize=TEXT)
    right.imshow(mask, "Blues", vmin=0, vmax=1.6)
    bare(right)
    right.axhline(place - 1, color=RED, linewidth=1.5)
    right.set_title("who may look at whom", fontsize=TEXT)
    right.set_ylabel("pixel that looks", fontsize=TEXT)
    right.set_xlabel(f"pixel that is looked at: {mask.mean():.0%} of all pairs", fontsize=TEXT)
    return figure


def costs(rows: Mapping[str, Mapping[str, float]], colours: Mapping[str, str], *, title: str = "") -> Figure:
    """Draw what models cost as bars, a panel for each figure.

    Parameters
    ----------
    rows : {model: {figure with its unit: number}}
    colours : {model: kind}
        See ``KINDS``.
    """
    figure = new_figure(0.36 * len(rows) + 1.2)
    names = [*next(iter(rows.values()))]
    panels = figure.subplots(1, len(names), sharey=True)
    for panel, name in zip(panels, names, strict=True):
        labelled(panel, name, "")
        values = [row[name] for row in rows.values()]
        panel.barh([*rows], values, height=0.66, color=[KINDS[colours[model]] for model in rows])
        for y, value in enumerate(values):
            panel.text(value, y, f" {value:,.3g}", va="center", fontsize=SMALL)
        panel.grid(visible=False)
        panel.tick_params(axis="y", length=0, labelsize=TEXT)
        panel.set(xlim=(0, 1.3 * max(values)), ylim=(len(rows) - 0.5, -0.5))
    set_title(figure, title)
    return figure


def _flow(width: float, height: float) -> Axes:
    ax = new_panel(0.78 * height + 0.3, WIDTH)
    ax.set(xlim=(-0.1, width + 0.5), ylim=(0, height))
    ax.axis("off")
    return ax


def _box(ax: Axes, middle: tuple[float, float], words: str, colour: str, size: tuple[float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    (x, y), (width, height) = middle, size
    corner = x - width / 2 + 0.05, y - height / 2 + 0.05
    box = FancyBboxPatch(corner, width - 0.1, height - 0.1, boxstyle="round,pad=0.05", facecolor=colour, alpha=0.25)
    ax.add_patch(box)
    ax.text(x, y, words, ha="center", va="center", fontsize=SMALL, linespacing=1.35)


def _plus(ax: Axes, x: float, y: float) -> None:
    circle = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "edgecolor": "black"}
    ax.text(x, y, "+", ha="center", va="center", fontsize=TEXT, bbox=circle)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.1})


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
