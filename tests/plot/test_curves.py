from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot import learning_curves, loss_curve, score_curve
from minivit.plot.curves import smooth
from tests.plot.drawn import texts


class Row(NamedTuple):
    """What a training run reports of each step."""

    step: int
    epoch: float
    loss: float
    lr: float
    test_score: float | None


def rows(steps=40, epoch=10):
    return [
        Row(step, step / epoch, 2.3 / step, 1e-3, step / 100 if step % epoch == 0 else None)
        for step in range(1, steps + 1)
    ]


def test_smoothing():
    values = np.array([1.0, 2.0, 6.0, 4.0, 5.0])
    np.testing.assert_allclose(smooth(values, 1), values)
    np.testing.assert_allclose(smooth(values, 3), [1.5, 3, 4, 5, 4.5])
    np.testing.assert_allclose(smooth(np.full(11, 7.0), 5), 7)


def test_both_curves():
    figure = learning_curves(rows())
    assert isinstance(figure, Figure)
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    for ax in (left, right):
        assert ax.get_xlabel() == "training step"
        assert ax.get_title(loc="left")
    assert "nats" in left.get_ylabel()
    assert "%" in right.get_ylabel()


def test_a_run_in_its_first_epoch_has_no_accuracy_yet():
    (ax,) = learning_curves(rows(steps=9)).axes
    assert "loss" in ax.get_title(loc="left")


def test_the_loss_on_a_given_panel(ax):
    assert loss_curve(rows(), ax=ax) is ax
    raw, mean = ax.lines
    np.testing.assert_allclose(raw.get_ydata(), 2.3 / np.arange(1, 41))
    np.testing.assert_array_equal(raw.get_xdata(), mean.get_xdata())
    assert ax.get_ylim()[0] == 0


def test_the_accuracy_on_a_given_panel(ax):
    assert score_curve(rows(), ax=ax) is ax
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[10, 10], [20, 20], [30, 30], [40, 40]])
    assert [text.get_text() for text in ax.texts] == ["40.0%"]


def test_a_loss_that_was_always_zero(ax):
    loss_curve([Row(step, step, 0.0, 0.1, None) for step in (1, 2)], ax=ax)  # warnings are errors here
    assert ax.get_ylim() == (0, 1)


@pytest.mark.parametrize("none", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_finite_number_leaves_a_gap(ax, none):
    scores = [none, -0.5, 0.25, none]
    score_curve([Row(step, step, 1.0, 0.1, score) for step, score in enumerate(scores)], ax=ax)
    assert ax.get_ylim() == (-52.5, 100)
    ax.figure.canvas.draw()


@pytest.mark.parametrize("draw", [loss_curve, score_curve])
def test_a_panel_of_its_own(draw):
    assert isinstance(draw(rows()).figure, Figure)


def test_a_single_step():
    assert loss_curve(rows(steps=1)).get_title(loc="left") == "Training loss"


def test_the_loss_of_a_single_step_is_seen(ax):
    loss_curve(rows(1), ax=ax)
    assert ax.lines[-1].get_marker() == "o"  # a line from one point to itself is none
    loss_curve(rows(2), ax=ax)
    assert ax.lines[-1].get_marker() == "None"


@pytest.mark.parametrize("steps", [1, 2, 5, 40])
@pytest.mark.parametrize("draw", [loss_curve, score_curve])
def test_steps_are_whole_numbers(ax, draw, steps):
    draw(rows(steps, epoch=1), ax=ax)
    assert all(place == round(place) for place in ax.get_xticks())


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="none of the 0 rows has a loss"):
        learning_curves([])
    with pytest.raises(ValueError, match="none of the 9 rows has a test_score"):
        score_curve(rows(steps=9))


def test_a_loss_that_none_can_be_below_is_a_line(ax):
    loss_curve(rows(), least=0.5, ax=ax)
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), [0.5, 0.5])
    assert "0.50 is the least: targets are smoothed" in texts(ax)
    left, right = learning_curves(rows(), least=0.5).axes
    assert (len(left.lines), len(right.lines)) == (3, 1)
    assert len(learning_curves(rows()).axes[0].lines) == 2  # without one there is none
