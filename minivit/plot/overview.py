"""The spectrogram of a whole file, a panel for each of its channels."""

from collections.abc import Sequence

import numpy as np

from minivit.audio.overview import Overview
from minivit.plot.figure import SMALL, TEXT, TITLE, Figure, new_figure
from minivit.plot.sound import name_frequencies

LONG = 300.0
"""Seconds: what is longer is counted in minutes."""


def sound_overview(found: Overview, *, db: float, title: str, names: Sequence[str] | None = None) -> Figure:
    """Draw the spectrograms of all channels, one below the other, in colours of one scale.

    Parameters
    ----------
    found : Overview
        Of :func:`minivit.audio.overview.wav_overview`.
    db : float
        The range of the colours in decibels: what is so far below the loudest is black, as all of a silent file is.
    title : str
    names : sequence of str, optional
        One for each channel.
    """
    power, hertz, seconds = found.power, found.hertz, found.info.length / found.info.sr
    levels = 10 * np.log10(np.maximum(power / (power.max() or 1), 10 ** (-db / 10)))
    figure = new_figure(1.3 + 2.4 * max(len(levels), 1.2))
    panels = figure.subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
    unit, length = ("min", seconds / 60) if seconds > LONG else ("s", seconds)
    for i, (panel, level) in enumerate(zip(panels, levels, strict=True)):
        extent = (0, length, -0.5, len(hertz) - 0.5)
        image = panel.imshow(level, cmap="magma", vmin=-db, vmax=0, origin="lower", aspect="auto", extent=extent)
        name_frequencies(panel, hertz)
        if names:
            panel.set_title(names[i], fontsize=TEXT, loc="left")
        if i == len(levels) - 1:
            panel.set_xlabel(f"time ({unit})", fontsize=TEXT)
            bar = figure.colorbar(image, ax=list(panels), pad=0.01, aspect=40 * len(levels))  # equally wide
            bar.set_label("dB below the loudest", fontsize=TEXT)
            bar.ax.tick_params(labelsize=SMALL)
    figure.suptitle(title, fontsize=TITLE, x=0.014, horizontalalignment="left")
    return figure
