"""Pictures of the lecture on the Transformer: the five steps, norms, depth, positions, encoder and decoder.

Plain functions of arrays, like all of :mod:`minivit.plot`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minivit.plot.figure import (
    BLUE,
    GREEN,
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
    set_title,
    signed_colours,
)
from minivit.types import Float, ndarray


def _heat(ax: Axes, array: ndarray, title: str, *, limit: float, signed: bool = True, aspect: Any = "equal") -> Any:
    """A matrix as colours; ``signed``: from -limit to limit, else from 0 to limit."""
    colours, low = (signed_colours(), -limit) if signed else ("inferno", 0.0)
    image = ax.imshow(array, cmap=colours, vmin=low, vmax=limit, interpolation="nearest", aspect=aspect)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=GREY, linewidth=0.6)
    ax.set_title(title, fontsize=TEXT)
    return image


def _bar(figure: Figure, image: Any, panels: Any, label: str) -> None:
    bar = figure.colorbar(image, ax=panels, location="bottom", fraction=0.05, aspect=50, pad=0.04)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def _marks(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Words beside the rows and below the columns."""
    ax.set_yticks(range(len(rows)), labels=list(rows), fontsize=SMALL)
    ax.set_xticks(range(len(columns)), labels=list(columns), fontsize=SMALL)
    ax.tick_params(length=0)


def _between_heads(ax: Axes, width: int, heads: int) -> None:
    for head in range(1, heads):
        ax.axvline(head * width / heads - 0.5, color="black", linewidth=1)


def five_steps(
    words: Sequence[str],
    x: Float[ndarray, "N D"],
    qkv: Mapping[str, Float[ndarray, "N D"]],
    weights: Float[ndarray, "H N N"],
    joined: Float[ndarray, "N D"],
    y: Float[ndarray, "N D"],
) -> Figure:
    """Multi-head attention from the sentence to what leaves the layer, every panel with its shape."""
    N, D = x.shape
    H = len(weights)
    numbers = [x, *qkv.values(), joined, y]
    limit = float(np.quantile(np.abs(np.concatenate(numbers)), 0.98))
    figure = new_figure(6.4)
    top, bottom = figure.subfigures(2, 1, squeeze=False).flat
    first = top.subplots(1, 5, gridspec_kw={"width_ratios": [0.75, 1, 1, 1, 1]})
    first[0].axis("off")
    first[0].set_title("1 sentence", fontsize=TEXT)
    for place, word in enumerate(words):
        first[0].text(0.9, 1 - (place + 0.5) / N, word, ha="right", va="center", fontsize=SMALL)
    image = _heat(first[1], x, f"2 embed: X\n{N} × {D}", limit=limit, aspect="auto")
    for ax, (name, array) in zip(first[2:], qkv.items(), strict=True):
        _heat(ax, array, f"3 split: {name}\n{H} heads, {N} × {D // H} each", limit=limit, aspect="auto")
        _between_heads(ax, D, H)
    second = bottom.subplots(1, H + 2, gridspec_kw={"width_ratios": [1] * H + [1.2, 1.2]})
    for head, (ax, array) in enumerate(zip(second, weights, strict=False)):
        _heat(ax, array, f"4 attend: A{head + 1}\n{N} × {N}", limit=1, signed=False, aspect="auto")
    _heat(second[H], joined, f"5 concatenate\n{N} × {D}", limit=limit, aspect="auto")
    _between_heads(second[H], D, H)
    _heat(second[H + 1], y, f"5 times $W^O$: Y\n{N} × {D}", limit=limit, aspect="auto")
    label = "all numbers but the maps: one scale, cut where 2 % are larger (maps: black 0, yellow 1)"
    _bar(bottom, image, list(second), label)
    return figure


def same_scale(
    named: Mapping[str, ndarray],
    *,
    label: str,
    title: str = "",
    signed: bool = True,
    limit: float | None = None,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    height: float = 3.2,
) -> Figure:
    """Matrices side by side as colours, all on one scale, which stands below."""
    limit = max(float(np.abs(array).max()) for array in named.values()) if limit is None else limit
    figure = new_figure(height)
    panels = figure.subplots(1, len(named), squeeze=False)[0]
    for ax, (name, array) in zip(panels, named.items(), strict=True):
        _heat(ax, array, name, limit=limit, signed=signed, aspect="auto")
        _marks(ax, rows, columns)
    _bar(figure, panels[0].images[0], list(panels), label)
    if title:
        set_title(figure, title)
    return figure


