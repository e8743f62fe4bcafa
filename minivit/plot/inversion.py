"""The way back to sound: how fast the error falls, and the picture that a spectrogram shows."""

from collections.abc import Mapping

from minivit.audio.hidden import Hidden, hidden_correlation, hidden_picture
from minivit.plot.figure import SMALL, STYLES, TEXT, TITLE, Axes, Figure, labelled, new_figure, new_panel, set_title
from minivit.types import Real, ndarray


def inversion_curves(curves: Mapping[str, Real[ndarray, " I"]], *, ax: Axes | None = None) -> Axes:
    """Spectral convergence over steps, the error on a logarithmic axis; what each reached stands at its end.

    Parameters
    ----------
    curves : {label: (steps + 1,)}
        One to four: ``convergence`` of :func:`minivit.audio.invert.griffinlim` and its kin. The first number is the
        error before the first step.
    """
    from matplotlib.ticker import LogLocator

    if not 1 <= len(curves) <= len(STYLES):
        raise ValueError(f"there are {len(curves)} curves; expected 1 to {len(STYLES)}, which can be told apart")
    ax = labelled(ax or new_panel(4.0), "step", "spectral convergence")
    for (label, errors), (colour, _, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(errors, color=colour, linestyle=dash, linewidth=2, label=label)
        end = len(errors) - 1, float(errors[-1])
        ax.annotate(f"{end[1]:.2g}", end, (6, 0), textcoords="offset points", va="center", color=colour, fontsize=TEXT)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.yaxis.set_minor_locator(LogLocator(subs=[2, 5]))
    ax.margins(x=0.02)
    ax.legend(fontsize=TEXT, frameon=False)
    ax.set_title("How far the spectrogram is from the one wanted", fontsize=TITLE, loc="left")
    return ax


def picture_in_sound(hidden: Hidden, y: Real[ndarray, " T"] | None = None) -> Figure:
    """The picture that was hidden, beside the part of the spectrogram that shows it, in seconds and kilohertz.

    Parameters
    ----------
    hidden : Hidden
        Of :func:`minivit.audio.hidden.hide`.
    y : (T,), optional
        What came back of its wave, from a file for example; its wave if not given.
    """
    y = hidden.y if y is None else y
    found = hidden_picture(y, hidden)
    seconds = found.shape[1] * hidden.hop_length / hidden.sr
    low, high = (k * hidden.sr / hidden.n_fft / 1000 for k in hidden.bins)
    figure = new_figure(4.3)
    panels = figure.subplots(1, 2, sharey=True)
    titles = "hidden", f"in the spectrogram: correlation {hidden_correlation(y, hidden):.3f}"
    for panel, pixels, title in zip(panels, (hidden.picture, found), titles, strict=True):
        panel.imshow(pixels, cmap="gray", vmin=0, vmax=1, origin="lower", extent=(0, seconds, low, high), aspect="auto")
        panel.set_title(title, fontsize=TEXT)
        panel.set_xlabel("time (s)", fontsize=TEXT)
        panel.tick_params(labelsize=SMALL)
    panels[0].set_ylabel("frequency (kHz)", fontsize=TEXT)
    set_title(figure, "A picture in a sound")
    return figure
