"""Pictures of the lecture on listening: sounds cut into patches, what a model hears of them, and how far it sees."""

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
from minivit.plot.sound import name_frequencies
from minivit.types import Float, Int, ndarray

RANGE = 11.5
"""Of the natural logarithm of power, from the brightest to black: 50 dB."""

FAINTEST = 1e-6
"""Of the largest gradient: what is fainter is not drawn."""

EDGE = "#56B4E9"
"""Light blue, seen on black and on yellow."""


def log_mels(
    z: Float[ndarray, "n M N"], names: Sequence[str], *, hertz: ndarray, hop: float, columns: int = 5, title: str = ""
) -> Figure:
    """Draw log-mel spectrograms side by side, each from its own loudest place to 50 dB below it.

    Parameters
    ----------
    z : (n, M, N)
        Natural logarithms of power.
    names : sequence of str
    hertz : (M,)
        The frequency of each band.
    hop : float
        Seconds from a frame to the next.
    """
    lines = -(-len(z) // columns)
    figure = new_figure(1.85 * lines + 0.55)
    panels: Any = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for panel, spectrogram, name in zip(panels.flat, z, names, strict=False):
        log_mel(panel, spectrogram, hertz, hop)
        panel.set_title(name, fontsize=SMALL)
        panel.label_outer()
    set_title(figure, title)
    return figure


def log_mel(ax: Axes, z: Float[ndarray, "M N"], hertz: ndarray, hop: float) -> None:
    """One of them into a panel, with kilohertz and seconds beside it."""
    M, N = z.shape
    top = float(z.max())
    extent = (0, N * hop, -0.5, M - 0.5)
    ax.imshow(z, cmap="magma", vmin=top - RANGE, vmax=top, origin="lower", aspect="auto", extent=extent)
    name_frequencies(ax, hertz)
    ax.set_xlabel("time (s)", fontsize=TEXT)


def overlapping_patches(
    z: Float[ndarray, "M N"], patch: int, stride: int, seen: Int[ndarray, "M N"], *, hertz: ndarray, hop: float
) -> Figure:
    """Draw three neighbouring patches on a spectrogram, and beside it how many patches see each of its numbers."""
    from matplotlib.patches import Rectangle

    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    log_mel(left, z, hertz, hop)
    for row, column, dash in ((1, 2, "-"), (1, 3, "--"), (2, 2, ":")):
        corner = column * stride * hop, row * stride - 0.5
        box = {"facecolor": "none", "edgecolor": EDGE, "linewidth": 2.4, "linestyle": dash}
        left.add_patch(Rectangle(corner, patch * hop, patch, **box))
    left.set_title(f"three patches of {patch} × {patch}, {stride} apart", fontsize=TEXT)
    extent = (0, z.shape[1], 0, z.shape[0])
    shown = right.imshow(seen, cmap="Blues", vmin=0, vmax=4, origin="lower", aspect="auto", extent=extent)
    right.set_xlabel("frame", fontsize=TEXT)
    right.set_ylabel("mel band", fontsize=TEXT)
    right.tick_params(labelsize=SMALL)
    right.set_title("how many patches see a number", fontsize=TEXT)
    bar = figure.colorbar(shown, ax=right, ticks=[0, 1, 2, 4])
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def confusion(counts: Int[ndarray, "C C"], names: Sequence[str], *, title: str) -> Axes:
    """Draw how often each class (row) was taken for each (column), with the numbers written in."""
    ax = new_panel(5.6, 0.85 * WIDTH)
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=1.4 * counts.max())
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ax.text(column, row, f"{count}", ha="center", va="center", fontsize=SMALL)
    ax.set_xticks(range(len(names)), [*names], rotation=40, ha="right", rotation_mode="anchor", fontsize=SMALL)
    ax.set_yticks(range(len(names)), [*names], fontsize=SMALL)
    ax.set_xlabel("said", fontsize=TEXT)
    ax.set_ylabel("true", fontsize=TEXT)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def input_gradients(
    z: Float[ndarray, "M N"],
    dz: Float[ndarray, "M N"],
    wave: Float[ndarray, " T"],
    dwave: Float[ndarray, " T"],
    *,
    hertz: ndarray,
    hop: float,
    sr: int,
    title: str,
) -> Figure:
    """Draw a spectrogram and a wave, and beside them the gradients that have arrived there."""
    figure = new_figure(4.9)
    (sound, gradient), (samples, slope) = figure.subplots(2, 2)
    log_mel(sound, z, hertz, hop)
    sound.set_title("spectrogram", fontsize=TEXT)
    limit, (M, N) = float(np.abs(dz).max()), z.shape
    shown = gradient.imshow(
        dz,
        cmap=signed_colours(),
        vmin=-limit,
        vmax=limit,
        origin="lower",
        aspect="auto",
        extent=(0, N * hop, -0.5, M - 0.5),
    )
    name_frequencies(gradient, hertz)
    gradient.set_xlabel("time (s)", fontsize=TEXT)
    gradient.set_title("its gradient (nats per unit of log power)", fontsize=TEXT)
    figure.colorbar(shown, ax=gradient, pad=0.01).ax.tick_params(labelsize=SMALL)
    seconds = np.arange(len(wave)) / sr
    for ax, values, colour, name in (
        (samples, wave, BLUE, "wave"),
        (slope, dwave, RED, "its gradient (nats per unit of a sample)"),
    ):
        labelled(ax, "time (s)", "").plot(seconds, values, color=colour, linewidth=0.6)
        ax.set_xlim(0, len(wave) / sr)
        ax.set_title(name, fontsize=TEXT)
    set_title(figure, title)
    return figure


