import numpy as np
import pytest

from minivit.plot import foretold, steps_ahead
from tests.plot.drawn import texts


def test_shares_stand_at_their_steps(ax):
    assert steps_ahead([0.5, 0.25, 0.1], 3, chance=1 / 11, ax=ax) is ax
    curve, chance = ax.lines
    np.testing.assert_array_equal(curve.get_xdata(), [3, 4, 5])
    np.testing.assert_allclose(curve.get_ydata(), [50, 25, 10])
    np.testing.assert_allclose(chance.get_ydata(), 100 / 11)
    assert texts(ax) == ["by chance"]
    assert ax.get_ylim()[1] > 50


def test_of_one_step_that_is_never_found():
    assert steps_ahead([0.0], 1, chance=0.5).get_ylim() == pytest.approx((0, 63))


def test_true_frames_lie_on_the_line(rng):
    ax = foretold(rng.random((9, 9)), 3)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_data(), [[3, 8], [0, 5]])
    assert ax.images[0].get_size() == (9, 9)
    assert "3 frames" in ax.get_title(loc="left")


def test_nothing_foretold_is_no_division_by_zero():
    figure = foretold(np.zeros((4, 4)), 1).get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
