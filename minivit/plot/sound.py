"""Pictures of sound: a wave, its spectrogram, windows and what leaks through them, mel filters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minivit.audio.windows import get_window, highest_side_lobe, main_lobe_width, window_spectrum_db
from minivit.plot.figure import (
    BLUE,
    GREY,
    RED,
    SMALL,
    TEXT,
    TITLE,
    Axes,
    Figure,
    labelled,
    new_figure,
    new_panel,
    set_title,
)
from minivit.types import Real, ndarray

COLUMNS = 2000
"""Of a picture: a wave of more samples is drawn as the band between its least and its largest."""

OCTAVES = 125.0 * 2.0 ** np.arange(10)
"""Frequencies that are named beside rows which are not equally far apart in hertz."""

FLOOR = -100.0
"""Decibels, below which a spectrum is not drawn."""


def waveform(y: Real[ndarray, " T"], *, sr: int, ax: Axes | None = None) -> Axes:
    """The samples of a sound over time."""
    if not len(y):
        raise ValueError("waveform: y has no samples; expected at least one")
    ax = labelled(ax or new_panel(2.4), "time (s)", "sample")
    if len(y) <= COLUMNS:
        ax.plot(np.arange(len(y)) / sr, y, color=BLUE, linewidth=1)
    else:
        starts = np.linspace(0, len(y), COLUMNS, endpoint=False).astype(int)
        least, most = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
        ax.fill_between(starts / sr, least, most, color=BLUE, linewidth=0.5)
    ax.set_xlim(0, len(y) / sr)
    return ax


def spectrogram(
    power: Real[ndarray, "F N"],
    *,
    sr: int,
    hop_length: int,
    hertz: Real[ndarray, " F"] | None = None,
    db: float = 80.0,
    ax: Axes | None = None,
) -> Axes:
    """A spectrogram in colours, from the loudest to black, the lowest frequency at the bottom.

    Parameters
    ----------
    power : (F, N)
        Energies, not decibels: of an STFT, behind mel filters, or a cochleagram.
    sr : int
        Samples in a second.
    hop_length : int
        Samples from a column to the next.
    hertz : (F,)
        The frequency of each row; from 0 to ``sr / 2`` if not given.
    db : float
        What is so many decibels below the loudest is black; as all of silence is.
    """
    ax = ax or new_panel(3.6)
    level = 10 * np.log10(np.maximum(power / (power.max() or 1), 10 ** (-db / 10)))
    rows, columns = power.shape
    extent = (0, columns * hop_length / sr, -0.5, rows - 0.5)
    image = ax.imshow(level, cmap="magma", vmin=-db, vmax=0, origin="lower", aspect="auto", extent=extent)
    name_frequencies(ax, np.linspace(0, sr / 2, rows) if hertz is None else hertz)
    ax.set_xlabel("time (s)", fontsize=TEXT)
    figure: Any = ax.figure
    bar = figure.colorbar(image, ax=ax, pad=0.01)
    bar.set_label("dB below the loudest", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return ax


def name_frequencies(ax: Axes, hertz: Real[ndarray, " F"]) -> None:
    """Round numbers of kilohertz beside the rows of a picture, wherever in it these frequencies are."""
    from matplotlib.ticker import MaxNLocator

    equal = len(hertz) < 3 or np.ptp(np.diff(hertz)) < 1e-3 * (hertz[1] - hertz[0])
    named = np.asarray(MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(hertz[0], hertz[-1])) if equal else OCTAVES
    named = named[(named >= hertz[0]) & (named <= hertz[-1])]
    rows = np.interp(named, hertz, np.arange(len(hertz)))
    if not equal:  # the lowest octaves may lie in neighbouring rows
        roomy = np.diff(rows, append=np.inf) > len(hertz) / 20
        named, rows = named[roomy], rows[roomy]
    ax.set_yticks(rows, [f"{f / 1000:g}" for f in named])
    ax.set_ylabel("kHz", fontsize=TEXT)
    ax.tick_params(labelsize=SMALL)


def mel_filters(mel_basis: Real[ndarray, "M F"], *, sr: int, ax: Axes | None = None) -> Axes:
    """The filters of a mel filter bank over frequency: triangles, narrow where the ear is fine.

    Parameters
    ----------
    mel_basis : (M, F)
        Of :func:`minivit.audio.mel.mel_filterbank`.
    sr : int
        Samples in a second.
    """
    ax = labelled(ax or new_panel(2.8), "frequency (kHz)", "weight")
    kilohertz = np.linspace(0, sr / 2000, mel_basis.shape[1])
    for m, weights in enumerate(mel_basis):
        ax.plot(kilohertz, weights, color=(BLUE, RED)[m % 2], linewidth=1.2)
    ax.set_xlim(0, sr / 2000)
    ax.set_ylim(0)
    ax.set_title(f"{len(mel_basis)} mel filters", fontsize=TITLE, loc="left")
    return ax


WINDOWS = ("rectangular", "hann", "hamming", "blackman")


def window_spectra(windows: Sequence[str] = WINDOWS, *, length: int = 64) -> Figure:
    """Windows, and below each of them how far a tone leaks through it into other frequencies.

    Source: Harris 1978, "On the Use of Windows for Harmonic Analysis with the Discrete Fourier Transform", section V.

    Parameters
    ----------
    windows : sequence of str
        Names for :func:`minivit.audio.windows.get_window`.
    length : int
        Samples of each.
    """
    figure = new_figure(4.6)
    panels: Any = figure.subplots(2, len(windows), sharex="row", sharey="row", squeeze=False)
    padded = 64 * length
    bins = np.arange(padded // 2 + 1) * length / padded
    for name, (shape, spectrum) in zip(windows, panels.T, strict=True):
        window = get_window(name, length)
        labelled(shape, "sample", "").plot(window, color=BLUE, linewidth=1.5)
        shape.fill_between(np.arange(length), window, color=BLUE, alpha=0.15, linewidth=0)
        shape.set_title(name, fontsize=TEXT)
        shape.set_ylim(0, 1.1)
        level = np.maximum(window_spectrum_db(window, padded), FLOOR)
        both = np.concatenate([-bins[:0:-1], bins]), np.concatenate([level[:0:-1], level])
        labelled(spectrum, "bins away from the tone", "").plot(*both, color=BLUE, linewidth=1.2)
        width, side = main_lobe_width(window), highest_side_lobe(window)
        if np.isfinite(side):
            spectrum.axhline(side, color=RED, linewidth=0.8, linestyle="--")
        spectrum.axvspan(-width / 2, width / 2, color=GREY, alpha=0.15, linewidth=0)
        words = f"{width:.3g} bins, {side:.1f} dB".replace("-", "−")
        spectrum.set_title(words, fontsize=SMALL, color=RED)
        spectrum.set_xlim(-10, 10)
        spectrum.set_ylim(FLOOR, 3)
    panels[0, 0].set_ylabel("weight", fontsize=TEXT)
    panels[1, 0].set_ylabel("dB", fontsize=TEXT)
    set_title(figure, "Windows, and what leaks through them: main lobe (grey), highest side lobe (dashed)")
    return figure


def tones_through_windows(
    y: Real[ndarray, " T"],
    windows: Sequence[str] = WINDOWS,
    *,
    sr: int,
    marked: Sequence[float] = (),
) -> Figure:
    """The spectrum of one frame of a sound, in decibels, as it is seen through each of these windows.

    Parameters
    ----------
    y : (T,)
        All of it is the frame.
    windows : sequence of str
        Names for :func:`minivit.audio.windows.get_window`.
    sr : int
        Samples in a second.
    marked : sequence of float
        Frequencies in hertz, to be marked: where the tones are.
    """
    figure = new_figure(2.9)
    panels: Any = figure.subplots(1, len(windows), sharex=True, sharey=True, squeeze=False)[0]
    n_fft = 8 * len(y)
    hertz = np.arange(n_fft // 2 + 1) * sr / n_fft
    for name, panel in zip(windows, panels, strict=True):
        size = np.abs(np.fft.rfft(y * get_window(name, len(y)), n_fft))
        level = 20 * np.log10(np.maximum(size / (size.max() or 1), 10 ** (FLOOR / 20)))
        labelled(panel, "frequency (Hz)", "").plot(hertz, level, color=BLUE, linewidth=1)
        for f in marked:
            panel.axvline(f, color=RED, linewidth=0.8, linestyle="--")
        panel.set_title(name, fontsize=TEXT)
    if marked:
        room = 0.35 * (max(marked) - min(marked)) or 0.1 * sr
        panels[0].set_xlim(max(0, min(marked) - room), min(sr / 2, max(marked) + room))
    panels[0].set_ylabel("dB", fontsize=TEXT)
    set_title(figure, f"One frame of {len(y)} samples, through windows{' (dashed: the tones)' if marked else ''}")
    return figure
