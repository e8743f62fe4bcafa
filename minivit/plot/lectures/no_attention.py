"""Pictures of the lecture on MLP-Mixer: what mixing tokens costs."""

from collections.abc import Mapping

from minivit.plot.figure import STYLES, TEXT, TITLE, WIDTH, Axes, labelled, new_panel
from minivit.types import ndarray


def macs_by_tokens(
    tokens: ndarray, curves: Mapping[str, ndarray], marks: Mapping[str, int], *, ax: Axes | None = None
) -> Axes:
    """Draw what it costs to mix tokens over their number, both axes logarithmic.

    Parameters
    ----------
    tokens : (n,)
    curves : {label: (n,)}
        MACs.
    marks : {text: tokens}
        Numbers of tokens to name at the lower edge.
    """
    ax = labelled(ax or new_panel(4.2, 0.8 * WIDTH), "tokens", "M MACs to mix tokens, in a block")
    for (name, macs), (colour, marker, dash) in zip(curves.items(), STYLES, strict=False):
        ax.plot(tokens, macs / 1e6, color=colour, marker=marker, linestyle=dash, linewidth=2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for text, number in marks.items():
        ax.axvline(number, color="black", linewidth=0.8, linestyle=":")
        ax.annotate(text, (number, 0.02), (4, 0), ("data", "axes fraction"), "offset points", fontsize=TEXT)
    ax.set_xticks(tokens, labels=[f"{number:,}" for number in tokens])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    ax.legend(fontsize=TEXT, frameon=False, loc="upper left")
    ax.set_title("What it costs that tokens talk", fontsize=TITLE, loc="left")
    return ax
