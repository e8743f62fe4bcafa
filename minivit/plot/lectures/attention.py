"""Pictures of the lecture on the attention layer: what saturates, what a token looks at, gradients compared.

Plain functions of arrays, like all of :mod:`minivit.plot`: a slider in a notebook calls them as well as a script does.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from minivit.ops.softmax import softmax_forward
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
    contrasting,
    labelled,
    new_figure,
    new_panel,
)
from minivit.types import Float, ndarray


def looks_at(rows: Mapping[str, tuple[Sequence[str], Float[ndarray, "N"]]], *, title: str) -> Axes:
    """Draw sentences, a row each: every word on the colour of its weight, with the weight in percent below it.

    Parameters
    ----------
    rows : {label: (words, weights)}
        All sentences are of as many words.
    """
    words, weights = zip(*rows.values(), strict=True)
    ax = new_panel(0.62 * len(rows) + 0.4, WIDTH)
    shown = ax.imshow(np.stack(weights), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(len(rows), len(words[0])):
        weight = weights[row][column]
        colour = contrasting(shown.to_rgba(weight))
        ax.text(column, row - 0.12, words[row][column], ha="center", va="center", fontsize=SMALL, color=colour)
        ax.text(column, row + 0.25, f"{weight:.0%}", ha="center", va="center", fontsize=SMALL, color=colour)
    ax.set_xticks([])
    ax.set_yticks(range(len(rows)), labels=list(rows), fontsize=TEXT)
    ax.hlines(np.arange(1, len(rows)) - 0.5, -0.5, len(words[0]) - 0.5, color="white", linewidth=4)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def slope_by_width(widths: ndarray, slopes: Mapping[str, ndarray], *, ax: Axes | None = None) -> Axes:
    """Draw the mean slope of the softmax over the width of queries and keys."""
    ax = labelled(
        ax or new_panel(3.4, 0.6 * WIDTH), "width $d_k$", "slope of softmax, $\\sum_i \\alpha_i (1 - \\alpha_i)$"
    )
    for (name, values), (colour, marker, dash) in zip(slopes.items(), STYLES, strict=False):
        ax.plot(widths, values, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, labels=[str(width) for width in widths])
    ax.set_ylim(0, 1)
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title("How much there is to learn from", fontsize=TITLE, loc="left")
    return ax


class Saturation(NamedTuple):
    """Scores and weights of one query for :func:`saturation`."""

    scores: Float[ndarray, "S"]
    weights: Float[ndarray, "S"]


def one_query(width: int, *, scaled: bool, keys: int = 12, seed: int = 0) -> Saturation:
    """Scores of one random query with random keys, all numbers standard normal, and their softmax."""
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal(4096)[:width], rng.standard_normal((keys, 4096))[:, :width]
    scores = k @ q / (np.sqrt(width) if scaled else 1)
    return Saturation(scores, softmax_forward(scores)[0])


def saturation(width: int) -> Figure:
    """Attention weights of one random query of this width: scores as they are, and divided by the root of the width."""
    figure = new_figure(3.0)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, scaled, colour in zip(panels, (False, True), (RED, BLUE), strict=True):
        scores, weights = one_query(width, scaled=scaled)
        labelled(panel, "key", "attention weight" if not scaled else "")
        panel.bar(np.arange(len(weights)) + 1, weights, color=colour)
        panel.set_ylim(0, 1.05)
        formula = r"$q \cdot k / \sqrt{d_k}$" if scaled else r"$q \cdot k$"
        panel.set_title(f"{formula}, $d_k$ = {width}: spread {scores.std():.1f}", fontsize=TEXT, loc="left")
    return figure


def slopes(
    numerical: Mapping[str, ndarray],
    claimed: Mapping[str, ndarray],
    *,
    title: str = "",
    limit: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a backward pass claims over what the forward pass says, one point per number; right is the diagonal."""
    ax = labelled(ax or new_panel(3.6, 0.5 * WIDTH), "numerical gradient", "gradient by backward")
    limit = 1.1 * (limit or _largest(numerical, claimed))
    ax.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=1, linestyle=":")
    for name, (colour, marker, _) in zip(numerical, STYLES, strict=False):
        ax.plot(
            np.ravel(numerical[name]),
            np.ravel(claimed[name]),
            marker,
            color=colour,
            alpha=0.7,
            markersize=5,
            label=name,
        )
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    ax.locator_params(nbins=5)  # the same ticks on both axes
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def slopes_beside(checks: Mapping[str, tuple[Mapping[str, ndarray], Mapping[str, ndarray]]]) -> Figure:
    """Draw :func:`slopes` of several backward passes side by side: {title: (numerical, claimed)}."""
    figure = new_figure(3.9)
    limit = max(_largest(numerical, claimed) for numerical, claimed in checks.values())
    for ax, (title, (numerical, claimed)) in zip(figure.subplots(1, len(checks)), checks.items(), strict=True):
        slopes(numerical, claimed, title=title, limit=limit, ax=ax)
        ax.set_aspect("equal")
    return figure


def _largest(numerical: Mapping[str, ndarray], claimed: Mapping[str, ndarray]) -> float:
    return max(1e-9, *(float(np.abs(arrays[name]).max()) for name in numerical for arrays in (numerical, claimed)))