def on_the_circle(
    xhat: Float[ndarray, "N 3"], before: Float[ndarray, "N 3"], after: Float[ndarray, "N 3"], *, ax: Axes | None = None
) -> Axes:
    """Tokens of width 3 behind the normalisation, in the plane of all that has mean 0, where they lie on a circle.

    ``before`` is the gradient that comes in, ``after`` what is left of it behind the norm, times the deviation: along
    the circle.
    """
    plane = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # two directions of length 1, at right angles to 1
    points, arriving, left = (array @ plane.T for array in (xhat, before, after))
    ax = ax or new_panel(4.4, 0.6 * WIDTH)
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.sqrt(3) * np.cos(angle), np.sqrt(3) * np.sin(angle), color=GREY, linewidth=1)
    style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1.6, "width": 0.006}
    ax.quiver(*points.T, *arriving.T, color=RED, alpha=0.5, label="gradient that comes in", **style)
    ax.quiver(*points.T, *left.T, color=BLUE, label="what the norm lets through", **style)
    ax.plot(*points.T, "o", color="black", markersize=5, label="tokens, normalised")
    ax.set_aspect("equal")
    ax.axis("off")
    ax.margins(0.2)
    ax.legend(fontsize=SMALL, frameon=False, loc="center")
    ax.set_title("The gradient goes along the circle", fontsize=TITLE, loc="left")
    return ax


def activations(x: ndarray, curves: Mapping[str, ndarray], difference: ndarray) -> Figure:
    """Left: the functions; right: how far the exact GELU and its approximation are apart."""
    figure = new_figure(3.2)
    left, right = figure.subplots(1, 2)
    labelled(left, "x", "y")
    for (name, values), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
        left.plot(x, values, color=colour, linestyle=dash, linewidth=2, label=name)
    left.legend(fontsize=TEXT, frameon=False)
    left.set_title("Activations", fontsize=TITLE, loc="left")
    labelled(right, "x", "tanh form − exact")
    right.plot(x, difference, color=GREEN, linewidth=2)
    right.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    right.yaxis.get_offset_text().set_fontsize(SMALL)
    right.set_title("Their difference, enlarged", fontsize=TITLE, loc="left")
    return figure


