"""How far ahead a model foretells frames of sound, and which ones it takes for those to come."""

from collections.abc import Sequence

import numpy as np

from minivit.plot.figure import BLUE, GREY, SMALL, TEXT, TITLE, Axes, labelled, new_panel
from minivit.types import Float, ndarray


def steps_ahead(shares: Sequence[float], offset: int, *, chance: float, ax: Axes | None = None) -> Axes:
    """How often a model finds the frame so many steps ahead.

    Parameters
    ----------
    shares : sequence of float
        Of the frames that it finds, for each step, the nearest first.
    offset : int
        The nearest step.
    chance : float
        The share that anybody finds, drawn as a line.
    """
    ax = labelled(ax or new_panel(3.4, 5), "frames ahead", "true frames found (%)")
    ax.plot(range(offset, offset + len(shares)), 100 * np.array(shares), "o-", color=BLUE, linewidth=2, markersize=5)
    ax.axhline(100 * chance, color=GREY, linewidth=0.8, linestyle=":")
    ax.annotate(
        "by chance", (0, 100 * chance), (4, 3), ("axes fraction", "data"), "offset points", color=GREY, size=SMALL
    )
    ax.set_ylim(0, 105 * max(1.2 * chance, *shares))
    ax.locator_params("x", integer=True)
    ax.set_title("How far ahead it knows what comes", fontsize=TITLE, loc="left")
    return ax


def foretold(probabilities: Float[ndarray, "T T"], step: int, *, ax: Axes | None = None) -> Axes:
    """Which frames of a sound fit what was said at each of them (rows) about the frame ``step`` later.

    The true frames lie on the dotted line. What is bright beside it fits as well to the model.
    """
    ax = new_panel(4.4, 5) if ax is None else ax
    shown = ax.imshow(probabilities, cmap="viridis", vmin=0, vmax=max(float(probabilities.max()), 1e-6))
    last = len(probabilities) - 1
    ax.plot((step, last), (0, last - step), color="white", linewidth=1, linestyle=":")
    ax.set_title(f"What is foretold {step} frames before", fontsize=TITLE, loc="left")
    ax.set_xlabel("frame", fontsize=TEXT)
    ax.set_ylabel("frame at which it is said", fontsize=TEXT)
    ax.tick_params(labelsize=SMALL)
    ax.locator_params(integer=True)
    bar = ax.figure.colorbar(shown, ax=ax, shrink=0.9)
    bar.set_label("probability", fontsize=TEXT)
    bar.ax.tick_params(labelsize=SMALL)
    return ax
