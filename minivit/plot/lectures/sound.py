"""Pictures of the lecture on sound: two ears, winding, what a transform costs, aliases, windows that add up, mel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minivit.audio.ear import greenwood_position
from minivit.audio.fourier import euler
from minivit.audio.mel import hz_to_mel
from minivit.audio.sampling import alias
from minivit.plot.ear import ear_responses
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
    set_title,
)
from minivit.plot.sound import name_frequencies
from minivit.types import Real, ndarray

SECONDS_EACH = 1e-8
"""What a multiplication takes where both axes of :func:`counted_and_timed` say the same."""


def two_ears() -> Figure:
    """What places of the basilar membrane answer to, a cat's and beside it a human's."""
    figure = new_figure(3.3)
    panels: Any = figure.subplots(1, 2, sharey=True)
    for panel, species in zip(panels, ("cat", "human"), strict=True):
        ear_responses(species, ax=panel).set_title(species, fontsize=TEXT, loc="left")
    panels[1].set_ylabel("")
    set_title(figure, "What places of the basilar membrane answer to, from the apex (dark) to the base (light)")
    return figure


def wound(x: Real[ndarray, " W"], turns: Sequence[int]) -> Figure:
    """A wave wound round a circle, once for each number of turns: its points x_n e^(-2 pi i k n / N), and their mean.

    Parameters
    ----------
    x : (N,)
    turns : sequence of int
        k.
    """
    N = len(x)
    n = np.arange(N)
    figure = new_figure(3.0)
    panels: Any = figure.subplots(1, 1 + len(turns), gridspec_kw={"width_ratios": (1.25, *[1] * len(turns))})
    labelled(panels[0], "sample n", "$x_n$").plot(n, x, ".-", color=BLUE, linewidth=1, markersize=4)
    panels[0].set_title("the wave", fontsize=TEXT)
    edge = 1.1 * np.abs(x).max()
    for k, panel in zip(turns, panels[1:], strict=True):
        z = x * euler(-2 * np.pi * k * n / N)
        mean = z.mean()
        labelled(panel, "real part", "imaginary part" if k == turns[0] else "")
        panel.plot(np.real(z), np.imag(z), ".-", color=BLUE, linewidth=0.8, markersize=4, alpha=0.7)
        panel.plot([0, mean.real], [0, mean.imag], color=RED, linewidth=2)
        panel.plot(mean.real, mean.imag, "o", color=RED, markersize=8)
        panel.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
        panel.set_title(f"k = {k}: $|X_k|\\,/\\,N$ = {abs(mean):.2f}", fontsize=TEXT)
    set_title(figure, "Wound round the circle, k times: where all turns agree, the mean (orange) is far out")
    return figure


def counted_and_timed(
    lengths: ndarray, ways: Mapping[str, tuple[ndarray, Mapping[str, tuple[ndarray, ndarray]]]]
) -> Axes:
    """Draw multiplications (lines, left axis) and time (marks, right axis) over the length, all axes logarithmic.

    A mark on its line is a multiplication in 10 ns.

    Parameters
    ----------
    lengths : (n,)
    ways : {name: (multiplications (n,), {label: (lengths, seconds)})}
        One or two ways to compute the same, of each what was counted, and runs of it that were timed.
    """
    ax = labelled(new_panel(4.6), "N, numbers to transform", "multiplications (lines)")
    right = ax.twinx()
    marks = iter("os^D")
    for (name, (counted, timed)), (colour, _, dash) in zip(ways.items(), STYLES, strict=False):
        ax.plot(lengths, counted, color=colour, linestyle=dash, linewidth=2.2, label=name)
        for label, (where, seconds) in timed.items():
            style: Any = {"marker": next(marks), "color": colour, "markersize": 7}
            right.plot(where, seconds, linestyle=":", linewidth=0.8, label=f"{label}, timed", **style)
    ax.set_xscale("log", base=2)
    for panel in (ax, right):
        panel.set_yscale("log")
        panel.minorticks_off()
    least, most = float(lengths[0] / 2), float(2 * max(counted[-1] for counted, _ in ways.values()))
    ax.set_ylim(least, most)
    right.set_ylim(SECONDS_EACH * least, SECONDS_EACH * most)
    right.set_ylabel("processor time (s; marks)", fontsize=TEXT)
    right.tick_params(labelsize=SMALL)
    right.spines[["top"]].set_visible(False)
    ax.set_xticks(lengths, labels=[f"{N:,}" for N in lengths])
    place: Any = {"loc": "outside lower center", "ncols": 3, "fontsize": TEXT, "frameon": False}
    ax.figure.legend(**place)
    ax.set_title("$N^2$ against $N \\log N$, counted and timed", fontsize=TITLE, loc="left")
    return ax


def same_samples(f: float, sr: float, *, samples: int = 12) -> Axes:
    """Draw a tone, its alias, and the samples that both have in common.

    Parameters
    ----------
    f : float
        Hertz, of a cosine.
    sr : float
        Samples in a second.
    samples : int
        How many are drawn.
    """
    ax = labelled(new_panel(2.8), "time (ms)", "sample")
    heard = alias(f, sr)
    ms = np.linspace(0, 1000 * (samples - 1) / sr, 100 * samples)
    for hertz, (colour, _, dash) in zip((f, heard), STYLES, strict=False):
        ax.plot(ms, np.cos(2 * np.pi * hertz * ms / 1000), dash, color=colour, linewidth=1.5, label=f"{hertz:g} Hz")
    n = np.arange(samples)
    ax.plot(1000 * n / sr, np.cos(2 * np.pi * f * n / sr), "o", color="black", label="samples", markersize=7)
    ax.figure.legend(loc="outside lower center", ncols=3, fontsize=TEXT, frameon=False)
    ax.set_title(f"Two tones, {sr:g} samples in a second: the same numbers", fontsize=TITLE, loc="left")
    return ax


def windows_add_up(window: Real[ndarray, " W"], hops: Sequence[int], *, count: int = 5) -> Figure:
    """Draw copies of a window one hop apart, and the sum of their squares, for each of these hops.

    Parameters
    ----------
    window : (W,)
    hops : sequence of int
        Samples.
    count : int
        Copies of the window that are drawn.
    """
    W = len(window)
    figure = new_figure(2.8)
    panels: Any = figure.subplots(1, len(hops), sharey=True, squeeze=False)[0]
    for hop, panel in zip(hops, panels, strict=True):
        labelled(panel, "sample", "weight" if hop == hops[0] else "")
        total = np.zeros((count - 1) * hop + W)
        for start in range(0, count * hop, hop):
            total[start : start + W] += window**2
            panel.plot(np.arange(start, start + W), window, color=BLUE, linewidth=1.2)
        panel.plot(total, color=RED, linewidth=2.2)
        panel.set_title(f"hop {hop}", fontsize=TEXT)
    set_title(figure, f"Windows of {W} samples (blue), and the sum of their squares (orange)")
    return figure


def levels(
    places: ndarray, curves: Mapping[str, ndarray], *, xlabel: str = "frequency (Hz)", title: str = "", floor: float
) -> Axes:
    """Draw up to four spectra in decibels, one over the other.

    Parameters
    ----------
    places : (F,)
    curves : {label: (F,)}
        Decibels.
    xlabel, title : str
    floor : float
        The lowest level that is drawn.
    """
    ax = labelled(new_panel(3.2), xlabel, "dB")
    for (name, values), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(places, np.maximum(values, floor), dash, color=colour, linewidth=1.5, label=name)
    ax.set_xlim(places[0], places[-1])
    ax.figure.legend(loc="outside lower center", ncols=4, fontsize=TEXT, frameon=False)
    ax.set_title(title, fontsize=TITLE, loc="left")
    return ax


def scales_of_hearing(highest: float = 8000.0) -> Axes:
    """Draw how far up the scale each frequency lies: hertz, both mels, and the place on a human's basilar membrane.

    Parameters
    ----------
    highest : float
        Hertz, at which all scales are 1.
    """
    f = np.linspace(20, highest, 800)
    scales = {
        "mel (Slaney)": np.asarray(hz_to_mel(f)),
        "mel (HTK)": np.asarray(hz_to_mel(f, htk=True)),
        "basilar membrane": np.asarray(greenwood_position(f)),
    }
    ax = labelled(new_panel(3.4), "frequency (kHz)", "share of the scale")
    for (name, values), (colour, _, dash) in zip(scales.items(), STYLES, strict=False):
        ax.plot(f / 1000, values / values[-1], dash, color=colour, linewidth=2, label=name)
    ax.plot([0, highest / 1000], [0, 1], color=GREY, linewidth=1, label="hertz")
    ax.set(xlim=(0, highest / 1000), ylim=(0, 1.02))
    ax.legend(fontsize=TEXT, frameon=False, loc="lower right")
    ax.set_title("How far up is a frequency?", fontsize=TITLE, loc="left")
    return ax


def spectrogram_row(
    powers: Mapping[str, Real[ndarray, "F N"]],
    seconds: float,
    *,
    hertz: Mapping[str, Real[ndarray, " F"]],
    db: float = 60.0,
    title: str = "",
) -> Figure:
    """Draw spectrograms side by side, each in decibels below its loudest place.

    Parameters
    ----------
    powers : {title: (F, N)}
        Energies.
    seconds : float
        How long all of them last.
    hertz : {title: (F,)}
        The frequencies of their rows.
    db : float
        What is so many decibels below the loudest is black.
    """
    figure = new_figure(3.2)
    panels: Any = figure.subplots(1, len(powers), squeeze=False)[0]
    drawn: Any = None
    for (name, power), panel in zip(powers.items(), panels, strict=True):
        level = 10 * np.log10(np.maximum(power / power.max(), 10 ** (-db / 10)))
        extent = (0, seconds, -0.5, len(power) - 0.5)
        drawn = panel.imshow(level, "magma", vmin=-db, vmax=0, origin="lower", aspect="auto", extent=extent)
        name_frequencies(panel, hertz[name])
        panel.set_ylabel("kHz" if panel is panels[0] else "", fontsize=TEXT)
        panel.set_xlabel("time (s)", fontsize=TEXT)
        panel.set_title(name, fontsize=TEXT)
    bar = figure.colorbar(drawn, ax=[*panels], pad=0.01, aspect=30)
    bar.set_label("dB below the loudest", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    set_title(figure, title)
    return figure


def gradient_of_a_frame(dy: Real[ndarray, " T"], sr: int, marked: tuple[int, int]) -> Axes:
    """Draw the gradient of a wave, and between which samples the frame lies that it came from.

    Parameters
    ----------
    dy : (T,)
    sr : int
        Samples in a second.
    marked : (start, stop)
        The samples of the frame.
    """
    ax = labelled(new_panel(2.6, WIDTH), "time (ms)", "gradient")
    ax.plot(1000 * np.arange(len(dy)) / sr, dy, color=BLUE, linewidth=1.2)
    ax.axvspan(1000 * marked[0] / sr, 1000 * marked[1] / sr, color=GREY, alpha=0.15, linewidth=0)
    ax.set_xlim(0, 1000 * len(dy) / sr)
    ax.set_title("What one number of the picture asks of the wave; grey: its frame", fontsize=TITLE, loc="left")
    return ax
