"""The picture of ``roofline.py --png``."""

import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from roofline import Bandwidth, Point, in_bytes

# colours that are told apart with any kind of colour vision (Okabe and Ito 2008, "Color Universal Design")
BLUE, ORANGE, GREEN, BLACK, GREY = "#0072B2", "#D55E00", "#009E73", "#000000", "#595959"
LABEL_STEP = 0.042  # of the height of the panel: what a line of text needs


def draw(path: str, title: str, peak: float, bandwidths: Sequence[Bandwidth], points: Sequence[Point]) -> None:
    """Bandwidth over the size of the arrays to the left, the roofline with all points to the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 6.5), width_ratios=(1, 1.9), layout="constrained")
    figure.suptitle(f"{title}; one thread, float32", fontsize=11)
    draw_bandwidth(left, bandwidths)
    draw_roof(right, peak, bandwidths, points)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_bandwidth(ax: Any, bandwidths: Sequence[Bandwidth]) -> None:
    """Three curves, each with its name."""
    sizes = [b.nbytes for b in bandwidths]
    for name, colour, marker in (("read", BLUE, "o"), ("write", ORANGE, "s"), ("copy", GREEN, "^")):
        ax.plot(sizes, [getattr(b, name) for b in bandwidths], color=colour, marker=marker, markersize=4, label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")  # there may be no power of ten among them
    ax.set_xticks(sizes[::2], [in_bytes(size) for size in sizes[::2]], rotation=60)
    ax.set(xlabel="bytes of all arrays", ylabel="GB/s", title="Bandwidth: every cache is a step")
    ax.grid(alpha=0.3)
    ax.legend()


def draw_roof(ax: Any, peak: float, bandwidths: Sequence[Bandwidth], points: Sequence[Point]) -> None:
    """The roofs, and every point with its name in a column beside the panel."""
    lowest = min(point.intensity for point in points) / 2
    highest = max(point.intensity for point in points) * 2
    x = np.geomspace(lowest, highest, 200)
    fastest = max(b.copy for b in bandwidths)
    for bandwidth, style, place in ((fastest, "-", "the best cache"), (bandwidths[-1].copy, "--", "memory")):
        label = f"bandwidth of {place}: {bandwidth:.0f} GB/s"
        ax.plot(x, np.minimum(peak, x * bandwidth), color=BLACK, linestyle=style, label=label)
    ax.plot(x, np.full_like(x, peak), color=BLACK, linestyle=":", label=f"large matrix product: {peak:.0f} GFLOP/s")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(lowest, highest)
    kinds = (("matrix product", BLUE, "o"), ("forward", GREEN, "^"), ("backward", ORANGE, "v"))
    for kind, colour, marker in kinds:
        mine = [point for point in points if kind_of(point) == kind]
        ax.scatter([p.intensity for p in mine], [p.gflops for p in mine], 34, colour, marker, label=kind, zorder=3)
    ax.set(xlabel="FLOPs per byte", ylabel="GFLOP/s", title="Roofline: what limits each op")
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right", fontsize=8)
    ops = [point for point in points if kind_of(point) != "matrix product"]
    write_names(ax, ops, {kind: colour for kind, colour, _ in kinds})


def kind_of(point: Point) -> str:
    """Matrix product, forward or backward."""
    found = re.search("(forward|backward)$", point.name)
    return found.group() if found else "matrix product"


def write_names(ax: Any, points: Sequence[Point], colours: dict[str, str]) -> None:
    """Names in a column to the right, from the fastest down, at least a line apart, each tied to its point."""
    to_axes = ax.transData + ax.transAxes.inverted()
    ordered = sorted(points, key=lambda point: -point.gflops)
    wanted = [to_axes.transform((point.intensity, point.gflops))[1] for point in ordered]
    heights, above = [], 1.0 + LABEL_STEP
    for i, height in enumerate(wanted):
        room_below = LABEL_STEP * (len(wanted) - 1 - i)
        above = max(min(height, above - LABEL_STEP), room_below)
        heights.append(above)
    for point, height in zip(ordered, heights, strict=True):
        ax.annotate(
            f"{point.name} ({point.gflops:.2g})",
            (point.intensity, point.gflops),
            (1.03, height),
            textcoords="axes fraction",
            fontsize=8.5,
            verticalalignment="center",
            color=colours[kind_of(point)],
            arrowprops={
                "arrowstyle": "-",
                "color": GREY,
                "linewidth": 0.5,
                "alpha": 0.6,
                "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )
