"""Pictures of a voice: the vocal tract as a row of tubes, and a source behind a filter."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minivit.audio.tube import TUBES, tube_formants, tube_response
from minivit.audio.voice import FORMANTS, HIGHER_FORMANTS, glottis, tract
from minivit.plot.figure import BLUE, GREY, RED, SMALL, TEXT, Axes, Figure, labelled, new_figure, set_title
from minivit.types import Real, ndarray

HIGHEST = 5000.0
"""Hertz, up to where a voice is drawn."""


def vocal_tube(tubes: str | Sequence[tuple[float, float]]) -> Figure:
    """A vocal tract of tubes, from the glottis to the lips, and beside it how loud it lets each frequency out.

    Parameters
    ----------
    tubes : str or sequence of (length in cm, area in square cm)
        The name of a vowel in ``minivit.audio.tube.TUBES`` ("a", "ae", "i", "uh"), or tubes.
    """
    if isinstance(tubes, str) and tubes not in TUBES:
        raise ValueError(f"vocal_tube: tubes are {tubes!r:.100}; expected one of {', '.join(TUBES)}, or tubes")
    name, shape = (tubes, TUBES[tubes]) if isinstance(tubes, str) else ("", tubes)
    formants = tube_formants(shape)
    figure = new_figure(3.0)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1, 1.3)})

    ends = np.concatenate([[0], np.cumsum([length for length, _ in shape])])
    radius = np.sqrt(np.array([area for _, area in shape]) / np.pi).repeat(2)
    along = ends.repeat(2)[1:-1]
    left.fill_between(along, -radius, radius, color=BLUE, alpha=0.15, linewidth=0)
    for wall in (radius, -radius):
        left.plot(along, wall, color=BLUE, linewidth=2)
    left.plot([0, 0], [-radius[0], radius[0]], color=RED, linewidth=4)
    labelled(left, "cm from the glottis to the lips", "cm from the middle")
    left.set_ylim(-1.5 * radius.max(), 1.5 * radius.max())
    left.annotate("glottis", (0, 1.1 * radius.max()), (2, 0), textcoords="offset points", color=RED, fontsize=SMALL)
    left.annotate("lips", (ends[-1], 1.1 * radius.max()), ha="right", color=GREY, fontsize=SMALL)
    left.grid(visible=False)

    frequency = np.arange(0, HIGHEST, 2.0)
    labelled(right, "frequency (kHz)", "dB").plot(frequency / 1000, tube_response(frequency, shape), color=BLUE)
    _mark_formants(right, formants)
    said = f" of {name!r}" if name else ""
    set_title(figure, f"A vocal tract{said}, and its formants: {', '.join(f'{f:.0f}' for f in formants[:3])} Hz")
    return figure


def source_and_filter(name: str = "a", *, pitch: float = 120.0, sr: int = 16_000) -> Figure:
    """What the glottis sends, what the vocal tract lets through, and what is heard: in decibels, the sum of both.

    Parameters
    ----------
    name : str
        A vowel of ``minivit.audio.voice.FORMANTS``.
    pitch : float
        Hertz.
    sr : int
        Samples in a second.
    """
    if name not in FORMANTS:
        raise ValueError(f"source_and_filter: name is {name!r:.100}; expected one of {', '.join(FORMANTS)}")
    formants = np.array([*FORMANTS[name], *HIGHER_FORMANTS])[:, None]
    source = glottis(np.full(sr // 2, pitch), sr=sr)
    impulse = np.zeros(sr // 2)
    impulse[0] = 1
    heard = tract(source, formants, sr=sr)
    window = np.hanning(sr // 2)
    spectra = {
        "source: pulses of the glottis": source * window,
        f"filter: the tract of {name!r}": tract(impulse, formants, sr=sr),
        f"sound: the vowel {name!r}": heard * window,
    }
    figure = new_figure(2.9)
    panels: Any = figure.subplots(1, 3, sharex=True, sharey=True)
    hertz = np.fft.rfftfreq(sr // 2, 1 / sr)
    drawn = hertz < HIGHEST
    for i, ((title, y), panel) in enumerate(zip(spectra.items(), panels, strict=True)):
        size = np.abs(np.fft.rfft(y))[drawn]
        level = 20 * np.log10(np.maximum(size / size.max(), 1e-5))
        labelled(panel, "frequency (kHz)", "" if i else "dB").plot(hertz[drawn] / 1000, level, color=BLUE, linewidth=1)
        panel.set_title(title, fontsize=TEXT)
        if i:
            _mark_formants(panel, formants[formants[:, 0] < HIGHEST, 0])
    panels[0].set_ylim(-80, 8)
    set_title(figure, "A voice is a source behind a filter")
    return figure


def _mark_formants(ax: Axes, formants: Real[ndarray, " K"]) -> None:
    for i, formant in enumerate(formants.tolist(), 1):
        ax.axvline(formant / 1000, color=RED, linewidth=0.8, linestyle="--")
        where: Any = {"xy": (formant / 1000, 1), "xycoords": ("data", "axes fraction"), "va": "top"}
        below = 2 if i % 2 else 2 + SMALL  # the first two may be near to each other
        ax.annotate(f"F{i}", **where, xytext=(2, -below), textcoords="offset points", color=RED, fontsize=SMALL)
