"""The curves of a training run: loss at every step, score after every epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minivit.plot.figure import (
    BLUE,
    GREY,
    RED,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Axes,
    Figure,
    labelled,
    new_figure,
    new_panel,
)
from minivit.types import Float, ndarray


def learning_curves(
    rows: Sequence[Any], *, loss: str = "cross-entropy (nats)", score: str = "accuracy", least: float = 0.0
) -> Figure:
    """Loss and test score of a run, side by side.

    Parameters
    ----------
    rows : sequence of :class:`minivit.train.Metrics`, one per step
        Of each, ``step``, ``loss`` and ``test_score``: a fraction, and None except at the end of an epoch.
    loss, score : str
        What they are: ``loss_name`` and ``score_name`` of the task.
    least : float
        The loss that no model can be below, drawn as a line if it is not 0: ``least_loss`` of the task.
    """
    figure = new_figure(3.4)
    if all(row.test_score is None for row in rows):  # the first epoch has not ended yet
        loss_curve(rows, loss=loss, least=least, ax=figure.subplots())
        return figure
    left, right = figure.subplots(1, 2, sharex=True, gridspec_kw={"wspace": 0.06})
    loss_curve(rows, loss=loss, least=least, ax=left)
    score_curve(rows, score=score, ax=right)
    return figure


def loss_curve(
    rows: Sequence[Any], *, loss: str = "cross-entropy (nats)", least: float = 0.0, ax: Axes | None = None
) -> Axes:
    """Training loss of every step, and its mean over a window of a twentieth of the run (arguments: see above)."""
    steps, losses = _column(rows, "loss")
    window = len(losses) // 20 | 1  # odd, so that a step has as many neighbours on either side
    mean = smooth(losses, window)
    ax = _axes(ax, f"Training loss, mean of {window} steps" if window > 1 else "Training loss", loss)
    ax.plot(steps, losses, color=BLUE, alpha=0.3, linewidth=0.8)
    ax.plot(steps, mean, "o" if len(steps) == 1 else "-", color=BLUE, linewidth=2, markersize=5)
    ax.set_ylim(0, 1.05 * losses.max() or 1)  # all of them may be 0: there was nothing to learn
    _name_last(ax, steps[-1], mean[-1], f"{mean[-1]:.2f}", BLUE)
    if least:
        ax.axhline(least, color=GREY, linewidth=0.8, linestyle=":")
        where: Any = {"xy": (0, least), "xycoords": ("axes fraction", "data"), "xytext": (4, -4), "va": "top"}
        words = f"{least:.2f} is the least: targets are smoothed"
        ax.annotate(words, **where, textcoords="offset points", color=GREY, fontsize=SMALL)
    return ax


def score_curve(rows: Sequence[Any], *, score: str = "accuracy", ax: Axes | None = None) -> Axes:
    """Test score after every epoch (``rows``: see :func:`learning_curves`)."""
    steps, scores = _column(rows, "test_score")
    ax = _axes(ax, f"Test {score} after each epoch", f"{score} (%)")
    ax.plot(steps, 100 * scores, "o-", color=RED, linewidth=2, markersize=5)
    ax.set_ylim(105 * scores[np.isfinite(scores)].min(initial=0), 100)
    _name_last(ax, steps[-1], 100 * scores[-1], f"{100 * scores[-1]:.1f}%", RED)
    return ax


def smooth(values: Float[ndarray, "T"], window: int) -> Float[ndarray, "T"]:
    """Mean of each value and its neighbours, in an odd window of at most all T; at the ends, of those that there are.

    It does not lag behind the values, as a running average does.
    """
    kernel = np.ones(window)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def _column(rows: Sequence[Any], name: str) -> tuple[ndarray, ndarray]:
    """Steps and values of the rows that have this value."""
    pairs = [(row.step, getattr(row, name)) for row in rows if getattr(row, name) is not None]
    if not pairs:
        raise ValueError(f"none of the {len(rows)} rows has a {name}: there is nothing to draw")
    steps, values = np.array(pairs, float).T
    return steps, values


def _axes(ax: Axes | None, title: str, unit: str) -> Axes:
    ax = labelled(ax or new_panel(3.4, WIDTH / 2), "training step", unit)
    ax.set_title(title, fontsize=TITLE, loc="left")
    ax.locator_params("x", integer=True, min_n_ticks=1)
    ax.margins(x=0.02)
    return ax


def _name_last(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    """Write the last value of a curve next to its end, beyond the panel's edge."""
    ax.annotate(text, (x, y), (8, 0), textcoords="offset points", va="center", color=colour, fontsize=TEXT)
