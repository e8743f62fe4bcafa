import numpy as np
import pytest

from minivit.audio.hidden import hidden_picture, hide
from minivit.plot.inversion import inversion_curves, picture_in_sound
from tests.plot.drawn import texts

STEPS = np.array([1.0, 0.5, 0.21, 0.1234])


@pytest.fixture(scope="module")
def hidden():
    image = np.kron(np.eye(3), np.full((8, 8), 255)).astype(np.uint8)
    return hide(image, duration=0.5, n_iter=8)


def test_every_curve_begins_before_the_first_step_and_ends_with_its_number():
    ax = inversion_curves({"plain": STEPS, "fast": STEPS**2})
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.transpose([np.arange(4), STEPS]))
    assert texts(ax) == ["0.12", "0.015"]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["plain", "fast"]


def test_curves_on_a_given_panel(ax):
    assert inversion_curves({"plain": STEPS}, ax=ax) is ax


@pytest.mark.parametrize("count", [0, 5])
def test_more_curves_than_can_be_told_apart_or_none(count):
    with pytest.raises(ValueError, match=f"there are {count} curves; expected 1 to 4"):
        inversion_curves({str(i): STEPS for i in range(count)})


def test_the_picture_stands_beside_what_its_sound_shows(hidden):
    left, right = picture_in_sound(hidden).axes
    np.testing.assert_array_equal(left.images[0].get_array(), hidden.picture)
    np.testing.assert_array_equal(right.images[0].get_array(), hidden_picture(hidden.y, hidden))
    assert left.get_ylim() == right.get_ylim() == pytest.approx((0.5, 9.94), abs=0.03)
    assert right.get_xlim() == pytest.approx((0, 0.5), abs=0.02)
    assert right.get_title().startswith("in the spectrogram: correlation 0.9")


def test_what_came_back_of_the_sound_is_drawn_in_its_place(hidden):
    half = hidden.y[: len(hidden.y) // 2]
    right = picture_in_sound(hidden, half).axes[1]
    np.testing.assert_array_equal(right.images[0].get_array(), hidden_picture(half, hidden))