def by_depth(
    curves: Mapping[str, ndarray], *, ylabel: str, title: str, log: bool = False, ax: Axes | None = None
) -> Axes:
    """One curve per kind of network over its blocks; ``log``: on a logarithmic axis."""
    ax = labelled(ax or new_panel(3.4, 0.75 * WIDTH), "block", ylabel)
    for (name, values), (colour, marker, dash) in zip(curves.items(), STYLES, strict=False):
        places = np.arange(1, len(values) + 1)
        ax.plot(places, values, color=colour, marker=marker, markersize=4, linestyle=dash, linewidth=2, label=name)
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(0)
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def over_depths(depths: ndarray, curves: Mapping[str, ndarray], *, title: str, ax: Axes | None = None) -> Axes:
    """Draw, for each kind of network, the size of a gradient over the number of blocks."""
    ax = labelled(ax or new_panel(3.4, 0.75 * WIDTH), "number of blocks", "gradient of the last MLP's matrix")
    for (name, values), (colour, marker, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(depths, values, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(depths, labels=[str(depth) for depth in depths])
    ax.set_ylim(0)
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def trainings(panels: Mapping[str, Mapping[str, Sequence[ndarray]]], *, title: str) -> Figure:
    """Loss over steps, one panel per setting, one colour per kind of network, one thin line per seed.

    All panels have one scale.
    """
    figure = new_figure(3.6)
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (name, kinds) in zip(axes, panels.items(), strict=True):
        labelled(ax, "training step", "loss (nats per token)" if ax is axes[0] else "")
        for (kind, runs), (colour, _, dash) in zip(kinds.items(), STYLES, strict=False):
            for i, losses in enumerate(runs):
                label = kind if i == 0 else None
                ax.plot(losses, color=colour, linestyle=dash, linewidth=1.2, label=label)
        ax.set_ylim(0, 3.6)
        ax.set_title(name, fontsize=TEXT, loc="left")
    axes[-1].legend(fontsize=TEXT, frameon=False)
    set_title(figure, title)
    return figure


def positions(table: Float[ndarray, "N D"], similarity: Float[ndarray, "N N"]) -> Figure:
    """The table of sines and cosines, and the products of its rows: each panel has its own scale."""
    figure = new_figure(4.2)
    left, right = figure.subplots(1, 2)
    _axis(figure, left, _heat(left, table, "the table: sine, cosine, sine, ...", limit=1, aspect="auto"), "entry")
    left.set_xlabel("dimension: slower waves to the right", fontsize=SMALL)
    left.set_ylabel("position", fontsize=SMALL)
    image = _heat(right, similarity, "products of rows", limit=float(similarity.max()))
    _axis(figure, right, image, "product")
    right.set_xlabel("position", fontsize=SMALL)
    right.set_ylabel("position", fontsize=SMALL)
    return figure


def _axis(figure: Figure, ax: Axes, image: Any, label: str) -> None:
    ax.xaxis.set_major_locator(_every_sixteenth())
    ax.yaxis.set_major_locator(_every_sixteenth())
    ax.tick_params(labelsize=SMALL)
    bar = figure.colorbar(image, ax=ax, fraction=0.045, pad=0.02)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def _every_sixteenth() -> Any:
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(16)


def looks(
    weights: Float[ndarray, "H T S"], source: Sequence[str], written: Sequence[str], *, title: str = ""
) -> Figure:
    """What each written symbol looks at in the source, head by head; all heads have one scale, from 0 to 1."""
    heads = len(weights)
    figure = new_figure(0.22 * len(written) + 1.5)
    panels = figure.subplots(1, heads, squeeze=False)[0]
    for head, (ax, array) in enumerate(zip(panels, weights, strict=True)):
        _heat(ax, array, f"head {head + 1}" if heads > 1 else "mean of the heads", limit=1, signed=False)
        _marks(ax, written if head == 0 else [], source)
    panels[0].set_ylabel("writes", fontsize=SMALL)
    for ax in panels:
        ax.set_xlabel("looks at", fontsize=SMALL)
    bar = figure.colorbar(panels[0].images[0], ax=list(panels), fraction=0.02, pad=0.01)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    if title:
        set_title(figure, title)
    return figure


def architecture(shapes: Mapping[str, Sequence[int]], *, encoder_depth: int, decoder_depth: int) -> Figure:
    """Encoder and decoder as boxes, pre-norm, with the shapes that flow between them.

    ``shapes`` has those of "src", "memory", "tgt", "hidden" and "logits".
    """
    figure = new_figure(5.8, 0.95 * WIDTH)
    ax = figure.add_subplot()
    ax.set(xlim=(0, 10), ylim=(-0.4, 8.3))
    ax.axis("off")
    said = {name: " × ".join(map(str, shape)) for name, shape in shapes.items()}
    reads = ["embedding + position", "self-attention", "MLP", "norm"]
    writes = ["embedding + position", "self-attention, causal", "cross-attention", "MLP", "norm, head"]
    _stack(ax, 2.2, reads, [BLUE, RED, GREEN, BLUE], f"encoder, {encoder_depth} ×")
    _stack(ax, 7.4, writes, [BLUE, RED, RED, GREEN, BLUE], f"decoder, {decoder_depth} ×")
    _arrow(ax, (2.2, -0.1), (2.2, 0.6))
    _arrow(ax, (7.4, -0.1), (7.4, 0.6))
    ax.text(2.2, -0.15, f"source {said['src']}", ha="center", va="top", fontsize=TEXT)
    ax.text(7.4, -0.15, f"target up to here {said['tgt']}", ha="center", va="top", fontsize=TEXT)
    ax.text(2.35, 6.15, f"memory {said['memory']}", va="center", fontsize=TEXT)
    ax.plot([2.2, 2.2, 4.9, 4.9], [5.6, 6.4, 6.4, 3.85], color="black", linewidth=1.2)
    _arrow(ax, (4.9, 3.85), (5.9, 3.85))
    ax.text(4.8, 3.85, "keys,\nvalues", ha="right", va="center", fontsize=SMALL, color=GREY)
    ax.text(7.55, 1.5, said["hidden"], va="center", fontsize=SMALL)
    _arrow(ax, (7.4, 7.1), (7.4, 7.8))
    ax.text(9.9, 7.9, f"a number for each symbol that may come: {said['logits']}", ha="right", fontsize=TEXT)
    return figure


def _stack(ax: Axes, x: float, names: Sequence[str], colours: Sequence[str], repeated: str) -> None:
    """Boxes one above the other; all but the first and the last are repeated, each with its norm and its bypass."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0.05"
    heights = [1.0 + 1.45 * i for i in range(len(names))]
    inner = heights[1:-1]
    low, high = inner[0] - 0.72, inner[-1] + 0.68
    ax.add_patch(FancyBboxPatch((x - 1.95, low), 3.75, high - low, boxstyle=style, fill=False, edgecolor=GREY))
    ax.text(x + 1.75, inner[-1] + 0.47, repeated, ha="right", va="center", fontsize=SMALL, color=GREY)
    for name, y, colour in zip(names, heights, colours, strict=True):
        ax.add_patch(FancyBboxPatch((x - 1.45, y - 0.35), 2.9, 0.6, boxstyle=style, facecolor=colour, alpha=0.25))
        ax.text(x, y - 0.05, f"norm, {name}" if y in inner else name, ha="center", va="center", fontsize=TEXT)
        if y != heights[-1]:
            _arrow(ax, (x, y + 0.3), (x, y + 1.05))
        if y in inner:  # the residual path goes round
            ax.plot([x, x - 1.7, x - 1.7, x], [y - 0.55, y - 0.55, y + 0.52, y + 0.52], color="black", linewidth=1)
            circle = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "edgecolor": "black"}
            ax.text(x, y + 0.52, "+", ha="center", va="center", fontsize=SMALL, bbox=circle)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2})
