"""What models cost: memory by part, and the share of attention in the multiplications. The figures are mv.cost's."""

from collections.abc import Mapping, Sequence

import numpy as np

from minivit.plot.figure import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
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
)
from minivit.types import ndarray

COLOURS = {"weights": BLUE, "gradients": GREEN, "optimizer": PURPLE, "kept": RED, "workspace": GREY}
MOST_BARS = 100
NAMES = {"kept": "kept for backward", "workspace": "workspace, inputs"}


def memory_bars(
    parts: Mapping[str, Mapping[str, int]], *, title: str = "The peak of a training step", ax: Axes | None = None
) -> Axes:
    """Draw the memory of several training steps as bars, each of them stacked from its parts.

    Parameters
    ----------
    parts : {label: {part: bytes}}
        Of each :func:`minivit.cost.memory_parts`.
    """
    if not 1 <= len(parts) <= MOST_BARS:
        raise ValueError(f"there are {len(parts)} training steps to draw; expected 1 to {MOST_BARS}")
    ax = labelled(ax or new_panel(0.5 * len(parts) + 1.5, WIDTH), "", "")
    largest = max(sum(sizes.values()) for sizes in parts.values())
    unit, word = (2**30, "GiB") if largest >= 2**30 else (2**20, "MiB")
    left = np.zeros(len(parts))
    rows = np.arange(len(parts))
    for part, colour in COLOURS.items():
        width = np.array([sizes[part] / unit for sizes in parts.values()])
        ax.barh(rows, width, left=left, height=0.66, color=colour, edgecolor="white", label=NAMES.get(part, part))
        left += width
    for row, total in enumerate(left):
        ax.text(total, row, f" {total:,.2f}", va="center", fontsize=TEXT)
    ax.set_yticks(rows, labels=[*parts], fontsize=TEXT)
    ax.set(xlim=(0, 1.12 * left.max()), ylim=(len(parts) - 0.5, -0.5))
    ax.set_xlabel(word, fontsize=TEXT)
    ax.grid(visible=False)
    ax.grid(axis="x", color=GREY, alpha=0.2, linewidth=0.8)
    ax.tick_params(axis="y", length=0, labelsize=TEXT)
    ax.figure.legend(loc="outside lower center", ncols=len(COLOURS), fontsize=SMALL, frameon=False, handlelength=1)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def macs_by_size(
    sizes: Sequence[tuple[int, int]], macs: Sequence[int], attention: Sequence[int], *, title: str = "Multiplications"
) -> Figure:
    """Draw the multiplications of one forward over the size of the image, and the share of them that is attention's.

    Parameters
    ----------
    sizes : sequence of (rows, columns)
    macs : sequence of int
        All of them.
    attention : sequence of int
        Those that make or use attention weights: :func:`minivit.cost.attention_macs`.
    """
    if not len(sizes) == len(macs) == len(attention) >= 1:
        raise ValueError(f"{len(sizes)} sizes, {len(macs)} and {len(attention)} numbers of MACs; expected as many")
    order = sorted(range(len(sizes)), key=lambda i: sizes[i][0] * sizes[i][1])
    sides = np.sqrt([sizes[i][0] * sizes[i][1] for i in order])
    total, mixing = (np.array([values[i] for i in order], float) for values in (macs, attention))
    share = 100 * mixing / total
    figure = new_figure(4.1)
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
    labelled(left, "image (pixels)", "G MACs of a forward").set_yscale("log")
    labelled(right, "image (pixels)", "share of attention (%)")
    for name, values, (colour, marker, dash) in (("all", total, STYLES[0]), ("attention", mixing, STYLES[1])):
        left.plot(sides, values / 1e9, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    colour, marker, dash = STYLES[1]
    right.plot(sides, share, color=colour, marker=marker, linestyle=dash, linewidth=2)
    named = _apart(sides)
    for i in named:
        text = f"{share[i]:.1f} %"
        right.annotate(text, (sides[i], share[i]), (-6, 4), textcoords="offset points", ha="right", fontsize=SMALL)
    names = [f"{Y}" if Y == X else f"{Y}×{X}" for Y, X in (sizes[order[i]] for i in named)]
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sides[named], labels=names)
        ax.minorticks_off()
        ax.margins(x=0.2)
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.set_ylim(0, max(1.0, 1.2 * share.max()))
    left.legend(fontsize=TEXT, frameon=False)
    set_title(figure, title)
    return figure


def _apart(sides: ndarray) -> list[int]:
    """Of sides in their order, those that stand far enough from each other to be named on a logarithmic axis."""
    places = np.log(sides)
    gap = (places[-1] - places[0]) / 8
    named = [0]
    for i in range(1, len(sides) - 1):
        if min(places[i] - places[named[-1]], places[-1] - places[i]) >= gap > 0:
            named.append(i)
    return [*named, len(sides) - 1] if gap > 0 else named
