"""Pictures of the lecture on what it costs: pixels and windows; number formats and their errors; the roofline."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minivit.cost.formats import FORMATS, round_to, value_of
from minivit.cost.formulas import attention_bytes, attention_entries, window_attention_entries
from minivit.cost.of import of
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


def attention_and_windows(
    sides: ndarray, macs: Mapping[str, ndarray], counted: tuple[ndarray, ndarray], *, ax: Axes | None = None
) -> Axes:
    """Draw the MACs of a layer of attention over the side of its grid, with both axes logarithmic.

    Parameters
    ----------
    sides : (n,)
        Tokens in a row of the grid.
    macs : {label: (n,)}
        Closed forms, drawn as lines.
    counted : (sides, macs)
        Drawn as rings.
    """
    ax = labelled(ax or new_panel(4.2, WIDTH), "side of the grid (tokens)", "G MACs of one layer")
    for (name, values), (colour, _, dash) in zip(macs.items(), STYLES, strict=False):
        ax.plot(sides, values / 1e9, color=colour, linestyle=dash, linewidth=2.2, label=name)
    x, y = counted
    ax.plot(x, y / 1e9, "o", color="black", markersize=9, markerfacecolor="none", markeredgewidth=1.8, label="counted")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(np.unique(x), labels=[f"{side}" for side in np.unique(x)])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.legend(fontsize=TEXT, frameon=False, loc="upper left")
    ax.set_title("Twice the side: four times the tokens, four or sixteen times the work", fontsize=TITLE, loc="left")
    return ax


def rounding_errors(
    names: tuple[str, ...] = ("bf16", "fp16", "fp8_e4m3", "fp8_e5m2"), *, ax: Axes | None = None
) -> Axes:
    """Draw how far rounding to each format is off, relative to the number, over the numbers: the worst in each octave.

    The number line is logarithmic, in powers of 2. A line ends where the numbers do, or at the edge.
    """
    ax = labelled(ax or new_panel(4.2, WIDTH), "number", "relative error of rounding, at most")
    places, ends = np.linspace(1, 2, 4096, endpoint=False), 32
    for name, (colour, _, dash) in zip(names, STYLES, strict=False):
        f = FORMATS[name]
        first, last = int(np.log2(f.smallest_subnormal)), int(np.log2(f.largest))
        octaves = np.arange(max(first, -ends), min(last, ends) + 1)
        numbers = 2.0 ** octaves[:, None] * places
        errors = np.abs(round_to(numbers, name) / numbers - 1)
        worst = np.max(errors, axis=1, where=numbers <= f.largest, initial=0)
        ax.plot(octaves + 0.5, worst, color=colour, linestyle=dash, linewidth=2.2, label=LABELS[name])
    ax.set_yscale("log", base=2)
    ticks = range(8 - ends, ends, 8)
    ax.set_xticks([*ticks], labels=[f"$2^{{{tick}}}$" for tick in ticks])
    ax.set(xlim=(1 - ends, ends - 1), ylim=(2**-13, 1))
    ax.minorticks_off()
    ax.figure.legend(loc="outside right center", fontsize=TEXT, frameon=False)
    ax.set_title("Precision is flat where numbers are normal, and lost where they are not", fontsize=TITLE, loc="left")
    return ax


def gradient_sizes(gradients: ndarray, scale: float, *, format: str = "fp16", ax: Axes | None = None) -> Axes:
    """Draw how many gradients, times a scale, have which size, and what a format makes of them.

    Zeros are left out. The number line is logarithmic, in powers of 2, and the same for every scale up to 2^20.
    """
    f = FORMATS[format]
    ax = labelled(ax or new_panel(3.4, WIDTH), "size of a gradient, scaled", "gradients (%)")
    sizes = np.abs(gradients[gradients != 0].astype(float)) * scale
    ends, ticks = (-60, 30), range(-60, 31, 10)
    low = round_to(sizes, format)
    lost, overflow = np.log2(f.smallest_subnormal) - 1, np.log2(f.largest)
    for left, right, colour, words in (
        (ends[0], lost, RED, f"become 0: {np.mean(low == 0):.1%}"),
        (lost, np.log2(f.smallest_normal), GREEN, "subnormal"),
        (overflow, ends[1], RED, f"overflow: {np.mean(~np.isfinite(low)):.1%}"),
    ):
        ax.axvspan(left, right, color=colour, alpha=0.15, linewidth=0)
        ax.text(
            (left + right) / 2, 0.97, words, ha="center", va="top", fontsize=TEXT, transform=ax.get_xaxis_transform()
        )
    weights = np.full(sizes.size, 100 / sizes.size)
    ax.hist(np.log2(sizes), bins=range(ends[0], ends[1] + 1), weights=weights, color=BLUE)
    ax.set_xticks([*ticks], labels=[f"$2^{{{tick}}}$" for tick in ticks])
    ax.set(xlim=ends, ylim=(0, 19))
    power = f"2^{{{np.log2(scale):.0f}}}"
    ax.set_title(f"Gradients of a loss times ${power}$, in {LABELS[format]}", fontsize=TITLE, loc="left")
    return ax


def formats_survived(
    runs: Mapping[str, tuple[ndarray, ndarray]], *, steps: int, guessing: float, ax: Axes | None = None
) -> Axes:
    """Draw where trainings end, a row for each format and scale of the loss, and say how many steps were made.

    Parameters
    ----------
    runs : {label: (steps made, loss)}
        Of several seeds each.
    steps : int
        That were tried.
    guessing : float
        The loss of who knows nothing.
    """
    ax = labelled(ax or new_panel(0.36 * len(runs) + 1.3, WIDTH), "loss of the last steps (nats)", "")
    for row, (made, losses) in enumerate(runs.values()):
        bad = losses.mean() > (guessing + min(loss.mean() for _, loss in runs.values())) / 2
        ax.plot(
            losses, np.full(len(losses), row), "X" if bad else "o", color=RED if bad else BLUE, markersize=8, alpha=0.8
        )
        low, high = int(made.min()), int(made.max())
        words = f"{low} of {steps} steps" if low == high else f"{low} to {high} of {steps} steps"
        ax.text(1.02, row, words, transform=ax.get_yaxis_transform(), va="center", fontsize=TEXT)
    ax.axvline(guessing, color=GREY, linestyle=":", linewidth=1.5)
    ax.text(guessing, len(runs) - 0.45, "guessing ", ha="right", va="bottom", color=GREY, fontsize=SMALL)
    ax.set_yticks(range(len(runs)), labels=[*runs], fontsize=TEXT)
    ax.set_ylim(len(runs) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_title("Which training survives: three seeds each", fontsize=TITLE, loc="left")
    return ax


def roofline(
    roofs: Mapping[str, tuple[float, float]],
    points: Mapping[str, tuple[float, float]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what bounds an op: bandwidth times its FLOPs per byte, or the peak of the processor, whichever is less.

    Parameters
    ----------
    roofs : {label: (FLOP/s, bytes per second)}
    points : {name: (FLOPs per byte, FLOP/s)}
        Numbered in the picture, from the left, and named beside it.

    References
    ----------
    Williams, Waterman and Patterson 2009, "Roofline: An Insightful Visual Performance Model".
    """
    ax = labelled(ax or new_panel(4.6, WIDTH), "FLOPs per byte", "FLOP/s")
    ordered = sorted(points.items(), key=lambda item: item[1])
    intensity = np.array([x for _, (x, _) in ordered])
    x = np.geomspace(
        intensity.min() / 2, max(2 * intensity.max(), *(1.6 * peak / rate for peak, rate in roofs.values())), 400
    )
    for (name, (peak, bandwidth)), (colour, _, dash) in zip(roofs.items(), STYLES, strict=False):
        ax.plot(x, np.minimum(peak, bandwidth * x), color=colour, linestyle=dash, linewidth=2.2, label=name)
    for number, (name, (a, b)) in enumerate(ordered, 1):
        ax.plot(a, b, "o", color="black", markersize=5, label=f"{number}  {name}")
        ax.annotate(f"{number}", (a, b), (0, -5), textcoords="offset points", ha="center", va="top", fontsize=SMALL)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(x[0], x[-1])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter(lambda value, _: flops_in_words(value))
    ax.minorticks_off()
    ax.figure.legend(loc="outside right center", fontsize=SMALL, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def flops_in_words(rate: float) -> str:
    """Such as 60 T."""
    scale, name = next(((10.0**p, name) for p, name in ((12, "T"), (9, "G"), (6, "M")) if rate >= 10.0**p), (1.0, ""))
    return f"{rate / scale:g} {name}".strip()
