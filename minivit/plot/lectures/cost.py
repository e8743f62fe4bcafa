"""Pictures of the lecture on what it costs: pixels, patches and windows; number formats, and the errors of sums."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minivit.cost.formats import FORMATS, value_of
from minivit.cost.formulas import attention_bytes, attention_entries, window_attention_entries
from minivit.cost.of import of
from minivit.plot.figure import (
    BLUE,
    GREEN,
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
)
from minivit.plot.lectures.vit import attention_wall
from minivit.types import Float, ndarray

LABELS = {name: name.upper().replace("_", " ") for name in FORMATS}
"""What the formats are called in print."""


def pixels_patches_windows(sides: tuple[int, ...] = (112, 224, 448, 896), *, ax: Axes | None = None) -> Axes:
    """Draw the bytes of one head's attention weights over the side of the image, for four ways to cut it into tokens.

    Lines are the closed forms: pixels :math:`4 R^4`, patches :math:`4 (R / P)^4`, windows :math:`4 M^2 (R / P)^2`.
    Rings are counted, at each of ``sides``, multiples of 112: what attention on so many tokens keeps, but q, k and v.
    """
    ways = {
        "pixels": (1, None),
        "patches of 4 × 4": (4, None),
        "windows of 7 × 7 patches of 4 × 4 (Swin)": (4, 7),
        "patches of 16 × 16 (ViT)": (16, None),
    }
    entries = {
        name: [window_attention_entries(R // P, M) if M else attention_entries(R, P) for R in sides]
        for name, (P, M) in ways.items()
    }
    curves = {name: (np.array(sides), np.array([attention_bytes(n) for n in row])) for name, row in entries.items()}
    counted = [(R, _counted(R // P, M)) for P, M in ways.values() for R in sides]
    x, y = np.array(counted, float).T
    ax = attention_wall(curves, {}, (x, y), title="Pixels, patches, windows: one head of one layer", ax=ax)
    old: Any = ax.get_legend()
    old.remove()  # below there is more room
    handles, _ = ax.get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": 3}
    ax.figure.legend(handles, [*ways, "counted"], fontsize=TEXT, frameon=False, **place)
    return ax


def _counted(grid: int, window: int | None) -> int:
    """Bytes of attention weights, from what attention in a grid of tokens, or in its windows, is seen to keep."""
    windows, tokens = (1, grid**2) if window is None else ((grid // window) ** 2, window**2)
    shape = (windows, tokens, 1)
    return of("attention", q=shape, k=shape, v=shape).kept_bytes - 3 * 4 * windows * tokens


def bit_layouts(*, ax: Axes | None = None) -> Axes:
    """Draw the bits of all number formats, one below the other: sign, exponent, mantissa."""
    ax = ax or new_panel(0.42 * len(FORMATS) + 0.8, WIDTH)
    parts = {"sign": RED, "exponent: the range": GREEN, "mantissa: the precision": BLUE}
    for row, f in enumerate(FORMATS.values()):
        counts = 1, f.exponent_bits, f.mantissa_bits
        colours = np.repeat([*parts.values()], counts)
        ax.barh(np.full(f.bits, row), 1, left=np.arange(f.bits), height=0.72, color=colours, edgecolor="white")
        ax.text(f.bits, row, f"  {' + '.join(map(str, counts))} = {f.bits}", va="center", fontsize=TEXT)
    ax.set_yticks(range(len(FORMATS)), labels=[*LABELS.values()], fontsize=TEXT)
    ax.set_xticks([])
    ax.set(xlim=(-0.3, 76), ylim=(len(FORMATS) - 0.5, -0.5))
    ax.tick_params(left=False)
    ax.spines[:].set_visible(False)
    handles = [ax.barh(0, 0, color=colour) for colour in parts.values()]
    ax.legend(handles, parts, fontsize=TEXT, frameon=False, loc="lower right")
    ax.set_title("What the bits of a number are for", fontsize=TITLE, loc="left")
    return ax


def representable_numbers() -> Figure:
    """Draw where the positive numbers of all formats lie: the ranges, and each number of the formats of 8 bits.

    The number line is logarithmic, in powers of 2; that of FP64 goes on beyond both ends.
    """
    figure = new_figure(5.2)
    above, below = figure.subplots(2, 1, height_ratios=[len(FORMATS), 3.6])
    ends = -155, 132
    for row, f in enumerate(FORMATS.values()):
        lowest, normal, largest = np.clip(np.log2([f.smallest_subnormal, f.smallest_normal, f.largest]), *ends)
        above.barh(row, normal - lowest, left=lowest, height=0.6, color=BLUE, alpha=0.35)
        above.barh(row, largest - normal, left=normal, height=0.6, color=BLUE)
        words = f"{2**f.mantissa_bits:,} numbers from $2^n$ to $2^{{n+1}}$"
        if largest - normal > 100:
            above.text((normal + largest) / 2, row, words, ha="center", va="center", color="white", fontsize=SMALL)
        else:
            above.text(largest + 3, row, words, va="center", fontsize=SMALL)
    f = FORMATS["fp64"]
    for x, ha, words in (
        (ends[0] + 2, "left", f"← $2^{{{np.log2(f.smallest_subnormal):.0f}}}$"),
        (ends[1] - 2, "right", f"$2^{{{f.bias + 1}}}$ →"),
    ):
        above.text(x, [*FORMATS].index("fp64"), words, ha=ha, va="center", color="white", fontsize=SMALL)
    above.set_yticks(range(len(FORMATS)), labels=[*LABELS.values()], fontsize=TEXT)
    above.set(xlim=ends, ylim=(len(FORMATS) - 0.5, -0.5))
    above.set_title("The exponent gives the range (light: subnormal), ...", fontsize=TITLE, loc="left")
    short = [name for name, f in FORMATS.items() if f.bits == 8]
    for row, name in enumerate(short):
        numbers = value_of(np.arange(1, 2**7), name)
        numbers = numbers[np.isfinite(numbers)]
        normal = numbers >= FORMATS[name].smallest_normal
        for chosen, alpha in ((normal, 1.0), (~normal, 0.4)):
            x = np.log2(numbers[chosen])
            below.vlines(x, row - 0.3, row + 0.3, color=BLUE, alpha=alpha, linewidth=1.2)
    below.set_yticks(range(len(short)), labels=[LABELS[name] for name in short], fontsize=TEXT)
    below.set(xlim=(-17, 17), ylim=(len(short) - 0.5, -0.5))
    below.set_title("... and the mantissa how many numbers share a power of 2", fontsize=TITLE, loc="left")
    for ax, ticks in ((above, range(-150, 131, 25)), (below, range(-16, 17, 2))):
        labelled(ax, "", "").grid(visible=False)
        ax.set_xticks([*ticks], labels=[f"$2^{{{tick}}}$" for tick in ticks])
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", left=False, labelsize=TEXT)
    return figure


def product_errors(
    lengths: ndarray,
    errors: Mapping[str, Mapping[str, Float[ndarray, "seeds n"]]],
    *,
    title: str = "Add in few bits, and the error grows with the sum",
    ax: Axes | None = None,
) -> Axes:
    """Draw the relative errors of matrix products over the length of their sums, both axes logarithmic.

    Parameters
    ----------
    lengths : (n,)
    errors : {format: {"mixed": (seeds, n), "low": (seeds, n)}}
        With sums in float32, and in the format: of each the mean of several runs is drawn. Up to four formats.
    """
    ax = labelled(ax or new_panel(4.2, WIDTH), "numbers added up", "relative error of the product")
    for (name, both), (colour, marker, _) in zip(errors.items(), STYLES, strict=False):
        for kind, dash, sums in (("low", "-", LABELS[name]), ("mixed", "--", "FP32")):
            mean, label = both[kind].mean(0), f"{LABELS[name]}, sums in {sums}"
            ax.plot(lengths, mean, color=colour, marker=marker, linestyle=dash, linewidth=2, label=label)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(lengths, labels=[f"{n:,}" for n in lengths])
    ax.minorticks_off()
    ax.figure.legend(loc="outside right center", fontsize=SMALL, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax
