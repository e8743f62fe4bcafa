"""Pictures of an ear: which place hears which frequency, how sharply, and what it makes of a sound."""

from collections.abc import Sequence

import numpy as np

from minivit.audio.cochlea import cochleagram
from minivit.audio.ear import SPECIES, basilar_membrane_response, greenwood, greenwood_frequencies
from minivit.audio.spectrogram import spectrogram_forward
from minivit.plot.figure import STYLES, TEXT, Axes, Figure, labelled, new_figure, new_panel
from minivit.plot.sound import spectrogram
from minivit.types import Real, ndarray


def ear_responses(species: str = "cat", *, places: Sequence[float] | None = None, ax: Axes | None = None) -> Axes:
    """How much places of the basilar membrane move at each frequency, on a logarithmic axis, from the apex to the base.

    After Ghitza's figure of a cat's in Rabiner and Juang 1993, "Fundamentals of Speech Recognition", figure 3.50; the
    curves are those of :func:`minivit.audio.ear.basilar_membrane_response`.

    Parameters
    ----------
    species : str
        "cat" or "human".
    places : sequence of float
        From 0 at the apex to 1 at the base; eleven from 0.05 to 0.95 if not given.
    """
    from matplotlib import colormaps

    where = np.linspace(0.05, 0.95, 11) if places is None else np.asarray(places, float)
    best = np.asarray(greenwood(where, species=species))
    frequency = np.geomspace(best.min() / 8, best.max() * 2, 1500)
    ax = labelled(ax or new_panel(3.4), "frequency (Hz)", "dB")
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(where)))
    responses = basilar_membrane_response(frequency, where, species=species)
    for response, colour in zip(responses, colours, strict=True):
        ax.plot(frequency, response, color=colour, linewidth=1.2)
    ax.set_xscale("log")
    ax.set_ylim(-80, 3)
    ax.set_xlim(frequency[0], frequency[-1])
    ax.set_title(f"What places of a {species}'s basilar membrane answer to", fontsize=TEXT, loc="left")
    return ax


def ear_maps(*, ax: Axes | None = None) -> Axes:
    """Which frequency each place of the basilar membrane hears best, of every species that is known here."""
    ax = labelled(ax or new_panel(3.4), "place, in mm from the apex", "frequency (Hz)")
    x = np.linspace(0, 1, 200)
    for (species, membrane), (colour, _, dash) in zip(SPECIES.items(), STYLES, strict=False):
        hertz = np.asarray(greenwood(x, species=species))
        ax.plot(membrane.length * x, hertz, dash, color=colour, linewidth=2)
        end = membrane.length, float(hertz[-1])
        ax.annotate(species, end, (6, 0), textcoords="offset points", va="center", color=colour, fontsize=TEXT)
    ax.set_title("What places of the basilar membrane hear best", fontsize=TEXT, loc="left")
    ax.set_yscale("log")
    return ax


def cochleagram_beside_spectrogram(
    y: Real[ndarray, " T"], *, sr: int, species: str = "human", n_fft: int = 512, db: float = 70.0
) -> Figure:
    """A sound as a spectrogram shows it, in frames of one length, and as an ear hears it, place by place.

    Parameters
    ----------
    y : (T,)
    sr : int
        Samples in a second.
    species : str
        Whose ear: "human" or "cat".
    n_fft : int
        Samples of a frame of the spectrogram.
    db : float
        What is so many decibels below the loudest is black.
    """
    figure = new_figure(3.6)
    left, right = figure.subplots(1, 2)
    power, _ = spectrogram_forward(y, n_fft=n_fft, hop_length=n_fft // 4)
    spectrogram(power, sr=sr, hop_length=n_fft // 4, db=db, ax=left)
    left.set_title("spectrogram", fontsize=TEXT)
    fmin, fmax = max(50.0, float(greenwood(0.0, species=species))), 0.45 * sr
    heard = cochleagram(y, sr=sr, n_filters=96, fmin=fmin, fmax=fmax, species=species)
    hertz = greenwood_frequencies(96, fmin=fmin, fmax=fmax, species=species)
    spectrogram(heard, sr=sr, hop_length=sr // 100, hertz=hertz, db=db, ax=right)
    right.set_title(f"cochleagram of a {species}", fontsize=TEXT)
    return figure