def shuffled_time(
    milliseconds: ndarray, shares: Mapping[str, ndarray], *, marks: Mapping[str, float], title: str
) -> Axes:
    """Draw shares of right answers over the length of the pieces into which a sound was cut, on a logarithmic axis.

    Parameters
    ----------
    milliseconds : (n,)
    shares : {name: (n,)}
    marks : {text: milliseconds}
        Lengths to be named.
    """
    ax = labelled(new_panel(3.8, 0.8 * WIDTH), "length of the pieces that were shuffled (ms)", "right (%)")
    for (name, values), (colour, marker, dash) in zip(shares.items(), STYLES, strict=False):
        ax.plot(milliseconds, 100 * values, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(milliseconds, labels=[f"{ms:g}" for ms in milliseconds])
    ax.minorticks_off()
    ax.set_ylim(0, 105)
    for text, place in marks.items():
        ax.axvline(place, color="black", linewidth=0.8, linestyle=":")
        ax.annotate(text, (place, 0.04), (4, 0), ("data", "axes fraction"), "offset points", fontsize=TEXT)
    ax.legend(fontsize=TEXT, frameon=False, loc="center right")
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def gradient_sizes(
    x: ndarray,
    sizes: Mapping[str, Float[ndarray, " T"]],
    *,
    xlabel: str,
    title: str,
    spans: Mapping[str, tuple[float, float]] | None = None,
) -> Axes:
    """Draw sizes of gradients over time on a logarithmic axis, each as shares of its largest; 0 is left out.

    Parameters
    ----------
    x : (T,)
    sizes : {name: (T,)}
    spans : {text: (first, last)}
        Stretches to be shaded and named.
    """
    ax = labelled(new_panel(3.5), xlabel, "gradient, as part of the largest")
    faintest = 1.0
    for (name, values), (colour, marker, _) in zip(sizes.items(), STYLES, strict=False):
        shares = values / values.max()
        shown = np.where(shares > FAINTEST, shares, np.nan)
        faintest = min(faintest, float(np.nanmin(shown)))
        few = len(x) < 100
        look: dict[str, Any] = {"marker": marker, "markersize": 5, "linewidth": 1.5} if few else {"linewidth": 0.9}
        ax.plot(x, shown, color=colour, label=name, **look)
    ax.set_yscale("log")
    ax.set_ylim(faintest / 10, 3)
    for text, (first, last) in (spans or {}).items():
        ax.axvspan(first, last, color=GREY, alpha=0.15, linewidth=0)
        ax.annotate(text, ((first + last) / 2, 0.03), xycoords=("data", "axes fraction"), ha="center", fontsize=TEXT)
    ax.legend(fontsize=TEXT, frameon=False, loc="upper right")
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def which_future(
    z: Float[ndarray, "M N"],
    frames: Mapping[str, Sequence[tuple[float, float]]],
    *,
    hertz: ndarray,
    hop: float,
) -> Figure:
    """Draw a spectrogram, and below it a row of bars for each name: from when to when, in seconds, each reaches.

    The frame of the first name is marked on the spectrogram.
    """
    figure = new_figure(4.8)
    sound, rows = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 2.6)})
    log_mel(sound, z, hertz, hop)
    sound.set_xlabel("")
    lines, names = 0, []
    for (name, spans), colour in zip(frames.items(), (GREEN, BLUE, RED), strict=False):
        names.append((lines + (len(spans) - 1) / 2, name))
        for first, last in spans:
            rows.barh(lines, last - first, left=first, height=0.7, color=colour)
            lines += 1
        lines += 1.2
    for edge in next(iter(frames.values()))[0]:
        sound.axvline(edge, color="white", linewidth=1.4, linestyle="--")
    rows.set_yticks([place for place, _ in names], labels=[name for _, name in names], fontsize=TEXT)
    rows.tick_params(axis="x", labelsize=SMALL)
    rows.invert_yaxis()
    rows.set_xlabel("time (s)", fontsize=TEXT)
    rows.spines[["top", "right"]].set_visible(False)
    sound.set_xlim(0, z.shape[1] * hop)
    set_title(figure, "One of eleven frames is the true one: it is marked in the spectrogram")
    return figure


def probes(epochs: Sequence[int], scores: Mapping[str, Float[ndarray, "seeds n"]]) -> Axes:
    """Draw what a linear probe reads off features after so many epochs: the mean of the runs, lowest to highest."""
    ax = labelled(new_panel(3.6, 0.75 * WIDTH), "epochs, without labels", "probe: test sounds right (%)")
    for (name, values), (colour, marker, dash) in zip(scores.items(), STYLES, strict=False):
        ax.plot(epochs, 100 * values.mean(0), color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
        ax.fill_between(epochs, 100 * values.min(0), 100 * values.max(0), color=colour, alpha=0.2, linewidth=0)
    ax.set_xticks(epochs)
    ax.set_ylim(0, 103)
    ax.legend(fontsize=TEXT, frameon=False, loc="lower right")
    ax.set_title("What a linear probe reads off, five seeds", fontsize=TITLE, loc="left")
    return ax
